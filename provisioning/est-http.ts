import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import type { SecureContext } from 'node:tls'
import type { Clock } from '../drivers/clock.ts'
import { EnrolError, type EnrolReason } from './enrol-error.ts'

/** What is asked of an EST server, and within which limits. */
export interface EstRequest {
  readonly url: URL
  readonly body?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  /** Whom to trust, and who we are. One for many requests: OpenSSL's engines cannot be asked twice in a process. */
  readonly context: SecureContext
  /** Default true. False only where what comes is checked otherwise, and nothing secret is sent. */
  readonly verifyServer?: boolean
  readonly clock: Clock
  readonly signal: AbortSignal
  /** From the first packet to the last byte, ms. */
  readonly deadlineMs: number
  /** The longest body, bytes. */
  readonly maxBytes: number
}

export interface EstAnswer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
  /** What the server takes the time for, ms since 1970. */
  readonly dateMs: number | undefined
}

/**
 * One exchange on a connection of its own; follows no redirect.
 * @throws EnrolError by what it means; the signal's reason when that aborts
 */
export async function exchange(asked: EstRequest): Promise<EstAnswer> {
  const { url, clock, signal, deadlineMs } = asked
  signal.throwIfAborted()
  const over = new AbortController()
  const late = new EnrolError('away', `${url.host}: no whole answer within ${deadlineMs} ms`)
  const cancel = clock.after(deadlineMs, () => over.abort(late))
  try {
    return await send(asked, AbortSignal.any([signal, over.signal]))
  } catch (error) {
    signal.throwIfAborted()
    if (over.signal.aborted) throw late
    throw error instanceof EnrolError ? error : meaning(error, url)
  } finally {
    cancel()
  }
}

function send(asked: EstRequest, signal: AbortSignal): Promise<EstAnswer> {
  const { url, body, headers, context, verifyServer = true } = asked
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      // Goes to Node's `tls.connect`; the types of `https.request` do not know it.
      ...{ secureContext: context },
      method: body === undefined ? 'GET' : 'POST',
      rejectUnauthorized: verifyServer,
      // A kept or resumed connection would not show a certificate that was renewed meanwhile.
      agent: false,
      signal,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }) },
    })
    outgoing.on('error', reject)
    outgoing.on('response', (incoming) => {
      collect(incoming, asked).then(resolve, (error: unknown) => {
        outgoing.destroy()
        reject(error)
      })
    })
    outgoing.end(body)
  })
}

async function collect(incoming: IncomingMessage, { url, maxBytes }: EstRequest): Promise<EstAnswer> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of incoming) {
    if (!Buffer.isBuffer(part)) continue
    length += part.length
    if (length > maxBytes) {
      throw new EnrolError('untrusted', `${url.host}: the answer is longer than ${maxBytes} bytes`)
    }
    parts.push(part)
  }
  const date = Date.parse(incoming.headers.date ?? '')
  return {
    status: incoming.statusCode ?? 0,
    headers: incoming.headers,
    body: Buffer.concat(parts),
    dateMs: Number.isNaN(date) ? undefined : date,
  }
}

/** What OpenSSL says when a certificate of the server cannot be trusted. */
const UNTRUSTED =
  /^(?:UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_SIGNATURE|CERT_CHAIN|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|ERR_TLS_CERT_ALTNAME|CERT_REVOKED|CERT_UNTRUSTED|CERT_REJECTED)/

/** What a connection's error means. */
function meaning(error: unknown, { host }: URL): EnrolError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const told = error instanceof AggregateError ? error.errors.map(String).join(', ') : String(error)
  return new EnrolError(reasonOf(code), `${host}: ${told}`, { cause: error })
}

function reasonOf(code: string): EnrolReason {
  if (code === 'CERT_NOT_YET_VALID') return 'clock-wrong'
  // Who looks at both clocks tells this one from the first (see enrol-trust.ts).
  if (code === 'CERT_HAS_EXPIRED') return 'untrusted'
  if (UNTRUSTED.test(code)) return 'untrusted'
  // Alerts of TLS (RFC 8446 §6.2): what the server makes of our certificate.
  if (code.endsWith('ALERT_CERTIFICATE_REVOKED')) return 'revoked'
  if (code.endsWith('ALERT_CERTIFICATE_EXPIRED')) return 'expired'
  if (
    /ALERT_(?:BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_UNKNOWN|ACCESS_DENIED|CERTIFICATE_REQUIRED)/.test(code)
  ) {
    return 'refused'
  }
  if (code.startsWith('ERR_OSSL_') || code === 'ERR_SSL_PRIVATE_KEY_MISMATCH') return 'invalid'
  return 'away'
}
