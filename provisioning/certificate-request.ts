import { bitString, der, dotted, elements, integer, oid, TAG, text } from './certificate-der.ts'

/** Curves that a device makes its key on, by OpenSSL's names. */
export type Curve = 'prime256v1' | 'secp384r1'

const COMMON_NAME = '2.5.4.3'
const SERIAL_NUMBER = '2.5.4.5'
const EC_PUBLIC_KEY = '1.2.840.10045.2.1'
const CHALLENGE_PASSWORD = '1.2.840.113549.1.9.7'
const SECP384R1 = '1.3.132.0.34'
/** ecdsa-with-SHA256 (RFC 5758 §3.2). */
const ECDSA_SHA256 = '1.2.840.10045.4.3.2'

/** Who asks: the name of the device and, where known, the serial number on its plate. */
export interface Subject {
  readonly deviceId: string
  readonly serial?: string | undefined
}

/** Makes signatures with a key that need not be here: DER of ECDSA with SHA-256. */
export interface Signer {
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array
  sign(message: Uint8Array): Promise<Uint8Array>
}

/** The X.501 name `CN=<device id>[, serialNumber=<serial>]`, DER. */
export function subjectName({ deviceId, serial }: Subject): Uint8Array {
  const part = (type: string, value: Uint8Array): Uint8Array =>
    der(TAG.set, der(TAG.sequence, oid(type), value))
  const parts = [part(COMMON_NAME, text(TAG.utf8String, deviceId))]
  if (serial !== undefined) parts.push(part(SERIAL_NUMBER, text(TAG.printableString, serial)))
  return der(TAG.sequence, ...parts)
}

/** A PKCS#10 request (RFC 2986) without attributes: name and use of a certificate are the authority's to say. */
export async function certificateRequest(subject: Subject, signer: Signer): Promise<Uint8Array> {
  const info = der(TAG.sequence, integer(0n), subjectName(subject), signer.publicKey, der(TAG.context0))
  const signature = await signer.sign(info)
  return der(TAG.sequence, info, der(TAG.sequence, oid(ECDSA_SHA256)), bitString(signature))
}

/** What an EST server wants of a request (RFC 7030 §4.5.2) as far as it is understood here. */
export interface CsrAttributes {
  readonly curve: Curve
  /** It wants the request bound to the TLS connection by `tls-unique`, which TLS 1.3 does not have. */
  readonly binding: boolean
}

/** What is asked where a server says nothing. */
export const PLAIN_REQUEST: CsrAttributes = { curve: 'prime256v1', binding: false }

/** @param body DER of CsrAttrs. @throws RangeError when it is not DER */
export function parseCsrAttributes(body: Uint8Array): CsrAttributes {
  let { curve, binding } = PLAIN_REQUEST
  for (const list of elements(body)) {
    for (const { tag, content } of elements(list.content)) {
      if (tag === TAG.oid) binding ||= dotted(content) === CHALLENGE_PASSWORD
      if (tag !== TAG.sequence) continue
      const [type, values] = elements(content)
      if (type === undefined || dotted(type.content) !== EC_PUBLIC_KEY) continue
      const wanted = values === undefined ? [] : elements(values.content)
      if (wanted.some((value) => dotted(value.content) === SECP384R1)) curve = 'secp384r1'
    }
  }
  return { curve, binding }
}

/** What our own server wants: a key on P-256, a signature with SHA-256. */
export function csrAttributes(): Uint8Array {
  const curve = der(TAG.set, oid('1.2.840.10045.3.1.7'))
  return der(TAG.sequence, der(TAG.sequence, oid(EC_PUBLIC_KEY), curve), oid(ECDSA_SHA256))
}
