import { distinctMarks, type Lens, lensKey } from '../../lens.ts'
import type { Database } from '../database.ts'
import { StoreError } from '../error.ts'
import { lensesOf } from './catalogue.ts'
import { putLenses } from './put-lenses.ts'
import { transaction } from './transaction.ts'

/** What a source would change in the catalogue. */
export interface CatalogueDiff {
  readonly added: readonly Lens[]
  readonly changed: readonly {
    readonly before: Lens
    readonly after: Lens
    readonly fields: readonly string[]
  }[]
  /** Live, not in this source any more, and in no other. */
  readonly removed: readonly Lens[]
  readonly same: number
}

/**
 * Lays down what a source says, in place of what it said before; nothing of it is live until `goLive`. Lines of the same
 * lens become one, with the marks and treatments of all.
 * @returns how many lines were of a lens that another line had named
 * @throws StoreError
 */
export async function stage(database: Database, source: string, lenses: readonly Lens[]): Promise<number> {
  const merged = byKey(lenses)
  await transaction(database, () => putStaged(database, source, merged))
  return lenses.length - merged.size
}

/** Lenses by what makes them the same, those that are joined. */
export function byKey(lenses: readonly Lens[]): Map<string, Lens> {
  const merged = new Map<string, Lens>()
  for (const lens of lenses) {
    const key = lensKey(lens)
    const known = merged.get(key)
    merged.set(key, known === undefined ? lens : joined(known, lens))
  }
  return merged
}

/** Within a transaction of the caller's. */
export async function putStaged(
  database: Database,
  source: string,
  lenses: ReadonlyMap<string, Lens>,
): Promise<void> {
  await database.run('DELETE FROM staged WHERE source = ?', [source])
  const rows = [...lenses].map(([key, lens]) => ({ key, lens: JSON.stringify(lens) }))
  await database.run(
    `INSERT INTO staged (source, key, lens)
     SELECT ?, value ->> 'key', value ->> 'lens' FROM json_each(?)`,
    [source, JSON.stringify(rows)],
  )
}

function joined(first: Lens, second: Lens): Lens {
  const marks = distinctMarks([...first.marks, ...second.marks])
  const treatments = [...new Set([...first.treatments, ...second.treatments])].sort()
  return { ...second, ...first, marks, treatments }
}

/** How a source goes live. */
export interface Going {
  /** It may name no lens at all; else that is an error. */
  readonly empty?: boolean
  /** What goes live with it, or not at all. */
  readonly also?: () => Promise<void>
}

/** What `goLive` would do. @throws StoreError `invalid` when nothing is staged under that name */
export async function diffOf(
  database: Database,
  source: string,
  { empty = false }: Going = {},
): Promise<CatalogueDiff> {
  const after = await stagedLenses(database, source)
  if (after.size === 0 && !empty)
    throw new StoreError('invalid', `source ${source}: nothing is staged under this name`)
  const live = await database.all<{ id: number; key: string; only: number }>(
    `SELECT id, key, NOT EXISTS (SELECT 1 FROM lens_sources WHERE lens = id AND source <> ?) AS only FROM lenses`,
    [source],
  )
  const lenses = new Map((await lensesOf(database)).map((lens) => [lens.id, lens]))
  const before = new Map(live.map(({ id, key }) => [key, lenses.get(id)]))
  const gone = live.filter(({ key, only }) => only === 1 && !after.has(key))
  return { ...changes(before, after), removed: gone.flatMap(({ id }) => lenses.get(id) ?? []) }
}

/** What is new, and what is described otherwise. */
export function changes(
  before: ReadonlyMap<string, Lens | undefined>,
  after: ReadonlyMap<string, Lens>,
): Omit<CatalogueDiff, 'removed'> {
  const added: Lens[] = []
  const changed: CatalogueDiff['changed'][number][] = []
  for (const [key, lens] of after) {
    const known = before.get(key)
    if (known === undefined) added.push(lens)
    else {
      const fields = FIELDS.filter((field) => comparable(known[field]) !== comparable(lens[field]))
      if (fields.length > 0) changed.push({ before: known, after: lens, fields })
    }
  }
  return { added, changed, same: after.size - added.length - changed.length }
}

const FIELDS = [
  'name',
  'materialTrade',
  'treatments',
  'range',
  'series',
  'heightMm',
  'marks',
  'sourceUrl',
] as const satisfies readonly (keyof Lens)[]

/** The same for two lists in another order. */
function comparable(value: unknown): string {
  const list = Array.isArray(value) ? value.map((item) => JSON.stringify(item)).sort() : value
  return JSON.stringify(list) ?? ''
}

async function stagedLenses(database: Database, source: string): Promise<Map<string, Lens>> {
  const rows = await database.all<{ key: string; lens: string }>(
    'SELECT key, lens FROM staged WHERE source = ? ORDER BY key',
    [source],
  )
  // Written by `stage` alone.
  return new Map(rows.map(({ key, lens }): [string, Lens] => [key, JSON.parse(lens)]))
}

/**
 * Makes what is staged live, all of it or nothing: lenses keep their number and what was linked to them; those that
 * neither this source nor another names any more go.
 * @param at RFC 3339
 * @throws StoreError `invalid` when nothing is staged under that name
 */
export async function goLive(
  database: Database,
  source: string,
  at: string,
  going: Going = {},
): Promise<CatalogueDiff> {
  return await transaction(database, async () => {
    const diff = await diffOf(database, source, going)
    await putLenses(database, [...diff.added, ...diff.changed.map(({ after }) => after)], at)
    await database.run('DELETE FROM lens_sources WHERE source = ?', [source])
    await database.run(
      `INSERT INTO lens_sources (lens, source)
       SELECT lenses.id, staged.source FROM staged JOIN lenses USING (key) WHERE staged.source = ?`,
      [source],
    )
    await database.run('DELETE FROM lenses WHERE id NOT IN (SELECT lens FROM lens_sources)')
    await database.run('DELETE FROM staged WHERE source = ?', [source])
    await going.also?.()
    return diff
  })
}
