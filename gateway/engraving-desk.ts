import { createHash } from 'node:crypto'
import type {
  Conflict,
  EngravingMatch,
  Engravings,
  Enrolled,
  Enrolment,
  SymbolList,
} from './api/engraving-port.ts'
import { EngravingRefusal } from './api/engraving-port.ts'
import { EngravingSearch, type EngravingSearchOptions, type SymbolReader } from './engraving-search.ts'
import { thumbnail } from './engraving-thumbnail.ts'
import { forgetSymbol, keepExamples } from './store/catalogue/gallery.ts'
import { tagSymbol } from './store/catalogue/links.ts'
import { type ExampleKey, examplePicture, firstExample, symbolEntries } from './store/catalogue/symbols.ts'
import type { Database } from './store/database.ts'
import type { Recognition } from './vision/decision.ts'
import { ModelError } from './vision/model.ts'
import { PictureError } from './vision/picture.ts'
import { VisionError } from './vision/vision-error.ts'

export interface EngravingDeskOptions extends EngravingSearchOptions {
  readonly reader: SymbolReader
  /** Wall-clock ms. */
  readonly wall: () => number
}

/** A picture that is at least so like another symbol is asked about, whatever is decided of it: drawn by one hand twice. */
const VERY_LIKE = 0.9
/** How many candidates an enrolment looks at. */
const LOOKED_AT = 5
/** Small pictures that are kept at hand: 2 to 5 kB each. */
const MOST_THUMBNAILS = 512

/**
 * Recognises engravings by what was enrolled at this station, and enrols more. What the catalogue holds and what is searched
 * are the same again before each answer, whoever has written.
 */
