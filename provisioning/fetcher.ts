import type { IncomingMessage } from 'node:http'
import type { Clock } from '../drivers/clock.ts'
import { type Body, bodyOf } from './tuf-body.ts'
import { IntegrityError, RepositoryAway } from './tuf-errors.ts'
import { openFile } from './tuf-files.ts'
import { describe, headOf, redirection, requestHead, type TlsFiles } from './tuf-http.ts'
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
  readonly userAgent?: string
  readonly limits?: Partial<FetchLimits>
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
    const limit = new AbortController()
    const late = (): void => limit.abort(new RepositoryAway('slow', `${url}: took more than its time`))
    const cancel = this.#options.clock.after(this.#limits.metadataMs, late)
    try {
      const incoming = await this.open(url, { signal: AbortSignal.any([signal, limit.signal]) })
      return await collect(url, incoming, maxLength)
    } finally {
      cancel()
    }
  }

  async #follow(first: URL, from: From): Promise<Incoming> {
    let url = first
    for (let followed = 0; followed <= this.#limits.redirects; followed++) {
      const answer = await this.#ask(url, first, from)
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
  async #ask(url: URL, first: URL, from: From): Promise<IncomingMessage> {
    const limit = new AbortController()
    const late = (): void => limit.abort(new RepositoryAway('slow', `${url}: no answer in time`))
    const cancel = this.#options.clock.after(this.#limits.answerMs, late)
    const signal = AbortSignal.any([from.signal, limit.signal])
    // A certificate is shown to the repository that was configured, not to whom it sends us.
    const { ca, ...own } = this.#options.tls ?? {}
    const tls = { ...(ca !== undefined && { ca }), ...(url.origin === first.origin && own) }
    try {
      return await requestHead(url, {
        proxy: this.#options.proxy(url),
        tls,
        headers: this.#headers(from),
        signal,
      })
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof RepositoryAway) throw error
      throw new RepositoryAway('unreachable', `${url}: ${describe(error)}`, { cause: error })
    } finally {
      cancel()
    }
  }

  #headers({ offset = 0, validator }: From): Record<string, string> {
    return {
      Accept: '*/*',
      // Hashes and ranges are of the file itself.
      'Accept-Encoding': 'identity',
      'User-Agent': this.#options.userAgent ?? 'poincon-update',
      ...(offset > 0 && { Range: `bytes=${offset}-` }),
      ...(offset > 0 && validator !== undefined && { 'If-Range': validator }),
    }
  }

  #incoming(answer: IncomingMessage, url: URL, from: From): Incoming {
    try {
      const head = headOf(answer, url, from.offset ?? 0)
      const close = (): Promise<void> => {
        answer.destroy()
        return Promise.resolve()
      }
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

async function collect(url: URL, incoming: Incoming, maxLength: number): Promise<Buffer> {
  const parts: Buffer[] = []
  let length = 0
  for await (const piece of incoming.pieces) {
    length += piece.length
    if (length > maxLength) {
      throw new IntegrityError('endless', `${url}: more than ${maxLength} bytes, the most it may have`)
    }
    parts.push(piece)
  }
  return Buffer.concat(parts)
}
