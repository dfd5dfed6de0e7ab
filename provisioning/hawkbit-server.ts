import type { z } from 'zod'
import type { Clock } from '../drivers/clock.ts'
import type { FetchLimits } from './fetcher.ts'
import { type Answer, DdiHttp } from './hawkbit-http.ts'
import {
  type ControllerBase,
  controllerBase,
  type Feedback,
  feedbackBody,
  pollMs,
} from './hawkbit-messages.ts'
import { RepositoryAway } from './tuf-errors.ts'
import type { TlsFiles } from './tuf-http.ts'
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

/** The server's side of the DDI API: its address, its token, its pauses. */
export class HawkbitServer {
  readonly #options: HawkbitServerOptions
  readonly http: DdiHttp
  #pollMs: number | undefined
  #notBefore = Number.NEGATIVE_INFINITY

  constructor(options: HawkbitServerOptions) {
    this.#options = options
    const { url, clock, proxy, tls, limits } = options
    const authorization = async (): Promise<string> => {
      const { kind, value } = await options.token()
      return `${kind} ${value}`
    }
    this.http = new DdiHttp({
      ...{ clock, proxy, authorization, origin: url.origin },
      ...(tls && { tls }),
      ...(limits && { limits }),
    })
  }

  /** How long the server wants to be left alone, ms; undefined: it has not said. */
  get pollMs(): number | undefined {
    const left = this.#notBefore - this.#options.clock.now()
    return left > 0 ? Math.max(left, this.#pollMs ?? 0) : this.#pollMs
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
    this.#accepted(url, await this.#ask(url, { method: 'PUT', body: { mode: 'merge', data }, signal }))
  }

  /** Feedback of a deployment. @throws RepositoryAway */
  deploymentFeedback(actionId: string, feedback: Feedback, signal: AbortSignal): Promise<void> {
    const path = `${this.#address().href}/deploymentBase/${encodeURIComponent(actionId)}/feedback`
    return this.feedback(new URL(path), actionId, { feedback, signal })
  }

  /** Feedback on an action; one that the server no longer knows is nothing to repeat. @throws RepositoryAway */
  async feedback(
    url: URL,
    actionId: string,
    { feedback, signal }: { readonly feedback: Feedback; readonly signal: AbortSignal },
  ): Promise<void> {
    const body = feedbackBody(actionId, feedback, this.#options.clock.wall())
    const answer = await this.#ask(url, { method: 'POST', body, signal })
    if (![404, 409, 410].includes(answer.status)) this.#accepted(url, answer)
  }

  #address(): URL {
    const { url, tenant, controllerId } = this.#options
    const place = `${encodeURIComponent(tenant)}/controller/v1/${encodeURIComponent(controllerId)}`
    return new URL(place, url.href.endsWith('/') ? url : `${url.href}/`)
  }

  async #ask(url: URL, asked: Parameters<DdiHttp['ask']>[1]): Promise<Answer> {
    const { clock } = this.#options
    if (clock.now() < this.#notBefore) {
      const left = Math.ceil((this.#notBefore - clock.now()) / 1000)
      throw new RepositoryAway('answer', `${url.host}: it asked to be left alone for another ${left} s`)
    }
    const answer = await this.http.ask(url, asked)
    if (answer.status === 429 || answer.status === 503) {
      this.#notBefore = clock.now() + (answer.retryAfterMs ?? USUAL_PAUSE_MS)
    }
    return answer
  }

  #accepted(url: URL, answer: Answer): Answer {
    const { status } = answer
    if (status >= 200 && status < 300) return answer
    if (status === 401 || status === 403) {
      const { controllerId } = this.#options
      throw new RepositoryAway('answer', `${url.host}: ${status}: the token of ${controllerId} is refused`)
    }
    throw new RepositoryAway(status === 404 ? 'missing' : 'answer', `${url.pathname}: ${status}`)
  }
}
