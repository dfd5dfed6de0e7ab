import type { SecureContextOptions } from 'node:tls'
import type { Clock } from '../drivers/clock.ts'
import { type Backoff, backoffMs } from '../gateway/backoff.ts'
import { CLOCK_SKEW_MS, renewAtMs, toPem, validity } from './certificate.ts'
import { DeviceFolder, type DeviceSettings, type Pair } from './device.ts'
import { type DeviceFiles, deviceFiles } from './device-files.ts'
import { alone } from './device-lock.ts'
import {
  type DeviceState,
  type DeviceStatus,
  describeStatus,
  type Found,
  readStatus,
  stateNow,
  writeStatus,
} from './device-status.ts'
import { factsOf, obtain } from './enrol.ts'
import { EnrolError } from './enrol-error.ts'
import { isRevoked } from './enrol-revocation.ts'
import { lookAtClocks, serverTime } from './enrol-trust.ts'
import { EstClient } from './est.ts'

export interface RenewOptions {
  readonly dir: string
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly userAgent: string
  /** For one exchange, ms. */
  readonly deadlineMs?: number
  /** Asks now, due or not. */
  readonly force?: boolean
  readonly files?: DeviceFiles
  /** In [0, 1); default `Math.random`. */
  readonly random?: () => number
}

/** Thirty days are left when renewal begins: there is no hurry, and every device of a plant may be at it. */
const LONGEST_WAIT_MS = 24 * 3_600_000
const BACKOFF: Backoff = { firstMs: 5 * 60_000, longestMs: 6 * 3_600_000 }

/**
 * One look at the certificate, for a timer: renews it when that is due, and writes down how it stands. The pair in use
 * stays in use until the next one is whole, so there is no moment without.
 * @throws EnrolError `invalid` when the device's own files cannot be read; `away` when another process is at it
 */
export async function renew(options: RenewOptions): Promise<DeviceStatus> {
  const { dir, files = deviceFiles } = options
  await files.folder(dir)
  return await alone(dir, () => look(options))
}

/** What a look is taken with. */
interface Look {
  readonly options: RenewOptions
  readonly folder: DeviceFolder
  readonly settings: DeviceSettings
  readonly pair: Pair
  readonly before: DeviceStatus | undefined
}

async function look(options: RenewOptions): Promise<DeviceStatus> {
  const { dir, clock, files = deviceFiles } = options
  const folder = new DeviceFolder(dir, files)
  const settings = await folder.settings()
  const pair = await folder.pair(settings)
  const before = await readStatus(dir)
  const status =
    settings === undefined || pair === undefined
      ? none(clock.wall(), settings, before)
      : await step({ options, folder, settings, pair, before })
  await writeStatus(dir, status, files)
  return status
}

function none(
  atMs: number,
  settings: DeviceSettings | undefined,
  before: DeviceStatus | undefined,
): DeviceStatus {
  const facts = settings === undefined ? undefined : factsOf(settings)
  const { failures = 0, failure } = before ?? {}
  return describeStatus({ state: stateNow(undefined, before, atMs), atMs, facts, failures, failure }, before)
}

async function step(at: Look): Promise<DeviceStatus> {
  const { options, pair, before } = at
  const atMs = options.clock.wall()
  const standing = await standingOf(at, atMs)
  if (standing !== undefined) return said(at, standing)
  const waits = before?.next_attempt_at === undefined ? 0 : Date.parse(before.next_attempt_at)
  // No wait is longer than a day: what says so was written by a clock that ran ahead.
  const waited = atMs >= waits || waits > atMs + LONGEST_WAIT_MS
  const due = atMs >= renewAtMs(pair.chain[0]) && waited
  if (due || options.force === true) return await replaced(at)
  const state = stateNow(pair, before, atMs)
  if (state === 'valid') return said(at, { state, failures: 0 })
  return said(at, { state, failure: before?.failure, ...(waits > atMs ? { nextAttemptMs: waits } : {}) })
}

/** Why no next certificate can be had with this one; undefined when it can. */
async function standingOf(
  { options, settings, pair, before }: Look,
  atMs: number,
): Promise<{ readonly state: DeviceState; readonly failure: string } | undefined> {
  const { clock, signal, deadlineMs } = options
  const [own, issuer = pair.roots[0]] = pair.chain
  const { fromMs, toMs } = validity(own)
  const here = new Date(atMs).toISOString()
  if (atMs < fromMs - CLOCK_SKEW_MS) {
    return { state: 'clock-wrong', failure: `this clock says ${here}, before the certificate began` }
  }
  if (atMs >= toMs) {
    const there = await serverTime({ url: settings.url, clock, signal, deadlineMs })
    if (there !== undefined && there < toMs) {
      const says = new Date(there).toISOString()
      return { state: 'clock-wrong', failure: `this clock says ${here}, the server ${says}` }
    }
    return { state: 'expired', failure: `it ended ${new Date(toMs).toISOString()}: enrol the device again` }
  }
  const revoked = issuer === undefined ? undefined : await isRevoked(own, issuer, { clock, signal })
  const known = before?.state === 'revoked' && before.serial === own.serialNumber
  if (revoked ?? known) return { state: 'revoked', failure: 'its authority has taken it back' }
  return undefined
}

async function replaced(at: Look): Promise<DeviceStatus> {
  const { options, folder, settings, pair } = at
  const { clock, signal, userAgent, deadlineMs } = options
  const contact = { url: settings.url, clock, signal, deadlineMs }
  try {
    const client = new EstClient({ ...contact, ca: toPem(pair.roots), userAgent, identity: identityOf(pair) })
    const ask = (request: Uint8Array) => client.reenrol(request)
    const next = await obtain({ client, folder, settings, clock, ask, known: pair.roots })
    await folder.install(next)
    const found = {
      state: 'valid',
      atMs: clock.wall(),
      facts: factsOf(settings),
      pair: next,
      failures: 0,
    } as const
    return describeStatus(found, at.before)
  } catch (error) {
    signal.throwIfAborted()
    return failed(at, await lookAtClocks(error, contact))
  }
}

/** Our certificate with what stands between it and the root, and its key. @throws EnrolError `invalid` */
export function identityOf({ key, chain }: Pair): SecureContextOptions {
  if (key.tls !== undefined) return { cert: toPem(chain), ...key.tls }
  throw new EnrolError(
    'invalid',
    'the key in the token cannot be used for TLS: no engine is named (key.engine)',
  )
}

const STATES: Readonly<Partial<Record<EnrolError['reason'], DeviceState>>> = {
  pending: 'pending',
  refused: 'refused',
  revoked: 'revoked',
  expired: 'expired',
  'clock-wrong': 'clock-wrong',
}

function failed(at: Look, error: unknown): DeviceStatus {
  const { options, before } = at
  const known = error instanceof EnrolError ? error : undefined
  const failures = (before?.failures ?? 0) + 1
  const waitMs = known?.retryAfterMs ?? backoffMs(failures, BACKOFF, options.random ?? Math.random)
  const state = (known && STATES[known.reason]) ?? 'renewal-failing'
  const failure = error instanceof Error ? error.message : String(error)
  return said(at, { state, failure, failures, nextAttemptMs: options.clock.wall() + waitMs })
}

function said({ options, settings, pair, before }: Look, found: Said): DeviceStatus {
  const { failures = before?.failures ?? 0 } = found
  const atMs = options.clock.wall()
  return describeStatus({ ...found, failures, atMs, facts: factsOf(settings), pair }, before)
}

type Said = Pick<Found, 'state' | 'failure' | 'nextAttemptMs'> & { readonly failures?: number }
