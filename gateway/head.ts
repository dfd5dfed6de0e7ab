import { BusError, type BusFault } from '../drivers/bus.ts'
import type { Clock } from '../drivers/clock.ts'
import type { Climate } from '../drivers/environment/climate.ts'
import { SensorError, type SensorFault } from '../drivers/sensor.ts'
import { Trouble } from './head-trouble.ts'
import type { HeadKind, MeasurementKinds } from './inspection.ts'
import type { Log } from './log.ts'
import type { Unit, UnitStatus } from './station.ts'

/** What an instrument measures, by its kind: the heads, and what no part is judged by. */
export interface InstrumentKinds extends MeasurementKinds {
  readonly climate: Climate
}

/** An opened driver. */
export interface Instrument<M> {
  /** The first measurement whose exposure began at or after `since` (monotonic ms). */
  measure(since: number, signal?: AbortSignal): Promise<M>
  /** The next measurement in sequence, where the chip measures on its own. */
  next?(signal?: AbortSignal): Promise<M>
  close(): Promise<void>
  /** Which chip it is, where chips can be told apart: a calibration belongs to one. */
  readonly identity?: string
}

export interface HeadOptions<K extends keyof InstrumentKinds> {
  readonly id: string
  readonly kind: K
  readonly open: (signal: AbortSignal) => Promise<Instrument<InstrumentKinds[K]>>
  readonly clock: Clock
  readonly log: Log
  /** 0 ≤ x < 1, spreads the retries of several heads. */
  readonly random: () => number
  /** Called each time its driver was opened: it may be another chip than before. */
  readonly opened?: () => void
}

/** How a measurement is taken of an open instrument. */
type Take<K extends keyof InstrumentKinds> = (
  instrument: Instrument<InstrumentKinds[K]>,
) => Promise<InstrumentKinds[K]>

/** How long the start of the station waits for its heads; then it goes on, and they join when they answer. */
const START_WAIT_MS = 4000
/** Faults that a second look may cure within the same deadline, and how long after the first: a disturbance is short. */
const TRANSIENT = new Set<SensorFault>(['absent', 'corrupt'])
const DISTURBED = new Set<BusFault>(['short-transfer', 'arbitration-lost'])
const SECOND_LOOK_MS = 5
/** So many looks in a row that ran out of their caller's time, and the next is let run into the driver's own deadline. */
const LATE_LOOKS = 3

/**
 * One head of the station: opens its driver, measures, and after a fault closes it and opens it anew with
 * exponential backoff, for ever. A missing head is a state, never an exit.
 */
export class SupervisedHead<K extends keyof InstrumentKinds = HeadKind> implements Unit {
  readonly name: string
  readonly id: string
  readonly kind: K
  readonly #options: HeadOptions<K>
  #instrument: Instrument<InstrumentKinds[K]> | undefined
  #fault: SensorError | undefined
  #trouble: Trouble | undefined
  #strikes = 0
  #late = 0
  #faults = 0
  #secondLooks = 0
  #measured = 0
  #opened = 0
  #identity: string | undefined
  #lifetime = new AbortController()
  #begun = false
  #opening: Promise<void> = Promise.resolve()
  #turn: Promise<unknown> = Promise.resolve()
  #askedAt: number | undefined

  constructor(options: HeadOptions<K>) {
    this.#options = options
    this.id = options.id
    this.kind = options.kind
    this.name = `head ${options.id}`
    this.#fault = new SensorError(options.id, 'absent', 'not opened yet')
  }

  /** Begins to open the head. Call it once, `start` does where nobody has. */
  begin(): void {
    this.#begun = true
    this.#opening = this.#open()
  }

