import type { Clock } from '../../drivers/clock.ts'
import type { Log } from '../log.ts'
import type { Unit, UnitStatus } from '../station.ts'
import type { Recognition } from './decision.ts'
import type { Prototype } from './gallery.ts'
import type { Head } from './head.ts'
import type { FrameReading } from './lens-view.ts'
import type { VisionModels } from './model.ts'
import { Newest } from './newest.ts'
import { type Grey, PictureError, readPicture } from './picture.ts'
import type { Provider } from './providers.ts'
import { stopped, ThreadKeeper } from './thread-keeper.ts'
import { type Answer, packed, type Question } from './thread-messages.ts'
import { messageOf, VisionError } from './vision-error.ts'
import { VisionTally } from './vision-tally.ts'

export interface VisionThreadOptions {
  /** Folders. Without `lens`, only single symbols are looked at: `read` is answered with `not-loaded`. */
  readonly models: VisionModels
  /** `vision.providers` of the configuration. */
  readonly providers: readonly Provider[]
  /** `vision.threads`. */
  readonly threads: number
  /**
   * Decodes a camera's JPEG on libuv's threads; default: `readPicture`, which takes PNG too, and some ms of the main
   * thread for its grey. What it throws is the `cause` of a `corrupt`.
   */
  readonly decode?: (jpeg: Uint8Array) => Promise<Grey>
  readonly clock: Clock
  readonly log: Log
  /** 0 ≤ x < 1, spreads retries. */
  readonly random: () => number
  readonly limits?: Partial<VisionLimits>
  /** Entry of the thread; default: ours. */
  readonly entry?: URL
}

export interface VisionLimits {
  /** For the networks to be open and warm, ms. Default 5 min: TensorRT builds its engines then. */
  readonly openMs: number
  /** For the thread's answer to a picture of the line, ms: without one it is taken to hang. Default 5 s. */
  readonly frameMs: number
  /** The same for a query. Default 15 s: one of 16 million pixels may be decoded for 10. */
  readonly queryMs: number
  /** Queries in work and waiting. Default 16. */
  readonly queries: number
}

const LIMITS: VisionLimits = { openMs: 300_000, frameMs: 5000, queryMs: 15_000, queries: 16 }
const WORKER = new URL('./worker.js', import.meta.url)

interface Arrival {
  readonly picture: Uint8Array | Grey
  readonly at: number
}

/**
 * The thread that looks at pictures, as the main thread sees it: one thread, one session a network, warm before the
 * station is ready. One picture is in work and one waits; the newest wins. A thread that dies or hangs is replaced; until
 * the next is warm every picture is answered at once, with `died`.
 */
export class VisionThread implements Unit {
  readonly name = 'vision'
  readonly #options: VisionThreadOptions
  readonly #limits: VisionLimits
  readonly #keeper: ThreadKeeper
  readonly #frames: Newest<Arrival, FrameReading>
  readonly #tally = new VisionTally()
  #lastQuery: Promise<void> = Promise.resolve()
  #queries = 0
  #gallery = { symbols: 0, prototypes: 0 }
  #head: Head | string | undefined

