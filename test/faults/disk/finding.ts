import { join } from 'node:path'
import type { OutboxEntry } from '../../../gateway/outbox.ts'
import { Database } from '../../../gateway/store/database.ts'
import { faultOf } from '../../../gateway/store/error.ts'
import { sha256, verifyChain } from '../../../gateway/store/log/chain.ts'
import type { Store } from '../../../gateway/store/store.ts'
import { reopen } from '../../gateway/store/opening.ts'
import type { Outcome } from '../outcome.ts'

/** Appends under way at a time, and so the most in one commit. */
export const WIDTH = 8

/** A directory as a store left it, and what it held. */
export interface Original {
  readonly dir: string
  readonly inode: string
  readonly entries: readonly OutboxEntry[]
}

/** What a damaged copy said. */
export type Finding =
  | 'refused at opening'
  | 'told on reading'
  | 'found by verification'
  /** Only what the last two commits held: with the end of the one, nothing tells the other from one that was cut off. */
  | 'counted as unrecorded'
  | 'begun anew, and said so'
  | 'no harm done'

/** Findings by how often they came. */
export class Tally {
  readonly #counts = new Map<string, number>()
  readonly #violations: string[] = []

  add(place: string, finding: Finding | { readonly silent: string }): void {
    const name = typeof finding === 'string' ? finding : 'silent'
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
    if (typeof finding !== 'string') this.#violations.push(`${place}: ${finding.silent}`)
  }

  get outcome(): Pick<Outcome, 'seen' | 'violations'> {
    const seen = [...this.#counts].map(([name, times]) => `${times} ${name}`).join(', ')
    return { seen, violations: this.#violations }
  }
}

/** What becomes of a damaged directory: at opening, on reading, by what `poincon verify` looks at. */
export async function findingOf(
  dir: string,
  { entries }: Original,
): Promise<Finding | { readonly silent: string }> {
  let store: Store
  try {
    store = await reopen(dir)
  } catch (error) {
    return faultOf(error) === 'corrupt'
      ? 'refused at opening'
      : { silent: `it opens not, as ${faultOf(error)}` }
  }
  try {
    return await readingOf(store, dir, entries)
  } catch (error) {
    return faultOf(error) === 'corrupt'
      ? 'told on reading'
      : { silent: `told as ${faultOf(error)}: ${error}` }
  } finally {
    await store.close().catch(() => {})
  }
}

async function readingOf(
  store: Store,
  dir: string,
  entries: readonly OutboxEntry[],
): Promise<Finding | { readonly silent: string }> {
  const found = await store.from(1, 100_000, store.epochs[0])
  const raws = await Promise.all(found.map(({ sequence }) => store.raw(sequence, store.epochs[0])))
  const strange = raws.some((raw, place) => raw === undefined || !found[place]?.payload.includes(sha256(raw)))
  if (!verifyChain(found).valid || strange) return 'found by verification'
  const unindexed = (await Promise.all(found.map(({ id }) => store.get(id)))).includes(undefined)
  const lacking = entries.length - found.length
  if (lacking === 0 && !unindexed) {
    const same = found.every(({ payload }, place) => payload === entries[place]?.payload)
    return same ? 'no harm done' : { silent: 'another inspection in its place' }
  }
  const goesOn = store.epoch.epoch === entries[0]?.epoch
  if (lacking > 0 && !goesOn) return 'begun anew, and said so'
  if (lacking > 2 * WIDTH) return { silent: `${lacking} are gone, and their sequences are given to others` }
  if (lacking > 0 && store.unrecorded.parts >= lacking) return 'counted as unrecorded'
  return (await isSound(dir)) ? { silent: `${lacking} lacking, nothing said` } : 'found by verification'
}

async function isSound(dir: string): Promise<boolean> {
  const database = await Database.open(join(dir, 'poincon.db'), 'read')
  try {
    const [first] = await database.all<{ integrity_check: string }>('PRAGMA integrity_check(1)')
    return first?.integrity_check === 'ok'
  } finally {
    await database.close()
  }
}
