import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { replaceFile } from '../../gateway/replace-file.ts'
import { seal, unseal } from './authority-vault.ts'
import { newSerial, P256, SIGNATURE } from './authority-words.ts'
import { listPem, revocationList } from './crl.ts'

const DAY_MS = 86_400_000
/** Both outlive every device in service; a root is renewed by hand. */
const ROOT_DAYS = 20 * 365
const ISSUING_DAYS = 10 * 365

/** What lies in the authority's folder, opened. */
export interface AuthorityFiles {
  readonly root: X509Certificate
  readonly issuing: X509Certificate
  readonly issuingKey: webcrypto.CryptoKey
  /** The root's own list, PEM: empty, made with it. */
  readonly rootList: string
}

/** @throws Error when there is none, or the passphrase is another */
export async function openAuthorityFiles(dir: string, passphrase: string): Promise<AuthorityFiles> {
  const read = (name: string): Promise<string> => readFile(join(dir, name), 'utf8')
  const key = await unseal(await read('issuing.key.json'), passphrase)
  return {
    root: new X509Certificate(await read('root.crt')),
    issuing: new X509Certificate(await read('issuing.crt')),
    issuingKey: await webcrypto.subtle.importKey('pkcs8', key, P256, false, ['sign']),
    rootList: await read('root.crl'),
  }
}

/**
 * Makes root and issuing authority, whole or not at all. The root's key is needed again only for another issuing
 * authority: `root.key.json` is best kept elsewhere.
 */
export async function makeAuthorityFiles(
  dir: string,
  { name, passphrase, atMs }: { readonly name: string; readonly passphrase: string; readonly atMs: number },
): Promise<void> {
  const incoming = `${dir}.incoming`
  await rm(incoming, { recursive: true, force: true })
  await mkdir(incoming, { recursive: true, mode: 0o700 })
  const [rootKeys, issuingKeys] = [await newKeys(), await newKeys()]
  const root = await rootOf(name, rootKeys, atMs)
  const issuing = await issuingOf(name, issuingKeys, { root, rootKeys, atMs })
  const list = await revocationList({
    ...{
      issuer: root,
      key: rootKeys.privateKey,
      number: 1,
      revoked: [],
      atMs,
      untilMs: root.notAfter.getTime(),
    },
  })
  const write = (file: string, text: string, mode?: number) => replaceFile(join(incoming, file), text, mode)
  await write('root.crt', `${root.toString('pem')}\n`)
  await write('issuing.crt', `${issuing.toString('pem')}\n`)
  await write('root.crl', listPem(list))
  await write('root.key.json', await seal(await pkcs8(rootKeys), passphrase), 0o600)
  await write('issuing.key.json', await seal(await pkcs8(issuingKeys), passphrase), 0o600)
  await rename(incoming, dir)
}

async function rootOf(name: string, keys: webcrypto.CryptoKeyPair, atMs: number): Promise<X509Certificate> {
  return await X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: [{ CN: [`${name} root`] }],
    notBefore: new Date(atMs - 60_000),
    notAfter: new Date(atMs + ROOT_DAYS * DAY_MS),
    signingAlgorithm: SIGNATURE,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 1, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
}

async function issuingOf(
  name: string,
  keys: webcrypto.CryptoKeyPair,
  by: { readonly root: X509Certificate; readonly rootKeys: webcrypto.CryptoKeyPair; readonly atMs: number },
): Promise<X509Certificate> {
  return await X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: [{ CN: [`${name} issuing`] }],
    issuer: by.root.subjectName,
    notBefore: new Date(by.atMs - 60_000),
    notAfter: new Date(by.atMs + ISSUING_DAYS * DAY_MS),
    signingAlgorithm: SIGNATURE,
    publicKey: keys.publicKey,
    signingKey: by.rootKeys.privateKey,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(by.root.publicKey),
    ],
  })
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(P256, true, ['sign', 'verify'])
}

async function pkcs8({ privateKey }: webcrypto.CryptoKeyPair): Promise<Uint8Array> {
  return new Uint8Array(await webcrypto.subtle.exportKey('pkcs8', privateKey))
}
