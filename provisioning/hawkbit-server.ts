import type { z } from 'zod'
import type { Clock } from '../drivers/clock.ts'
import { Fetcher, type FetchLimits } from './fetcher.ts'
import {
  type ControllerBase,
  controllerBase,
  type Feedback,
  feedbackBody,
  pauseMs,
  pollMs,
} from './hawkbit-messages.ts'
import { IntegrityError, RepositoryAway } from './tuf-errors.ts'
import type { Question, Reply, TlsFiles } from './tuf-http.ts'
import type { ProxyChoice } from './tuf-proxy.ts'

export interface HawkbitToken {
  /** A device's own token, or one that a gateway shares. */
  readonly kind: 'TargetToken' | 'GatewayToken'
  readonly value: string
}

export interface HawkbitServerOptions {
  /** The server without tenant, e.g. `https://hawkbit.example`. */
  readonly url: URL
  readonly tenant: string
  readonly controllerId: string
  /** Read anew for each request. */
  readonly token: () => Promise<HawkbitToken>
  readonly proxy: ProxyChoice
  readonly tls?: TlsFiles
  readonly clock: Clock
  readonly limits?: Partial<FetchLimits>
}

/** Left alone for so long after a refusal that does not say for how long, ms. */
const USUAL_PAUSE_MS = 60_000
/** The longest answer of the API, bytes. */
const ANSWER_BYTES = 512 * 1024

/** The server's side of the DDI API: its address, its token, its pauses. */
export class HawkbitServer {
  readonly #options: HawkbitServerOptions
  readonly http: Fetcher
  #pollMs: number | undefined
  #notBefore = Number.NEGATIVE_INFINITY

  constructor(options: HawkbitServerOptions) {
    this.#options = options
    const { url, clock, proxy, tls, limits } = options
    const headers = async (): Promise<{ Authorization: string }> => {
      const { kind, value } = await options.token()
      return { Authorization: `${kind} ${value}` }
    }
    this.http = new Fetcher({
      ...{ clock, proxy, own: { origin: url.origin, headers } },
      ...(tls && { tls }),
      ...(limits && { limits }),
    })
  }

  /** How long the server wants to be left alone, ms; undefined: it has not said. */
  get pollMs(): number | undefined {
    const left = this.#notBefore - this.#options.clock.now()
    return left > 0 ? Math.max(left, this.#pollMs ?? 0) : this.#pollMs
  }

  /** Whether an address is of this server: one that was kept may be of the server before. */
  isOwn(address: string): boolean {
    return new URL(address).origin === this.#options.url.origin
  }

  /** What there is to do. @throws RepositoryAway */
  async poll(signal: AbortSignal): Promise<ControllerBase> {
    const base = await this.get(this.#address(), controllerBase, signal)
    this.#pollMs = pollMs(base.config?.polling.sleep) ?? this.#pollMs
    return base
  }

  /** @throws RepositoryAway also for an answer of another form */
  async get<T>(url: URL, schema: z.ZodType<T>, signal: AbortSignal): Promise<T> {
    const answer = this.#accepted(url, await this.#ask(url, { method: 'GET', signal }))
    try {
      return schema.parse(JSON.parse(answer.text))
    } catch (cause) {
      throw new RepositoryAway('answer', `${url.pathname}: not what the DDI API answers`, { cause })
    }
  }

  /** Tells it of this device. @throws RepositoryAway */
  async put(url: URL, data: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void> {
    this.#accepted(url, await this.#ask(url, { method: 'PUT', json: { mode: 'merge', data }, signal }))
  }

  /** Feedback of a deployment. @param atMs when it was so @throws RepositoryAway */
  deploymentFeedback(actionId: string, said: Feedback, atMs: number, signal: AbortSignal): Promise<void> {
    const path = `${this.#address().href}/deploymentBase/${encodeURIComponent(actionId)}/feedback`
    return this.feedback(new URL(path), feedbackBody(actionId, said, atMs), signal)
  }

  /**
   * Feedback on an action. One that the server does not take is nothing to repeat: it knows the action no longer, or has
   * heard enough of it (403: a quota; a token that is refused gets 401).
   * @throws RepositoryAway
   */
  async feedback(url: URL, json: object, signal: AbortSignal): Promise<void> {
    const answer = await this.#ask(url, { method: 'POST', json, signal })
    const { status } = answer
    const refused = status >= 400 && status < 500 && ![401, 408, 429].includes(status)
    if (!refused) this.#accepted(url, answer)
  }

  #address(): URL {
    const { url, tenant, controllerId } = this.#options
    const place = `${encodeURIComponent(tenant)}/controller/v1/${encodeURIComponent(controllerId)}`
    return new URL(place, url.href.endsWith('/') ? url : `${url.href}/`)
  }

  async #ask(url: URL, asked: Omit<Question, 'maxLength'>): Promise<Reply> {
    const { clock, url: own } = this.#options
    if (url.origin !== own.origin) {
      const message = `${url.origin}: the server sends us elsewhere: expected ${own.origin}`
      throw new RepositoryAway('answer', message)
    }
    if (clock.now() < this.#notBefore) {
      const left = Math.ceil((this.#notBefore - clock.now()) / 1000)
      throw new RepositoryAway('answer', `${url.host}: it asked to be left alone for another ${left} s`)
    }
    const answer = await this.#answer(url, asked)
    if (answer.status === 429 || answer.status === 503) {
      this.#notBefore = clock.now() + (pauseMs(answer.retryAfter, clock.wall()) ?? USUAL_PAUSE_MS)
    }
    return answer
  }

  async #answer(url: URL, asked: Omit<Question, 'maxLength'>): Promise<Reply> {
    try {
      return await this.http.ask(url, { ...asked, maxLength: ANSWER_BYTES })
    } catch (error) {
      // Of an answer nothing is installed: what is too long is no attack on us, only no answer.
      if (!(error instanceof IntegrityError)) throw error
      throw new RepositoryAway('answer', error.message, { cause: error })
    }
  }

  #accepted(url: URL, answer: Reply): Reply {
    const { status } = answer
    if (status >= 200 && status < 300) return answer
    if (status === 401 || status === 403) {
      const { controllerId } = this.#options
      throw new RepositoryAway('answer', `${url.host}: ${status}: the token of ${controllerId} is refused`)
    }
    throw new RepositoryAway(status === 404 ? 'missing' : 'answer', `${url.pathname}: ${status}`)
  }
}
