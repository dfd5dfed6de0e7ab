import { distinctMarks, type Lens, lensKey, markValue } from '../../lens.ts'
import type { Database } from '../database.ts'
import { StoreError } from '../error.ts'
import { lensesOf, markKey } from './catalogue.ts'
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
  const merged = new Map<string, Lens>()
  for (const lens of lenses) {
    const key = lensKey(lens)
    const known = merged.get(key)
    merged.set(key, known === undefined ? lens : joined(known, lens))
  }
  await transaction(database, async () => {
    await database.run('DELETE FROM staged WHERE source = ?', [source])
    const rows = [...merged].map(([key, lens]) => ({ key, lens: JSON.stringify(lens) }))
    await database.run(
      `INSERT INTO staged (source, key, lens)
       SELECT ?, value ->> 'key', value ->> 'lens' FROM json_each(?)`,
      [source, JSON.stringify(rows)],
    )
  })
  return lenses.length - merged.size
}

function joined(first: Lens, second: Lens): Lens {
  const marks = distinctMarks([...first.marks, ...second.marks])
  const treatments = [...new Set([...first.treatments, ...second.treatments])].sort()
  return { ...second, ...first, marks, treatments }
}

/** What `goLive` would do. @throws StoreError `invalid` when nothing is staged under that name */
export async function diffOf(database: Database, source: string): Promise<CatalogueDiff> {
  const after = await stagedLenses(database, source)
  const live = await database.all<{ id: number; key: string; only: number }>(
    `SELECT id, key, NOT EXISTS (SELECT 1 FROM lens_sources WHERE lens = id AND source <> ?) AS only FROM lenses`,
    [source],
  )
  const lenses = new Map((await lensesOf(database)).map((lens) => [lens.id, lens]))
  const before = new Map(live.map(({ id, key }) => [key, lenses.get(id)]))
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
  const gone = live.filter(({ key, only }) => only === 1 && !after.has(key))
  const removed = gone.flatMap(({ id }) => lenses.get(id) ?? [])
  return { added, changed, removed, same: after.size - added.length - changed.length }
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
  if (rows.length === 0)
    throw new StoreError('invalid', `source ${source}: nothing is staged under this name`)
  // Written by `stage` alone.
  return new Map(rows.map(({ key, lens }): [string, Lens] => [key, JSON.parse(lens)]))
}

/**
 * Makes what is staged live, all of it or nothing: lenses keep their number and what was linked to them; those that
 * neither this source nor another names any more go.
 * @param at RFC 3339
 * @throws StoreError `invalid` when nothing is staged under that name
 */
export async function goLive(database: Database, source: string, at: string): Promise<CatalogueDiff> {
  return await transaction(database, async () => {
    const diff = await diffOf(database, source)
    await putLenses(database, [...diff.added, ...diff.changed.map(({ after }) => after)], at)
    await database.run('DELETE FROM lens_sources WHERE source = ?', [source])
    await database.run(
      `INSERT INTO lens_sources (lens, source)
       SELECT lenses.id, staged.source FROM staged JOIN lenses USING (key) WHERE staged.source = ?`,
      [source],
    )
    await database.run('DELETE FROM lenses WHERE id NOT IN (SELECT lens FROM lens_sources)')
    await database.run('DELETE FROM staged WHERE source = ?', [source])
    return diff
  })
}

/** A statement a table, whatever the number of lenses: SQLite reads them out of one JSON text. */
async function putLenses(database: Database, lenses: readonly Lens[], at: string): Promise<void> {
  const rows = lenses.map((lens) => ({
    ...lens,
    key: lensKey(lens),
    marks: lens.marks.map((mark) => ({ ...mark, value: markValue(mark), folded: markKey(markValue(mark)) })),
  }))
  const json = JSON.stringify(rows)
  for (const [table, field] of NAME_TABLES) {
    await database.run(
      `INSERT INTO ${table} (name) SELECT DISTINCT value ->> '${field}' FROM json_each(?)
       WHERE value ->> '${field}' IS NOT NULL ON CONFLICT (name) DO NOTHING`,
      [json],
    )
  }
  await database.run(PUT_LENSES, [json, at])
  for (const statement of PUT_SIDES) await database.run(statement, [json])
}

const NAME_TABLES = [
  ['suppliers', 'supplier'],
  ['ranges', 'range'],
  ['series', 'series'],
] as const

const PUT_LENSES = `
  INSERT INTO lenses (key, supplier, name, refractive_index, material, material_trade, range, series,
    height_min_mm, height_max_mm, source_url, changed_at)
  SELECT lens ->> 'key', suppliers.id, lens ->> 'name', lens ->> 'index', lens ->> 'material', lens ->> 'materialTrade',
    ranges.id, series.id, lens ->> '$.heightMm.min', lens ->> '$.heightMm.max', lens ->> 'sourceUrl', ?2
  FROM (SELECT value AS lens FROM json_each(?1)) JOIN suppliers ON suppliers.name = lens ->> 'supplier'
    LEFT JOIN ranges ON ranges.name = lens ->> 'range' LEFT JOIN series ON series.name = lens ->> 'series'
  WHERE TRUE
  ON CONFLICT (key) DO UPDATE SET name = excluded.name, material_trade = excluded.material_trade,
    range = excluded.range, series = excluded.series, height_min_mm = excluded.height_min_mm,
    height_max_mm = excluded.height_max_mm, source_url = excluded.source_url,
    changed_at = excluded.changed_at`

const THEIRS = `FROM json_each(?1) AS line JOIN lenses ON lenses.key = line.value ->> 'key'`

const PUT_SIDES = [
  `DELETE FROM lens_treatments WHERE lens IN (SELECT lenses.id ${THEIRS})`,
  `DELETE FROM lens_marks WHERE lens IN (SELECT lenses.id ${THEIRS})`,
  `INSERT INTO lens_treatments (lens, treatment)
   SELECT lenses.id, treatment.value ${THEIRS}, json_each(line.value, '$.treatments') AS treatment`,
  `INSERT INTO lens_marks (lens, kind, value, folded, alt)
   SELECT DISTINCT lenses.id, mark.value ->> 'kind', mark.value ->> 'value', mark.value ->> 'folded', mark.value ->> 'alt'
   ${THEIRS}, json_each(line.value, '$.marks') AS mark`,
]
