import type { Lens } from '../../lens.ts'
import type { KeyedLink, NamedSymbol } from '../../lens-links.ts'
import type { Database } from '../database.ts'
import { lensesOf } from './catalogue.ts'

/** What was new of symbols and links that were brought in. */
export interface BroughtLinks {
  readonly symbols: number
  readonly links: number
}

/** The live lenses that another source than this one names. @throws StoreError */
export async function lensesBesides(database: Database, source: string): Promise<readonly Lens[]> {
  const rows = await database.all<{ lens: number }>(
    'SELECT DISTINCT lens FROM lens_sources WHERE source <> ?',
    [source],
  )
  return await lensesOf(database, { ids: rows.map(({ lens }) => lens) })
}

/**
 * Adds symbols, and their links to lenses that are there; what this catalogue says of a symbol or link already stays.
 * Within a transaction of the caller's.
 * @param at RFC 3339, for links that do not say when
 * @throws StoreError
 */
export async function bringLinks(
  database: Database,
  {
    symbols,
    links,
    at,
  }: { readonly symbols: readonly NamedSymbol[]; readonly links: readonly KeyedLink[]; readonly at: string },
): Promise<BroughtLinks> {
  const before = await counts(database)
  await database.run(
    `INSERT INTO symbols (name, description)
     SELECT value ->> 'name', value ->> 'description' FROM json_each(?) WHERE TRUE
     ON CONFLICT (name) DO UPDATE SET description = excluded.description WHERE description = ''`,
    [JSON.stringify(symbols)],
  )
  const each = links.flatMap(({ keys, ...link }) => keys.map((key) => ({ key, ...link })))
  await database.run(
    `INSERT INTO lens_symbols (lens, symbol, confidence, linked_at, validated_by, validated_at)
     SELECT lenses.id, symbols.id, value ->> 'confidence', coalesce(value ->> 'linkedAt', ?2),
       value ->> 'validatedBy', value ->> 'validatedAt'
     FROM json_each(?1) JOIN lenses ON lenses.key = value ->> 'key' JOIN symbols ON symbols.name = value ->> 'symbol'
     WHERE TRUE ON CONFLICT DO NOTHING`,
    [JSON.stringify(each), at],
  )
  const after = await counts(database)
  return { symbols: after.symbols - before.symbols, links: after.links - before.links }
}

async function counts(database: Database): Promise<BroughtLinks> {
  const row = await database.get<BroughtLinks>(
    'SELECT (SELECT count(*) FROM symbols) AS symbols, (SELECT count(*) FROM lens_symbols) AS links',
  )
  return row ?? { symbols: 0, links: 0 }
}