  /** Resolves when the head is open, or after a few seconds without it. */
  async start(signal: AbortSignal): Promise<void> {
    const enough = new AbortController()
    if (!this.#begun) this.begin()
    await Promise.race([
      this.#opening,
      this.#options.clock.sleep(START_WAIT_MS, AbortSignal.any([signal, enough.signal])).catch(() => {}),
    ])
    enough.abort()
  }

  async stop(): Promise<void> {
    this.#lifetime.abort()
    await this.#opening
    await this.#turn
    const instrument = this.#instrument
    this.#instrument = undefined
    await instrument?.close()
  }

  /**
   * @param since the exposure begins at or after this monotonic time, ms
   * @throws SensorError at once while the head is absent; the signal's reason when it aborts
   */
  measure(since: number, signal: AbortSignal): Promise<InstrumentKinds[K]> {
    const take: Take<K> = (instrument) => instrument.measure(since, this.#patience(signal))
    return this.#inTurn(() => this.#ask(take, signal), signal)
  }

  /** The next measurement in sequence. Throws as `measure` does. */
  next(signal: AbortSignal): Promise<InstrumentKinds[K]> {
    const since = this.#options.clock.now()
    const take: Take<K> = (instrument) => instrument.next?.(signal) ?? instrument.measure(since, signal)
    return this.#inTurn(() => this.#ask(take, signal), signal)
  }

  /**
   * A measurement whose deadline has passed lets go of the chip a few transfers later, on wires that hang seconds later:
   * its caller need not wait for that, but the next measurement does.
   */
  #inTurn<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const turn = this.#turn.then(() => {
      this.#askedAt = this.#options.clock.now()
      return ask()
    })
    this.#turn = turn.then(
      () => this.#answered(),
      () => this.#answered(),
    )
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(signal.reason)
      if (signal.aborted) abort()
      else signal.addEventListener('abort', abort, { once: true })
      turn.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
    })
  }

  #answered(): void {
    this.#askedAt = undefined
  }

  /** How long the driver has been at what it was last asked for, ms; 0: it is asked for nothing. */
  get askedForMs(): number {
    return this.#askedAt === undefined ? 0 : this.#options.clock.now() - this.#askedAt
  }

  /** Who always runs out of time never hears what is wrong: then the driver's own deadline is to name it. */
  #patience(signal: AbortSignal): AbortSignal {
    return this.#late < LATE_LOOKS ? signal : this.#lifetime.signal
  }

  async #ask(take: Take<K>, signal: AbortSignal): Promise<InstrumentKinds[K]> {
    for (let looks = 1; ; looks += 1) {
      signal.throwIfAborted()
      const instrument = this.#instrument
      if (instrument === undefined) throw this.#fault ?? new SensorError(this.id, 'absent', 'not open')
      try {
        const measurement = await take(instrument)
        this.#measuredWell()
        signal.throwIfAborted()
        return measurement
      } catch (error) {
        if (this.#isAbort(error, signal)) throw error
        const fault = this.#sensorError(error)
        if (looks > 1 || !curable(fault) || signal.aborted) {
          this.#strike(fault, instrument)
          // What is wrong is known now, whether or not there was still somebody to tell.
          signal.throwIfAborted()
          throw fault
        }
      }
      this.#secondLooks += 1
      await this.#options.clock.sleep(SECOND_LOOK_MS, signal)
    }
  }

  #isAbort(error: unknown, signal: AbortSignal): boolean {
    if (signal.aborted && error === signal.reason) {
      this.#late += 1
      return true
    }
    return this.#lifetime.signal.aborted
  }

  /** Which chip it was when it was last opened; undefined before, and where its kind has no serial. */
  get identity(): string | undefined {
    return this.#identity
  }

  status(): UnitStatus {
    const facts = {
      kind: this.kind,
      measured: this.#measured,
      faults: this.#faults,
      opened: this.#opened,
      second_looks: this.#secondLooks,
    }
    const open = this.#instrument !== undefined && this.#strikes === 0
    if (open && this.#trouble?.credible !== false) return { state: 'ok', facts }
    return {
      state: 'failed',
      detail: this.#fault?.message ?? 'absent',
      facts: { ...facts, fault: this.#fault?.fault ?? 'absent' },
    }
  }

  #sensorError(error: unknown): SensorError {
    if (error instanceof SensorError) return error
    if (error instanceof BusError) {
      const fault = error.fault === 'no-acknowledge' || error.fault === 'no-bus' ? 'absent' : 'failed'
      return new SensorError(this.id, fault, error.message, { cause: error })
    }
    return new SensorError(this.id, 'failed', error instanceof Error ? error.message : String(error), {
      cause: error,
    })
  }

  #measuredWell(): void {
    this.#strikes = 0
    this.#late = 0
    this.#measured += 1
    const trouble = this.#trouble
    if (trouble === undefined) return
    const { clock, log } = this.#options
    const { news, over } = trouble.measured(clock.now())
    if (news !== undefined) log.info({ head: this.id, ...trouble.facts(clock.now()) }, news)
    if (over) this.#trouble = undefined
  }

  /** The log hears of each kind of fault once, until the head is steady. */
  #wrong(fault: SensorError, message: string): void {
    const { clock, log } = this.#options
    this.#faults += 1
    this.#fault = fault
    this.#trouble ??= new Trouble(clock.now())
    const news = this.#trouble.fault(fault.fault, message)
    if (news !== undefined) log.warn({ head: this.id, fault: fault.fault, err: fault }, news)
  }

  /** A chip that says it failed is opened anew at once, any other after its second fault in a row. */
  #strike(fault: SensorError, instrument: Instrument<InstrumentKinds[K]>): void {
    this.#strikes += 1
    this.#late = 0
    this.#wrong(fault, 'head fault')
    if (instrument !== this.#instrument) return
    if (fault.fault !== 'failed' && this.#strikes < 2) return
    this.#instrument = undefined
    this.#opening = instrument
      .close()
      .catch((error: unknown) => this.#options.log.debug({ head: this.id, err: error }, 'close failed'))
      .then(() => this.#open())
  }

  /** Tries until it is open. One that opens and then does not measure is waited for as one that does not open. */
  async #open(): Promise<void> {
    const { clock, random } = this.#options
    const { signal } = this.#lifetime
    while (!signal.aborted && this.#instrument === undefined) {
      const waitMs = this.#trouble?.waitMs(random) ?? 0
      if (waitMs > 0) await clock.sleep(waitMs, signal).catch(() => {})
      if (!signal.aborted) await this.#openOnce(signal)
      this.#trouble?.attempted(this.#instrument !== undefined)
    }
  }

  async #openOnce(signal: AbortSignal): Promise<void> {
    const { clock, log, open } = this.#options
    const since = clock.now()
    try {
      this.#instrument = await open(signal)
    } catch (error) {
      if (!signal.aborted) this.#wrong(this.#sensorError(error), 'head absent, trying on')
      return
    }
    this.#strikes = 0
    this.#opened += 1
    this.#identity = this.#instrument.identity
    this.#options.opened?.()
    if (this.#opened > 1) return
    this.#trouble = undefined
    log.info({ head: this.id, afterMs: Math.round(clock.now() - since) }, 'head ready')
  }
}

/** Whether a second look may cure it: what a disturbance on the wires does. */
function curable({ fault, cause }: SensorError): boolean {
  return TRANSIENT.has(fault) || (cause instanceof BusError && DISTURBED.has(cause.fault))
}
