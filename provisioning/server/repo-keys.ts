import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  scrypt,
  sign,
} from 'node:crypto'
import { access, readFile } from 'node:fs/promises'
import { canonicalize } from '@tufjs/canonical-json'
import { Key, Signature } from '@tufjs/models'
import { z } from 'zod'
import { replaceFile } from '../../gateway/replace-file.ts'
import { isMissing, messageOf, RepoError } from './repo-error.ts'

export const keyTypes = ['ed25519', 'ecdsa'] as const
export type KeyType = (typeof keyTypes)[number]

/** Makes a signature of one key; the private half stays inside. */
export interface Signer {
  readonly key: Key
  readonly sign: (bytes: Buffer) => Signature
}

const hex = z.string().regex(/^(?:[0-9a-f]{2})+$/, 'expected hexadecimal digits')

const publicKeySchema = z.strictObject({
  schema: z.literal('poincon.public-key/1'),
  keyid: hex.length(64),
  keytype: z.enum(keyTypes),
  scheme: z.enum(['ed25519', 'ecdsa-sha2-nistp256']),
  keyval: z.strictObject({ public: z.string().min(1).max(1000) }),
})

/** RFC 7914 §2: N a power of two. Below 2^14 guessing is cheap; 2^20 needs 1 GiB, more than a publisher's board has. */
const SCRYPT_N = { least: 2 ** 14, usual: 2 ** 17, most: 2 ** 20 }
/** RFC 7914 §2: the usual r and p. */
const SCRYPT_R = 8
const SCRYPT_P = 1
const PASSPHRASE_LENGTH = { least: 12, most: 1024 }

const keyFileSchema = z.strictObject({
  schema: z.literal('poincon.key/1'),
  public: publicKeySchema,
  kdf: z.strictObject({
    name: z.literal('scrypt'),
    n: z
      .int()
      .min(SCRYPT_N.least)
      .max(SCRYPT_N.most)
      .refine((n) => Number.isInteger(Math.log2(n)), 'expected a power of two'),
    r: z.literal(SCRYPT_R),
    p: z.literal(SCRYPT_P),
    salt: hex.length(64),
  }),
  cipher: z.strictObject({ name: z.literal('aes-256-gcm'), iv: hex.length(24), tag: hex.length(32) }),
  /** The private key as PKCS#8, encrypted; the header above is authenticated with it. */
  private: hex.max(4096),
})
type KeyFile = z.infer<typeof keyFileSchema>

/** The key as TUF's metadata lists it; its id is the SHA-256 of its canonical JSON (TUF 1.0.33 §4.2). */
function tufKey(publicKey: KeyObject): Key {
  const options =
    publicKey.asymmetricKeyType === 'ed25519'
      ? {
          keyType: 'ed25519',
          scheme: 'ed25519',
          keyVal: { public: rawEd25519(publicKey).toString('hex') },
        }
      : {
          keyType: 'ecdsa',
          scheme: 'ecdsa-sha2-nistp256',
          keyVal: { public: publicKey.export({ type: 'spki', format: 'pem' }).toString() },
        }
  const json = { keytype: options.keyType, scheme: options.scheme, keyval: options.keyVal }
  return new Key({ keyID: createHash('sha256').update(canonicalize(json)).digest('hex'), ...options })
}

/** RFC 8410 §4: the 32 bytes of the key end its SubjectPublicKeyInfo. */
function rawEd25519(publicKey: KeyObject): Buffer {
  return publicKey.export({ type: 'spki', format: 'der' }).subarray(-32)
}

function signerOf(privateKey: KeyObject): Signer {
  const key = tufKey(createPublicKey(privateKey))
  // Ed25519 has its hash inside (RFC 8032).
  const hash = key.keyType === 'ed25519' ? null : 'sha256'
  return {
    key,
    sign: (bytes) => new Signature({ keyID: key.keyID, sig: sign(hash, bytes, privateKey).toString('hex') }),
  }
}

function publicPart(key: Key): z.infer<typeof publicKeySchema> {
  return publicKeySchema.parse({
    schema: 'poincon.public-key/1',
    keyid: key.keyID,
    keytype: key.keyType,
    scheme: key.scheme,
    keyval: key.keyVal,
  })
}

function derive(passphrase: string, salt: string, n: number): Promise<Buffer> {
  const cost = { N: n, r: SCRYPT_R, p: SCRYPT_P, maxmem: 256 * n * SCRYPT_R }
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFC'), Buffer.from(salt, 'hex'), 32, cost, (error, key) => {
      if (error === null) resolve(key)
      else reject(error)
    })
  })
}

/** What is authenticated beside the private key: nobody gives it another public half or a cheaper derivation. */
function header({ schema, public: publicKey, kdf }: Omit<KeyFile, 'cipher' | 'private'>): Buffer {
  return Buffer.from(canonicalize({ schema, public: publicKey, kdf }))
}

/** Where the public half of a key file stands beside it. */
export function publicFileOf(file: string): string {
  return `${file.replace(/\.key$/, '')}.pub`
}

