import { z } from 'zod'
import type { LensCandidate } from './lens.ts'
import { type CamelKeys, camelKeys, snakeKeys } from './recipe-keys.ts'
import { type FrameReading, type OrientedBox, type ReadEngraving, VIEW_FAULTS } from './vision/lens-view.ts'

const unit = z.number().min(0).max(1)
const place = {
  /** Left, top, width and height before it is turned about its middle, px. */
  box: z.tuple([z.number(), z.number(), z.number(), z.number()]),
  rotation_deg: z.number(),
}

const symbol = z.object({
  kind: z.literal('symbol'),
  ...place,
  outcome: z.enum(['known', 'one-of', 'unknown', 'blank']),
  /** What it is, or may be; none where it is unknown or blank. */
  symbols: z.array(z.string()),
  /** 0 where it is unknown or blank. */
  confidence: unit,
  /** Nearest first. */
  candidates: z.array(z.object({ symbol: z.string(), similarity: z.number() })),
})

const text = z.object({ kind: z.literal('text'), ...place, text: z.string(), confidence: unit })

/** What the camera saw of one lens, as a raw record keeps it: what the verdict is derived from again. */
export const sightRecord = z.object({
  kind: z.literal('camera'),
  /** Why no lens could be judged; absent: one was seen. */
  fault: z.enum(VIEW_FAULTS).optional(),
  detail: z.string().optional(),
  engravings: z.array(z.discriminatedUnion('kind', [symbol, text])),
  /** By the catalogue as it was then, likeliest first. */
  lens_candidates: z.array(
    z.object({
      lens_id: z.int(),
      supplier: z.string(),
      name: z.string(),
      index: z.number().optional(),
      score: unit,
    }),
  ),
  /** SHA-256 of the picture, hexadecimal. */
  picture: z.string().regex(/^[0-9a-f]{64}$/),
  /** SHA-256 of every network that was used, by its name. */
  models: z.record(z.string(), z.string()),
})
export type SightRecord = z.infer<typeof sightRecord>

/** What the camera saw of one lens. */
export type LensSight = CamelKeys<SightRecord> & {
  /** Its exposure began at or after this monotonic time, ms. */
  readonly takenAt: number
  /** The picture itself, a JPEG; absent when it comes from a record. */
  readonly jpeg?: Uint8Array
}
export type SeenEngraving = LensSight['engravings'][number]

/** Of a symbol's candidates so many are kept. */
const CANDIDATES = 5

/** What a picture that was read shows, without the lenses that it may be. */
export function engravingsOf({ engravings }: FrameReading): SeenEngraving[] {
  return engravings.map(seen)
}

function seen(engraving: ReadEngraving): SeenEngraving {
  const { box, kind } = engraving
  const where = { box: cornered(box), rotationDeg: box.angleDeg }
  if (kind === 'text') {
    const { text: read, confidence } = engraving.reading
    return { kind, ...where, text: read, confidence }
  }
  const { recognition } = engraving
  const candidates = recognition.candidates
    .slice(0, CANDIDATES)
    .map(({ symbol: name, similarity }) => ({ symbol: name, similarity }))
  const said = { kind, ...where, outcome: recognition.kind, candidates }
  switch (recognition.kind) {
    case 'known':
      return { ...said, symbols: [recognition.symbol], confidence: recognition.confidence }
    case 'one-of':
      return { ...said, symbols: [...recognition.symbols], confidence: recognition.confidence }
    case 'unknown':
    case 'blank':
      return { ...said, symbols: [], confidence: 0 }
  }
}

function cornered({ x, y, width, height }: OrientedBox): [number, number, number, number] {
  return [x - width / 2, y - height / 2, width, height]
}

/** What a picture shows, and the lenses that it may be. */
export function sightOf(
  { view, ...reading }: FrameReading,
  candidates: readonly LensCandidate[],
  taken: Pick<LensSight, 'takenAt' | 'picture' | 'models'> & { readonly jpeg: Uint8Array },
): LensSight {
  return {
    kind: 'camera',
    ...(view.kind === 'unseen' ? { fault: view.fault, detail: view.detail } : {}),
    engravings: engravingsOf({ view, ...reading }),
    lensCandidates: candidates.map((candidate) => ({ ...candidate })),
    ...taken,
  }
}

/** As a raw record keeps it. */
export function recordOfSight({ takenAt: _at, jpeg: _jpeg, models, ...sight }: LensSight): SightRecord {
  // Names of networks are no keys of ours.
  return sightRecord.parse({ ...Object(snakeKeys(sight)), models })
}

/** @param takenAt monotonic ms to give it */
export function sightFrom({ models, ...record }: SightRecord, takenAt: number): LensSight {
  return { ...camelKeys(record), models, takenAt }
}
