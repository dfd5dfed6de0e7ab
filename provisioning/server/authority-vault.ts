import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto'
import { z } from 'zod'

const base64 = z.base64()

/** A private key at rest: scrypt (RFC 7914) of a passphrase, AES-256-GCM. */
const sealed = z.strictObject({
  schema: z.literal('poincon.sealed-key/1'),
  scrypt: z.strictObject({
    n: z
      .int()
      .min(2 ** 14)
      .max(2 ** 20),
    r: z.int().max(16),
    p: z.int().max(4),
    salt: base64,
  }),
  iv: base64,
  tag: base64,
  key: base64,
})

/** 32 MB and a tenth of a second for every guess. */
const COST = { n: 2 ** 15, r: 8, p: 1 }
const LEAST_PASSPHRASE = 12

/**
 * @param key PKCS#8, DER
 * @throws RangeError when the passphrase is shorter than 12 characters
 */
export async function seal(key: Uint8Array, passphrase: string): Promise<string> {
  if (passphrase.length < LEAST_PASSPHRASE) {
    throw new RangeError(
      `the passphrase has ${passphrase.length} characters: expected ${LEAST_PASSPHRASE} or more`,
    )
  }
  const [salt, iv] = [randomBytes(16), randomBytes(12)]
  const cipher = createCipheriv('aes-256-gcm', await stretched(passphrase, salt, COST), iv)
  const hidden = Buffer.concat([cipher.update(key), cipher.final()])
  const text = {
    schema: 'poincon.sealed-key/1',
    scrypt: { ...COST, salt: salt.toString('base64') },
    iv: iv.toString('base64'),
    tag: cipher.getAuthTag().toString('base64'),
    key: hidden.toString('base64'),
  }
  return `${JSON.stringify(text, null, 2)}\n`
}

/** @throws Error when the passphrase is another, or the file was changed */
export async function unseal(text: string, passphrase: string): Promise<Uint8Array> {
  const { scrypt: cost, iv, tag, key } = sealed.parse(JSON.parse(text))
  const secret = await stretched(passphrase, Buffer.from(cost.salt, 'base64'), cost)
  const decipher = createDecipheriv('aes-256-gcm', secret, Buffer.from(iv, 'base64'), { authTagLength: 16 })
  decipher.setAuthTag(Buffer.from(tag, 'base64'))
  try {
    return Buffer.concat([decipher.update(Buffer.from(key, 'base64')), decipher.final()])
  } catch (cause) {
    throw new Error('the authority’s key does not open: another passphrase, or a changed file', { cause })
  }
}

function stretched(
  passphrase: string,
  salt: Uint8Array,
  { n, r, p }: { readonly n: number; readonly r: number; readonly p: number },
): Promise<Buffer> {
  const cost = { N: n, r, p, maxmem: 128 * n * r * 2 }
  return new Promise((resolve, reject) => {
    scrypt(passphrase, salt, 32, cost, (error, key) => (error ? reject(error) : resolve(key)))
  })
}
