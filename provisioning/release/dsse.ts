import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { z } from 'zod'
import { ReleaseError } from './error.ts'

/** A signed message (DSSE 1.0.2, https://github.com/secure-systems-lab/dsse/blob/v1.0.2/envelope.md). */
export const ENVELOPE = z.strictObject({
  payloadType: z.string(),
  payload: z.base64(),
  signatures: z.array(z.strictObject({ keyid: z.string(), sig: z.base64() })).min(1),
})

export type Envelope = z.infer<typeof ENVELOPE>

/** What is signed: the type of the message with it, so that one is never taken for the other (DSSE, `PAE`). */
export function preAuthentication(type: string, payload: Uint8Array): Uint8Array {
  const head = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `
  return Buffer.concat([Buffer.from(head), payload])
}

/** Signs with ed25519 (RFC 8032), which gives the same signature each time. */
export function signed(type: string, payload: Uint8Array, key: KeyObject): Envelope {
  const sig = sign(null, preAuthentication(type, payload), ed25519(key)).toString('base64')
  const keyid = keyIdOf(createPublicKey(key))
  return { payloadType: type, payload: Buffer.from(payload).toString('base64'), signatures: [{ keyid, sig }] }
}

/**
 * The message of an envelope that one of its signatures vouches for.
 * @throws ReleaseError where the type is another, or no signature is by this key
 */
export function payloadOf(envelope: Envelope, type: string, key: KeyObject): Uint8Array {
  if (envelope.payloadType !== type) {
    throw new ReleaseError(`the envelope holds ${envelope.payloadType}; expected ${type}`)
  }
  const payload = Buffer.from(envelope.payload, 'base64')
  const message = preAuthentication(envelope.payloadType, payload)
  // The id of a key is a hint and no more (DSSE, "keyid"): every signature is tried.
  const known = envelope.signatures.some(({ sig }) =>
    verify(null, message, ed25519(key), Buffer.from(sig, 'base64')),
  )
  if (!known) throw new ReleaseError(`no signature of the envelope is by key ${keyIdOf(key)}`)
  return payload
}

/** SHA-256 of the public key in DER (SubjectPublicKeyInfo), hexadecimal. */
export function keyIdOf(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
}

function ed25519(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new ReleaseError(`the key is ${key.asymmetricKeyType}; expected ed25519`)
  }
  return key
}
