import type { Clock } from '../../../drivers/clock.ts'
import { type Backoff, backoffMs } from '../../backoff.ts'
import type { Validators } from '../../lens-crawl.ts'
import { type Answer, ask, type Want } from './ask.ts'
import { HostPace } from './host-pace.ts'
import { allows, EVERYTHING, NOTHING, type RobotsRules, rulesFor } from './robots.ts'

/** How a crawler behaves. */
export interface Manners {
  /** The whole `User-Agent`: who asks, and where a person is reached. */
  readonly agent: string
  /** What a robots.txt calls it. */
  readonly product: string
  /** Between the end of one request to a host and the beginning of the next, ms; a longer `Crawl-delay` counts. */
  readonly restMs: number
  /** Attempts after the first one. */
  readonly retries: number
  readonly backoff: Backoff
  /** From a request to the last byte of its answer, ms. */
  readonly answerMs: number
  /** A host that wants to be left alone for longer is left out, ms. */
  readonly longestWaitMs: number
}

export const MANNERS: Omit<Manners, 'agent' | 'product'> = {
  restMs: 3000,
  retries: 5,
  backoff: { firstMs: 5000, longestMs: 120_000 },
  answerMs: 30_000,
  longestWaitMs: 3_600_000,
}

/** What came of asking for one address, its redirects followed. */
export type Fetched =
  | {
      readonly kind: 'got'
      readonly url: string
      readonly bytes: Buffer
      readonly contentType: string
      readonly validators: Validators
    }
  | { readonly kind: 'unchanged' }
  /** robots.txt forbids it. */
  | { readonly kind: 'forbidden'; readonly detail: string }
  /** `host`: nothing else of that host will do better at the moment. */
  | { readonly kind: 'failed'; readonly detail: string; readonly host: boolean }

interface Robots {
  readonly rules: RobotsRules
  /** Why there are none, where that is a fault of the host. */
  readonly trouble?: string
  readonly readAt: number
}

const MOST_REDIRECTS = 5
// RFC 9309, 2.5: at least 500 KiB must be parsed; 2.4: a copy should not serve for more than 24 hours.
const ROBOTS: Want = { accept: 'text/plain, */*;q=0.1', types: /./, mostBytes: 512 * 1024, cut: true }
const ROBOTS_MS = 24 * 3_600_000
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308]
const PASSING: readonly number[] = [408, 429, 500, 502, 503, 504]

/** Fetches what robots.txt allows, one request at a time and slowly, and takes no for an answer. */
export class PoliteFetcher {
  readonly #manners: Manners
  readonly #clock: Clock
  readonly #random: () => number
  readonly #signal: AbortSignal | undefined
  readonly #pace: HostPace
  readonly #robots = new Map<string, Robots>()

  constructor(options: {
    readonly manners: Manners
    readonly clock: Clock
    /** In [0, 1), for the jitter of retries. */
    readonly random?: () => number
    readonly signal?: AbortSignal
  }) {
    this.#manners = options.manners
    this.#clock = options.clock
    this.#random = options.random ?? Math.random
    this.#signal = options.signal
    this.#pace = new HostPace(options.clock, options.manners.restMs)
  }

