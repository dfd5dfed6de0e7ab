import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Credentials } from '../../gateway/backup/sigv4.ts'

/** What the server answers in place of what was asked for. */
export interface Misbehaviour {
  readonly status: number
  readonly body: string
}

/**
 * As much of S3 as an upload needs: one bucket, objects, uploads in parts. It signs every request again by itself, and
 * refuses what was signed otherwise, is 15 minutes off, or has another body than was signed.
 */
export class FakeS3 {
  readonly objects = new Map<string, Buffer>()
  /** Uploads that were begun and neither completed nor aborted. */
  readonly uploads = new Map<string, Map<number, Buffer>>()
  /** Method and path with query of every request that was let in. */
  readonly asked: string[] = []
  /** Asked before each request that is signed well. */
  misbehave: (what: string) => Misbehaviour | 'hang up' | undefined = () => undefined
  readonly #server: Server
  readonly #options: {
    readonly credentials: Credentials
    readonly region: string
    readonly wall: () => number
  }

  private constructor(options: {
    readonly credentials: Credentials
    readonly region: string
    readonly wall: () => number
  }) {
    this.#options = options
    this.#server = createServer((request, response) => {
      void this.#answer(request).then((answer) => {
        if (answer === 'hang up') request.socket.destroy()
        else response.writeHead(answer.status, { etag: answer.etag ?? '' }).end(answer.body)
      })
    })
  }

  static async listen(options: {
    readonly credentials: Credentials
    readonly region: string
    readonly wall: () => number
  }): Promise<FakeS3> {
    const fake = new FakeS3(options)
    fake.#server.listen(0, '127.0.0.1')
    await once(fake.#server, 'listening')
    return fake
  }

  get endpoint(): string {
    const address = this.#server.address()
    if (typeof address !== 'object' || address === null) throw new Error('not listening')
    return `http://127.0.0.1:${address.port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #answer(
    request: IncomingMessage,
  ): Promise<{ readonly status: number; readonly body: string; readonly etag?: string } | 'hang up'> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(Buffer.from(chunk))
    const body = Buffer.concat(chunks)
    const url = new URL(request.url ?? '/', this.endpoint)
    const refused = this.#refusal(request, body)
    if (refused !== undefined) return { status: 403, body: errorBody(refused, 'not let in') }
    const what = `${request.method} ${request.url}`
    this.asked.push(what)
    return this.misbehave(what) ?? this.#act(request.method ?? '', url, body)
  }

  #refusal(request: IncomingMessage, body: Buffer): string | undefined {
    const { wall } = this.#options
    const { authorization = '' } = request.headers
    const stamp = String(request.headers['x-amz-date'])
    const sentMs = Date.parse(stamp.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'))
    if (!(Math.abs(wall() - sentMs) <= 15 * 60_000)) return 'RequestTimeTooSkewed'
    const bodySha256 = createHash('sha256').update(body).digest('hex')
    if (request.headers['x-amz-content-sha256'] !== bodySha256) return 'XAmzContentSHA256Mismatch'
    return this.#signatureOf(request, bodySha256, stamp) === /Signature=(\w+)$/.exec(authorization)?.[1]
      ? undefined
      : 'SignatureDoesNotMatch'
  }

  /** Worked out from the request as it came, by nothing of the code under test. */
  #signatureOf(request: IncomingMessage, bodySha256: string, stamp: string): string {
    const { credentials, region } = this.#options
    const names = /SignedHeaders=([^,]+)/.exec(request.headers.authorization ?? '')?.[1] ?? ''
    const [path = '', query = ''] = (request.url ?? '').split('?')
    const lines = names.split(';').map((name) => `${name}:${String(request.headers[name])}\n`)
    const sorted = query.split('&').sort().join('&')
    const canonical = [request.method, path, sorted, lines.join(''), names, bodySha256].join('\n')
    const within = `${stamp.slice(0, 8)}/${region}/s3/aws4_request`
    const digest = createHash('sha256').update(canonical).digest('hex')
    const toSign = `AWS4-HMAC-SHA256\n${stamp}\n${within}\n${digest}`
    let key: string | Buffer = `AWS4${credentials.secretAccessKey}`
    for (const word of within.split('/')) key = createHmac('sha256', key).update(word).digest()
    return createHmac('sha256', key).update(toSign).digest('hex')
  }

  #act(
    method: string,
    url: URL,
    body: Buffer,
  ): { readonly status: number; readonly body: string; readonly etag?: string } {
    const key = decodeURIComponent(url.pathname)
    const id = url.searchParams.get('uploadId') ?? ''
    const part = Number(url.searchParams.get('partNumber'))
    const etag = `"${createHash('md5').update(body).digest('hex')}"`
    if (method === 'POST' && url.searchParams.has('uploads')) {
      const begun = `upload/${this.uploads.size + 1}+=`
      this.uploads.set(begun, new Map())
      return { status: 200, body: `<R><UploadId>${begun}</UploadId></R>` }
    }
    const parts = this.uploads.get(id)
    if (id !== '' && parts === undefined) return { status: 404, body: errorBody('NoSuchUpload', id) }
    if (parts === undefined) {
      this.objects.set(key, body)
      return { status: 200, body: '', etag }
    }
    if (method === 'PUT') {
      parts.set(part, body)
      return { status: 200, body: '', etag }
    }
    this.uploads.delete(id)
    if (method === 'DELETE') return { status: 204, body: '' }
    const named = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>("[0-9a-f]{32}")</g)]
    const whole = named.map(([, number]) => parts.get(Number(number)) ?? Buffer.alloc(0))
    this.objects.set(key, Buffer.concat(whole))
    return { status: 200, body: '<CompleteMultipartUploadResult/>' }
  }
}

export function errorBody(code: string, message: string): string {
  return `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`
}
