import 'reflect-metadata'
import type { webcrypto } from 'node:crypto'
import {
  AuthorityKeyIdentifierExtension,
  Extension,
  type X509Certificate,
  type X509Crl,
  X509CrlGenerator,
  type X509CrlReason,
} from '@peculiar/x509'
import { integer } from '../certificate-der.ts'
import { SIGNATURE } from './authority-words.ts'

const CRL_NUMBER = '2.5.29.20'

/** A certificate that was taken back. */
export interface Revoked {
  readonly serial: string
  readonly revoked_ms: number | null
  readonly reason: number | null
}

export interface RevocationListOptions {
  readonly issuer: X509Certificate
  readonly key: webcrypto.CryptoKey
  /** Grows with every list (RFC 5280 §5.2.3). */
  readonly number: number
  readonly revoked: readonly Revoked[]
  readonly atMs: number
  /** When there is a newer one at the latest: a broker refuses everybody after it. */
  readonly untilMs: number
}

/** A list of revocations, X.509 v2, signed by the authority that gave the certificates. */
export async function revocationList(options: RevocationListOptions): Promise<X509Crl> {
  const { issuer, key, number, revoked, atMs, untilMs } = options
  return await X509CrlGenerator.create({
    issuer: issuer.subjectName,
    // A verifier whose clock is a little behind would take the list for one of the future.
    thisUpdate: new Date(atMs - 60_000),
    nextUpdate: new Date(untilMs),
    signingAlgorithm: SIGNATURE,
    signingKey: key,
    entries: revoked.map(({ serial, revoked_ms, reason }) => ({
      serialNumber: serial,
      revocationDate: new Date(revoked_ms ?? atMs),
      ...reasonOf(reason),
    })),
    extensions: [
      new Extension(CRL_NUMBER, false, integer(BigInt(number))),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  })
}

/** A list as PEM. RFC 7468 §6 calls it `X509 CRL`, and OpenSSL takes nothing else; the library writes `CRL`. */
export function listPem({ rawData }: X509Crl): string {
  const lines = Buffer.from(rawData)
    .toString('base64')
    .replace(/.{1,64}/g, '$&\n')
  return `-----BEGIN X509 CRL-----\n${lines}-----END X509 CRL-----\n`
}

/** Reason 0 says nothing, and is left out (RFC 5280 §5.3.1). */
function reasonOf(reason: number | null): { reason?: X509CrlReason } {
  return reason === null || reason === 0 ? {} : { reason }
}
