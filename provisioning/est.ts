import type { X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import type { Clock } from '../drivers/clock.ts'
import { parseCertsOnly, wrapped } from './certificate.ts'
import { type CsrAttributes, PLAIN_REQUEST, parseCsrAttributes } from './certificate-request.ts'
import { EnrolError } from './enrol-error.ts'
import { type EstAnswer, exchange } from './est-http.ts'

export interface EstOptions {
  /** `https://host[:port][/label]`; `/.well-known/est` comes before the label (RFC 7030 §3.2.2). */
  readonly url: string
  /** PEM certificates that the server's must lead to. */
  readonly ca: string
  /** Our certificate and its key, where we have one. */
  readonly identity?: SecureContextOptions | undefined
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Who we are and of which version, for the server's inventory. */
  readonly userAgent: string
  /** For one whole exchange, ms. Default 30 s. */
  readonly deadlineMs?: number | undefined
}

const DEADLINE_MS = 30_000
/** The certificates of a whole authority come to less than a tenth. */
export const MAX_BYTES = 256 * 1024
const MOST_REDIRECTS = 3
const SHORTEST_RETRY_MS = 1000
const LONGEST_RETRY_MS = 24 * 3_600_000

/** A client of Enrollment over Secure Transport (RFC 7030). */
export class EstClient {
  readonly #options: EstOptions
  #context: SecureContext | undefined

  constructor(options: EstOptions) {
    estUrl(options.url, '')
    this.#options = options
  }

  /** The authority's certificates (§4.1). @throws EnrolError */
  async caCertificates(): Promise<X509Certificate[]> {
    const answer = await this.#ask('cacerts', {})
    return parseCertsOnly(answer.body.toString('latin1'))
  }

  /** What the server wants of a request (§4.5); it need not say anything. @throws EnrolError */
  async csrAttributes(): Promise<CsrAttributes> {
    const answer = await this.#ask('csrattrs', {}, [200, 204, 404, 405, 501])
    if (answer.status !== 200 || answer.body.length === 0) return PLAIN_REQUEST
    try {
      return parseCsrAttributes(Buffer.from(answer.body.toString('latin1'), 'base64'))
    } catch (cause) {
      throw new EnrolError('untrusted', 'csrattrs: the answer is no DER', { cause })
    }
  }

  /**
   * The first certificate (§4.2.1). @param request PKCS#10, DER
   * @param basic for HTTP Basic: only this server, verified, ever sees it
   * @throws EnrolError, `pending` with a time when the authority has not decided yet (§4.2.3)
   */
  enrol(
    request: Uint8Array,
    basic?: { readonly user: string; readonly password: string },
  ): Promise<X509Certificate[]> {
    const authorization =
      basic === undefined
        ? {}
        : { authorization: `Basic ${Buffer.from(`${basic.user}:${basic.password}`).toString('base64')}` }
    return this.#enrol('simpleenroll', request, authorization)
  }

  /** The next certificate, asked for with the one that holds (§4.2.2). @throws EnrolError */
  reenrol(request: Uint8Array): Promise<X509Certificate[]> {
    return this.#enrol('simplereenroll', request, {})
  }

  async #enrol(
    operation: string,
    request: Uint8Array,
    headers: Readonly<Record<string, string>>,
  ): Promise<X509Certificate[]> {
    const coding = { 'content-type': 'application/pkcs10', 'content-transfer-encoding': 'base64' }
    const answer = await this.#ask(operation, { body: wrapped(request), headers: { ...coding, ...headers } })
    return parseCertsOnly(answer.body.toString('latin1'))
  }

  /** @throws EnrolError `invalid` when certificate and key are no good */
  #secured(): SecureContext {
    const { ca, identity } = this.#options
    try {
      this.#context ??= createSecureContext({ ...identity, ca, minVersion: 'TLSv1.2' })
      return this.#context
    } catch (cause) {
      throw new EnrolError('invalid', `the device's certificate or key cannot be used: ${cause}`, { cause })
    }
  }

  async #ask(
    operation: string,
    what: { readonly body?: string; readonly headers?: Readonly<Record<string, string>> },
    fine: readonly number[] = [200],
  ): Promise<EstAnswer> {
    const { clock, signal, deadlineMs = DEADLINE_MS, userAgent } = this.#options
    let url = estUrl(this.#options.url, operation)
    for (let redirects = 0; ; redirects += 1) {
      const headers = { ...what.headers, 'user-agent': userAgent, accept: '*/*' }
      const answer = await exchange({
        ...{ url, headers, body: what.body, clock, signal, deadlineMs, maxBytes: MAX_BYTES },
        context: this.#secured(),
      })
      if (fine.includes(answer.status)) return answer
      if (![301, 302, 303, 307, 308].includes(answer.status)) throw refusal(answer, operation, clock)
      url = redirect(answer, url, redirects)
    }
  }
}

/** @throws EnrolError `invalid` when it is no `https:` URL */
export function estUrl(base: string, operation: string): URL {
  const url = URL.canParse(base) ? new URL(base) : undefined
  if (url?.protocol !== 'https:' || url.username !== '' || url.search !== '') {
    throw new EnrolError('invalid', `url ${JSON.stringify(base)}: expected https://host[:port][/label]`)
  }
  const label = url.pathname.replace(/^\/\.well-known\/est/, '').replace(/\/+$/, '')
  url.pathname = `/.well-known/est${label}/${operation}`
  return url
}

/** RFC 7030 §3.2.1: within one origin redirects are followed, beyond it an operator would have to agree. */
function redirect(answer: EstAnswer, from: URL, redirects: number): URL {
  const location = answer.headers.location ?? ''
  const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined
  if (to?.origin !== from.origin) {
    throw new EnrolError('untrusted', `${from.host} sends us to ${to?.origin ?? 'nowhere'}: not followed`)
  }
  if (redirects >= MOST_REDIRECTS) throw new EnrolError('untrusted', `${from.host}: too many redirects`)
  return to
}

function refusal(answer: EstAnswer, operation: string, clock: Clock): EnrolError {
  const { status, body } = answer
  const retryAfterMs = retryAfter(answer, clock)
  const said = body
    .toString('utf8')
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, 200)
  const message = `${operation}: answer ${status}${said === '' ? '' : `: ${said}`}`
  if (status === 202) return new EnrolError('pending', `${operation}: not decided yet`, { retryAfterMs })
  if (status === 429 || status >= 500) return new EnrolError('away', message, { retryAfterMs })
  return new EnrolError(status === 204 || status < 400 ? 'untrusted' : 'refused', message)
}

/** Seconds or a date (RFC 9110 §10.2.3), within reason. */
function retryAfter({ headers, dateMs }: EstAnswer, clock: Clock): number | undefined {
  const given = headers['retry-after']
  if (given === undefined) return undefined
  const ms = /^\d{1,9}$/.test(given) ? Number(given) * 1000 : Date.parse(given) - (dateMs ?? clock.wall())
  return Number.isNaN(ms) ? undefined : Math.min(LONGEST_RETRY_MS, Math.max(SHORTEST_RETRY_MS, ms))
}
