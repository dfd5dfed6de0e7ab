import { type Lens, lensKey, markKey, markValue } from '../../lens.ts'
import type { Database } from '../database.ts'

/**
 * Adds lenses, or changes those of the same key. A statement a table, whatever the number of lenses: SQLite reads them
 * out of one JSON text.
 */
export async function putLenses(database: Database, lenses: readonly Lens[], at: string): Promise<void> {
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
