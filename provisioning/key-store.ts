import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { SecureContextOptions } from 'node:tls'
import { z } from 'zod'
import type { Curve, Signer } from './certificate-request.ts'

/** Where a device's key lives. */
export const keyOptions = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('file') }),
  z.strictObject({
    kind: z.literal('pkcs11'),
    module: z.string().min(1).describe('The token’s PKCS#11 library, as /usr/lib/softhsm/libsofthsm2.so.'),
    token: z.string().min(1).describe('Label of the token.'),
    object: z
      .string()
      .regex(/^[A-Za-z0-9-]{1,32}$/)
      .default('poincon-device')
      .describe('Label of the key in it.'),
    pin_file: z.string().min(1).describe('File that holds the PIN.'),
    engine: z
      .string()
      .min(1)
      .optional()
      .describe('OpenSSL’s pkcs11 engine (libp11), by its full path: with it Node’s TLS uses the key.'),
  }),
])
export type KeyOptions = Readonly<z.infer<typeof keyOptions>>

/** How Node’s TLS is given the key that belongs to a certificate. */
export type TlsKey = Pick<SecureContextOptions, 'key' | 'privateKeyEngine' | 'privateKeyIdentifier'>

/** A private key that signs, wherever it is. */
export interface DeviceKey extends Signer {
  readonly public: KeyObject
  /** Undefined: this key cannot be used by Node’s TLS. */
  readonly tls: TlsKey | undefined
  /** Its PEM; undefined where it never leaves its token. */
  readonly pem: string | undefined
}

/** A new key, in memory. */
export function newKey(curve: Curve): DeviceKey {
  return fileKey(generateKeyPairSync('ec', { namedCurve: curve }).privateKey)
}

/** @throws Error when it is no private key */
export function readKey(pem: string): DeviceKey {
  return fileKey(createPrivateKey(pem))
}

function fileKey(key: KeyObject): DeviceKey {
  const pem = key.export({ type: 'pkcs8', format: 'pem' }).toString()
  const open = createPublicKey(key)
  return {
    publicKey: open.export({ type: 'spki', format: 'der' }),
    public: open,
    pem,
    tls: { key: pem },
    sign: (message) => Promise.resolve(sign('sha256', message, key)),
  }
}
