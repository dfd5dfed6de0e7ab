import type { Clock } from '../../drivers/clock.ts'
import { backoffMs } from '../backoff.ts'
import type { Log } from '../log.ts'
import { ModelError, type VisionModels } from './model.ts'
import type { Refusal } from './onnx.ts'
import type { Provider } from './providers.ts'
import { ThreadLife } from './thread-life.ts'
import type { Answer, OpenNetwork, Question, Searched } from './thread-messages.ts'
import { messageOf, VisionError } from './vision-error.ts'

export interface ThreadKeeperOptions {
  readonly models: VisionModels
  readonly providers: readonly Provider[]
  readonly threads: number
  readonly clock: Clock
  readonly log: Log
  /** 0 ≤ x < 1, spreads retries. */
  readonly random: () => number
  /** Entry of the thread. */
  readonly entry: URL
  /** For the networks to be open and warm, ms. */
  readonly openLimitMs: number
  /** Called when a thread has ended, before the next is started. */
  readonly ended: (why: VisionError) => void
}

const RETRIES = { firstMs: 100, longestMs: 30_000 }
/** A thread that lives for so long is well: after the next fault the shortest wait comes first again. */
const STEADY_MS = 60_000
/** Threads that are stuck in the runtime, each with its networks; with as many, no other is started. */
const MOST_STUCK = 2

/** Keeps one thread alive: what dies or hangs is replaced, sooner at first, later when it goes on. */
export class ThreadKeeper {
  readonly #options: ThreadKeeperOptions
  readonly #lifetime = new AbortController()
  #life: ThreadLife | undefined
  #gallery: Searched | undefined
  /** Why there is none. */
  #fault: Error = new Error('not started')
  #launched = 0
  #failures = 0
  #stuck = 0
  /** Whether a provider failed after the start of this thread. */
  #worse = false
  readonly #refusals = new Map<string, string>()
  readonly #told = new Set<string>()
  #running: Promise<void> = Promise.resolve()

  constructor(options: ThreadKeeperOptions) {
    this.#options = options
  }

  /**
   * Resolves when the thread is warm, when it could not start for a reason that may pass, or when the signal aborts.
   * @throws ModelError when a model cannot be used, by no thread
   */
  async start(signal: AbortSignal): Promise<void> {
    const first = this.#launch()
    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
    const outcome = await Promise.race([first, aborted])
    if (outcome instanceof ModelError) throw outcome
    this.#running = this.#supervise(first)
  }

  /** What was asked is answered, or rejected with `stopped`. */
  async stop(): Promise<void> {
    this.#lifetime.abort()
    await this.#life?.close()
    await this.#running
  }

  /** @throws VisionError `stopped`, `died` */
  check(): ThreadLife {
    if (this.#lifetime.signal.aborted) throw stopped()
    if (this.#life === undefined) throw died(this.#fault)
    return this.#life
  }

  /**
   * @param limitMs without an answer for so long the thread is taken to hang, and replaced
   * @throws VisionError `stopped`, `died`
   */
  async ask(question: Question, limitMs: number): Promise<Answer> {
    const life = this.check()
    try {
      return await life.ask(question, limitMs)
    } catch (error) {
      throw this.#lifetime.signal.aborted ? stopped() : died(error)
    }
  }

  /** What this thread searches, and each that comes after it. */
  search(gallery: Searched): void {
    this.#gallery = gallery
    this.#life?.search(gallery)
  }

  /** Why there is no thread now. */
  get fault(): Error | undefined {
    return this.#life === undefined ? this.#fault : undefined
  }

  /** Whether a provider gave way to another since the thread began. */
  get worse(): boolean {
    return this.#worse
  }

  get networks(): readonly OpenNetwork[] {
    return this.#life?.networks ?? []
  }

  /** `NETWORK_not_on_PROVIDER`: why. */
  get refusals(): ReadonlyMap<string, string> {
    return this.#refusals
  }

  get restarts(): number {
    return Math.max(0, this.#launched - 1)
  }

  /** Threads that ended, but have not come out of the runtime. */
  get stuck(): number {
    return this.#stuck
  }

  /** @returns the thread when it is warm, or why it is not */
  async #launch(): Promise<ThreadLife | Error> {
    this.#launched += 1
    this.#worse = false
    this.#refusals.clear()
    const life = this.#begun()
    if (life instanceof Error) return life
    void this.#countStuck(life)
    const { signal } = this.#lifetime
    const close = (): void => void life.close()
    signal.addEventListener('abort', close, { once: true })
    try {
      await life.ready
      if (this.#gallery !== undefined) life.search(this.#gallery)
      this.#life = life
      this.#options.log.info({ networks: life.networks, restarts: this.restarts }, 'vision ready')
      return life
    } catch (error) {
      return this.#failed(error)
    } finally {
      signal.removeEventListener('abort', close)
    }
  }

  /** A machine that has no room or no more threads does not start another; that may pass. */
  #begun(): ThreadLife | Error {
    const { models, providers, threads, clock, entry, openLimitMs } = this.#options
    try {
      return ThreadLife.start({
        ...{ entry, clock, openLimitMs, setup: { models, providers, threads } },
        refused: (network, refusal) => {
          this.#worse ||= this.#life !== undefined
          this.#refuse(network, refusal)
        },
      })
    } catch (error) {
      return this.#failed(error)
    }
  }

  #failed(error: unknown): Error {
    this.#fault = error instanceof Error ? error : new Error(String(error))
    return this.#fault
  }

  async #countStuck(life: ThreadLife): Promise<void> {
    await life.over
    this.#stuck += 1
    await life.gone
    this.#stuck -= 1
  }

  /** Waits for the end of each thread, and starts the next. */
  async #supervise(first: Promise<ThreadLife | Error>): Promise<void> {
    const { clock, log, random } = this.#options
    const { signal } = this.#lifetime
    let launched = await first
    while (!signal.aborted) {
      if (launched instanceof ThreadLife) await this.#attend(launched)
      if (signal.aborted) return
      this.#failures += 1
      const waitMs = backoffMs(this.#failures, RETRIES, random)
      log.warn({ err: this.#fault, waitMs: Math.round(waitMs) }, 'vision thread ended')
      do await clock.sleep(waitMs, signal).catch(() => {})
      while (this.#stuck >= MOST_STUCK && !signal.aborted)
      if (!signal.aborted) launched = await this.#launch()
    }
  }

  async #attend(life: ThreadLife): Promise<void> {
    const { clock, ended } = this.#options
    const cancel = clock.after(STEADY_MS, () => {
      this.#failures = 0
    })
    this.#fault = await life.over
    cancel()
    this.#life = undefined
    ended(died(this.#fault))
  }

  /** The log hears of each once. */
  #refuse(network: string, { provider, reason }: Refusal): void {
    const key = `${network}_not_on_${provider}`
    this.#refusals.set(key, reason)
    if (this.#told.has(key + reason)) return
    this.#told.add(key + reason)
    this.#options.log.warn({ network, provider, reason }, 'provider not used')
  }
}

export function stopped(): VisionError {
  return new VisionError('stopped', 'the station stops')
}

function died(cause: unknown): VisionError {
  return new VisionError('died', `the thread that looks at pictures ended: ${messageOf(cause)}`, { cause })
}
