import type { IncomingMessage } from 'node:http'
import { request as plainRequest } from 'node:http'
import { type RequestOptions, request as tlsRequest } from 'node:https'
import { isIP } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import type { Clock } from '../drivers/clock.ts'
import { FETCH_LIMITS, Fetcher, type FetchLimits, type From, type Incoming } from './fetcher.ts'
import { collected, retryAfter } from './hawkbit-answer.ts'
import { RepositoryAway } from './tuf-errors.ts'
import { describe, headOf, redirection, type TlsFiles } from './tuf-http.ts'
import { type ProxyChoice, proxyCredentials, tunnel } from './tuf-proxy.ts'

export interface DdiHttpOptions {
  readonly clock: Clock
  readonly proxy: ProxyChoice
  readonly tls?: TlsFiles
  /** Header `Authorization`: `TargetToken …` or `GatewayToken …`; asked for each time, so that a new token is used. */
  readonly authorization: () => Promise<string>
  /** Who gets to see that header. */
  readonly origin: string
  readonly limits?: Partial<FetchLimits>
}

export interface Answer {
  readonly status: number
  readonly text: string
  /** Of a 429 or 503, ms; undefined: it does not say. */
  readonly retryAfterMs: number | undefined
}

interface Asked {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly body?: object
  readonly headers?: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

/** Asks a DDI server, and brings its artifacts: as `Fetcher` does, with the device's token for this server alone. */
export class DdiHttp extends Fetcher {
  readonly #ddi: DdiHttpOptions
  readonly #limits: FetchLimits

  constructor(options: DdiHttpOptions) {
    super(options)
    this.#ddi = options
    this.#limits = { ...FETCH_LIMITS, ...options.limits }
  }

  /** One question of the API. @throws RepositoryAway without an answer; its status is for the caller */
  async ask(url: URL, asked: Asked): Promise<Answer> {
    if (url.origin !== this.#ddi.origin) {
      throw new RepositoryAway(
        'answer',
        `${url.origin}: the server sends us elsewhere: expected ${this.#ddi.origin}`,
      )
    }
    const limit = new AbortController()
    const late = (): void => limit.abort(new RepositoryAway('slow', `${url.pathname}: no answer in time`))
    const cancel = this.#ddi.clock.after(this.#limits.metadataMs, late)
    const signal = AbortSignal.any([asked.signal, limit.signal])
    try {
      const answer = await this.#request(url, { ...asked, signal })
      const text = await collected(answer, url)
      return {
        status: answer.statusCode ?? 0,
        text,
        retryAfterMs: retryAfter(answer, this.#ddi.clock.wall()),
      }
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof RepositoryAway) throw error
      throw new RepositoryAway('unreachable', `${url.pathname}: ${describe(error)}`, { cause: error })
    } finally {
      cancel()
    }
  }

  /** An artifact. @throws RepositoryAway */
  override async open(first: URL, from: From): Promise<Incoming> {
    const { offset = 0, validator } = from
    const headers = {
      'Accept-Encoding': 'identity',
      ...(offset > 0 && { Range: `bytes=${offset}-` }),
      ...(offset > 0 && validator !== undefined && { 'If-Range': validator }),
    }
    let url = first
    for (let followed = 0; followed <= this.#limits.redirects; followed++) {
      const answer = await this.#head(url, headers, from.signal)
      const next = redirection(answer, url)
      if (next !== undefined) {
        url = next
        continue
      }
      if (answer.statusCode === 416 && offset > 0) {
        answer.destroy()
        return await this.open(first, { signal: from.signal })
      }
      try {
        const close = (): Promise<void> => Promise.resolve(void answer.destroy())
        return { ...headOf(answer, url, offset), pieces: this.#pieces(answer, url, from.signal), close }
      } catch (error) {
        answer.destroy()
        throw error
      }
    }
    throw new RepositoryAway('answer', `${first}: more than ${this.#limits.redirects} redirects`)
  }

  async #head(url: URL, headers: Record<string, string>, given: AbortSignal): Promise<IncomingMessage> {
    const limit = new AbortController()
    const late = (): void => limit.abort(new RepositoryAway('slow', `${url}: no answer in time`))
    const cancel = this.#ddi.clock.after(this.#limits.answerMs, late)
    const signal = AbortSignal.any([given, limit.signal])
    try {
      return await this.#request(url, { method: 'GET', headers, signal })
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof RepositoryAway) throw error
      throw new RepositoryAway('unreachable', `${url}: ${describe(error)}`, { cause: error })
    } finally {
      cancel()
    }
  }

  async #request(url: URL, { method, body, headers = {}, signal }: Asked): Promise<IncomingMessage> {
    const content = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
    const own = url.origin === this.#ddi.origin
    const { ca, cert, key } = this.#ddi.tls ?? {}
    const tls = {
      ...(ca !== undefined && { ca }),
      ...(own && cert !== undefined && { cert, ...(key && { key }) }),
    }
    const options: RequestOptions = {
      ...{ method, agent: false, signal },
      headers: {
        ...{ Accept: '*/*', 'User-Agent': 'poincon-update', ...headers },
        ...(own && { Authorization: await this.#ddi.authorization() }),
        ...(content !== undefined && {
          'Content-Type': 'application/json',
          'Content-Length': content.length,
        }),
      },
    }
    const made = await this.#connected(url, { ...tls, ...options }, signal)
    return await new Promise((resolve, reject) => {
      made.once('response', resolve)
      made.once('error', reject)
      made.end(content)
    })
  }

  async #connected(url: URL, options: RequestOptions, signal: AbortSignal) {
    const proxy = this.#ddi.proxy(url)
    if (url.protocol === 'http:') {
      if (proxy === undefined) return plainRequest(url, options)
      const headers = { ...options.headers, Host: url.host, ...proxyCredentials(proxy) }
      // RFC 9112 §3.2.2: a proxy is asked with the whole address.
      return plainRequest(new URL(proxy.origin), { ...options, path: url.href, headers })
    }
    if (proxy === undefined) return tlsRequest(url, options)
    const socket = await tunnel(proxy, url, signal)
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const { ca, cert, key } = options
    const secured = { socket, host, ...(isIP(host) === 0 && { servername: host }), ...(ca && { ca }) }
    const shown = { ...(cert && { cert }), ...(key && typeof key === 'string' && { key }) }
    return tlsRequest(url, { ...options, createConnection: () => tlsConnect({ ...secured, ...shown }) })
  }

  async *#pieces(answer: IncomingMessage, url: URL, signal: AbortSignal): AsyncGenerator<Buffer> {
    const each: AsyncIterator<Buffer> = answer[Symbol.asyncIterator]()
    try {
      for (;;) {
        const late = new RepositoryAway('slow', `${url}: nothing for ${this.#limits.idleMs} ms`)
        const cancel = this.#ddi.clock.after(this.#limits.idleMs, () => answer.destroy(late))
        const next = await each.next().finally(cancel)
        if (next.done === true) return
        yield next.value
      }
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof RepositoryAway) throw error
      throw new RepositoryAway('cut', `${url}: ${describe(error)}`, { cause: error })
    } finally {
      answer.destroy()
    }
  }
}
