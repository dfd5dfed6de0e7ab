import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto'
import { join } from 'node:path'
import { secretFile, secretIn } from './secret-file.ts'

/** Who signs for this device. A file today; a secure element answers the same two questions. */
export interface DeviceKey {
  readonly publicKey: KeyObject
  /** Ed25519 (RFC 8032) over these bytes: 64 bytes. Answers or rejects within seconds: the station waits for it. */
  sign(bytes: Uint8Array): Promise<Uint8Array>
}

/** Signatures are checked with these, by key id. */
export type TrustedKeys = ReadonlyMap<string, KeyObject>

/** The key of a station, or of a copy of its folder, cannot be used; the message says what to do. */
export class KeyError extends Error {
  override readonly name = 'KeyError'
}

const KEY_ID_DIGITS = 16

/** Names a public key: the first 16 hex digits of the SHA-256 of its SubjectPublicKeyInfo (DER). */
export function keyId(key: KeyObject): string {
  const der = key.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(der).digest('hex').slice(0, KEY_ID_DIGITS)
}

/** PEM, as `openssl pkey -pubin` reads it. */
export function publicPem(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString()
}

function keyFileIn(dataDir: string): string {
  return join(dataDir, 'device-key.pem')
}

/** The key of a data directory, made at the first start. @throws KeyError, or what the file system throws */
export async function openDeviceKey(dataDir: string): Promise<DeviceKey> {
  const path = keyFileIn(dataDir)
  const made = await secretFile(path, () => {
    const { privateKey } = generateKeyPairSync('ed25519')
    return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  })
  const key = privateKeyOf(made, path)
  return {
    publicKey: createPublicKey(key),
    sign: (bytes) => Promise.resolve(sign(null, bytes, key)),
  }
}

/** The public half of a data directory's key; undefined where the station never started. @throws KeyError */
export async function publicKeyIn(dataDir: string): Promise<KeyObject | undefined> {
  const path = keyFileIn(dataDir)
  const content = await secretIn(path).catch((cause: unknown) => {
    throw new KeyError(
      `${path}: cannot be read: call this as the station's user, or name its public key (--trust FILE)`,
      { cause },
    )
  })
  return content === undefined ? undefined : createPublicKey(privateKeyOf(content, path))
}

function privateKeyOf(pem: string, path: string): KeyObject {
  try {
    return expectEd25519(createPrivateKey(pem))
  } catch (cause) {
    const detail = 'expected an Ed25519 key (PKCS #8, PEM): put back the file that was there'
    throw new KeyError(
      `${path}: ${detail}; without it a new one is made, and old signatures need the old public key`,
      {
        cause,
      },
    )
  }
}

const PEM_BLOCK = /-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g

/** Public keys as `poincon verify --key` printed them, one or several. @param name of where the text is from @throws KeyError */
export function trustedKeys(text: string, name: string): TrustedKeys {
  const blocks = text.match(PEM_BLOCK) ?? []
  if (blocks.length === 0)
    throw new KeyError(`${name}: expected public keys (PEM) as poincon verify --key prints them`)
  try {
    return trusting(blocks.map((block) => expectEd25519(createPublicKey(block))))
  } catch (cause) {
    throw new KeyError(`${name}: expected Ed25519 public keys`, { cause })
  }
}

export function trusting(keys: readonly KeyObject[]): TrustedKeys {
  return new Map(keys.map((key) => [keyId(key), key]))
}

function expectEd25519(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType !== 'ed25519') throw new TypeError(`${key.asymmetricKeyType} is no Ed25519 key`)
  return key
}
