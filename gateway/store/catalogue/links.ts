import { LENS_LIMITS } from '../../lens.ts'
import type { Database } from '../database.ts'
import { StoreError } from '../error.ts'
import { transaction } from './transaction.ts'

/** A lens and a symbol that is, or is not, engraved on it. */
export interface LensSymbol {
  /** The lens's number. */
  readonly lens: number
  readonly symbol: string
}

/** What is known of a link. */
export interface Linking {
  /** 0 to 1. Absent: as it was, and 1 for a new link. */
  readonly confidence?: number
  /** Who has seen it on a lens. Absent: as it was, and nobody for a new link. */
  readonly validatedBy?: string
  /** RFC 3339. */
  readonly at: string
}

/**
 * Says that a symbol stands on a lens; what was said of the two before stays where this says nothing of it.
 * @throws StoreError `invalid` for a lens or symbol that is not there, a confidence outside 0 to 1, a nameless validator
 */
export async function linkSymbol(database: Database, link: LensSymbol, linking: Linking): Promise<void> {
  const { confidence, validatedBy, at } = linking
  if (confidence !== undefined && !(confidence >= 0 && confidence <= 1)) {
    throw new StoreError('invalid', `confidence ${confidence}: expected a number from 0 to 1`)
  }
  if (validatedBy?.trim() === '') {
    throw new StoreError('invalid', `validated by ${JSON.stringify(validatedBy)}: expected a name`)
  }
  await transaction(database, async () => {
    const symbol = await bothThere(database, link)
    const validation = validatedBy === undefined ? [null, null] : [validatedBy, at]
    await database.run(PUT_LINK, [link.lens, symbol, confidence ?? null, at, ...validation])
  })
}

const PUT_LINK = `
  INSERT INTO lens_symbols (lens, symbol, confidence, linked_at, validated_by, validated_at)
  VALUES (?1, ?2, coalesce(?3, 1), ?4, ?5, ?6)
  ON CONFLICT (lens, symbol) DO UPDATE SET confidence = coalesce(?3, confidence), linked_at = excluded.linked_at,
    validated_by = coalesce(excluded.validated_by, validated_by),
    validated_at = coalesce(excluded.validated_at, validated_at)`

/**
 * The symbol does not stand on the lens.
 * @returns whether it was said to
 * @throws StoreError `invalid` for a lens or symbol that is not there
 */
export async function unlinkSymbol(database: Database, link: LensSymbol): Promise<boolean> {
  return await transaction(database, async () => {
    const which = [link.lens, await bothThere(database, link)]
    const linked = await database.get('SELECT lens FROM lens_symbols WHERE lens = ? AND symbol = ?', which)
    await database.run('DELETE FROM lens_symbols WHERE lens = ? AND symbol = ?', which)
    return linked !== undefined
  })
}

/**
 * Gives a symbol tags beside those that it has.
 * @returns all that it has then, in alphabetical order
 * @throws StoreError `invalid` for a symbol that is not there, a tag that is empty or too long
 */
export async function tagSymbol(
  database: Database,
  symbol: string,
  tags: readonly string[],
): Promise<readonly string[]> {
  const wrong = tags.find((tag) => tag.trim() === '' || tag.length > LENS_LIMITS.tag)
  if (wrong !== undefined) {
    const expected = `expected 1 to ${LENS_LIMITS.tag} characters`
    throw new StoreError('invalid', `tag ${JSON.stringify(wrong)}: ${expected}`)
  }
  return await transaction(database, async () => {
    const id = await symbolId(database, symbol)
    await database.run(
      'INSERT INTO symbol_tags (symbol, tag) SELECT ?, value FROM json_each(?) WHERE TRUE ON CONFLICT DO NOTHING',
      [id, JSON.stringify(tags)],
    )
    return await tagsOf(database, id)
  })
}

/**
 * Takes tags from a symbol, all of them or none.
 * @returns those that it has still, in alphabetical order
 * @throws StoreError `invalid` for a symbol that is not there, a tag that it does not have
 */
export async function untagSymbol(
  database: Database,
  symbol: string,
  tags: readonly string[],
): Promise<readonly string[]> {
  return await transaction(database, async () => {
    const id = await symbolId(database, symbol)
    const has = await tagsOf(database, id)
    const stray = tags.find((tag) => !has.includes(tag))
    if (stray !== undefined) {
      const expected = has.length === 0 ? 'it has no tags' : `expected one of ${has.join(', ')}`
      throw new StoreError('invalid', `symbol ${symbol}: tag ${JSON.stringify(stray)}: ${expected}`)
    }
    await database.run(
      'DELETE FROM symbol_tags WHERE symbol = ? AND tag IN (SELECT value FROM json_each(?))',
      [id, JSON.stringify(tags)],
    )
    return await tagsOf(database, id)
  })
}

async function tagsOf(database: Database, symbol: number): Promise<readonly string[]> {
  const all = await database.all<{ tag: string }>(
    'SELECT tag FROM symbol_tags WHERE symbol = ? ORDER BY tag',
    [symbol],
  )
  return all.map(({ tag }) => tag)
}

/** @returns the symbol's row */
async function bothThere(database: Database, { lens, symbol }: LensSymbol): Promise<number> {
  if ((await database.get('SELECT id FROM lenses WHERE id = ?', [lens])) === undefined) {
    throw new StoreError('invalid', `lens ${lens}: there is none, expected a number that a search gives`)
  }
  return await symbolId(database, symbol)
}

async function symbolId(database: Database, symbol: string): Promise<number> {
  const row = await database.get<{ id: number }>('SELECT id FROM symbols WHERE name = ?', [symbol])
  if (row === undefined) {
    throw new StoreError(
      'invalid',
      `symbol ${symbol}: there is none, expected one that pictures are enrolled of`,
    )
  }
  return row.id
}
