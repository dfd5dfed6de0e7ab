import type { IncomingMessage } from 'node:http'
import type { Clock } from '../drivers/clock.ts'
import { type Body, bodyOf, wholeOf } from './tuf-body.ts'
import { RepositoryAway } from './tuf-errors.ts'
import { openFile } from './tuf-files.ts'
import {
  type Asking,
  describe,
  headOf,
  type Question,
  type Reply,
  redirection,
  requestHead,
  type TlsFiles,
} from './tuf-http.ts'
import type { ProxyChoice } from './tuf-proxy.ts'

/** How long the far end may take, ms, and how much of it is followed. */
export interface FetchLimits {
  /** From the request to the first line of the answer, connection and proxy included. */
  readonly answerMs: number
  /** Between two pieces of a file. */
  readonly idleMs: number
  /** For one metadata file, from first to last byte. */
  readonly metadataMs: number
  /** Redirects in a row. */
  readonly redirects: number
}

export const FETCH_LIMITS: FetchLimits = {
  answerMs: 20_000,
  idleMs: 30_000,
  metadataMs: 60_000,
  redirects: 3,
}

export interface FetcherOptions {
  readonly clock: Clock
  readonly proxy: ProxyChoice
  readonly tls?: TlsFiles
  readonly limits?: Partial<FetchLimits>
  /** What one server alone is told and shown, certificate included; absent: the certificate to whoever is asked first. */
  readonly own?: OwnServer
}

export interface OwnServer {
  readonly origin: string
  /** Asked for each time, so that a new token is used. */
  readonly headers: () => Promise<Readonly<Record<string, string>>>
}

export interface From {
  readonly signal: AbortSignal
  /** First byte wanted; 0: all. */
  readonly offset?: number
  /** Only if the file is still the one this came with; else all of it is sent. */
  readonly validator?: string
}

/** A file on its way: read its `pieces` to the end or break off, or `close` it unread. */
export interface Incoming {
  /** Place of the first byte that comes; 0 when the far end sends all of it, asked or not. */
  readonly offset: number
  /** Bytes that the far end says will come; undefined: it does not say. */
  readonly length: number | undefined
  /** What names this state of the file, for going on later. */
  readonly validator: string | undefined
  readonly pieces: AsyncIterable<Buffer>
  close(): Promise<void>
}

/** Brings bytes from https:, http: and file: addresses, with limits, and believes nothing of them. */
export class Fetcher {
  readonly #options: FetcherOptions
  readonly #limits: FetchLimits

  constructor(options: FetcherOptions) {
    this.#options = options
    this.#limits = { ...FETCH_LIMITS, ...options.limits }
  }

  /** @throws RepositoryAway */
  async open(url: URL, from: From): Promise<Incoming> {
    from.signal.throwIfAborted()
    return url.protocol === 'file:' ? openFile(url, from.offset ?? 0) : await this.#follow(url, from)
  }

  /**
   * A whole file, in memory.
   * @throws RepositoryAway; IntegrityError `endless` when more than `maxLength` bytes come
   */
  async bytes(url: URL, maxLength: number, signal: AbortSignal): Promise<Buffer> {
    return await this.#within(this.#limits.metadataMs, url, signal, async (limited) => {
      const { pieces } = await this.open(url, { signal: limited })
      return await wholeOf(url, pieces, maxLength)
    })
  }

  /** A question with its whole answer, whatever its status; no redirect is followed. @throws as `bytes` */
  async ask(url: URL, { method, json, maxLength, signal }: Question): Promise<Reply> {
    const body = json === undefined ? undefined : Buffer.from(JSON.stringify(json))
    const content = body && { 'Content-Type': 'application/json', 'Content-Length': String(body.length) }
    return await this.#within(this.#limits.metadataMs, url, signal, async (limited) => {
      const how = { method, ...(body && { body }), headers: { ...content }, signal: limited }
      const answer = await this.#head(url, url, how)
      const pieces = this.#pieces(answer, bodyOf(answer), url, limited)
      const text = (await wholeOf(url, pieces, maxLength)).toString('utf8')
      return { status: answer.statusCode ?? 0, text, retryAfter: answer.headers['retry-after'] }
    })
  }

  async #follow(first: URL, from: From): Promise<Incoming> {
    let url = first
    for (let followed = 0; followed <= this.#limits.redirects; followed++) {
      const answer = await this.#head(url, first, { headers: rangeOf(from), signal: from.signal })
      if (answer.statusCode === 416 && (from.offset ?? 0) > 0) {
        answer.destroy()
        return await this.#follow(first, { signal: from.signal })
      }
      const next = redirection(answer, url)
      if (next === undefined) return this.#incoming(answer, url, from)
      url = next
    }
    throw new RepositoryAway('answer', `${first}: more than ${this.#limits.redirects} redirects`)
  }

  /** The answer's head, within its time; the signal stays tied to what follows it. */
  async #head(url: URL, first: URL, how: Omit<Asking, 'proxy' | 'tls'>): Promise<IncomingMessage> {
    const { proxy, tls = {}, own } = this.#options
    // A certificate is shown to the server that was configured, not to whom it sends us.
    const known = url.origin === (own?.origin ?? first.origin)
    const { ca, ...shown } = tls
    // Hashes and ranges are of the file itself.
    const usual = { Accept: '*/*', 'Accept-Encoding': 'identity', 'User-Agent': 'poincon-update' }
    const headers = { ...usual, ...how.headers, ...(known ? await own?.headers() : {}) }
    return await this.#within(this.#limits.answerMs, url, how.signal, async (signal) => {
      try {
        return await requestHead(url, {
          ...{ ...how, headers, signal, proxy: proxy(url) },
          tls: { ...(ca !== undefined && { ca }), ...(known && shown) },
        })
      } catch (error) {
        signal.throwIfAborted()
        if (error instanceof RepositoryAway) throw error
        throw new RepositoryAway('unreachable', `${url}: ${describe(error)}`, { cause: error })
      }
    })
  }

  async #within<T>(
    ms: number,
    url: URL,
    given: AbortSignal,
    act: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const limit = new AbortController()
    const late = new RepositoryAway('slow', `${url}: not within ${ms} ms`)
    const cancel = this.#options.clock.after(ms, () => limit.abort(late))
    try {
      return await act(AbortSignal.any([given, limit.signal]))
    } finally {
      cancel()
    }
  }

  #incoming(answer: IncomingMessage, url: URL, from: From): Incoming {
    try {
      const head = headOf(answer, url, from.offset ?? 0)
      const close = (): Promise<void> => Promise.resolve(void answer.destroy())
      return { ...head, pieces: this.#pieces(answer, bodyOf(answer), url, from.signal), close }
    } catch (error) {
      answer.destroy()
      throw error
    }
  }

  async *#pieces(answer: IncomingMessage, body: Body, url: URL, signal: AbortSignal): AsyncGenerator<Buffer> {
    try {
      for (;;) {
        // Only the far end's time counts: whoever reads may take its own.
        const late = new RepositoryAway('slow', `${url}: nothing for ${this.#limits.idleMs} ms`)
        const cancel = this.#options.clock.after(this.#limits.idleMs, () => answer.destroy(late))
        const piece = await body.next().finally(cancel)
        if (piece === undefined) return
        yield piece
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

function rangeOf({ offset = 0, validator }: From): Record<string, string> {
  if (offset === 0) return {}
  return { Range: `bytes=${offset}-`, ...(validator !== undefined && { 'If-Range': validator }) }
}
