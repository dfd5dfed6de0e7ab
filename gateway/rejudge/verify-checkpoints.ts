import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CheckpointAudit } from '../proof/checkpoint-audit.ts'
import { publicKeyIn, type TrustedKeys, trustedKeys, trusting } from '../proof/device-key.ts'
import { openReader } from '../store/connections.ts'
import { DocumentReader } from '../store/registry/documents.ts'
import { readAnchors } from '../store/retention/anchors.ts'
import type { Archive } from './archive.ts'

/** Whom to believe, and what somebody else kept. */
export interface Witnesses {
  /** Files of public keys; none: the key of the data directory. */
  readonly trust: readonly string[]
  /** Files of published checkpoints, JSON, one a line. */
  readonly published: readonly string[]
}

/** Schema from which on a store keeps documents. */
const LEAST_SCHEMA = 3

/** How many checkpoints a data directory holds; what cannot be read is said when the log is opened. */
export async function checkpointsIn(dataDir: string): Promise<number> {
  const stored = await readSigned(join(dataDir, 'poincon.db')).catch(() => undefined)
  return stored?.checkpoints.length ?? 0
}

interface Signed {
  /** Oldest first. */
  readonly checkpoints: readonly unknown[]
  /** The last position that retention says it took; 0: none. */
  readonly taken: number
}

/** @throws StoreError */
async function readSigned(file: string): Promise<Signed> {
  const database = await openReader(file)
  try {
    const row = await database.get<{ user_version: number }>('PRAGMA user_version')
    if ((row?.user_version ?? 0) < LEAST_SCHEMA) return { checkpoints: [], taken: 0 }
    const stored = await new DocumentReader(database).lastById('checkpoint', Number.MAX_SAFE_INTEGER)
    const anchors = (await readAnchors(database)) ?? []
    return {
      checkpoints: stored.map(({ value }) => value).reverse(),
      taken: Math.max(0, ...anchors.map(({ position }) => position)),
    }
  } finally {
    await database.close()
  }
}

/**
 * What the log has to agree with.
 * @param before how many checkpoints there were when the log was not open yet: what they signed has to be there
 * @throws KeyError, StoreError, or what the file system throws
 */
export async function auditOf(
  archive: Archive,
  dataDir: string,
  { trust, published }: Witnesses,
  before: number,
): Promise<CheckpointAudit> {
  const { begin, end, epochs, file } = archive
  // Read behind the log: a station that runs says that it started before it appends.
  const { checkpoints, taken } = await readSigned(file)
  const kept = await Promise.all(published.map((one) => readFile(one, 'utf8')))
  return new CheckpointAudit({
    ...{ checkpoints, taken, begin, end, epochs, required: before, published: kept.flatMap(lines) },
    keys: await keysFor(dataDir, trust),
  })
}

async function keysFor(dataDir: string, trust: readonly string[]): Promise<TrustedKeys | undefined> {
  if (trust.length === 0) {
    const own = await publicKeyIn(dataDir)
    return own === undefined ? undefined : trusting([own])
  }
  const files = await Promise.all(trust.map(async (file) => trustedKeys(await readFile(file, 'utf8'), file)))
  return new Map(files.flatMap((keys) => [...keys]))
}

function lines(text: string): unknown[] {
  const whole = jsonIn(text)
  return whole === undefined
    ? text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [jsonIn(line) ?? line]))
    : [whole].flat()
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** As `--json` says it. */
export function checkpointsJson({ checked, broken, keyed, newest, unproven }: CheckpointAudit): object {
  const signed =
    newest === undefined
      ? null
      : {
          number: newest.number,
          epoch: newest.epoch,
          sequence: newest.sequence,
          at: newest.at,
          key_id: newest.key_id,
        }
  return {
    agree: checked,
    broken: broken ?? null,
    signatures_checked: keyed,
    newest: signed,
    behind_newest: unproven,
  }
}

/** As a person reads it. */
export function checkpointsText({ checked, broken, keyed, newest, unproven }: CheckpointAudit): string {
  if (broken !== undefined) {
    return `checkpoints: from sequence ${broken.sequence} of epoch ${broken.epoch} on nothing is proven: ${broken.reason}`
  }
  if (newest === undefined) return 'checkpoints: none was signed'
  const who = keyed
    ? `signed by key ${newest.key_id}`
    : 'signatures NOT checked (name the public key: --trust FILE)'
  const behind = unproven === 0 ? '' : `; the newest ${unproven} inspections are not signed yet`
  return `checkpoints: ${checked} agree, the newest is number ${newest.number} of ${newest.at}, ${who}${behind}`
}
