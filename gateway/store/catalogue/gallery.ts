import { createHash } from 'node:crypto'
import { LENS_LIMITS } from '../../lens.ts'
import type { Database } from '../database.ts'
import { StoreError } from '../error.ts'
import { transaction } from './transaction.ts'

/** A picture that somebody enrolled for a symbol. */
export interface Example {
  readonly symbol: string
  /** The file as it was enrolled. */
  readonly picture: Uint8Array
}

/**
 * Keeps pictures of a symbol, all of them or none; it is added when it is new. A picture that is there already stays as
 * it is.
 * @param at RFC 3339
 * @returns how many were new
 * @throws StoreError `invalid` when the symbol's name is empty or too long
 */
export async function keepExamples(
  database: Database,
  symbol: string,
  pictures: readonly Uint8Array[],
  { by, at }: { readonly by: string; readonly at: string },
): Promise<number> {
  if (symbol === '' || symbol.length > LENS_LIMITS.symbol) {
    const expected = `expected 1 to ${LENS_LIMITS.symbol} characters`
    throw new StoreError('invalid', `symbol ${JSON.stringify(symbol)}: ${expected}`)
  }
  return await transaction(database, async () => {
    const before = await count(database)
    await database.run('INSERT INTO symbols (name) VALUES (?) ON CONFLICT (name) DO NOTHING', [symbol])
    for (const picture of pictures) {
      const hash = createHash('sha256').update(picture).digest('hex')
      await database.run(
        `INSERT INTO symbol_examples (symbol, sha256, picture, enrolled_by, enrolled_at)
         SELECT id, ?, ?, ?, ? FROM symbols WHERE name = ? ON CONFLICT (symbol, sha256) DO NOTHING`,
        [hash, picture, by, at, symbol],
      )
    }
    return (await count(database)) - before
  })
}

async function count(database: Database): Promise<number> {
  const row = await database.get<{ count: number }>('SELECT count(*) AS count FROM symbol_examples')
  return row?.count ?? 0
}

/** All that was enrolled, in the order in which it was. @throws StoreError */
export async function examples(database: Database): Promise<readonly Example[]> {
  return await database.all<Example>(
    `SELECT symbols.name AS symbol, picture FROM symbol_examples
     JOIN symbols ON symbols.id = symbol_examples.symbol ORDER BY symbol_examples.id`,
  )
}

/** The pictures of a symbol go, and the symbol with them. @returns whether there was one. @throws StoreError */
export async function forgetSymbol(database: Database, symbol: string): Promise<boolean> {
  const found = await database.get('SELECT id FROM symbols WHERE name = ?', [symbol])
  await database.run('DELETE FROM symbols WHERE name = ?', [symbol])
  return found !== undefined
}
