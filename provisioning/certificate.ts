// The library below wants it before anything else of its own.
import 'reflect-metadata'
import { createHash, type KeyObject, X509Certificate } from 'node:crypto'
import { X509Certificate as Certificate, X509Certificates } from '@peculiar/x509'
import { EnrolError } from './enrol-error.ts'

/** id-kp-clientAuth (RFC 5280 §4.2.1.12), and anyExtendedKeyUsage. */
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'
const ANY_USAGE = '2.5.29.37.0'

/** Two clocks of a plant differ by no more than this, ms. */
export const CLOCK_SKEW_MS = 5 * 60_000

/** From and until when a certificate holds, ms since 1970. */
export function validity(certificate: X509Certificate): { readonly fromMs: number; readonly toMs: number } {
  return { fromMs: Date.parse(certificate.validFrom), toMs: Date.parse(certificate.validTo) }
}

/** SHA-256 over the whole certificate, 64 hexadecimal digits in lower case. */
export function fingerprint(certificate: X509Certificate): string {
  return createHash('sha256').update(certificate.raw).digest('hex')
}

/**
 * @param given 64 hexadecimal digits, with colons or without, in either case
 * @throws EnrolError `invalid`
 */
export function parseFingerprint(given: string): string {
  const digits = given.replaceAll(':', '').toLowerCase()
  if (/^[0-9a-f]{64}$/.test(digits)) return digits
  throw new EnrolError('invalid', `fingerprint ${JSON.stringify(given)}: expected the 64 digits of a SHA-256`)
}

/** The certificates of a PEM file, in its order. @throws EnrolError `invalid` that names `what` */
export function parsePem(pem: string, what: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  try {
    if (blocks.length > 0) return blocks.map((block) => new X509Certificate(block))
  } catch (cause) {
    throw new EnrolError('invalid', `${what}: expected PEM certificates`, { cause })
  }
  throw new EnrolError('invalid', `${what}: holds no PEM certificate`)
}

export function toPem(certificates: readonly X509Certificate[]): string {
  return certificates.map((certificate) => certificate.toString()).join('')
}

/**
 * A certs-only CMC response as EST carries it: base64 of PKCS#7 (RFC 7030 §4.1.3).
 * @throws EnrolError `untrusted`
 */
export function parseCertsOnly(base64: string): X509Certificate[] {
  try {
    if (!/^[\sA-Za-z0-9+/=]+$/.test(base64)) throw new Error('expected base64')
    const parsed = new X509Certificates(Buffer.from(base64, 'base64'))
    // Not `map`: it would make another list of the library's kind.
    if (parsed.length > 0)
      return Array.from(parsed, ({ rawData }) => new X509Certificate(Buffer.from(rawData)))
  } catch (cause) {
    throw new EnrolError('untrusted', 'the answer is no PKCS#7 of certificates', { cause })
  }
  throw new EnrolError('untrusted', 'the answer holds no certificate')
}

/** The certificates as base64 of PKCS#7, in lines of 76. */
export function certsOnly(certificates: readonly X509Certificate[]): string {
  const list = new X509Certificates(certificates.map(({ raw }) => new Certificate(raw)))
  return wrapped(Buffer.from(list.export('raw')))
}

/** Base64 in lines of 76, as RFC 7030 §4 sends what is binary. */
export function wrapped(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('base64')
    .replace(/.{1,76}/g, '$&\r\n')
}

/** The only common name of a certificate; undefined where there is none, or several. */
export function commonName({ subject }: X509Certificate): string | undefined {
  return attribute(subject, 'CN')
}

/** The serial number that stands in its subject: a device's, not the certificate's. */
export function subjectSerial({ subject }: X509Certificate): string | undefined {
  return attribute(subject, 'serialNumber')
}

function attribute(subject: string, name: string): string | undefined {
  const found = subject.split('\n').filter((line) => line.startsWith(`${name}=`))
  return found.length === 1 ? found[0]?.slice(name.length + 1) : undefined
}

/** Certificates that signed themselves: where a chain may end. */
export function selfSigned(certificates: readonly X509Certificate[]): X509Certificate[] {
  return certificates.filter((one) => isSignedBy(one, one))
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

/** What a chain is looked for in. */
export interface ChainOptions {
  /** What may stand between. */
  readonly pool: readonly X509Certificate[]
  /** Where it must end. */
  readonly anchors: readonly X509Certificate[]
  /** ms since 1970. */
  readonly atMs: number
}

/** No chain of a plant is longer. */
const LONGEST_CHAIN = 6

/**
 * The way from a certificate to one of the anchors: itself first, the anchor last.
 * @throws EnrolError `untrusted` when there is none in which every authority is one and holds at that time
 */
export function chainOf(leaf: X509Certificate, { pool, anchors, atMs }: ChainOptions): X509Certificate[] {
  const chain = [leaf]
  while (chain.length < LONGEST_CHAIN) {
    const last = chain.at(-1) ?? leaf
    const usable = (one: X509Certificate): boolean => one.ca && isSignedBy(last, one) && holds(one, atMs)
    const anchor = anchors.find(usable)
    if (anchor !== undefined) return [...chain, anchor]
    const next = pool.find((one) => usable(one) && !chain.includes(one))
    if (next === undefined) break
    chain.push(next)
  }
  throw new EnrolError('untrusted', `${named(leaf)}: no chain of valid authorities leads to a trusted one`)
}

function holds(certificate: X509Certificate, atMs: number): boolean {
  const { fromMs, toMs } = validity(certificate)
  return fromMs <= atMs + CLOCK_SKEW_MS && atMs < toMs
}

/** What a new certificate must be. */
export interface Expected extends ChainOptions {
  readonly deviceId: string
  readonly publicKey: KeyObject
}

/**
 * Whether a certificate that came is the one that was asked for.
 * @returns it, and what stands between it and its anchor
 * @throws EnrolError `untrusted` that says what is wrong
 */
export function checkIssued(issued: X509Certificate, expected: Expected): X509Certificate[] {
  const wrong = (what: string): never => {
    throw new EnrolError('untrusted', `the certificate that came is not ours: ${what}`)
  }
  if (!issued.publicKey.equals(expected.publicKey)) wrong('it is for another key')
  const name = commonName(issued)
  if (name !== expected.deviceId) wrong(`it names ${JSON.stringify(name)}, not ${expected.deviceId}`)
  if (issued.ca) wrong('it is one of an authority')
  const usages = issued.keyUsage
  if (usages !== undefined && !usages.includes(CLIENT_AUTH) && !usages.includes(ANY_USAGE)) {
    wrong('it is not for clients of TLS')
  }
  const { fromMs, toMs } = validity(issued)
  if (!(toMs > fromMs)) wrong('it ends before it begins')
  if (!holds(issued, expected.atMs))
    wrong(`it holds from ${issued.validFrom} to ${issued.validTo}, which is not now`)
  return chainOf(issued, expected).slice(0, -1)
}

/** How a message names a certificate. */
export function named(certificate: X509Certificate): string {
  return certificate.subject.replaceAll('\n', ', ')
}

/**
 * When to ask for the next certificate, ms since 1970: at two thirds of its life, and up to a twentieth later, so that
 * devices made on one day do not all come in one minute. The same for the same certificate, after any restart.
 */
export function renewAtMs(certificate: X509Certificate): number {
  const { fromMs, toMs } = validity(certificate)
  const life = toMs - fromMs
  const share = Number.parseInt(fingerprint(certificate).slice(0, 8), 16) / 2 ** 32
  return Math.round(fromMs + life * (2 / 3 + share / 20))
}
