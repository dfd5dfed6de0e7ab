import { join } from 'node:path'
import type { OutboxEntry } from '../../gateway/outbox.ts'
import { Database } from '../../gateway/store/database.ts'
import { type ChainTip, GENESIS, sha256, verifyChain } from '../../gateway/store/log/chain.ts'
import type { Ledger } from './ledger.ts'

const PAGE = 2000

/** The log before its first inspection. */
export const EMPTY: ChainTip = { sequence: 0, hash: GENESIS }

/**
 * The inspections behind `after` in the database of a directory that nobody has open, read past the gateway: nothing
 * is repaired by looking. Of a log of one epoch, position and sequence are the same.
 * @throws Error where there are more epochs
 */
export async function* storedAfter(dir: string, after: number): AsyncGenerator<readonly OutboxEntry[]> {
  const database = await Database.open(join(dir, 'poincon.db'), 'read')
  try {
    const epochs = await database.all<{ epoch: string }>('SELECT epoch FROM epochs')
    const [first] = epochs
    if (epochs.length > 1) throw new Error(`the log was begun anew: ${epochs.length} epochs`)
    for (let from = after; first !== undefined; ) {
      const rows = await database.all<{ position: number; id: string; payload: string }>(
        'SELECT position, id, payload FROM inspections WHERE position > ? ORDER BY position LIMIT ?',
        [from, PAGE],
      )
      const last = rows.at(-1)
      if (last === undefined) return
      yield rows.map(({ position, ...row }) => ({ ...row, epoch: first.epoch, sequence: position }))
      from = last.position
    }
  } finally {
    await database.close()
  }
}

/** What the database of a directory holds behind `tip`. */
export interface Stored {
  readonly tip: ChainTip
  /** Ids by sequence. */
  readonly ids: ReadonlyMap<number, string>
  /** What is wrong with it. */
  readonly faults: readonly string[]
}

/** Verifies the chain behind `tip`. */
export async function verifiedAfter(dir: string, tip: ChainTip): Promise<Stored> {
  const ids = new Map<number, string>()
  let end = tip
  for await (const page of storedAfter(dir, tip.sequence)) {
    for (const { sequence, id } of page) ids.set(sequence, id)
    const report = verifyChain(page, end)
    if (!report.valid) return { tip: end, ids, faults: [`sequence ${report.sequence}: ${report.reason}`] }
    end = report.tip
  }
  return { tip: end, ids, faults: [] }
}

/**
 * What was acknowledged behind `after` and is not stored under its id.
 * @param acknowledged ids by sequence, as `ids`
 */
export function lost(acknowledged: ReadonlyMap<number, string>, ids: Stored['ids'], after = 0): string[] {
  const faults: string[] = []
  for (const [sequence, id] of acknowledged) {
    if (sequence > after && ids.get(sequence) !== id) faults.push(`sequence ${sequence} was lost`)
  }
  return faults
}

/**
 * Holds everything that is stored against everything that a subscriber wrote down, repeats dropped.
 * @param inOrder whether it must have come in order, too
 */
export async function differences(dir: string, ledger: Ledger, inOrder = true): Promise<string[]> {
  const faults = ledger.contradictions.map((sequence) => `sequence ${sequence} came as two inspections`)
  const early = inOrder ? ledger.early : []
  faults.push(...early.map((sequence) => `sequence ${sequence} came before the one before it`))
  let last = 0
  for await (const page of storedAfter(dir, 0)) {
    for (const { sequence, payload } of page) {
      last = sequence
      const heard = ledger.digests.get(sequence)
      if (heard === undefined) faults.push(`sequence ${sequence} never came`)
      else if (heard !== sha256(payload)) faults.push(`sequence ${sequence} came as something else`)
    }
  }
  for (const sequence of ledger.digests.keys()) {
    if (sequence > last) faults.push(`sequence ${sequence} came and is not stored`)
  }
  return faults
}
