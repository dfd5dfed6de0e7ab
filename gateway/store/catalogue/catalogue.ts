import { type Lens, type Mark, markKey, TREATMENTS } from '../../lens.ts'
import { openReader, openWriter } from '../connections.ts'
import type { Database, Value } from '../database.ts'
import { migrate } from '../migrations/migrate.ts'
import { CATALOGUE_STEPS } from './tables.ts'

/** A symbol that is said to stand on a lens. */
export interface SymbolLink {
  readonly symbol: string
  /** 0 to 1, of whoever linked it. */
  readonly confidence: number
  readonly validatedBy?: string
  /** RFC 3339. */
  readonly validatedAt?: string
}

/** A lens of the catalogue as it is live. */
export interface CatalogueLens extends Lens {
  readonly id: number
  readonly symbols: readonly SymbolLink[]
}

interface Row {
  readonly id: number
  readonly supplier: string
  readonly name: string
  readonly refractive_index: number | null
  readonly material: Lens['material'] | null
  readonly material_trade: string | null
  readonly range: string | null
  readonly series: string | null
  readonly height_min_mm: number | null
  readonly height_max_mm: number | null
  readonly source_url: string | null
}

interface Side {
  readonly lens: number
}

const LENSES = `SELECT lenses.id, suppliers.name AS supplier, lenses.name, refractive_index, material, material_trade,
    ranges.name AS range, series.name AS series, height_min_mm, height_max_mm, source_url
  FROM lenses JOIN suppliers ON suppliers.id = supplier
    LEFT JOIN ranges ON ranges.id = lenses.range LEFT JOIN series ON series.id = lenses.series`

/** What is asked of the catalogue; whatever is absent is not asked. */
export interface CatalogueFilter {
  readonly supplier?: string
  readonly index?: { readonly min: number; readonly max: number }
  /** An engraved text, as it is read on the lens: case, accents and spaces do not count. */
  readonly text?: string
  readonly symbols?: readonly string[]
  /** Of its symbols: a lens has all of them, or any. */
  readonly tags?: { readonly names: readonly string[]; readonly of: 'all' | 'any' }
  readonly ids?: readonly number[]
}

/** Opens the catalogue to read; creates an empty one when there is none. @throws StoreError */
export async function openCatalogue(file: string, mode: 'read' | 'write' = 'read'): Promise<Database> {
  const writer = await openWriter(file)
  try {
    await migrate(writer, { steps: CATALOGUE_STEPS })
    await writer.exec('PRAGMA foreign_keys = ON')
    if (mode === 'write') return writer
  } catch (error) {
    await writer.close()
    throw error
  }
  await writer.close()
  return await openReader(file)
}

/** The lenses that answer to all of the filter, by supplier and name. @throws StoreError */
export async function lensesOf(database: Database, filter: CatalogueFilter = {}): Promise<CatalogueLens[]> {
  const { conditions, values } = conditionsOf(filter)
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
  const rows = await database.all<Row>(
    `${LENSES} ${where} ORDER BY suppliers.name, lenses.name, lenses.id`,
    values,
  )
  return await withSides(database, rows)
}

function conditionsOf(filter: CatalogueFilter): { readonly conditions: string[]; readonly values: Value[] } {
  const conditions: string[] = []
  const values: Value[] = []
  const add = (condition: string, ...more: Value[]): void => {
    conditions.push(condition)
    values.push(...more)
  }
  const { supplier, index, text, symbols, tags, ids } = filter
  if (supplier !== undefined) add('suppliers.name = ? COLLATE NOCASE', supplier)
  if (index !== undefined) add('refractive_index BETWEEN ? AND ?', index.min, index.max)
  if (text !== undefined) {
    add(`lenses.id IN (SELECT lens FROM lens_marks WHERE kind = 'text' AND folded = ?)`, markKey(text))
  }
  for (const symbol of symbols ?? []) {
    const linked = 'SELECT lens FROM lens_symbols JOIN symbols ON symbols.id = symbol WHERE symbols.name = ?'
    add(`lenses.id IN (${linked})`, symbol)
  }
  if (tags !== undefined) {
    const each = 'lenses.id IN (SELECT lens FROM lens_symbols JOIN symbol_tags USING (symbol) WHERE tag = ?)'
    const joined = tags.names.map(() => each).join(tags.of === 'all' ? ' AND ' : ' OR ')
    add(tags.names.length === 0 ? 'TRUE' : `(${joined})`, ...tags.names)
  }
  if (ids !== undefined) add('lenses.id IN (SELECT value FROM json_each(?))', JSON.stringify(ids))
  return { conditions, values }
}

async function withSides(database: Database, rows: readonly Row[]): Promise<CatalogueLens[]> {
  const among = 'WHERE lens IN (SELECT value FROM json_each(?)) ORDER BY lens'
  const ids = [JSON.stringify(rows.map(({ id }) => id))]
  const treatments = await database.all<Side & { treatment: string }>(
    `SELECT * FROM lens_treatments ${among}`,
    ids,
  )
  const marks = await database.all<Side & { kind: Mark['kind']; value: string; alt: string | null }>(
    `SELECT lens, kind, value, alt FROM lens_marks ${among}, kind, value`,
    ids,
  )
  const links = await database.all<Side & LinkRow>(
    `SELECT lens, symbols.name AS symbol, confidence, validated_by, validated_at
     FROM lens_symbols JOIN symbols ON symbols.id = symbol ${among}, confidence DESC, symbols.name`,
    ids,
  )
  const [treated, marked, linked] = [byLens(treatments), byLens(marks), byLens(links)]
  return rows.map((row) => {
    const names = new Set(treated.get(row.id)?.map(({ treatment }) => treatment))
    return {
      ...lensOf(row),
      treatments: TREATMENTS.filter((treatment) => names.has(treatment)),
      marks: (marked.get(row.id) ?? []).map(markOf),
      symbols: (linked.get(row.id) ?? []).map(linkOf),
    }
  })
}

interface LinkRow {
  readonly symbol: string
  readonly confidence: number
  readonly validated_by: string | null
  readonly validated_at: string | null
}

function byLens<T extends Side>(rows: readonly T[]): Map<number, T[]> {
  const grouped = new Map<number, T[]>()
  for (const row of rows) {
    const group = grouped.get(row.lens)
    if (group === undefined) grouped.set(row.lens, [row])
    else group.push(row)
  }
  return grouped
}

function lensOf(row: Row): Omit<CatalogueLens, 'treatments' | 'marks' | 'symbols'> {
  const { height_min_mm: min, height_max_mm: max } = row
  return {
    id: row.id,
    supplier: row.supplier,
    name: row.name,
    ...(row.refractive_index === null ? {} : { index: row.refractive_index }),
    ...(row.material === null || row.material === undefined ? {} : { material: row.material }),
    ...(row.material_trade === null ? {} : { materialTrade: row.material_trade }),
    ...(row.range === null ? {} : { range: row.range }),
    ...(row.series === null ? {} : { series: row.series }),
    ...(min === null || max === null ? {} : { heightMm: { min, max } }),
    ...(row.source_url === null ? {} : { sourceUrl: row.source_url }),
  }
}

function markOf({ kind, value, alt }: { kind: Mark['kind']; value: string; alt: string | null }): Mark {
  if (kind === 'text') return { kind, text: value }
  return { kind, url: value, ...(alt === null ? {} : { alt }) }
}

function linkOf(row: LinkRow): SymbolLink {
  const { symbol, confidence, validated_by: by, validated_at: at } = row
  return { symbol, confidence, ...(by === null || at === null ? {} : { validatedBy: by, validatedAt: at }) }
}
