import { decide, type MatchRule, type Recognition } from './decision.ts'
import type { Embedder } from './embedder.ts'
import { type Gallery, galleryOf, nearest, type Prototype } from './gallery.ts'
import { type Head, scored } from './head.ts'
import type {
  FoundEngraving,
  FrameReading,
  LensView,
  OrientedBox,
  ReadEngraving,
  TextReading,
} from './lens-view.ts'
import type { Grey } from './picture.ts'
import { reduced } from './rectify.ts'
import { type SymbolLight, together, viewsOf } from './symbol-views.ts'
import { textsIn } from './text-looks.ts'

export interface FrameReaderOptions {
  readonly embedder: Embedder
  /** Of the embedder's manifest. */
  readonly rule: MatchRule
  /** Finds lens, pose and engravings in boxes that stand as the lens is read, and reads texts; absent: single symbols only. */
  readonly lens?: {
    readonly locate: (picture: Grey) => Promise<LensView>
    readonly readTexts: (picture: Grey, boxes: readonly OrientedBox[]) => Promise<readonly TextReading[]>
  }
  /** Monotonic, ms. */
  readonly now: () => number
}

/** Of a lens that lies known, a symbol is at most a little askew: prototypes that are turned by more do not count. */
const ASKEW_DEG = 15
/** Candidates that may decide, and those that are told of. */
const COUNTED = 64
const TOLD = 5
/** Rounds after which the first picture of the line takes no longer than those after it. */
const WARM_ROUNDS = 5
/** A query's longer side, px: the embedder makes 64 of them. */
const QUERY_SIDE = 1024

/** What is made of one picture: of a whole lens, of one symbol, of one to be enrolled. */
export class FrameReader {
  readonly #options: FrameReaderOptions
  #gallery: Gallery = galleryOf([])
  /** For symbols whose rotation is known. */
  #upright: Gallery = galleryOf([])
  #head: Head | undefined

  constructor(options: FrameReaderOptions) {
    this.#options = options
  }

  /** What is searched from now on. @param head learnt upon the same network's vectors */
  use(prototypes: readonly Prototype[], head?: Head): void {
    this.#head = head
    this.#gallery = galleryOf(prototypes)
    this.#upright = galleryOf(prototypes.filter(({ degrees }) => Math.abs(degrees) <= ASKEW_DEG))
  }

  /** @throws Error where the networks for lenses were not asked for; ModelError, the runtime's error */
  async read(picture: Grey): Promise<FrameReading> {
    const { lens, now } = this.#options
    if (lens === undefined) throw new Error('no networks for pictures of lenses are loaded')
    const beganAt = now()
    const view = await lens.locate(picture)
    const locatedAt = now()
    const none = { locate: locatedAt - beganAt, symbols: 0, texts: 0 }
    if (view.kind === 'unseen') return { view, engravings: [], timing: none }
    const light = { lines: view.lines, pxPerMm: view.pose.pxPerMm }
    const marks = view.engravings.filter(({ kind }) => kind === 'symbol')
    const symbols = await this.#symbols(picture, marks, light)
    const recognisedAt = now()
    const written = view.engravings.filter(({ kind }) => kind === 'text')
    const texts = await textsIn(written, (boxes) => lens.readTexts(picture, boxes))
    const readAt = now()
    const timing = { ...none, symbols: recognisedAt - locatedAt, texts: readAt - recognisedAt }
    return { view, engravings: inOrder(view.engravings, symbols, texts), timing }
  }

  /** Looks at something that nobody asked about: code is compiled, and memory taken, before the first picture comes. */
  async warmUp(): Promise<void> {
    const { lens, embedder } = this.#options
    const picture = strokes()
    const box = { x: 640, y: 480, width: 50, height: 40, angleDeg: 10 }
    const found = { kind: 'symbol', box, bounds: { rough: box, strokes: box }, confidence: 1 } as const
    for (let round = 0; round < WARM_ROUNDS; round++) {
      await lens?.locate(picture)
      await embedder.embed(viewsOf(picture, found, { lines: 'both', pxPerMm: 10 }))
      await lens?.readTexts(picture, [box])
    }
  }

  /** @param top candidates that are told of, 1 or more; what is decided does not depend on it */
  async match(picture: Grey, top: number): Promise<Recognition> {
    const [vector] = await this.#options.embedder.embed([reduced(picture, QUERY_SIDE)])
    return this.#decided(this.#gallery, [vector], top)
  }

  /** What the picture of a symbol puts into the gallery; nothing where no ink stands out. */
  async prototypes(picture: Grey, symbol: string): Promise<readonly Prototype[]> {
    return await this.#options.embedder.prototypes(symbol, reduced(picture, QUERY_SIDE))
  }

  /** All views of all symbols in one run of the network. */
  async #symbols(
    picture: Grey,
    marks: readonly FoundEngraving[],
    light: SymbolLight,
  ): Promise<readonly Recognition[]> {
    if (marks.length === 0) return []
    const views = marks.map((mark) => viewsOf(picture, mark, light))
    const vectors = await this.#options.embedder.embed(views.flat())
    let next = 0
    return views.map(({ length }) => {
      const own = vectors.slice(next, next + length)
      next += length
      return this.#decided(this.#upright, own, TOLD)
    })
  }

  /** @param vectors of the views of one symbol; undefined for one without ink */
  #decided(gallery: Gallery, vectors: readonly (Float32Array | undefined)[], top: number): Recognition {
    const { rule } = this.#options
    const seen = vectors.filter((vector) => vector !== undefined)
    if (seen.length === 0) return { kind: 'blank', candidates: [] }
    if (gallery.symbols.length === 0) return { kind: 'unknown', candidates: [] }
    const search = { most: Math.max(COUNTED, top), turnPenaltyPer45Deg: rule.turn_penalty_per_45_deg }
    const views = seen.map((vector) => scored(nearest(gallery, vector, search), vector, this.#head))
    const decided = decide(together(views), rule)
    return { ...decided, candidates: decided.candidates.slice(0, top) }
  }
}

/** As large as a camera's picture: strokes on a ground that is not even. */
function strokes(): Grey {
  const [width, height] = [1280, 960]
  const pixels = Uint8Array.from({ length: width * height }, (_, index) => {
    const [x, y] = [index % width, Math.floor(index / width)]
    return x % 24 < 3 || y % 40 < 3 ? 150 : 20 + (x + y) / 100
  })
  return { pixels, width, height }
}

/** As they were found. */
function inOrder(
  found: readonly FoundEngraving[],
  symbols: readonly Recognition[],
  texts: readonly TextReading[],
): readonly ReadEngraving[] {
  const recognitions = symbols.values()
  const readings = texts.values()
  return found.map(({ kind, box }): ReadEngraving => {
    if (kind === 'symbol') {
      const recognition = recognitions.next().value ?? { kind: 'blank', candidates: [] }
      return { kind, box, recognition }
    }
    return { kind, box, reading: readings.next().value ?? { text: '', confidence: 0 } }
  })
}
