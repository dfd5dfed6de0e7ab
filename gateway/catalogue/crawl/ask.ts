import type { Clock } from '../../../drivers/clock.ts'
import type { Validators } from '../../lens-crawl.ts'

/** What an answer has to be. */
export interface Want {
  /** The `Accept` header. */
  readonly accept: string
  /** Media types, in lower case, that are taken. */
  readonly types: RegExp
  /** Of the answer, unpacked. */
  readonly mostBytes: number
  /** A longer answer is cut, not refused. */
  readonly cut?: boolean
}

/** One answer to one request. */
export type Answer =
  | {
      readonly kind: 'bytes'
      readonly bytes: Buffer
      readonly contentType: string
      readonly validators: Validators
    }
  /** Anything but 200. */
  | {
      readonly kind: 'status'
      readonly status: number
      readonly location?: string
      readonly retryAfterMs?: number
    }
  /** 200, and not what was wanted: asking again would not help. */
  | { readonly kind: 'unusable'; readonly detail: string }
  /** No answer, or half of one. */
  | { readonly kind: 'silent'; readonly detail: string }

export interface Asking {
  readonly want: Want
  readonly validators: Validators
  readonly agent: string
  readonly answerMs: number
  readonly clock: Clock
  readonly signal: AbortSignal | undefined
}

/** Sends one GET and reads its answer, up to the limits. @throws the signal's reason */
export async function ask(url: URL, asking: Asking): Promise<Answer> {
  const { want, clock, signal, answerMs } = asking
  const ended = new AbortController()
  const end = (): void => ended.abort(signal?.reason)
  const cancel = clock.after(answerMs, () =>
    ended.abort(new Error(`no whole answer in ${answerMs / 1000} s`)),
  )
  signal?.addEventListener('abort', end, { once: true })
  try {
    signal?.throwIfAborted()
    const response = await fetch(url, {
      redirect: 'manual',
      headers: headersOf(asking),
      signal: ended.signal,
    })
    const answer = await answerOf(response, want, clock)
    if (answer.kind !== 'bytes') await response.body?.cancel().catch(() => {})
    return answer
  } catch (error) {
    signal?.throwIfAborted()
    return { kind: 'silent', detail: reasonOf(ended.signal.aborted ? ended.signal.reason : error) }
  } finally {
    cancel()
    signal?.removeEventListener('abort', end)
    // What was refused in its middle is not read to its end.
    ended.abort()
  }
}

function headersOf({ want, validators, agent }: Asking): Record<string, string> {
  const { etag, lastModified } = validators
  return {
    accept: want.accept,
    'accept-language': 'fr, en;q=0.5',
    'user-agent': agent,
    ...(etag === undefined ? {} : { 'if-none-match': etag }),
    ...(lastModified === undefined ? {} : { 'if-modified-since': lastModified }),
  }
}

async function answerOf(response: Response, want: Want, clock: Clock): Promise<Answer> {
  const { status, headers } = response
  if (status !== 200) {
    const [location, retryAfterMs] = [headers.get('location'), waitOf(headers.get('retry-after'), clock)]
    return {
      ...{ kind: 'status', status },
      ...(location === null ? {} : { location }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    }
  }
  const contentType = headers.get('content-type') ?? ''
  const mediaType = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (!want.types.test(mediaType || 'none')) {
    return { kind: 'unusable', detail: `its type is ${mediaType || 'not said'}, expected ${want.accept}` }
  }
  const bytes = await bytesOf(response, want)
  if (bytes === undefined) return { kind: 'unusable', detail: `more than ${want.mostBytes} bytes` }
  const [etag, lastModified] = [headers.get('etag'), headers.get('last-modified')]
  const validators = {
    ...(etag === null ? {} : { etag }),
    ...(lastModified === null ? {} : { lastModified }),
  }
  return { kind: 'bytes', bytes, contentType, validators }
}

/** @returns undefined when there are more than are wanted */
async function bytesOf({ body }: Response, { mostBytes, cut }: Want): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = body?.getReader()
  for (;;) {
    const { value, done } = (await reader?.read()) ?? { value: undefined, done: true }
    if (value === undefined || done) break
    chunks.push(value)
    length += value.length
    if (length <= mostBytes) continue
    if (cut !== true) return undefined
    break
  }
  return Buffer.concat(chunks).subarray(0, mostBytes)
}

/** RFC 9110, 10.2.3: seconds, or a date. */
function waitOf(text: string | null, clock: Clock): number | undefined {
  if (text === null) return undefined
  const ms = /^\d+$/.test(text.trim()) ? 1000 * Number(text) : Date.parse(text) - clock.wall()
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // fetch says `fetch failed`; what failed stands behind it.
  const { cause } = error
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message
}
