import { z } from 'zod'
import { LENS_LIMITS } from '../lens.ts'

/** What is no database of the old system. */
export class VerresError extends Error {
  override readonly name = 'VerresError'
}

/** How the first bytes of an SQLite database read. */
const SQLITE = 'SQLite format 3\0'

/** Whether these are the first bytes of a database, whatever the file is called. */
export function isDatabase(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, SQLITE.length) === SQLITE
}

const text = z.union([z.string(), z.number().transform(String)]).nullable()
const number = z.number().nullable()

const oldLens = z.object({
  id: z.int(),
  name: text.transform((name) => name ?? ''),
  variant: text,
  heightMin: number,
  heightMax: number,
  index: number,
  engraving: text,
  sourceUrl: text,
  supplier: text.transform((name) => name ?? ''),
  material: text,
  range: text,
  series: text,
  treatments: z.string().transform((json) => z.array(z.string()).parse(JSON.parse(json))),
})
/** A line of `verres`, with the names that its numbers stand for. */
export type OldLens = Readonly<z.infer<typeof oldLens>>

const oldLink = z.object({
  id: z.int(),
  lens: z.int(),
  symbol: text,
  confidence: number,
  valid: z.union([z.int(), z.null()]).transform((value) => value === 1),
  validatedBy: text,
  createdAt: text,
  updatedAt: text,
})
/** A line of `verres_symboles`. */
export type OldLink = Readonly<z.infer<typeof oldLink>>

const oldSymbol = z.object({
  name: z.string().trim().min(1).max(LENS_LIMITS.symbol),
  description: text.transform((description) => description ?? ''),
})

/** What the old system kept. */
export interface OldTables {
  readonly lenses: readonly OldLens[]
  /** How many there are at all. */
  readonly treatments: number
  readonly symbols: readonly z.infer<typeof oldSymbol>[]
  readonly links: readonly OldLink[]
}

/** Asks a database, read only. */
export type Query = (sql: string) => Promise<readonly unknown[]>

/** What each table needs; a foreign key is called as its table, or with `_id` behind it. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  verres: ['id', 'nom', 'hauteur_min', 'hauteur_max', 'indice', 'url_gravure', 'url_source'],
  fournisseurs: ['id', 'nom'],
  materiaux: ['id', 'nom'],
  gammes: ['id', 'nom'],
  series: ['id', 'nom'],
  traitements: ['id', 'nom'],
  verres_traitements: [],
  symboles_tags: ['id', 'nom', 'description'],
  verres_symboles: ['score_confiance', 'est_valide', 'valide_par'],
}

/**
 * Reads the tables of the old system's `verres.db`.
 * @throws VerresError which names the file, and the table or column that is missing or wrong
 */
export async function readOldTables(query: Query, file: string): Promise<OldTables> {
  const columns = await columnsOf(query)
  for (const [table, needed] of Object.entries(NEEDED)) {
    const has = columns.get(table)
    if (has === undefined)
      throw new VerresError(`${file}: no table ${table}: expected the old system's verres.db`)
    const missing = needed.find((column) => !has.has(column))
    if (missing !== undefined) throw new VerresError(`${file}: ${table}: no column ${missing}`)
  }
  /** The column that leads to another table. */
  const key = (table: string, to: string): string => {
    const name = [`${to}_id`, to].find((column) => columns.get(table)?.has(column))
    if (name === undefined) throw new VerresError(`${file}: ${table}: no column ${to}_id`)
    return `${table}.${name}`
  }
  const optional = (table: string, column: string): string =>
    columns.get(table)?.has(column) ? `${table}.${column}` : 'NULL'
  const lenses = await query(lensesSql(key, optional))
  const links = await query(linksSql(key, optional))
  const symbols = await query('SELECT nom AS name, description FROM symboles_tags ORDER BY id')
  return {
    lenses: parsed(oldLens, lenses, `${file}: verres`),
    treatments: (await query('SELECT id FROM traitements')).length,
    symbols: parsed(oldSymbol, symbols, `${file}: symboles_tags`),
    links: parsed(oldLink, links, `${file}: verres_symboles`),
  }
}

async function columnsOf(query: Query): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const rows = await query(
    `SELECT m.name AS name, c.name AS "column" FROM sqlite_schema AS m JOIN pragma_table_info(m.name) AS c
     WHERE m.type = 'table'`,
  )
  const columns = new Map<string, Set<string>>()
  for (const { name, column } of z.array(z.object({ name: z.string(), column: z.string() })).parse(rows)) {
    const has = columns.get(name)
    if (has === undefined) columns.set(name, new Set([column]))
    else has.add(column)
  }
  return columns
}

type Key = (table: string, to: string) => string

function lensesSql(key: Key, optional: Key): string {
  return `SELECT verres.id AS id, verres.nom AS name, ${optional('verres', 'variante')} AS variant,
      hauteur_min AS heightMin, hauteur_max AS heightMax, indice AS "index", url_gravure AS engraving,
      url_source AS sourceUrl, fournisseurs.nom AS supplier, materiaux.nom AS material, gammes.nom AS "range",
      series.nom AS series,
      (SELECT json_group_array(traitements.nom) FROM verres_traitements
         JOIN traitements ON traitements.id = ${key('verres_traitements', 'traitement')}
       WHERE ${key('verres_traitements', 'verre')} = verres.id) AS treatments
    FROM verres LEFT JOIN fournisseurs ON fournisseurs.id = ${key('verres', 'fournisseur')}
      LEFT JOIN materiaux ON materiaux.id = ${key('verres', 'materiau')}
      LEFT JOIN gammes ON gammes.id = ${key('verres', 'gamme')}
      LEFT JOIN series ON series.id = ${key('verres', 'serie')}
    ORDER BY verres.id`
}

function linksSql(key: Key, optional: Key): string {
  return `SELECT verres_symboles.rowid AS id, ${key('verres_symboles', 'verre')} AS lens,
      symboles_tags.nom AS symbol, score_confiance AS confidence, est_valide AS valid, valide_par AS validatedBy,
      ${optional('verres_symboles', 'created_at')} AS createdAt, ${optional('verres_symboles', 'updated_at')} AS updatedAt
    FROM verres_symboles LEFT JOIN symboles_tags ON symboles_tags.id = ${key('verres_symboles', 'symbole')}
    ORDER BY verres_symboles.rowid`
}

function parsed<T>(schema: z.ZodType<T>, rows: readonly unknown[], where: string): readonly T[] {
  const found = z.array(schema).safeParse(rows)
  if (found.success) return found.data
  const detail = z.prettifyError(found.error).split('\n').slice(0, 2).join(' ')
  throw new VerresError(`${where}: ${detail}`)
}
