import { constants, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext, type SecureContextOptions, type TLSSocket } from 'node:tls'
import type { TlsOptions } from './options.ts'

/** What a TLS server of ours is made of. */
export interface TlsMaterial {
  readonly context: SecureContextOptions
  /** Until when the server's certificate holds, ms since 1970. */
  readonly validToMs: number
}

/**
 * Reads certificate, key and, where clients have certificates, the authorities that sign them.
 * @throws Error that names the file
 */
export async function readTls(options: TlsOptions): Promise<TlsMaterial> {
  const { cert_file, key_file, client_ca_file, min_version } = options
  const [cert, key, ca] = await Promise.all([
    read(cert_file),
    read(key_file),
    client_ca_file === undefined ? undefined : read(client_ca_file),
  ])
  const context: SecureContextOptions = {
    cert,
    key,
    minVersion: min_version === '1.2' ? 'TLSv1.2' : 'TLSv1.3',
    // A resumed session is not verified again: a certificate that ran out would live on in its tickets.
    secureOptions: constants.SSL_OP_NO_TICKET,
    ...(ca === undefined ? {} : { ca }),
  }
  try {
    createSecureContext(context)
    return { context, validToMs: Date.parse(new X509Certificate(cert).validTo) }
  } catch (error) {
    const files = [cert_file, key_file, client_ca_file].filter((file) => file !== undefined).join(', ')
    throw new Error(`${files}: ${messageOf(error)}`, { cause: error })
  }
}

/** What the other side of a TLS connection has shown. */
export type ClientCertificate =
  | { readonly kind: 'none' }
  | { readonly kind: 'valid'; readonly name: string; readonly validToMs: number }
  | { readonly kind: 'refused'; readonly reason: string; readonly name: string | undefined }

/** @param wallMs ms since 1970 */
export function clientCertificate(socket: TLSSocket, wallMs: number): ClientCertificate {
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return { kind: 'none' }
  const name = commonName(certificate)
  if (!socket.authorized) {
    return {
      kind: 'refused',
      reason: String(socket.authorizationError ?? 'not signed by client_ca_file'),
      name,
    }
  }
  const validToMs = Date.parse(certificate.validTo)
  if (!(validToMs > wallMs)) return { kind: 'refused', reason: 'CERT_HAS_EXPIRED', name }
  if (name === undefined) return { kind: 'refused', reason: 'expected one common name (CN)', name }
  return { kind: 'valid', name, validToMs }
}

function commonName({ subject }: X509Certificate): string | undefined {
  const names = subject.split('\n').filter((line) => line.startsWith('CN='))
  return names.length === 1 ? names[0]?.slice(3) : undefined
}

async function read(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (error) {
    throw new Error(`${file}: cannot be read: ${messageOf(error)}`, { cause: error })
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
