import { type ClientRequest, type IncomingMessage, request as plainRequest } from 'node:http'
import { type RequestOptions, request as tlsRequest } from 'node:https'
import { isIP } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import { RepositoryAway } from './tuf-errors.ts'
import { proxyCredentials, tunnel } from './tuf-proxy.ts'

export interface TlsFiles {
  /** Authorities to believe instead of the system's, PEM. */
  readonly ca?: string
  /** This device's certificate and key, PEM, for repositories that ask for one. */
  readonly cert?: string
  readonly key?: string
}

export interface Asking {
  /** GET, if absent. */
  readonly method?: 'GET' | 'POST' | 'PUT'
  readonly body?: Uint8Array
  readonly proxy: URL | undefined
  readonly tls: TlsFiles
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

/** A question of an API. */
export interface Question {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly json?: object
  /** The longest answer, bytes. */
  readonly maxLength: number
  readonly signal: AbortSignal
}

export interface Reply {
  readonly status: number
  readonly text: string
  /** RFC 9110 §10.2.3, as it was said. */
  readonly retryAfter: string | undefined
}

/** What went wrong, in a few words; a failure to connect to several addresses of a host says the first. */
export function describe(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return describe(error.errors[0])
  return error instanceof Error ? error.message : String(error)
}

function answerOf(request: ClientRequest, body: Uint8Array | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve)
    // Not once: an error that comes later as well, by an abort, is told by the answer.
    request.on('error', reject)
    request.end(body)
  })
}

/** Asks for one address, straight or through a proxy, and returns the head of the answer. */
export async function requestHead(
  url: URL,
  { method = 'GET', body, proxy, tls, headers, signal }: Asking,
): Promise<IncomingMessage> {
  const options: RequestOptions = { ...tls, method, agent: false, signal, headers }
  if (url.protocol === 'http:') {
    if (proxy === undefined) return await answerOf(plainRequest(url, options), body)
    const make = proxy.protocol === 'https:' ? tlsRequest : plainRequest
    const said = { ...headers, Host: url.host, ...proxyCredentials(proxy) }
    // RFC 9112 §3.2.2: a proxy is asked with the whole address.
    return await answerOf(
      make(new URL(proxy.origin), { method, agent: false, signal, path: url.href, headers: said }),
      body,
    )
  }
  if (proxy === undefined) return await answerOf(tlsRequest(url, options), body)
  const socket = await tunnel(proxy, url, signal)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const secured = { ...tls, socket, host, ...(isIP(host) === 0 && { servername: host }) }
  const through = { ...options, createConnection: () => tlsConnect(secured) }
  return await answerOf(tlsRequest(url, through), body)
}

/**
 * Where an answer sends us, if it does.
 * @throws RepositoryAway for a way that leaves https:
 */
export function redirection(answer: IncomingMessage, url: URL): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(answer.statusCode ?? 0)) return undefined
  answer.destroy()
  const { location } = answer.headers
  if (location === undefined || !URL.canParse(location, url.href)) {
    throw new RepositoryAway('answer', `${url}: redirects to nowhere`)
  }
  const next = new URL(location, url)
  if (next.protocol !== 'https:' && (url.protocol === 'https:' || next.protocol !== 'http:')) {
    throw new RepositoryAway(
      'answer',
      `${url}: redirects to ${next.protocol}//${next.host}, which is not https`,
    )
  }
  return next
}

interface Head {
  readonly offset: number
  readonly length: number | undefined
  readonly validator: string | undefined
}

/**
 * What the head of an answer says of the bytes behind it.
 * @param asked first byte that was asked for
 * @throws RepositoryAway when they are not the file's, or not those that were asked for
 */
export function headOf(answer: IncomingMessage, url: URL, asked: number): Head {
  const status = answer.statusCode ?? 0
  if (status === 404 || status === 403 || status === 410)
    throw new RepositoryAway('missing', `${url}: ${status}`)
  if (status !== 200 && status !== 206) throw new RepositoryAway('answer', `${url}: ${status}`)
  const { etag, 'content-encoding': encoding, 'content-length': length } = answer.headers
  if (encoding !== undefined && encoding !== 'identity') {
    throw new RepositoryAway('answer', `${url}: sent with encoding ${encoding}, which nobody asked for`)
  }
  const [, start] = /^bytes (\d{1,15})-/.exec(answer.headers['content-range'] ?? '') ?? []
  if (status === 206 && Number(start) !== asked) {
    throw new RepositoryAway('answer', `${url}: sent another range than ${asked}-`)
  }
  return {
    offset: status === 206 ? asked : 0,
    length: length === undefined ? undefined : Number(length),
    // RFC 9110 §13.1.5: a weak validator does not vouch for a part.
    validator: etag !== undefined && !etag.startsWith('W/') ? etag : answer.headers['last-modified'],
  }
}