export class EngravingDesk implements Engravings {
  readonly #options: EngravingDeskOptions
  readonly #search: EngravingSearch
  readonly #thumbnails = new Map<string, Uint8Array>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: EngravingDeskOptions) {
    this.#options = options
    this.#search = new EngravingSearch(options)
  }

  /** The reader searches what is enrolled now, whoever has enrolled it. @throws StoreError, EngravingRefusal */
  async refresh(signal?: AbortSignal): Promise<void> {
    await this.#inTurn(() => this.#search.refresh(signal))
  }

  /** Another text after each change of what can be recognised, by whomever. @throws StoreError */
  async version(): Promise<string> {
    return await this.#search.version()
  }

  match(picture: Uint8Array, top: number): Promise<EngravingMatch> {
    return this.#inTurn(async () => {
      const { reader } = this.#options
      const symbols = await this.#search.refresh()
      if (symbols > 0) return { ...rounded(await reader.match(picture, top)), gallery: { symbols } }
      const blank = (await reader.prototypes(picture, '')).length === 0
      return { kind: blank ? 'blank' : 'unknown', candidates: [], gallery: { symbols } }
    })
  }

  enrol({ symbol, picture, by, tags, sure }: Enrolment): Promise<Enrolled | readonly Conflict[]> {
    return this.#inTurn(async () => {
      const sha256 = createHash('sha256').update(picture).digest('hex')
      const database = await this.#options.catalogue.reader()
      const there = (await examplePicture(database, { symbol, sha256 })) !== undefined
      if (!there) {
        const found = await this.#options.reader.prototypes(picture, symbol)
        if (found.length === 0)
          throw new EngravingRefusal('blank', 'picture: nothing stands out, expected one symbol')
        const doubts = (await this.#conflicts(symbol, picture)).filter(({ kind }) => !sure.includes(kind))
        if (doubts.length > 0) return doubts
        this.#search.learn(sha256, found)
      }
      const at = new Date(this.#options.wall()).toISOString()
      await this.#options.catalogue.writing(async (writer) => {
        await keepExamples(writer, symbol, [picture], { by, at })
        if (tags.length > 0) await tagSymbol(writer, symbol, tags)
      })
      await this.#search.refresh()
      const [entry] = await symbolEntries(database, symbol)
      return { symbol, added: !there, examples: entry?.examples ?? 1, tags: [...(entry?.tags ?? [])] }
    })
  }

  forget(symbol: string): Promise<boolean> {
    // The next question finds it gone: nobody has to look at a picture for that.
    return this.#inTurn(() => this.#options.catalogue.writing((writer) => forgetSymbol(writer, symbol)))
  }

  async symbols(): Promise<SymbolList> {
    const entries = await symbolEntries(await this.#options.catalogue.reader())
    return {
      symbols: entries.map(({ symbol, tags, examples, firstAt, lastAt, lenses }) => ({
        ...{ symbol, tags: [...tags], examples, first_at: firstAt, last_at: lastAt, lenses },
      })),
    }
  }

  async picture(symbol: string): Promise<{ readonly version: string; readonly png: Uint8Array } | undefined> {
    const database = await this.#options.catalogue.reader()
    const key = await firstExample(database, symbol)
    if (key === undefined) return undefined
    const { sha256: version } = key
    const png = this.#thumbnails.get(version) ?? (await this.#thumbnailOf(database, key))
    return png === undefined ? undefined : { version, png }
  }

  async #thumbnailOf(database: Database, key: ExampleKey): Promise<Uint8Array | undefined> {
    const picture = await examplePicture(database, key)
    if (picture === undefined) return undefined
    // One that was damaged since is known by its name.
    const png = await thumbnail(picture).catch(() => undefined)
    if (png === undefined) return undefined
    const [oldest] = this.#thumbnails.keys()
    if (this.#thumbnails.size >= MOST_THUMBNAILS && oldest !== undefined) this.#thumbnails.delete(oldest)
    this.#thumbnails.set(key.sha256, png)
    return png
  }

  /** Why somebody should look again before this picture stands for this symbol. */
  async #conflicts(symbol: string, picture: Uint8Array): Promise<readonly Conflict[]> {
    const searched = await this.#search.refresh()
    const [entry] = await symbolEntries(await this.#options.catalogue.reader(), symbol)
    const existing: Conflict[] = entry === undefined ? [] : [{ kind: 'existing', examples: entry.examples }]
    if (searched === 0) return existing
    const recognition = await this.#options.reader.match(picture, LOOKED_AT)
    const taken = takenFor(recognition)
    // Who is one of several that cannot be told apart is no stranger.
    if (taken.includes(symbol)) return existing
    const similar = recognition.candidates.filter(
      (candidate) =>
        candidate.symbol !== symbol &&
        (taken.includes(candidate.symbol) || candidate.similarity >= VERY_LIKE),
    )
    return [
      ...existing,
      ...similar.map(
        ({ symbol: other, similarity }): Conflict => ({
          ...{ kind: 'similar', symbol: other, similarity: fourDigits(similarity) },
        }),
      ),
    ]
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => {})
    try {
      return await done
    } catch (error) {
      throw refusalOf(error)
    }
  }
}

function refusalOf(error: unknown): unknown {
  if (error instanceof PictureError) return new EngravingRefusal(error.fault, error.message, { cause: error })
  if (!(error instanceof ModelError || error instanceof VisionError)) return error
  return new EngravingRefusal('unavailable', error.message, { cause: error })
}

function takenFor(recognition: Recognition): readonly string[] {
  if (recognition.kind === 'known') return [recognition.symbol]
  return recognition.kind === 'one-of' ? recognition.symbols : []
}

function rounded(recognition: Recognition): EngravingMatchOf {
  const candidates = recognition.candidates.map(({ symbol, similarity }) => ({
    ...{ symbol, similarity: fourDigits(similarity) },
  }))
  switch (recognition.kind) {
    case 'known':
      return { ...recognition, confidence: fourDigits(recognition.confidence), candidates }
    case 'one-of': {
      const { kind, symbols, confidence } = recognition
      return { kind, symbols: [...symbols], confidence: fourDigits(confidence), candidates }
    }
    default:
      return { kind: recognition.kind, candidates }
  }
}

type WithoutGallery<Answer> = Answer extends unknown ? Omit<Answer, 'gallery'> : never
type EngravingMatchOf = WithoutGallery<EngravingMatch>

function fourDigits(value: number): number {
  return Math.round(value * 10_000) / 10_000
}
