import 'reflect-metadata'
import type { X509Certificate } from 'node:crypto'
import { get } from 'node:http'
import { X509Certificate as Certificate, CRLDistributionPointsExtension, X509Crl } from '@peculiar/x509'
import type { Clock } from '../drivers/clock.ts'

/** A list of ten thousand comes to half a megabyte. */
const MAX_BYTES = 8 * 1024 * 1024
const DEADLINE_MS = 20_000

/**
 * Whether the certificate's authority has taken it back, by the list that the certificate itself names.
 * @param issuer whose signature the list must bear
 * @returns undefined when nobody can say: no list is named, or none that can be read and is signed and current
 */
export async function isRevoked(
  own: X509Certificate,
  issuer: X509Certificate,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<boolean | undefined> {
  const url = listOf(own)
  if (url === undefined) return undefined
  try {
    const list = new X509Crl(await fetched(url, clock, signal))
    const signed = await list.verify({ publicKey: new Certificate(issuer.raw) })
    const current = list.nextUpdate === undefined || list.nextUpdate.getTime() > clock.wall()
    if (!signed || !current || list.issuer !== new Certificate(issuer.raw).subject) return undefined
    return list.findRevoked(new Certificate(own.raw)) !== null
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}

function listOf(own: X509Certificate): string | undefined {
  const extension = new Certificate(own.raw).getExtension(CRLDistributionPointsExtension)
  const names = extension?.distributionPoints.flatMap((point) => point.distributionPoint?.fullName ?? [])
  // Such lists are signed and public; over HTTPS the list of that server's certificate would be asked for first.
  return names?.map((name) => name.uniformResourceIdentifier).find((url) => url?.startsWith('http://'))
}

function fetched(url: string, clock: Clock, signal: AbortSignal): Promise<Buffer> {
  const over = new AbortController()
  const cancel = clock.after(DEADLINE_MS, () => over.abort())
  const asked = new Promise<Buffer>((resolve, reject) => {
    const request = get(url, { agent: false, signal: AbortSignal.any([signal, over.signal]) }, (incoming) => {
      const parts: Buffer[] = []
      let length = 0
      incoming.on('data', (part: Buffer) => {
        parts.push(part)
        length += part.length
        if (length > MAX_BYTES) incoming.destroy(new Error('too long'))
      })
      incoming.on('error', reject)
      incoming.on('end', () =>
        incoming.statusCode === 200
          ? resolve(Buffer.concat(parts))
          : reject(new Error(`${incoming.statusCode}`)),
      )
    })
    request.on('error', reject)
  })
  return asked.finally(cancel)
}
