import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { CLOCK_SKEW_MS, named, renewAtMs, validity } from './certificate.ts'
import type { Pair } from './device.ts'
import { type DeviceFiles, deviceFiles } from './device-files.ts'

const time = z.iso.datetime()

/**
 * How it stands with a device's certificate: `status.json` beside it.
 * `none` it has none · `pending` asked for, not decided · `valid` · `renewal-failing` it holds still, the next one does
 * not come · `refused` the authority will not give the next one · `revoked` · `expired` · `clock-wrong` this clock must
 * be set before anything can be said · `decommissioned` the fleet has ordered a wipe that waits for the station to end.
 */
export const deviceStatus = z.strictObject({
  schema: z.literal('poincon.device/1'),
  state: z.enum([
    'none',
    'pending',
    'valid',
    'renewal-failing',
    'refused',
    'revoked',
    'expired',
    'clock-wrong',
    'decommissioned',
  ]),
  since: time.describe('Since when it is so.'),
  checked_at: time.describe('When this was written.'),
  device_id: z.string().optional(),
  url: z.string().optional().describe('The authority’s server.'),
  key: z.enum(['file', 'pkcs11']).optional(),
  subject: z.string().optional(),
  issuer: z.string().optional(),
  serial: z.string().optional().describe('Of the certificate, hexadecimal.'),
  not_before: time.optional(),
  not_after: time.optional(),
  renew_at: time.optional(),
  failures: z.int().min(0).describe('Attempts in a row that brought no certificate.'),
  next_attempt_at: time.optional(),
  failure: z.string().optional().describe('Why the last attempt failed.'),
})
export type DeviceStatus = Readonly<z.infer<typeof deviceStatus>>
export type DeviceState = DeviceStatus['state']

const MODE = 0o644

/** @returns undefined when there is none, or none that can be understood: it is written anew at the next look */
export async function readStatus(dir: string): Promise<DeviceStatus | undefined> {
  try {
    return deviceStatus.parse(JSON.parse(await readFile(join(dir, 'status.json'), 'utf8')))
  } catch {
    return undefined
  }
}

export async function writeStatus(
  dir: string,
  status: DeviceStatus,
  files: DeviceFiles = deviceFiles,
): Promise<void> {
  await files.folder(dir)
  await files.write(join(dir, 'status.json'), `${JSON.stringify(status, null, 2)}\n`, MODE)
}

/** What was found out at one look. */
export interface Found {
  readonly state: DeviceState
  readonly atMs: number
  readonly facts?:
    | { readonly device_id: string; readonly url: string; readonly key: 'file' | 'pkcs11' }
    | undefined
  readonly pair?: Pair | undefined
  readonly failures: number
  readonly failure?: string | undefined
  readonly nextAttemptMs?: number | undefined
}

export function describeStatus(found: Found, before: DeviceStatus | undefined): DeviceStatus {
  const { state, atMs, facts, pair, failures, failure, nextAttemptMs } = found
  const now = new Date(atMs).toISOString()
  return {
    schema: 'poincon.device/1',
    state,
    since: before?.state === state ? before.since : now,
    checked_at: now,
    ...facts,
    ...(pair === undefined ? {} : certificateFacts(pair)),
    failures,
    ...(nextAttemptMs === undefined ? {} : { next_attempt_at: new Date(nextAttemptMs).toISOString() }),
    ...(failure === undefined ? {} : { failure }),
  }
}

function certificateFacts({ chain: [own] }: Pair) {
  const { fromMs, toMs } = validity(own)
  const at = (ms: number): string => new Date(ms).toISOString()
  return {
    subject: named(own),
    issuer: own.issuer.replaceAll('\n', ', '),
    serial: own.serialNumber,
    not_before: at(fromMs),
    not_after: at(toMs),
    renew_at: at(renewAtMs(own)),
  }
}

/** What stays until an attempt ends otherwise. */
const LASTING: ReadonlySet<DeviceState> = new Set(['refused', 'renewal-failing', 'pending'])

/** Refused and revoked stay so until another certificate is there; the rest is read off the clock. */
export function stateNow(
  pair: Pair | undefined,
  before: DeviceStatus | undefined,
  atMs: number,
): DeviceState {
  if (pair === undefined) return before?.state === 'pending' ? 'pending' : 'none'
  const [own] = pair.chain
  const { fromMs, toMs } = validity(own)
  const same = before?.serial === own.serialNumber
  if (same && before.state === 'revoked') return 'revoked'
  if (atMs < fromMs - CLOCK_SKEW_MS) return 'clock-wrong'
  if (atMs >= toMs) return same && before.state === 'clock-wrong' ? 'clock-wrong' : 'expired'
  return same && LASTING.has(before.state) ? before.state : 'valid'
}
