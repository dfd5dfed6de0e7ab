import 'reflect-metadata'
import { X509Certificate as NodeCertificate, webcrypto } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { isIP } from 'node:net'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  CRLDistributionPointsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  type PublicKey,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { type Subject, subjectName } from '../certificate-request.ts'
import { type AuthorityFiles, makeAuthorityFiles, openAuthorityFiles } from './authority-files.ts'
import { newSerial, P256, SIGNATURE } from './authority-words.ts'
import { listPem, type Revoked, revocationList } from './crl.ts'
import type { Issued } from './tokens.ts'

const DAY_MS = 86_400_000
/** A certificate begins a little early: clocks differ. */
const EARLY_MS = 5 * 60_000

export interface AuthorityOptions {
  readonly dir: string
  /** What its certificates are called. */
  readonly name: string
  readonly passphrase: string
  /** Life of a device's certificate, days. Default 90. */
  readonly days?: number | undefined
  /** Where its list of revocations is fetched, `http://…`. */
  readonly listUrl?: string | undefined
  /** Until when such a list holds, days. Default 7. */
  readonly listDays?: number
}

/** What a TLS server of the authority shows. */
export interface ServerIdentity {
  readonly cert: string
  readonly key: string
  readonly toMs: number
}

/** The plant's own certificate authority: a root, and one below it that does the work. */
export class Authority {
  readonly #options: AuthorityOptions
  readonly #files: AuthorityFiles

  private constructor(options: AuthorityOptions, files: AuthorityFiles) {
    this.#options = options
    this.#files = files
  }

  /** Opens it; made at the first call. @throws Error when the passphrase is another */
  static async open(options: AuthorityOptions, atMs: number): Promise<Authority> {
    const { dir, name, passphrase } = options
    const there = await stat(dir).catch(() => undefined)
    if (there === undefined) await makeAuthorityFiles(dir, { name, passphrase, atMs })
    return new Authority(options, await openAuthorityFiles(dir, passphrase))
  }

  /** The root first. */
  get certificates(): readonly [NodeCertificate, NodeCertificate] {
    const { root, issuing } = this.#files
    return [new NodeCertificate(Buffer.from(root.rawData)), new NodeCertificate(Buffer.from(issuing.rawData))]
  }

  /** A device's certificate: for clients of TLS, and nothing else. */
  async issue(subject: Subject, publicKey: PublicKey, atMs: number): Promise<Issued> {
    const { days = 90, listUrl } = this.#options
    const certificate = await this.#sign({
      ...{ subject: new Name(subjectName(subject)), publicKey, atMs, days },
      extensions: [
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
        new SubjectAlternativeNameExtension([
          { type: 'url', value: `urn:poincon:device:${subject.deviceId}` },
        ]),
        ...(listUrl === undefined ? [] : [new CRLDistributionPointsExtension([listUrl])]),
      ],
    })
    return {
      serial: certificate.serialNumber,
      device_id: subject.deviceId,
      not_before_ms: certificate.notBefore.getTime(),
      not_after_ms: certificate.notAfter.getTime(),
      pem: `${certificate.toString('pem')}\n`,
    }
  }

  /** For the EST server itself, or a broker of the plant. @param hosts names and addresses it is reached by */
  async serverIdentity(hosts: readonly string[], atMs: number): Promise<ServerIdentity> {
    const keys = await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify'])
    const names = hosts.map((value) => ({
      type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const),
      value,
    }))
    const certificate = await this.#sign({
      ...{ subject: [{ CN: [hosts[0] ?? 'localhost'] }], publicKey: keys.publicKey, atMs, days: 90 },
      extensions: [
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension(names),
      ],
    })
    const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
    return {
      cert: `${certificate.toString('pem')}\n${this.#files.issuing.toString('pem')}\n`,
      key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`,
      toMs: certificate.notAfter.getTime(),
    }
  }

  /** The list of revocations. @returns DER, and PEM with the root's own list behind it, for who checks the whole chain */
  async list(
    revoked: readonly Revoked[],
    number: number,
    atMs: number,
  ): Promise<{ der: Buffer; pem: string }> {
    const { issuing, issuingKey, rootList } = this.#files
    const untilMs = atMs + (this.#options.listDays ?? 7) * DAY_MS
    const list = await revocationList({ issuer: issuing, key: issuingKey, number, revoked, atMs, untilMs })
    return { der: Buffer.from(list.rawData), pem: `${listPem(list)}${rootList}` }
  }

  async #sign(what: {
    readonly subject: Name | [{ CN: string[] }]
    readonly publicKey: PublicKey | webcrypto.CryptoKey
    readonly atMs: number
    readonly days: number
    readonly extensions: readonly Extension[]
  }) {
    const { issuing, issuingKey } = this.#files
    const { subject, publicKey, atMs, days, extensions } = what
    return await X509CertificateGenerator.create({
      serialNumber: newSerial(),
      subject,
      issuer: issuing.subjectName,
      notBefore: new Date(atMs - EARLY_MS),
      notAfter: new Date(Math.min(atMs + days * DAY_MS, issuing.notAfter.getTime())),
      signingAlgorithm: SIGNATURE,
      publicKey,
      signingKey: issuingKey,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        ...extensions,
        await SubjectKeyIdentifierExtension.create(publicKey),
        await AuthorityKeyIdentifierExtension.create(issuing.publicKey),
      ],
    })
  }
}
