import type { Database } from '../database.ts'

/** A symbol that somebody enrolled, and what is known of it. */
export interface SymbolEntry {
  readonly symbol: string
  /** In alphabetical order. */
  readonly tags: readonly string[]
  readonly examples: number
  /** When its first and its newest example were enrolled, RFC 3339. */
  readonly firstAt: string
  readonly lastAt: string
  /** On how many lenses it is said to stand. */
  readonly lenses: number
}

/** A picture that was enrolled, by its content. */
export interface ExampleKey {
  readonly symbol: string
  readonly sha256: string
}

interface Row {
  readonly symbol: string
  readonly tags: string
  readonly examples: number
  readonly first_at: string
  readonly last_at: string
  readonly lenses: number
}

/** Every symbol of which there is a picture, or the one that is named; by name. @throws StoreError */
export async function symbolEntries(database: Database, name?: string): Promise<readonly SymbolEntry[]> {
  const rows = await database.all<Row>(
    `SELECT symbols.name AS symbol, count(*) AS examples, min(enrolled_at) AS first_at, max(enrolled_at) AS last_at,
       (SELECT count(*) FROM lens_symbols WHERE lens_symbols.symbol = symbols.id) AS lenses,
       (SELECT json_group_array(tag) FROM (SELECT tag FROM symbol_tags WHERE symbol = symbols.id ORDER BY tag)) AS tags
     FROM symbols JOIN symbol_examples ON symbol_examples.symbol = symbols.id
     WHERE ?1 IS NULL OR symbols.name = ?1
     GROUP BY symbols.id ORDER BY symbols.name COLLATE NOCASE, symbols.name`,
    [name ?? null],
  )
  return rows.map(({ symbol, tags, examples, first_at: firstAt, last_at: lastAt, lenses }) => ({
    ...{ symbol, tags: JSON.parse(tags), examples, firstAt, lastAt, lenses },
  }))
}

/** All that was enrolled, in the order in which it was; the pictures are left where they are. @throws StoreError */
export async function exampleKeys(database: Database): Promise<readonly ExampleKey[]> {
  return await database.all<ExampleKey>(
    `SELECT symbols.name AS symbol, sha256 FROM symbol_examples
     JOIN symbols ON symbols.id = symbol_examples.symbol ORDER BY symbol_examples.id`,
  )
}

/** The file as it was enrolled; undefined when it is there no more. @throws StoreError */
export async function examplePicture(database: Database, key: ExampleKey): Promise<Uint8Array | undefined> {
  const row = await database.get<{ picture: Uint8Array }>(
    `SELECT picture FROM symbol_examples JOIN symbols ON symbols.id = symbol_examples.symbol
     WHERE symbols.name = ? AND sha256 = ?`,
    [key.symbol, key.sha256],
  )
  return row?.picture
}

/** Which picture of a symbol was enrolled first; undefined for one that is not there. @throws StoreError */
export async function firstExample(database: Database, symbol: string): Promise<ExampleKey | undefined> {
  return await database.get<ExampleKey>(
    `SELECT symbols.name AS symbol, sha256 FROM symbol_examples
     JOIN symbols ON symbols.id = symbol_examples.symbol WHERE symbols.name = ? ORDER BY symbol_examples.id LIMIT 1`,
    [symbol],
  )
}

/** Whether there is a symbol of this name, with a picture or without. @throws StoreError */
export async function hasSymbol(database: Database, name: string): Promise<boolean> {
  return (await database.get('SELECT id FROM symbols WHERE name = ?', [name])) !== undefined
}
