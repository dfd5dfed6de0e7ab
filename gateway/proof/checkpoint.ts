import { verify } from 'node:crypto'
import { z } from 'zod'
import { canonical } from '../store/log/canonical.ts'
import { GENESIS, sha256 } from '../store/log/chain.ts'
import { type DeviceKey, keyId, type TrustedKeys } from './device-key.ts'

const digest = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hex digits')

/** Why the chain was signed. Nothing is appended between a `stop` and the `start` behind it. */
const REASONS = ['start', 'interval', 'stop'] as const

/** A signed place of the chain: `poincon.checkpoint/1`. */
export const checkpointRecord = z
  .object({
    schema: z.literal('poincon.checkpoint/1'),
    number: z.int().min(1).describe('Counts the checkpoints of this log, gap-free.'),
    previous: digest.describe(
      'SHA-256 of the canonical JSON of the checkpoint before it; 64 zeros in the first.',
    ),
    device_id: z.string().max(64),
    epoch: z.string().max(64),
    sequence: z.int().min(0).describe('Of the newest inspection; 0: the epoch has none.'),
    hash: digest.describe('Its `provenance.hash`; 64 zeros where there is none.'),
    count: z.int().min(0).describe('Inspections of the log up to this one, over all epochs.'),
    oldest: z.int().min(1).describe('The first of them that is still stored, counted the same way.'),
    reason: z.enum(REASONS).describe('`stop`: the station ended, and nothing follows before a `start`.'),
    at: z.iso.datetime().describe('By the station’s clock; the order is that of `number`.'),
    key_id: z.string().regex(/^[0-9a-f]{16}$/),
    signature: z
      .string()
      .regex(/^[A-Za-z0-9_-]{86}$/)
      .describe('Ed25519 over the canonical JSON (RFC 8785) of this record without `signature`, base64url.'),
  })
  .meta({ title: 'poincon.checkpoint/1' })
export type Checkpoint = Readonly<z.infer<typeof checkpointRecord>>
export type CheckpointReason = (typeof REASONS)[number]

/** What the key puts its name to. */
export type Statement = Omit<Checkpoint, 'schema' | 'number' | 'previous' | 'key_id' | 'signature'>

/** The next checkpoint. @param before the newest one, undefined for the first @throws what the key throws */
export async function signed(
  statement: Statement,
  before: Checkpoint | undefined,
  key: DeviceKey,
): Promise<Checkpoint> {
  const unsigned = {
    ...statement,
    schema: 'poincon.checkpoint/1',
    number: (before?.number ?? 0) + 1,
    previous: before === undefined ? GENESIS : digestOf(before),
    key_id: keyId(key.publicKey),
  } as const
  const signature = await key.sign(Buffer.from(canonical(unsigned)))
  return { ...unsigned, signature: Buffer.from(signature).toString('base64url') }
}

/** SHA-256 of the canonical JSON, signature and all. */
export function digestOf(checkpoint: Checkpoint): string {
  return sha256(canonical(checkpoint))
}

/** What is wrong with its signature; undefined when it is the trusted key's. */
export function signatureProblem(checkpoint: Checkpoint, keys: TrustedKeys): string | undefined {
  const { signature, ...unsigned } = checkpoint
  const key = keys.get(checkpoint.key_id)
  if (key === undefined) {
    const known = [...keys.keys()].join(', ')
    return `it is signed with key ${checkpoint.key_id}, trusted: ${known === '' ? 'none' : known}`
  }
  const genuine = verify(null, Buffer.from(canonical(unsigned)), key, Buffer.from(signature, 'base64url'))
  return genuine ? undefined : 'its signature does not match'
}

const NUMBER_DIGITS = 12

/** The id that a checkpoint is stored under: ids sort as numbers do, whatever the clock said. */
export function checkpointId(number: number): string {
  return String(number).padStart(NUMBER_DIGITS, '0')
}
