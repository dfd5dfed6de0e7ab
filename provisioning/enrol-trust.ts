import type { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { Clock } from '../drivers/clock.ts'
import {
  CLOCK_SKEW_MS,
  fingerprint,
  parseCertsOnly,
  parseFingerprint,
  parsePem,
  selfSigned,
  validity,
} from './certificate.ts'
import { EnrolError } from './enrol-error.ts'
import { estUrl, MAX_BYTES } from './est.ts'
import { type EstAnswer, exchange } from './est-http.ts'

/** How a device that knows nothing yet comes to trust an authority: told by a person, either way. */
export type FirstTrust =
  | { readonly kind: 'certificates'; readonly pem: string }
  /** SHA-256 of the root's certificate. */
  | { readonly kind: 'fingerprint'; readonly sha256: string }

export interface Contact {
  readonly url: string
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly deadlineMs?: number | undefined
}

const DEADLINE_MS = 30_000

/**
 * The roots to trust. By fingerprint they are fetched from a server that nobody has verified yet (RFC 7030 §4.1.1):
 * nothing secret is sent, and nothing is believed but the certificate that has this fingerprint.
 * @throws EnrolError `untrusted` when there is no such certificate; `clock-wrong` when this clock stands before it
 */
export async function firstTrust(trust: FirstTrust, contact: Contact): Promise<X509Certificate[]> {
  if (trust.kind === 'certificates') {
    const given = parsePem(trust.pem, 'the certificates to trust')
    await checkClock(given, contact)
    return given
  }
  const wanted = parseFingerprint(trust.sha256)
  const { answer, host } = await unverified(contact)
  if (answer.status !== 200) throw new EnrolError('away', `${host}: cacerts: answer ${answer.status}`)
  const certificates = parseCertsOnly(answer.body.toString('latin1'))
  const found = certificates.find((one) => fingerprint(one) === wanted)
  if (found === undefined) {
    const had = certificates.map(fingerprint).join(', ')
    throw new EnrolError(
      'untrusted',
      `${host} has no authority with the fingerprint ${wanted}; it has ${had}`,
    )
  }
  if (selfSigned([found]).length === 0) {
    throw new EnrolError('invalid', `the fingerprint is of ${found.subject}: expected that of a root`)
  }
  compareClocks([found], contact.clock.wall(), answer.dateMs)
  return [found]
}

/**
 * Whether this clock can be right, where certificates we trust say when it is not.
 * @throws EnrolError `clock-wrong`; `expired` when they have run out by the server's clock too
 */
export async function checkClock(certificates: readonly X509Certificate[], contact: Contact): Promise<void> {
  const atMs = contact.clock.wall()
  if (certificates.some((one) => isWithin(one, atMs))) return
  const told = await unverified(contact).catch(() => undefined)
  compareClocks(certificates, atMs, told?.answer.dateMs)
}

/** A certificate that we trust cannot have been signed after now: its beginning is a floor under every clock. */
function compareClocks(
  certificates: readonly X509Certificate[],
  atMs: number,
  serverMs: number | undefined,
): void {
  if (certificates.some((one) => isWithin(one, atMs))) return
  const here = new Date(atMs).toISOString()
  const there = serverMs === undefined ? '' : `; the server says ${new Date(serverMs).toISOString()}`
  if (certificates.every((one) => validity(one).fromMs > atMs)) {
    throw new EnrolError('clock-wrong', `this clock says ${here}, before any authority began${there}`)
  }
  if (serverMs !== undefined && certificates.some((one) => isWithin(one, serverMs))) {
    throw new EnrolError('clock-wrong', `this clock says ${here}, after every authority ended${there}`)
  }
  throw new EnrolError('expired', `every authority that is trusted here ended before ${here}${there}`)
}

function isWithin(certificate: X509Certificate, atMs: number): boolean {
  const { fromMs, toMs } = validity(certificate)
  return fromMs - CLOCK_SKEW_MS <= atMs && atMs < toMs
}

/** Two clocks this far apart are not both right, ms. */
const CLOCKS_APART_MS = 24 * 3_600_000

/**
 * What a failure means when clocks are looked at: a certificate that "has ended" may only end for us.
 * @returns the error itself, or a `clock-wrong` in its place; it only names what happened, nothing is trusted for it
 */
export async function lookAtClocks(error: unknown, contact: Contact): Promise<unknown> {
  const cause = error instanceof Error ? error.cause : undefined
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code !== 'CERT_HAS_EXPIRED' && code !== 'CERT_NOT_YET_VALID') return error
  const there = await unverified(contact).catch(() => undefined)
  const [hereMs, thereMs] = [contact.clock.wall(), there?.answer.dateMs]
  if (thereMs === undefined || Math.abs(thereMs - hereMs) < CLOCKS_APART_MS) return error
  const [here, says] = [new Date(hereMs).toISOString(), new Date(thereMs).toISOString()]
  return new EnrolError('clock-wrong', `this clock says ${here}, the server ${says}`, { cause: error })
}

/** What the server takes the time for, by its word alone; undefined when it does not answer. */
export async function serverTime(contact: Contact): Promise<number | undefined> {
  return await unverified(contact).then(
    ({ answer }) => answer.dateMs,
    () => undefined,
  )
}

async function unverified({ url, clock, signal, deadlineMs = DEADLINE_MS }: Contact) {
  const at = estUrl(url, 'cacerts')
  const answer: EstAnswer = await exchange({
    ...{
      url: at,
      context: createSecureContext({ minVersion: 'TLSv1.2' }),
      clock,
      signal,
      deadlineMs,
      maxBytes: MAX_BYTES,
      verifyServer: false,
    },
  })
  return { answer, host: at.host }
}
