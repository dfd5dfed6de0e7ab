import { HttpError, InfluxDB, type WriteApi } from '@influxdata/influxdb-client'
import { z } from 'zod'
import { RetryLaterError } from '../outbox.ts'
import { readSecret } from '../secret-file.ts'
import type { InfluxOptions } from './options.ts'

/** Writes lines; resolves when the server has acknowledged them. */
export type WriteLines = (lines: readonly string[]) => Promise<void>

/** The server understood the request and will not take these lines (HTTP 400, 413, 422). */
export class LinesRefusedError extends Error {
  override readonly name = 'LinesRefusedError'
  /** The first line that it names, from 1; a hint, where the server gives one. */
  readonly line: number | undefined

  constructor(reason: string, { line, ...options }: ErrorOptions & { readonly line?: number | undefined }) {
    super(reason, options)
    this.line = line
  }
}

const line = z.int().min(1)
/** InfluxDB 2 names the first line it cannot read, InfluxDB 3 every line that it left out of a partial write. */
const refusedLines = z.union([
  z.object({ line }).transform((said) => said.line),
  z
    .object({ data: z.array(z.object({ line_number: line })).min(1) })
    .transform(({ data }) => Math.min(...data.map(({ line_number }) => line_number))),
])

/** More lines than one call ever brings, so that the client never sends by itself. */
const MAX_LINES = 10_000
const TIMEOUT_MS = 10_000

/**
 * The client's writer without its buffer and without its retries: the cursor says what has been written, so every
 * failure must be heard. Secrets are read at the first write, and again after the server has refused them.
 * @throws LinesRefusedError, RetryLaterError, or Error when the server cannot be reached or does not work
 */
export function openWriter(options: InfluxOptions): WriteLines {
  let api: WriteApi | undefined
  return async (lines) => {
    try {
      api ??= await openApi(options)
      api.writeRecords([...lines])
      await api.flush()
    } catch (error) {
      if (error instanceof HttpError && (error.statusCode === 401 || error.statusCode === 403))
        api = undefined
      throw describe(options.url, error)
    }
  }
}

async function openApi(options: InfluxOptions): Promise<WriteApi> {
  const { url, version, org, bucket, database } = options
  const headers = await authorization(options)
  const api = new InfluxDB({ url, timeout: TIMEOUT_MS, headers }).getWriteApi(org, bucket, 'ns', {
    batchSize: MAX_LINES,
    maxBatchBytes: Number.MAX_SAFE_INTEGER,
    flushInterval: 0,
    maxRetries: 0,
    gzipThreshold: 1000,
    // Hands the error to whoever flushes, in place of the console and the retry buffer.
    writeFailed: (error) => Promise.reject(error),
  })
  if (version === 1) api.path = `/write?db=${encodeURIComponent(database)}&precision=ns`
  return api
}

async function authorization(options: InfluxOptions): Promise<Record<string, string>> {
  const { version, username } = options
  if (version === 2) {
    const token = options.token ?? (await readSecret(options.token_file))
    return token === undefined ? {} : { authorization: `Token ${token}` }
  }
  if (username === undefined) return {}
  const password = options.password ?? (await readSecret(options.password_file)) ?? ''
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` }
}

function describe(url: string, cause: unknown): Error {
  if (!(cause instanceof HttpError)) {
    return new Error(`${url}: ${cause instanceof Error ? cause.message || cause.name : cause}`, { cause })
  }
  const { statusCode, message, headers } = cause
  const text = `${url}: HTTP ${statusCode}: ${message}`
  if (statusCode === 400 || statusCode === 413 || statusCode === 422)
    return new LinesRefusedError(text, { cause, line: refusedLines.safeParse(cause.json).data })
  // The client takes the header for milliseconds; it counts seconds (RFC 9110 §10.2.3).
  const seconds = Number(headers?.['retry-after'])
  return seconds > 0 ? new RetryLaterError(seconds * 1000, text, { cause }) : new Error(text, { cause })
}