  constructor(options: VisionThreadOptions) {
    this.#options = options
    this.#limits = { ...LIMITS, ...options.limits }
    this.#frames = new Newest({
      work: (arrival, wanted) => this.#look(arrival, wanted),
      passed: (why) => new VisionError(why, why === 'late' ? LATE : REPLACED),
    })
    const { models, providers, threads, clock, log, random, entry = WORKER } = options
    this.#keeper = new ThreadKeeper({
      ...{ models, providers, threads, clock, log, random, entry },
      openLimitMs: this.#limits.openMs,
      ended: (why) => this.#frames.clear(why),
    })
  }

  /**
   * Resolves when networks are open and warm, or when the thread could not start for a reason that may pass: it is tried
   * again then, with backoff.
   * @throws ModelError when a model is missing, of another hash, or can be used by no thread
   */
  async start(signal: AbortSignal): Promise<void> {
    await this.#keeper.start(signal)
  }

  /** What is in work is answered; what waits is turned away with `stopped`. */
  async stop(): Promise<void> {
    this.#frames.clear(stopped())
    await this.#keeper.stop()
    await this.#frames.idle()
    await this.#lastQuery
  }

  /**
   * What is seen on a picture of the line.
   * @param picture a camera's JPEG, which stays as it is, or pixels, which go to the thread: their array is empty then
   * @param signal aborts when an answer would come too late
   * @throws VisionError
   */
  async read(picture: Uint8Array | Grey, signal: AbortSignal): Promise<FrameReading> {
    try {
      if (this.#options.models.lens === undefined) throw new VisionError('not-loaded', NOT_LOADED)
      this.#keeper.check()
      const reading = await this.#frames.offer({ picture, at: this.#options.clock.now() }, signal)
      this.#tally.count('read')
      return reading
    } catch (error) {
      const fault = error instanceof VisionError ? error.fault : 'failed'
      this.#tally.count(fault === 'replaced' || fault === 'late' ? fault : 'failed')
      throw error
    }
  }

  /**
   * Which symbol of the gallery a drawing, a printed reference or a crop shows.
   * @param picture JPEG or PNG of at most 5 MiB; copied
   * @param top candidates that are told of, 1 or more; what is decided does not depend on it
   * @throws PictureError for what is no picture; VisionError
   */
  async match(picture: Uint8Array, top: number): Promise<Recognition> {
    const answer = await this.#ask({ kind: 'match', bytes: picture, top })
    if (answer.kind !== 'match') throw failure(answer)
    return answer.recognition
  }

  /**
   * What a picture of a symbol puts into the gallery; nothing where no ink stands out. Nothing is enrolled by this.
   * @param picture JPEG or PNG of at most 5 MiB; copied
   * @throws PictureError for what is no picture; VisionError
   */
  async prototypes(picture: Uint8Array, symbol: string): Promise<readonly Prototype[]> {
    const answer = await this.#ask({ kind: 'prototypes', bytes: picture, symbol })
    if (answer.kind !== 'prototypes') throw failure(answer)
    return answer.prototypes
  }

  /**
   * The whole gallery, in place of the one before: for every question from now on, and for every thread to come.
   * @param head learnt upon this network's vectors; a text: why there is one that is not used
   * @throws RangeError when vectors differ in length
   */
  setGallery(prototypes: readonly Prototype[], head?: Head | string): void {
    const gallery = packed(prototypes)
    this.#gallery = { symbols: new Set(gallery.symbols).size, prototypes: gallery.symbols.length }
    this.#head = head
    this.#keeper.search({ packed: gallery, ...(typeof head === 'object' ? { head } : {}) })
  }

  /** SHA-256 of the network that makes vectors. @throws VisionError while no thread is warm */
  get embedder(): string {
    const { networks } = this.#keeper.check()
    const [first] = networks
    if (first === undefined) throw new VisionError('died', 'no network is open')
    return first.sha256
  }

  /** SHA-256 of each network that is open, by its name: what a verdict was given with. */
  get models(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#keeper.networks.map(({ network, sha256 }) => [network, sha256]))
  }

  /** `NETWORK_on`: the provider; `NETWORK_not_on_PROVIDER`: why; the tally; the gallery; `head_symbols`; threads. */
  status(): UnitStatus {
    const { networks, refusals, restarts, stuck, fault, worse } = this.#keeper
    const facts = {
      ...Object.fromEntries(networks.map(({ network, provider }) => [`${network}_on`, provider])),
      ...Object.fromEntries(refusals),
      ...this.#tally.facts(),
      gallery_symbols: this.#gallery.symbols,
      gallery_prototypes: this.#gallery.prototypes,
      ...(typeof this.#head === 'object' ? { head_symbols: this.#head.rows.size } : {}),
      restarts,
      ...(stuck === 0 ? {} : { threads_stuck: stuck }),
    }
    if (fault !== undefined) return { state: 'failed', detail: fault.message, facts }
    if (worse) return { state: 'degraded', detail: 'a provider failed while it ran: see the facts', facts }
    return typeof this.#head === 'string'
      ? { state: 'degraded', detail: `recognised by prototypes alone: ${this.#head}`, facts }
      : { state: 'ok', facts }
  }

  async #look({ picture, at }: Arrival, wanted: () => boolean): Promise<FrameReading> {
    const { clock } = this.#options
    const beganAt = clock.now()
    const grey = 'pixels' in picture ? picture : await this.#decoded(picture)
    const decodeMs = clock.now() - beganAt
    // Whoever asked has gone: the thread is free for the next.
    if (!wanted()) throw new VisionError('late', LATE)
    const answer = await this.#keeper.ask({ kind: 'read', picture: grey }, this.#limits.frameMs)
    if (answer.kind !== 'read') throw failure(answer)
    this.#tally.took(decodeMs, answer.reading.timing, clock.now() - at)
    return answer.reading
  }

  async #decoded(jpeg: Uint8Array): Promise<Grey> {
    const { decode = readPicture } = this.#options
    try {
      return await decode(jpeg)
    } catch (error) {
      throw new VisionError('corrupt', messageOf(error), { cause: error })
    }
  }

  /** Queries in their order, one at a time: a picture of the line waits for one at most. */
  async #ask(question: Question): Promise<Answer> {
    const { queries, queryMs } = this.#limits
    if (this.#queries >= queries) {
      throw new VisionError('busy', `${this.#queries} queries wait, expected less than ${queries}`)
    }
    this.#keeper.check()
    this.#queries += 1
    const answered = this.#lastQuery.then(() => this.#keeper.ask(question, queryMs))
    const over = (): void => {
      this.#queries -= 1
      this.#tally.query()
    }
    this.#lastQuery = answered.then(over, over)
    return await answered
  }
}

const LATE = 'its time is over'
const REPLACED = 'a newer picture came while it waited'
const NOT_LOADED = 'no networks for pictures of lenses are loaded'

function failure(answer: Answer): Error {
  if (answer.kind !== 'failed') return new VisionError('failed', `the thread answered with a ${answer.kind}`)
  if (answer.picture !== undefined) return new PictureError(answer.picture, answer.message)
  return new VisionError('failed', answer.message)
}
