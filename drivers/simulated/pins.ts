import { type Edge, LineError, type LineFault, type LineSpec, nameOf } from '../gpio.ts'

/** What an output did. */
export interface OutputChange {
  /** Monotonic ms of the clock. */
  readonly at: number
  /** `floating`: given back, or its process died; what it is wired to decides. */
  readonly level: 'active' | 'inactive' | 'floating'
}

/** A wire, seen from outside: high, low, or driven by nobody. */
export type Wire = boolean | undefined

export interface Watch {
  readonly changed: (edge: Edge) => void
  readonly ended: (error: LineError) => void
}

/** One pin, with both ends of its wire. */
export interface Pin {
  readonly name: string
  /** How whoever has it asked for it; another object each time, so that it tells owners apart. */
  owner: LineSpec | undefined
  /** What we drive it to, as an output. */
  out: Wire
  /** What the far end drives it to. */
  driven: Wire
  watch: Watch | undefined
  fault: LineFault | undefined
  readonly changes: OutputChange[]
  readonly listeners: ((wire: Wire) => void)[]
}

/** The pins of some chips, and whether they can be used. */
export class Pins {
  readonly #chips: Readonly<Record<string, number>>
  readonly #pins = new Map<string, Pin>()
  readonly #unplugged = new Set<string>()

  /** @param chips how many lines each has */
  constructor(chips: Readonly<Record<string, number>>) {
    this.#chips = chips
  }

  /** Those that somebody has, or that were wired. */
  known(): Iterable<Pin> {
    return this.#pins.values()
  }

  /** @throws LineError `no-chip`, `no-line` */
  pin(spec: LineSpec): Pin {
    const name = nameOf(spec)
    const lines = this.#chips[spec.chip]
    if (lines === undefined) throw new LineError('no-chip', `${name}: there is no such chip`)
    if (!Number.isInteger(spec.line) || spec.line < 0 || spec.line >= lines) {
      throw new LineError('no-line', `${name}: ${spec.chip} has lines 0 to ${lines - 1}`)
    }
    const found = this.#pins.get(name)
    if (found !== undefined) return found
    const free = { owner: undefined, watch: undefined, fault: undefined, changes: [], listeners: [] }
    const pin: Pin = { name, out: undefined, driven: undefined, ...free }
    this.#pins.set(name, pin)
    return pin
  }

  /** @throws LineError also `busy`, and why it fails */
  take(spec: LineSpec): { readonly pin: Pin; readonly owner: LineSpec } {
    const pin = this.pin(spec)
    if (pin.owner !== undefined) throw new LineError('busy', `${pin.name}: it is in use`)
    this.#works(pin, spec)
    const owner = { ...spec }
    pin.owner = owner
    return { pin, owner }
  }

  /** @throws LineError */
  check(pin: Pin, owner: LineSpec): void {
    if (pin.owner !== owner) throw new LineError('failed', `${pin.name}: it is closed`)
    this.#works(pin, owner)
  }

  unplug(chip: string): void {
    this.#unplugged.add(chip)
  }

  plug(chip: string): void {
    this.#unplugged.delete(chip)
  }

  #works(pin: Pin, { chip }: LineSpec): void {
    if (this.#unplugged.has(chip)) throw new LineError('no-chip', `${pin.name}: the chip is gone`)
    if (pin.fault !== undefined) throw new LineError(pin.fault, `${pin.name}: made to fail`)
  }
}

/** A wire that nobody drives is where its bias pulls it. */
export function wireOf({ out, driven, owner }: Pin): Wire {
  if (out !== undefined) return out
  if (driven !== undefined) return driven
  return owner?.bias === 'pull-up' ? true : owner?.bias === 'pull-down' ? false : undefined
}

/** A floating input reads as low here; a real one reads as anything. */
export function isActive({ activeLow }: LineSpec, wire: Wire): boolean {
  return (wire ?? false) !== (activeLow ?? false)
}
