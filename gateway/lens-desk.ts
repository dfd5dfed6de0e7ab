import type { Lenses, LensPage, LensQuery, LensRecord } from './api/lenses.ts'
import { bestNamed } from './catalogue/fuzzy.ts'
import type { CatalogueFile } from './catalogue-file.ts'
import { type CatalogueFilter, type CatalogueLens, lensesOf } from './store/catalogue/catalogue.ts'

/** The catalogue for whoever asks by HTTP. */
export class LensDesk implements Lenses {
  readonly #catalogue: CatalogueFile

  constructor(catalogue: CatalogueFile) {
    this.#catalogue = catalogue
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
