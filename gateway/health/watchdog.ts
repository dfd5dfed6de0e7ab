import { stat } from 'node:fs/promises'
import type { Clock } from '../../drivers/clock.ts'
import type { Log } from '../log.ts'
import type { Unit, UnitStatus } from '../station.ts'
import { type Notifier, type NotifierOptions, notifierOf } from './notify.ts'

/** The loop of the station, as far as it shows whether it moves. */
export interface Work {
  /** Looks that have ended since the start. */
  readonly cycles: number
  /** Whether every part is decided when it should be. */
  readonly alive: boolean
  /** Whether the look under the heads has outlived its part's deadline. */
  readonly stuck: boolean
}

/** A head, as far as it shows whether its driver comes back. */
export interface WatchedHead {
  readonly id: string
  /** How long the driver has been at what it was last asked for, ms; 0: it is asked for nothing. */
  readonly askedForMs?: number
}

export interface WatchdogOptions {
  readonly notifier: Notifier
  /** The manager ends the process that it did not hear of for so long, ms. */
  readonly withinMs: number
  readonly work: Work
  readonly heads: readonly WatchedHead[]
  readonly clock: Clock
  readonly log: Log
  /** Resolves when the event loop and its threads have done something from end to end. Default: asks for a file. */
  readonly turn?: () => Promise<unknown>
}

/** So often within the manager's patience: one sign may be late. */
const SIGNS = 3
/** Where none could be given, it is looked again so much sooner: a machine that was busy for a moment is no hang. */
const SOONER = 10
/** The deadlines of every driver end long before. */
const HEAD_HANGS_MS = 20_000

/**
 * Tells the service manager that the station works, never merely that the process lives: a look has ended since last time,
 * or none is overdue. In both cases no part waits for its decision, every driver that was asked has come back, and the
 * event loop and its threads have just done something. A sink, a broker or a disk that is away is nobody's hang, and a head
 * that is absent is a state: none of them is asked.
 */
export class Watchdog implements Unit {
  readonly name = 'watchdog'
  readonly #options: WatchdogOptions
  readonly #ended = new AbortController()
  #signs = 0
  #cycles = 0
  #afterWork = 0
  #trouble: string | undefined

  constructor(options: WatchdogOptions) {
    this.#options = options
  }

  start(): Promise<void> {
    void this.#run(this.#ended.signal)
    return Promise.resolve()
  }

  /** Waits for nothing: what it watches may hang. */
  stop(): Promise<void> {
    this.#ended.abort()
    return Promise.resolve()
  }

  status(): UnitStatus {
    const facts = { signs: this.#signs, after_work: this.#afterWork, within_ms: this.#options.withinMs }
    return this.#trouble === undefined
      ? { state: 'ok', facts }
      : { state: 'failed', detail: this.#trouble, facts }
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, withinMs, turn = threadsTurn } = this.#options
    while (!signal.aborted) {
      await turn()
      if (signal.aborted) return
      await this.#look()
      const pauseMs = withinMs / SIGNS / (this.#trouble === undefined ? 1 : SOONER)
      await clock.sleep(pauseMs, signal).catch(() => {})
    }
  }

  async #look(): Promise<void> {
    const { work, heads, notifier, log } = this.#options
    const trouble = troubleOf(work, heads)
    if (trouble !== undefined) {
      if (trouble === this.#trouble) return
      this.#trouble = trouble
      log.fatal({ trouble }, 'no sign of life is given: the station hangs')
      await notifier.tell({ STATUS: `hangs: ${trouble}` })
      return
    }
    const { cycles } = work
    const worked = cycles !== this.#cycles
    this.#cycles = cycles
    this.#signs += 1
    if (worked) this.#afterWork += 1
    if (this.#trouble !== undefined) log.warn('the station works again')
    this.#trouble = undefined
    await notifier.tell({ WATCHDOG: '1', STATUS: `inspects: ${cycles} looks ended` })
  }
}

function troubleOf({ alive, stuck }: Work, heads: readonly WatchedHead[]): string | undefined {
  if (!alive) return 'a part waits for its decision beyond its deadline'
  if (stuck) return 'the look at a part does not end'
  const hanging = heads.filter(({ askedForMs = 0 }) => askedForMs >= HEAD_HANGS_MS).map(({ id }) => id)
  return hanging.length === 0 ? undefined : `no answer from the driver of ${hanging.join(', ')}`
}

/** A timer fires also where every thread that talks to a bus or a disk is stuck. `/proc` is no disk. */
async function threadsTurn(): Promise<void> {
  await stat('/proc/self').catch(() => {})
  await new Promise((resolve) => setImmediate(resolve))
}

/** What the watchdog of a process needs of its station. */
export interface WatchdogParts extends Omit<NotifierOptions, 'send' | 'program'> {
  readonly acquisition: Work
  readonly heads: readonly WatchedHead[]
}

/** The watchdog of this process, where its service manager wants signs of life; none otherwise. */
export function watchdogUnits({ env, acquisition: work, heads, clock, log }: WatchdogParts): readonly Unit[] {
  const notifier = notifierOf({ env, clock, log })
  const withinMs = Number(env.WATCHDOG_USEC) / 1000
  // The variables are inherited: another process' watchdog is none of ours (sd_watchdog_enabled(3)).
  const ours = env.WATCHDOG_PID === undefined || env.WATCHDOG_PID === String(process.pid)
  if (!notifier.listening || !(withinMs > 0) || !ours) return []
  return [new Watchdog({ notifier, withinMs, work, heads, clock, log })]
}
