import type {
  Lenses,
  LensPage,
  LensQuery,
  LensRecord,
  LensSymbol,
  LinkAnswer,
  Linking,
} from './api/lenses.ts'
import { bestNamed } from './catalogue/fuzzy.ts'
import type { CatalogueFile } from './catalogue-file.ts'
import { type CatalogueFilter, type CatalogueLens, lensesOf } from './store/catalogue/catalogue.ts'
import { linkSymbol, unlinkSymbol } from './store/catalogue/links.ts'
import { hasSymbol } from './store/catalogue/symbols.ts'
import type { Database } from './store/database.ts'

/** The catalogue for whoever asks by HTTP. */
export class LensDesk implements Lenses {
  readonly #catalogue: CatalogueFile
  readonly #wall: () => number

  /** @param wall ms since 1970 */
  constructor(catalogue: CatalogueFile, wall: () => number) {
    this.#catalogue = catalogue
    this.#wall = wall
  }

  async find({ after, limit, name, ...query }: LensQuery): Promise<LensPage | undefined> {
    const found = await lensesOf(await this.#catalogue.reader(), filterOf(query))
    const ranked = name === undefined ? found : bestNamed(name, found)
    const begin = after === undefined ? 0 : ranked.findIndex(({ id }) => id === after) + 1
    if (after !== undefined && begin === 0) return undefined
    const page = ranked.slice(begin, begin + limit)
    const last = page.at(-1)
    return {
      lenses: page.map(recordOf),
      found: ranked.length,
      ...(last !== undefined && begin + limit < ranked.length ? { next_after: last.id } : {}),
    }
  }

  async get(id: number): Promise<LensRecord | undefined> {
    const [lens] = await lensesOf(await this.#catalogue.reader(), { ids: [id] })
    return lens === undefined ? undefined : recordOf(lens)
  }

  link(which: LensSymbol, linking: Linking): Promise<LinkAnswer> {
    const at = new Date(this.#wall()).toISOString()
    const change = { ...linking, at }
    return this.#changed(which, (writer) => linkSymbol(writer, linkOf(which), change))
  }

  unlink(which: LensSymbol): Promise<LinkAnswer> {
    return this.#changed(which, (writer) => unlinkSymbol(writer, linkOf(which)))
  }

  async #changed(
    { id, symbol }: LensSymbol,
    change: (writer: Database) => Promise<unknown>,
  ): Promise<LinkAnswer> {
    return await this.#catalogue.writing(async (writer) => {
      if ((await lensesOf(writer, { ids: [id] })).length === 0) return 'no-lens'
      if (!(await hasSymbol(writer, symbol))) return 'no-symbol'
      await change(writer)
      const [lens] = await lensesOf(writer, { ids: [id] })
      return lens === undefined ? 'no-lens' : recordOf(lens)
    })
  }
}

function linkOf({ id, symbol }: LensSymbol) {
  return { lens: id, symbol }
}

function filterOf({
  symbols,
  tags,
  text,
  index,
  supplier,
}: Omit<LensQuery, 'after' | 'limit' | 'name'>): CatalogueFilter {
  return {
    symbols,
    ...(tags.names.length === 0 ? {} : { tags }),
    ...(text === undefined ? {} : { text }),
    ...(index === undefined ? {} : { index }),
    ...(supplier === undefined ? {} : { supplier }),
  }
}

function recordOf(lens: CatalogueLens): LensRecord {
  const { materialTrade, heightMm, sourceUrl, treatments, marks, symbols, ...same } = lens
  return {
    ...same,
    ...(materialTrade === undefined ? {} : { material_trade: materialTrade }),
    ...(heightMm === undefined ? {} : { height_mm: heightMm }),
    ...(sourceUrl === undefined ? {} : { source_url: sourceUrl }),
    treatments: [...treatments],
    marks: [...marks],
    symbols: symbols.map(({ symbol, confidence, validatedBy, validatedAt }) => ({
      ...{ symbol, confidence },
      ...(validatedBy === undefined ? {} : { validated_by: validatedBy }),
      ...(validatedAt === undefined ? {} : { validated_at: validatedAt }),
    })),
  }
}
