import type { X509Certificate } from 'node:crypto'
import type { SecureContextOptions } from 'node:tls'
import type { Clock } from '../drivers/clock.ts'
import { type Backoff, backoffMs } from '../gateway/backoff.ts'
import { checkIssued, selfSigned, toPem } from './certificate.ts'
import { certificateRequest, type Subject } from './certificate-request.ts'
import { DeviceFolder, type DeviceSettings, type Pair } from './device.ts'
import { type DeviceFiles, deviceFiles } from './device-files.ts'
import { alone } from './device-lock.ts'
import { type DeviceStatus, describeStatus, readStatus, stateNow, writeStatus } from './device-status.ts'
import { EnrolError, isPassing } from './enrol-error.ts'
import { type FirstTrust, firstTrust, lookAtClocks } from './enrol-trust.ts'
import { EstClient } from './est.ts'
import type { DeviceKey } from './key-store.ts'

/** How a device without a certificate shows who it is. */
export type FirstProof =
  | { readonly kind: 'token'; readonly token: string }
  /** A certificate that its maker gave it, PEM, and the key of it. */
  | { readonly kind: 'factory'; readonly identity: SecureContextOptions }

export interface EnrolOptions {
  /** The folder of the device's identity. */
  readonly dir: string
  readonly settings: DeviceSettings
  readonly trust: FirstTrust
  readonly proof: FirstProof
  readonly clock: Clock
  readonly signal: AbortSignal
  /** `poincon/<version>`. */
  readonly userAgent: string
  /** For one exchange, ms. */
  readonly deadlineMs?: number
  /** Keep asking so long while it can help, ms. Default 0: one attempt. */
  readonly patienceMs?: number
  readonly files?: DeviceFiles
  /** In [0, 1); default `Math.random`. */
  readonly random?: () => number
  /** Told of every attempt that failed and is followed by another. */
  readonly again?: (error: Error, waitMs: number) => void
}

const BACKOFF: Backoff = { firstMs: 2000, longestMs: 300_000 }

/**
 * Gets a device its first certificate, or a new one by a new proof, and puts it into place.
 * @returns the status that was written
 * @throws EnrolError by what it means; the status says the same
 */
export async function enrol(options: EnrolOptions): Promise<DeviceStatus> {
  const { dir, files = deviceFiles } = options
  await files.folder(dir)
  return await alone(dir, async () => {
    const { clock, signal, patienceMs = 0, random = Math.random, again } = options
    const endMs = clock.now() + patienceMs
    for (let failures = 1; ; failures += 1) {
      try {
        return await attempt(options)
      } catch (error) {
        signal.throwIfAborted()
        await told(options, error, failures)
        const asked = error instanceof EnrolError ? error.retryAfterMs : undefined
        const waitMs = asked ?? backoffMs(failures, BACKOFF, random)
        if (!(error instanceof Error) || !isPassing(error) || clock.now() + waitMs > endMs) throw error
        again?.(error, waitMs)
        await clock.sleep(waitMs, signal)
      }
    }
  })
}

async function attempt(options: EnrolOptions): Promise<DeviceStatus> {
  const { dir, settings, proof, clock, signal, userAgent, deadlineMs, files = deviceFiles } = options
  const contact = { url: settings.url, clock, signal, deadlineMs }
  const roots = await firstTrust(options.trust, contact)
  const identity = proof.kind === 'factory' ? proof.identity : undefined
  const client = new EstClient({ ...contact, ca: toPem(roots), userAgent, identity })
  const basic =
    proof.kind === 'token' ? { basic: { user: settings.device_id, password: proof.token } } : undefined
  const folder = new DeviceFolder(dir, files)
  const ask = (request: Uint8Array) => client.enrol(request, basic?.basic)
  try {
    const pair = await obtain({ client, folder, settings, clock, ask, known: roots })
    await folder.keepSettings(settings)
    await folder.install(pair)
    const found = { state: 'valid', atMs: clock.wall(), facts: factsOf(settings), pair, failures: 0 } as const
    const status = describeStatus(found, undefined)
    await writeStatus(dir, status, files)
    return status
  } catch (error) {
    throw await lookAtClocks(error, contact)
  }
}

/** How a certificate is asked for, the first and every next one. */
export interface ObtainOptions {
  readonly client: EstClient
  readonly folder: DeviceFolder
  readonly settings: DeviceSettings
  readonly clock: Clock
  readonly ask: (request: Uint8Array) => Promise<X509Certificate[]>
  /** Roots that are trusted already: they stay so. */
  readonly known: readonly X509Certificate[]
}

/** From the authority's certificates to a pair that was checked. @throws EnrolError */
export async function obtain(options: ObtainOptions): Promise<Pair> {
  const { client, folder, settings, clock, ask, known } = options
  const authorities = await client.caCertificates()
  const { curve, binding } = await client.csrAttributes()
  if (binding) {
    throw new EnrolError(
      'invalid',
      'the server wants requests bound by tls-unique, which TLS 1.3 does not have',
    )
  }
  const key = await folder.nextKey(settings, curve)
  const answer = await ask(await certificateRequest(subjectOf(settings), key))
  return pairOf(answer, { key, settings, authorities, known, atMs: clock.wall() })
}

function pairOf(
  answer: readonly X509Certificate[],
  by: {
    readonly key: DeviceKey
    readonly settings: DeviceSettings
    readonly authorities: readonly X509Certificate[]
    readonly known: readonly X509Certificate[]
    readonly atMs: number
  },
): Pair {
  const { key, settings, authorities, known, atMs } = by
  const own = answer.find((one) => one.publicKey.equals(key.public)) ?? answer[0]
  if (own === undefined) throw new EnrolError('untrusted', 'the answer holds no certificate')
  // What the verified server calls its authorities is the new explicit trust (RFC 7030 §4.1.3).
  const anchors = selfSigned(authorities)
  const roots = anchors.length === 0 ? known : anchors
  const chain = checkIssued(own, {
    ...{ deviceId: settings.device_id, publicKey: key.public, atMs },
    ...{ pool: [...answer, ...authorities], anchors: roots },
  })
  return { key, chain: [own, ...chain.slice(1)], roots }
}

function subjectOf({ device_id, serial }: DeviceSettings): Subject {
  return { deviceId: device_id, serial }
}

export function factsOf({ device_id, url, key }: DeviceSettings) {
  return { device_id, url, key: key.kind }
}

/** The status of a device whose attempt failed: one that still has a good certificate keeps it. */
async function told(
  { dir, settings, clock, files }: EnrolOptions,
  error: unknown,
  failures: number,
): Promise<void> {
  const before = await readStatus(dir)
  const folder = new DeviceFolder(dir, files)
  const atMs = clock.wall()
  const pair = await folder
    .settings()
    .then((kept) => folder.pair(kept))
    .catch(() => undefined)
  const reason = error instanceof EnrolError ? error.reason : undefined
  const without = reason === 'clock-wrong' || reason === 'pending' ? reason : 'none'
  const found = {
    state: pair === undefined ? without : stateNow(pair, before, atMs),
    ...{ atMs, facts: factsOf(settings), pair, failures },
    failure: error instanceof Error ? error.message : String(error),
  }
  await writeStatus(dir, describeStatus(found, before), files)
}
