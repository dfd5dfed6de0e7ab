import 'reflect-metadata'
import { createHash, createPublicKey } from 'node:crypto'
import { Pkcs10CertificateRequest, type PublicKey } from '@peculiar/x509'

const DEVICE_ID = /^[a-z0-9-]{1,64}$/
const SERIAL = /^[\x21-\x7e]{1,64}$/
const SERIAL_NUMBER = '2.5.4.5'

/** The request cannot be signed, whoever asks. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
}

/** What a device asks for, checked: whoever sent it has the key. */
export interface CheckedRequest {
  readonly deviceId: string
  readonly serial: string | undefined
  readonly publicKey: PublicKey
  /** SHA-256 of the public key, hexadecimal. */
  readonly keyHash: string
}

/**
 * Reads a PKCS#10 request. Of it only name, serial number and key are taken up: extensions are the authority's to say.
 * @param base64 the body of an EST request
 * @throws RequestError
 */
export async function checkRequest(base64: string): Promise<CheckedRequest> {
  const request = parsed(base64)
  const { publicKey, subjectName } = request
  checkKey(publicKey)
  if (!(await request.verify().catch(() => false))) {
    throw new RequestError('the request is not signed with the key it is for')
  }
  const names = subjectName.getField('CN')
  const [deviceId = ''] = names
  if (names.length !== 1 || !DEVICE_ID.test(deviceId)) {
    throw new RequestError('the request names no device: expected one common name of a-z, 0-9 and -')
  }
  const serials = subjectName.getField(SERIAL_NUMBER)
  const [serial] = serials
  if (serials.length > 1 || (serial !== undefined && !SERIAL.test(serial))) {
    throw new RequestError('the request names no usable serial number')
  }
  const keyHash = createHash('sha256').update(Buffer.from(publicKey.rawData)).digest('hex')
  return { deviceId, serial, publicKey, keyHash }
}

function parsed(base64: string): Pkcs10CertificateRequest {
  try {
    if (!/^[\sA-Za-z0-9+/=]+$/.test(base64)) throw new Error('no base64')
    return new Pkcs10CertificateRequest(Buffer.from(base64, 'base64'))
  } catch (cause) {
    throw new RequestError('the body is no PKCS#10 request in base64', { cause })
  }
}

/** P-256, P-384, or RSA of 2048 to 4096 bits. @throws RequestError */
function checkKey({ rawData }: PublicKey): void {
  const key = asKey(rawData)
  const { namedCurve, modulusLength = 0 } = key?.asymmetricKeyDetails ?? {}
  const good =
    key?.asymmetricKeyType === 'ec'
      ? namedCurve === 'prime256v1' || namedCurve === 'secp384r1'
      : key?.asymmetricKeyType === 'rsa' && modulusLength >= 2048 && modulusLength <= 4096
  if (!good) throw new RequestError('the key is not one of P-256, P-384, or RSA of 2048 to 4096 bits')
}

function asKey(spki: ArrayBuffer) {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  } catch {
    return undefined
  }
}
