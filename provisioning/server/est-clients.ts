import type { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { commonName, subjectSerial } from '../certificate.ts'

/** Who is at the other end of a connection, by the certificate it showed. */
export type EstPeer =
  | { readonly kind: 'none' }
  | { readonly kind: 'refused'; readonly why: string }
  /** One of ours. */
  | { readonly kind: 'device'; readonly certificate: X509Certificate; readonly deviceId: string }
  /** One of a maker we trust. */
  | { readonly kind: 'factory'; readonly serial: string }

/**
 * @param issuing our own authority's
 * @param socket of a server that asks for certificates, and whose TLS has checked their chains
 */
export function peerOf(socket: TLSSocket, issuing: X509Certificate): EstPeer {
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return { kind: 'none' }
  if (!socket.authorized) {
    const why = String(socket.authorizationError ?? 'not trusted')
    return { kind: 'refused', why: why === 'CERT_HAS_EXPIRED' ? 'the certificate has expired' : why }
  }
  if (certificate.checkIssued(issuing) && certificate.verify(issuing.publicKey)) {
    const deviceId = commonName(certificate)
    return deviceId === undefined
      ? { kind: 'refused', why: 'the certificate names no device' }
      : { kind: 'device', certificate, deviceId }
  }
  const serial = subjectSerial(certificate) ?? commonName(certificate)
  return serial === undefined
    ? { kind: 'refused', why: 'the certificate names no serial number' }
    : { kind: 'factory', serial }
}
