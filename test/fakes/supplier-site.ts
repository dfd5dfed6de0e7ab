import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'

/** A page, HTML unless its type is said. */
type Page = string | Buffer | { readonly body: string | Buffer; readonly type?: string }
/** What a path answers: a page with its validators, or whatever it likes. */
export type Answering = Page | ((request: IncomingMessage, response: ServerResponse) => void)

/** One request as it came. */
export interface Asked {
  /** By the clock of whoever tests. */
  readonly atMs: number
  /** Host without its port, and path: `127.0.0.2/robots.txt`. */
  readonly what: string
  readonly agent: string
  readonly status: number
}

/**
 * Sites of suppliers, told apart by host: every address of 127.0.0.0/8 is this machine. Answers from `paths`, by
 * `127.0.0.2/path`; validators and 304 by themselves.
 */
export class SupplierSites {
  readonly paths = new Map<string, Answering>()
  readonly asked: Asked[] = []
  readonly #server: Server
  readonly #now: () => number

  private constructor(now: () => number) {
    this.#now = now
    this.#server = createServer((request, response) => this.#answer(request, response))
  }

  static async listen(now: () => number = () => performance.now()): Promise<SupplierSites> {
    const sites = new SupplierSites(now)
    sites.#server.listen(0, '0.0.0.0')
    await once(sites.#server, 'listening')
    return sites
  }

  get port(): number {
    const address = this.#server.address()
    if (typeof address !== 'object' || address === null) throw new Error('not listening')
    return address.port
  }

  /** @param what host and path, as `paths` has them */
  url(what: string): string {
    return `http://${what.replace('/', `:${this.port}/`)}`
  }

  /** What was asked for and answered in full, robots.txt left out. */
  get fetched(): readonly string[] {
    return this.asked.flatMap(({ what, status }) =>
      status === 200 && !what.endsWith('/robots.txt') ? what : [],
    )
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const [host = ''] = (request.headers.host ?? '').split(':')
    const what = `${host}${request.url}`
    const atMs = this.#now()
    const agent = request.headers['user-agent'] ?? ''
    response.once('close', () => {
      const status = response.writableFinished ? response.statusCode : 0
      this.asked.push({ atMs, what, agent, status })
    })
    const answering = this.paths.get(what)
    if (typeof answering === 'function') answering(request, response)
    else if (answering === undefined) response.writeHead(404).end('not here')
    else this.#send(request, response, answering)
  }

  #send(request: IncomingMessage, response: ServerResponse, answering: Page): void {
    const { body, type = 'text/html; charset=utf-8' } =
      typeof answering === 'string' || Buffer.isBuffer(answering) ? { body: answering } : answering
    const etag = `"${createHash('md5').update(body).digest('hex')}"`
    if (request.headers['if-none-match'] === etag) response.writeHead(304, { etag }).end()
    else response.writeHead(200, { etag, 'content-type': type }).end(body)
  }
}

/** A PNG of one pixel; `of` makes it another file. */
export function tinyPng(of: string): { readonly body: Buffer; readonly type: string } {
  const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsVjpUQAAAABJRU5ErkJggg=='
  return { body: Buffer.concat([Buffer.from(pixel, 'base64'), Buffer.from(of)]), type: 'image/png' }
}
