import { webcrypto } from 'node:crypto'
import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { backoffMs } from '../backoff.ts'
import { filesOf } from './catalogue.ts'
import { BackupError, backupError } from './error.ts'
import type { FarCopy } from './far-copy.ts'
import { manifestFile } from './manifest.ts'
import type { S3Options } from './options.ts'
import { type Credentials, encodeKey, encodeQuery, signRequest } from './sigv4.ts'

// Read, hashed and sent at once; at least 5 MiB by the protocol, and small enough for the memory of a Pi.
const PART_BYTES = 8 * 1024 * 1024
// Parts of one upload, by the protocol.
const MOST_PARTS = 10_000
const ATTEMPTS = 4
const BACKOFF = { firstMs: 1000, longestMs: 30_000 }
// A part takes two minutes at 70 kB/s, the poorest line that can carry a database at all.
const REQUEST_LIMIT_MS = 120_000

/** A bucket of S3, MinIO, Ceph, Garage or any other server that speaks the same. */
export class S3Store implements FarCopy {
  readonly where: string
  readonly #options: S3Options
  readonly #credentials: Credentials
  readonly #wall: () => number
  readonly #partBytes: number
  readonly #pauseMs: (failures: number) => number

  /**
   * @param wall ms since 1970; the server compares it with its own
   * @param tuning for tests: what a part holds, bytes, and how long to wait after a failure, ms
   */
  constructor(
    options: S3Options,
    credentials: Credentials,
    wall: () => number,
    tuning: { readonly partBytes?: number; readonly pauseMs?: (failures: number) => number } = {},
  ) {
    this.where = `s3 ${new URL(options.endpoint).host}/${options.bucket}/${options.prefix}`
    this.#options = options
    this.#credentials = credentials
    this.#wall = wall
    this.#partBytes = tuning.partBytes ?? PART_BYTES
    this.#pauseMs = tuning.pauseMs ?? ((failures) => backoffMs(failures, BACKOFF, Math.random))
  }

  async send(backup: string, signal: AbortSignal): Promise<void> {
    try {
      for (const file of [...(await filesOf(backup)), manifestFile(backup)])
        await this.#sendFile(file, signal)
    } catch (error) {
      signal.throwIfAborted()
      throw backupError(error, this.where)
    }
  }

  async #sendFile(path: string, signal: AbortSignal): Promise<void> {
    const url = this.#urlOf(basename(path))
    const file = await open(path)
    try {
      const { size } = await file.stat()
      const partBytes = Math.max(this.#partBytes, Math.ceil(size / MOST_PARTS))
      const part = async (index: number): Promise<Buffer> => {
        const length = Math.min(partBytes, size - index * partBytes)
        const { buffer, bytesRead } = await file.read({
          buffer: Buffer.alloc(length),
          position: index * partBytes,
        })
        if (bytesRead !== length) throw new BackupError('damaged', `${path}: shorter than it was`)
        return buffer
      }
      if (size <= partBytes) await this.#ask('PUT', url, await part(0), signal)
      else await this.#sendParts(url, Math.ceil(size / partBytes), part, signal)
    } finally {
      await file.close()
    }
  }

  async #sendParts(
    url: URL,
    count: number,
    part: (index: number) => Promise<Buffer>,
    signal: AbortSignal,
  ): Promise<void> {
    const begun = await this.#ask('POST', withQuery(url, { uploads: '' }), undefined, signal)
    const uploadId = /<UploadId>([^<]+)<\/UploadId>/.exec(begun.text)?.[1]
    if (uploadId === undefined) throw new Error('the server began no upload in parts')
    try {
      const tags: string[] = []
      for (let index = 0; index < count; index += 1) {
        const place = withQuery(url, { partNumber: String(index + 1), uploadId })
        const { etag } = await this.#ask('PUT', place, await part(index), signal)
        tags.push(`<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag}</ETag></Part>`)
      }
      const list = Buffer.from(`<CompleteMultipartUpload>${tags.join('')}</CompleteMultipartUpload>`)
      const { text } = await this.#ask('POST', withQuery(url, { uploadId }), list, signal)
      // The server may find out after it has said 200.
      if (text.includes('<Error>')) throw new Error(`the upload was refused: ${reasonIn(text)}`)
    } catch (error) {
      // Parts of an upload that does not end are stored, and paid for.
      const soon = AbortSignal.timeout(REQUEST_LIMIT_MS)
      await this.#once('DELETE', withQuery(url, { uploadId }), undefined, soon).catch(() => {})
      throw error
    }
  }

  /** @throws what the server refuses at once, and after several attempts what it could not do */
  async #ask(method: string, url: URL, body: Buffer | undefined, signal: AbortSignal): Promise<Answer> {
    for (let failures = 1; ; failures += 1) {
      try {
        return await this.#once(method, url, body, signal)
      } catch (error) {
        const final = error instanceof RefusedByServer && !error.transient
        if (final || signal.aborted || failures === ATTEMPTS) throw error
        await delay(this.#pauseMs(failures), undefined, { signal })
      }
    }
  }

  async #once(method: string, url: URL, body: Buffer | undefined, signal: AbortSignal): Promise<Answer> {
    const bodySha256 = await hexDigest(body ?? Buffer.alloc(0))
    const headers = signRequest(
      { method, url, bodySha256 },
      { credentials: this.#credentials, region: this.#options.region, wallMs: this.#wall() },
    )
    const response = await fetch(url, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_LIMIT_MS)]),
    })
    const text = await response.text()
    if (!response.ok) throw new RefusedByServer(method, response.status, text)
    return { text, etag: response.headers.get('etag') ?? '' }
  }

  #urlOf(name: string): URL {
    const { endpoint, bucket, prefix, path_style: inPath } = this.#options
    const url = new URL(endpoint)
    const base = url.pathname.replace(/\/$/, '')
    if (!inPath) url.hostname = `${bucket}.${url.hostname}`
    url.pathname = `${base}/${inPath ? `${bucket}/` : ''}${encodeKey(prefix + name)}`
    return url
  }
}

interface Answer {
  readonly text: string
  readonly etag: string
}

class RefusedByServer extends Error {
  override readonly name = 'RefusedByServer'
  /** Asking again may help. */
  readonly transient: boolean

  constructor(method: string, status: number, text: string) {
    super(`${method}: HTTP ${status}: ${reasonIn(text)}`)
    this.transient = status >= 500 || status === 429 || status === 408
  }
}

/** What S3 says of an error, in its XML. */
function reasonIn(text: string): string {
  const [code, message] = ['Code', 'Message'].map((tag) => new RegExp(`<${tag}>([^<]*)<`).exec(text)?.[1])
  return code === undefined ? 'no reason given' : [code, message].filter(Boolean).join(': ').slice(0, 300)
}

function withQuery(url: URL, query: Readonly<Record<string, string>>): URL {
  const asked = new URL(url)
  asked.search = encodeQuery(Object.entries(query))
  return asked
}

/** On a thread of the pool: a part would stop the main thread for a tenth of a second on a Pi 4. */
async function hexDigest(body: Buffer): Promise<string> {
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', body)).toString('hex')
}
