import { createHmac } from 'node:crypto'

const PREFIX = 'whsec_'

/**
 * The key of a signature as Standard Webhooks writes it: `whsec_` and base64, 24 to 64 bytes.
 * @throws Error that does not repeat the text
 */
export function parseKey(text: string): Uint8Array {
  const base64 = text.startsWith(PREFIX) ? text.slice(PREFIX.length) : ''
  const key = Buffer.from(base64, 'base64')
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64) || key.length < 24 || key.length > 64) {
    throw new Error('expected whsec_ and 24 to 64 bytes in base64')
  }
  return key
}

/** What a request is signed over. */
export interface Signed {
  readonly id: string
  /** Seconds since 1970. */
  readonly timestamp: number
  readonly body: string
}

/** The value of `Webhook-Signature` (Standard Webhooks, "Signature scheme": symmetric). */
export function signatureOf({ id, timestamp, body }: Signed, key: Uint8Array): string {
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
}