export interface NewKey {
  readonly file: string
  readonly type: KeyType
  /** 12 to 1024 characters. */
  readonly passphrase: string
  /** Cost of guessing the passphrase, a power of two; default 2^17 (128 MiB, about half a second). */
  readonly scryptN?: number
}

/**
 * Makes a key: the private half encrypted into `file` (mode 0600), the public half beside it (`.pub`), to be given to
 * who keeps the repository.
 * @throws RepoError when there is a key already, or the passphrase is too short
 */
export async function createKey({ file, type, passphrase, scryptN = SCRYPT_N.usual }: NewKey): Promise<Key> {
  const { least, most } = PASSPHRASE_LENGTH
  if (passphrase.length < least || passphrase.length > most) {
    throw new RepoError(`the passphrase has ${passphrase.length} characters: expected ${least} to ${most}`)
  }
  for (const path of [file, publicFileOf(file)]) {
    if (await exists(path)) throw new RepoError(`${path}: exists: a key is never overwritten`)
  }
  const { privateKey } =
    type === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { key } = signerOf(privateKey)
  const written = await sealed(privateKey, passphrase, scryptN)
  await replaceFile(file, `${JSON.stringify(written, undefined, 2)}\n`, 0o600)
  await replaceFile(publicFileOf(file), `${JSON.stringify(publicPart(key), undefined, 2)}\n`)
  return key
}

async function sealed(privateKey: KeyObject, passphrase: string, n: number): Promise<KeyFile> {
  const salt = randomBytes(32).toString('hex')
  const head = {
    schema: 'poincon.key/1' as const,
    public: publicPart(tufKey(createPublicKey(privateKey))),
    kdf: { name: 'scrypt' as const, n, r: SCRYPT_R, p: SCRYPT_P, salt } as const,
  }
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', await derive(passphrase, salt, n), iv).setAAD(header(head))
  const plain = privateKey.export({ type: 'pkcs8', format: 'der' })
  const encrypted = Buffer.concat([cipher.update(plain), cipher.final()])
  const tag = cipher.getAuthTag().toString('hex')
  return {
    ...head,
    cipher: { name: 'aes-256-gcm', iv: iv.toString('hex'), tag },
    private: encrypted.toString('hex'),
  }
}

/**
 * Opens a key file.
 * @throws RepoError when it cannot be read, is no key file, or the passphrase is another
 */
export async function openKey(file: string, passphrase: string): Promise<Signer> {
  const content = await readJson(file, keyFileSchema, 'a key file that `poincon repo key new` made')
  const secret = await derive(passphrase, content.kdf.salt, content.kdf.n)
  const decipher = createDecipheriv('aes-256-gcm', secret, Buffer.from(content.cipher.iv, 'hex'))
    .setAAD(header(content))
    .setAuthTag(Buffer.from(content.cipher.tag, 'hex'))
  try {
    const der = Buffer.concat([decipher.update(Buffer.from(content.private, 'hex')), decipher.final()])
    return signerOf(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }))
  } catch {
    throw new RepoError(`${file}: wrong passphrase, or the file was altered`)
  }
}

/** The key of a `.pub` file, or the public half of a key file. @throws RepoError */
export async function readPublicKey(file: string): Promise<Key> {
  const either = z.union([publicKeySchema, keyFileSchema])
  const content = await readJson(file, either, 'a .pub file that `poincon repo key new` made')
  const { keyid, keytype, scheme, keyval } = 'public' in content ? content.public : content
  const made = tufKey(publicKeyOf(keytype, keyval.public, file))
  if (made.keyID !== keyid || made.scheme !== scheme) {
    throw new RepoError(`${file}: keyid: ${keyid} is not the id of this key: expected ${made.keyID}`)
  }
  return made
}

function publicKeyOf(type: KeyType, value: string, file: string): KeyObject {
  try {
    if (type === 'ecdsa') {
      const key = createPublicKey(value)
      const curve = key.asymmetricKeyDetails?.namedCurve
      if (curve !== 'prime256v1') throw new TypeError(`curve ${curve}: expected prime256v1 (P-256)`)
      return key
    }
    const x = Buffer.from(value, 'hex').toString('base64url')
    return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  } catch (error) {
    throw new RepoError(`${file}: keyval.public: not a public key of type ${type}: ${messageOf(error)}`)
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

/** @throws RepoError naming the file, the field and what was expected of it */
export async function readJson<T>(file: string, schema: z.ZodType<T>, expected: string): Promise<T> {
  let content: unknown
  try {
    content = JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    throw new RepoError(`${file}: ${messageOf(error)}: expected ${expected}`, { cause: error })
  }
  const checked = schema.safeParse(content)
  if (checked.success) return checked.data
  const [issue] = checked.error.issues
  const field = issue?.path.join('.') ?? ''
  throw new RepoError(`${file}: ${field === '' ? '' : `${field}: `}${issue?.message}: expected ${expected}`)
}