  /** @throws the signal's reason; everything else that goes wrong is an answer */
  async get(url: string, want: Want, validators: Validators = {}): Promise<Fetched> {
    let at = new URL(url)
    for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
      const robots = await this.#robotsOf(at)
      if (robots.trouble !== undefined) {
        return { kind: 'failed', detail: `${at.origin}/robots.txt: ${robots.trouble}`, host: true }
      }
      if (!allows(robots.rules, at))
        return { kind: 'forbidden', detail: `${at.origin}/robots.txt forbids it` }
      const answer = await this.#patiently(at, want, validators)
      if (answer.kind !== 'status') return this.#outcome(answer, at)
      if (answer.status === 304 && Object.keys(validators).length > 0) return { kind: 'unchanged' }
      if (!REDIRECTS.includes(answer.status)) {
        return {
          kind: 'failed',
          detail: `it answers ${answer.status}`,
          host: PASSING.includes(answer.status),
        }
      }
      const next = redirectOf(answer, at)
      if (typeof next === 'string') return { kind: 'failed', detail: next, host: false }
      at = next
    }
    return { kind: 'failed', detail: `more than ${MOST_REDIRECTS} redirects`, host: false }
  }

  #outcome(answer: Exclude<Answer, { kind: 'status' }>, at: URL): Fetched {
    if (answer.kind === 'unusable') return { kind: 'failed', detail: answer.detail, host: false }
    if (answer.kind === 'silent') return { kind: 'failed', detail: answer.detail, host: true }
    const { bytes, contentType, validators } = answer
    return { kind: 'got', url: at.href, bytes, contentType, validators }
  }

  /** RFC 9309, 2.3.1: 4xx allows everything; what is not to be had, or is elsewhere, forbids it. */
  async #robotsOf(url: URL): Promise<Robots> {
    const known = this.#robots.get(url.origin)
    if (known !== undefined && this.#clock.now() - known.readAt < ROBOTS_MS) return known
    const found = { ...(await this.#readRobots(url)), readAt: this.#clock.now() }
    this.#robots.set(url.origin, found)
    const delayMs = 1000 * (found.rules.crawlDelayS ?? 0)
    this.#pace.slow(url.hostname, Math.max(this.#manners.restMs, delayMs))
    if (delayMs <= this.#manners.longestWaitMs) return found
    const left = {
      rules: NOTHING,
      trouble: `Crawl-delay ${found.rules.crawlDelayS} s: too long to wait`,
      readAt: found.readAt,
    }
    this.#robots.set(url.origin, left)
    return left
  }

  async #readRobots(url: URL): Promise<Omit<Robots, 'readAt'>> {
    let at = new URL('/robots.txt', url)
    for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
      const answer = await this.#patiently(at, ROBOTS, {})
      if (answer.kind === 'bytes') {
        const text = new TextDecoder().decode(answer.bytes)
        return { rules: rulesFor(text, this.#manners.product) }
      }
      if (answer.kind !== 'status') return { rules: NOTHING, trouble: answer.detail }
      const { status } = answer
      if (!REDIRECTS.includes(status)) {
        const none = status >= 400 && status < 500 && !PASSING.includes(status)
        return none ? { rules: EVERYTHING } : { rules: NOTHING, trouble: `it answers ${status}` }
      }
      const next = redirectOf(answer, at)
      if (typeof next === 'string') return { rules: NOTHING, trouble: next }
      at = next
    }
    return { rules: NOTHING, trouble: `more than ${MOST_REDIRECTS} redirects` }
  }

  /** Asks again, later and later, where the trouble may pass. */
  async #patiently(url: URL, want: Want, validators: Validators): Promise<Answer> {
    const { agent, answerMs, retries } = this.#manners
    for (let failures = 1; ; failures++) {
      await this.#pace.turn(url.hostname, this.#signal)
      const answer = await ask(url, {
        want,
        validators,
        agent,
        answerMs,
        clock: this.#clock,
        signal: this.#signal,
      })
      this.#pace.done(url.hostname)
      const passing =
        answer.kind === 'silent' || (answer.kind === 'status' && PASSING.includes(answer.status))
      if (!passing || failures > retries) return answer
      const asked = answer.kind === 'status' ? (answer.retryAfterMs ?? 0) : 0
      if (asked > this.#manners.longestWaitMs) {
        const minutes = Math.ceil(asked / 60_000)
        return { kind: 'silent', detail: `it wants to be left alone for ${minutes} minutes` }
      }
      this.#pace.notBefore(
        url.hostname,
        Math.max(asked, backoffMs(failures, this.#manners.backoff, this.#random)),
      )
    }
  }
}

/** Where a redirect of the same host leads, or why nobody goes there. */
function redirectOf({ location }: { readonly location?: string }, from: URL): URL | string {
  if (location === undefined || !URL.canParse(location, from.href)) return 'a redirect to nowhere'
  const to = new URL(location, from.href)
  if (to.hostname !== from.hostname) return `it redirects to another host: ${to.origin}`
  const same = to.protocol === from.protocol && to.port === from.port
  const safer = from.protocol === 'http:' && to.protocol === 'https:'
  return same || safer ? to : `it redirects to ${to.origin}`
}
