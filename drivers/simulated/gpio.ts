import type { Clock } from '../clock.ts'
import {
  type Edge,
  type EdgeWatch,
  type Gpio,
  type InputLine,
  LineError,
  type LineFault,
  type LineSpec,
  type OutputLine,
} from '../gpio.ts'
import { isActive, type OutputChange, type Pin, Pins, type Wire, wireOf } from './pins.ts'

export type { OutputChange, Wire } from './pins.ts'

export interface SimulatedGpioOptions {
  /** How many lines each chip has. Default: 64 of the chip `simulated`. */
  readonly chips?: Readonly<Record<string, number>>
  /** From an edge to the moment at which it is told, ms; its time stamp is right all the same. Default 0. */
  readonly edgeDelayMs?: number
}

/** Pins and wires in memory. Both ends of each wire are here: ours by `Gpio`, the machine's by the other methods. */
export class SimulatedGpio implements Gpio {
  readonly #clock: Clock
  readonly #pins: Pins
  readonly #edgeDelayMs: number

  constructor(clock: Clock, options: SimulatedGpioOptions = {}) {
    const { chips = { simulated: 64 }, edgeDelayMs = 0 } = options
    this.#clock = clock
    this.#pins = new Pins(chips)
    this.#edgeDelayMs = edgeDelayMs
  }

  output(spec: LineSpec, initial: boolean): Promise<OutputLine> {
    return settled(() => {
      const { pin, owner } = this.#pins.take(spec)
      const set = (active: boolean): void => {
        this.#pins.check(pin, owner)
        this.#output(pin, active)
      }
      const close = (): void => {
        if (pin.owner !== owner) return
        try {
          set(false)
        } finally {
          this.#release(pin)
        }
      }
      set(initial)
      return { set, close }
    })
  }

  input(spec: LineSpec): Promise<InputLine> {
    return settled(() => {
      const { pin, owner } = this.#pins.take(spec)
      const read = (): boolean => {
        this.#pins.check(pin, owner)
        return isActive(owner, wireOf(pin))
      }
      return { read, close: () => this.#releaseFor(pin, owner) }
    })
  }

  watch(
    spec: LineSpec,
    changed: (edge: Edge) => void,
    ended: (error: LineError) => void,
  ): Promise<EdgeWatch> {
    return settled(() => {
      const { pin, owner } = this.#pins.take(spec)
      pin.watch = { changed, ended }
      return { close: () => Promise.resolve(this.#releaseFor(pin, owner)) }
    })
  }

  /** The far end drives a wire: high, low, or lets it go. */
  drive(spec: LineSpec, wire: Wire): void {
    const pin = this.#pins.pin(spec)
    this.#change(pin, () => {
      pin.driven = wire
    })
  }

  /** What a wire carries now; a floating one has no level. */
  wire(spec: LineSpec): Wire {
    return wireOf(this.#pins.pin(spec))
  }

  /** Calls `listener` at every change of a wire: a machine that hangs on it. */
  attach(spec: LineSpec, listener: (wire: Wire) => void): void {
    this.#pins.pin(spec).listeners.push(listener)
  }

  /** What an output did since it was first taken, changes only. */
  changes(spec: LineSpec): readonly OutputChange[] {
    return this.#pins.pin(spec).changes
  }

  /** From now on using this line fails so; undefined: it works again. */
  fail(spec: LineSpec, fault: LineFault | undefined): void {
    this.#pins.pin(spec).fault = fault
  }

  /** A chip goes away: its lines fail, its watches end. */
  unplug(chip: string): void {
    this.#pins.unplug(chip)
    for (const pin of this.#pins.known()) {
      if (pin.owner?.chip === chip)
        this.#endWatch(pin, new LineError('no-chip', `${pin.name}: the chip is gone`))
    }
  }

  plug(chip: string): void {
    this.#pins.plug(chip)
  }

  /** Whatever watches the line dies. */
  breakWatch(spec: LineSpec): void {
    const pin = this.#pins.pin(spec)
    this.#endWatch(pin, new LineError('failed', `${pin.name}: the watch broke`))
  }

  /**
   * The process that has the lines dies: the kernel takes every line back, and no output is driven any more. Whether
   * a real pin keeps its level then depends on its chip: nothing may rely on it.
   */
  die(): void {
    for (const pin of this.#pins.known()) this.#release(pin)
  }

  #output(pin: Pin, active: boolean): void {
    const level = active ? 'active' : 'inactive'
    if (pin.changes.at(-1)?.level !== level) pin.changes.push({ at: this.#clock.now(), level })
    this.#change(pin, () => {
      pin.out = active !== (pin.owner?.activeLow ?? false)
    })
  }

  #releaseFor(pin: Pin, owner: LineSpec): void {
    if (pin.owner === owner) this.#release(pin)
  }

  #release(pin: Pin): void {
    if (pin.out !== undefined) pin.changes.push({ at: this.#clock.now(), level: 'floating' })
    pin.watch = undefined
    this.#change(pin, () => {
      pin.out = undefined
      pin.owner = undefined
    })
  }

  #endWatch(pin: Pin, error: LineError): void {
    const { watch } = pin
    if (watch === undefined) return
    this.#release(pin)
    this.#clock.after(0, () => watch.ended(error))
  }

  /** Tells whoever hangs on the wire what became of it. */
  #change(pin: Pin, act: () => void): void {
    const before = wireOf(pin)
    act()
    const wire = wireOf(pin)
    if (wire === before) return
    for (const listener of pin.listeners) listener(wire)
    const { watch, owner } = pin
    if (watch === undefined || owner === undefined) return
    const edge = { active: isActive(owner, wire), at: this.#clock.now() }
    if (edge.active === isActive(owner, before)) return
    this.#clock.after(this.#edgeDelayMs, () => {
      if (pin.watch === watch) watch.changed(edge)
    })
  }
}

/** Runs now; what it throws is the promise's. */
function settled<T>(act: () => T): Promise<T> {
  return new Promise((resolve) => resolve(act()))
}
