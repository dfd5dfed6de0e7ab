import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { Clock } from '../../drivers/clock.ts'

export interface PostOptions {
  readonly url: string
  readonly timeoutMs: number
  readonly clock: Clock
  /** PEM. */
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string }
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  /** The beginning of what the server says, on one line. */
  readonly text: string
}

/** What a server says beyond this says nothing more. */
const MOST_TEXT = 300
const MOST_BYTES = 65_536

/** One connection to one server, kept open between requests. Redirects are not followed: they are answers. */
export class Poster {
  readonly #options: PostOptions
  readonly #agent: HttpAgent | HttpsAgent

  constructor(options: PostOptions) {
    this.#options = options
    const keep = { keepAlive: true, maxSockets: 1 }
    this.#agent = options.url.startsWith('https:') ? new HttpsAgent(keep) : new HttpAgent(keep)
  }

  close(): void {
    this.#agent.destroy()
  }

  /**
   * @returns what the server answers, once it is there to the last byte
   * @throws Error when there is no whole answer in time; the signal's reason
   */
  async post(headers: Readonly<Record<string, string>>, body: string, signal: AbortSignal): Promise<Answer> {
    signal.throwIfAborted()
    const { url, timeoutMs, clock } = this.#options
    const ended = new AbortController()
    const abort = (): void => ended.abort(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    const cancel = clock.after(timeoutMs, () => ended.abort(new Error(`no answer within ${timeoutMs} ms`)))
    try {
      return await this.#exchange(headers, Buffer.from(body), ended.signal)
    } catch (error) {
      signal.throwIfAborted()
      const cause = ended.signal.aborted ? ended.signal.reason : error
      throw new Error(`${url}: ${cause instanceof Error ? cause.message || cause.name : cause}`, { cause })
    } finally {
      cancel()
      signal.removeEventListener('abort', abort)
    }
  }

  #exchange(
    headers: Readonly<Record<string, string>>,
    body: Uint8Array,
    signal: AbortSignal,
  ): Promise<Answer> {
    const { url, tls } = this.#options
    const options = { method: 'POST', agent: this.#agent, signal }
    const sized = { ...headers, 'content-length': String(body.length) }
    return new Promise((resolve, reject) => {
      const request = url.startsWith('https:')
        ? httpsRequest(url, { ...options, ...tls, headers: sized })
        : httpRequest(url, { ...options, headers: sized })
      request.once('error', reject)
      request.once('response', (response) => {
        read(response).then(
          (text) => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
          reject,
        )
      })
      request.end(body)
    })
  }
}

async function read(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue
    length += chunk.length
    if (length > MOST_BYTES) {
      response.destroy()
      break
    }
    chunks.push(chunk)
  }
  const text = Buffer.concat(chunks).toString('utf8').replace(/\s+/g, ' ').trim()
  return text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)}…` : text
}
