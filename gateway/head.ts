import { BusError } from '../drivers/bus.ts'
import type { Clock } from '../drivers/clock.ts'
import { SensorError, type SensorFault } from '../drivers/sensor.ts'
import type { HeadKind, MeasurementKinds } from './inspection.ts'
import type { Log } from './log.ts'
import type { Unit, UnitStatus } from './station.ts'

/** An opened driver. */
export interface Instrument<M> {
  /** The first measurement whose exposure began at or after `since` (monotonic ms). */
  measure(since: number, signal?: AbortSignal): Promise<M>
  /** The next measurement in sequence, where the chip measures on its own. */
  next?(signal?: AbortSignal): Promise<M>
  close(): Promise<void>
}

export interface HeadOptions<K extends HeadKind> {
  readonly id: string
  readonly kind: K
  readonly open: (signal: AbortSignal) => Promise<Instrument<MeasurementKinds[K]>>
  readonly clock: Clock
  readonly log: Log
  /** 0 ≤ x < 1, spreads the retries of several heads. */
  readonly random: () => number
}

/** Waits between attempts to open: the first, and what the doubling ends at. */
const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 5000
/** How long the start of the station waits for its heads; then it goes on, and they join when they answer. */
const START_WAIT_MS = 4000
/** Faults that a second look may cure within the same deadline, and how long after the first: a disturbance is short. */
const TRANSIENT = new Set<SensorFault>(['absent', 'corrupt'])
const SECOND_LOOK_MS = 5

/** What a head is in from its first fault until it measures again. */
interface Trouble {
  readonly since: number
  /** Kinds of fault that the log knows of. */
  readonly told: Set<SensorFault>
  /** How often it was opened, or tried to. */
  openings: number
}

/**
 * One head of the station: opens its driver, measures, and after a fault closes it and opens it anew with
 * exponential backoff, for ever. A missing head is a state, never an exit.
 */
export class SupervisedHead<K extends HeadKind = HeadKind> implements Unit {
  readonly name: string
  readonly id: string
  readonly kind: K
  readonly #options: HeadOptions<K>
  #instrument: Instrument<MeasurementKinds[K]> | undefined
  #fault: SensorError | undefined
  #trouble: Trouble | undefined
  #strikes = 0
  #faults = 0
  #measured = 0
  #opened = 0
  #lifetime = new AbortController()
  #opening: Promise<void> = Promise.resolve()
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: HeadOptions<K>) {
    this.#options = options
    this.id = options.id
    this.kind = options.kind
    this.name = `head ${options.id}`
    this.#fault = new SensorError(options.id, 'absent', 'not opened yet')
  }

  /** Resolves when the head is open, or after a few seconds without it. */
  async start(signal: AbortSignal): Promise<void> {
    const enough = new AbortController()
    this.#opening = this.#open()
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
  measure(since: number, signal: AbortSignal): Promise<MeasurementKinds[K]> {
    return this.#inTurn(() => this.#ask((instrument) => instrument.measure(since, signal), signal))
  }

  /** The next measurement in sequence. Throws as `measure` does. */
  next(signal: AbortSignal): Promise<MeasurementKinds[K]> {
    const since = this.#options.clock.now()
    return this.#inTurn(() =>
      this.#ask((instrument) => instrument.next?.(signal) ?? instrument.measure(since, signal), signal),
    )
  }

  /** A measurement whose deadline has passed lets go of the chip a few transfers later: until then the next waits. */
  #inTurn<T>(ask: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(ask)
    this.#turn = turn.catch(() => {})
    return turn
  }

  async #ask(
    take: (instrument: Instrument<MeasurementKinds[K]>) => Promise<MeasurementKinds[K]>,
    signal: AbortSignal,
  ): Promise<MeasurementKinds[K]> {
    for (let attempt = 0; ; attempt += 1) {
      if (attempt > 0) await this.#options.clock.sleep(SECOND_LOOK_MS, signal)
      signal.throwIfAborted()
      const instrument = this.#instrument
      if (instrument === undefined) throw this.#fault ?? new SensorError(this.id, 'absent', 'not open')
      try {
        const measurement = await take(instrument)
        this.#measuredWell()
        return measurement
      } catch (error) {
        if (signal.aborted) throw signal.reason
        const fault = this.#sensorError(error)
        if (attempt === 0 && TRANSIENT.has(fault.fault)) continue
        this.#strike(fault, instrument)
        throw fault
      }
    }
  }

  status(): UnitStatus {
    const facts = { kind: this.kind, measured: this.#measured, faults: this.#faults, opened: this.#opened }
    if (this.#instrument !== undefined && this.#strikes === 0) return { state: 'ok', facts }
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
    const { clock, log } = this.#options
    this.#strikes = 0
    this.#measured += 1
    if (this.#trouble === undefined) return
    const { since, openings } = this.#trouble
    this.#trouble = undefined
    log.info({ head: this.id, openings, awayMs: Math.round(clock.now() - since) }, 'head well again')
  }

  /** The log hears of each kind of fault once, until the head measures again: noise is wrong in a new way each time. */
  #wrong(fault: SensorError, message: string): void {
    const { clock, log } = this.#options
    this.#faults += 1
    this.#fault = fault
    this.#trouble ??= { since: clock.now(), told: new Set(), openings: 0 }
    if (this.#trouble.told.has(fault.fault)) return
    this.#trouble.told.add(fault.fault)
    log.warn({ head: this.id, fault: fault.fault, err: fault }, message)
  }

  /** A chip that says it failed is opened anew at once, any other after its second fault in a row. */
  #strike(fault: SensorError, instrument: Instrument<MeasurementKinds[K]>): void {
    this.#strikes += 1
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
      const openings = this.#trouble?.openings ?? 0
      if (openings > 0) {
        const wait = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (openings - 1)) * (0.8 + 0.4 * random())
        await clock.sleep(wait, signal).catch(() => {})
      }
      if (!signal.aborted) await this.#openOnce(signal)
      if (this.#trouble !== undefined) this.#trouble.openings += 1
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
    if (this.#opened > 1) return
    this.#trouble = undefined
    log.info({ head: this.id, afterMs: Math.round(clock.now() - since) }, 'head ready')
  }
}
