import { decide, type MatchRule, type Recognition } from './decision.ts'
import { type Gallery, galleryOf, type Near, nearest } from './gallery.ts'
import { type Head, product, scored } from './head.ts'
import { fittedRows, type LabelledPicture } from './head-fit.ts'
import { type Dealt, dealt, FOLDS } from './head-originals.ts'
import { chanceOf } from './sign-test.ts'

/** How many pictures were answered rightly. */
export interface Compared {
  readonly asked: number
  readonly prototypes: number
  readonly head: number
  /** Right with the head alone, and without it alone. */
  readonly gained: number
  readonly lost: number
}

/** What a head is worth beside the prototypes of the same pictures, where both have the same threshold. */
export interface Trial {
  /** Symbols that have a row, and pictures that they are learnt from. */
  readonly symbols: number
  readonly pictures: number
  /** Symbols of too few pictures: prototypes alone. */
  readonly few: readonly string[]
  /** Pictures of originals that were not learnt from: the right symbol is named, and no other beside it. */
  readonly known: Compared
  /** Pictures of symbols that were left out: they are turned away. */
  readonly unknown: Compared
  /** Pictures of symbols of which one picture was enrolled, and none learnt from. */
  readonly new: Compared
  /** That a coin gives as many gains among the known or more (sign test). */
  readonly chance: number
  /** Whether the head is to be used, or the first reason why not. */
  readonly verdict: 'better' | 'not-better' | 'more-unknown-pass' | 'new-symbols-suffer'
}

export interface Trained {
  /** Learnt from all pictures. */
  readonly head: Head
  readonly trial: Trial
}

/** Gains that chance gives less often are gains. */
const CHANCE = 0.05
/** Of the answers about new symbols, the part that may be lost. */
const NEW_LOST = 0.01
/** By how much the head's scores are lowered at a time until it lets no more unknown pass, and how often at most. */
const LOWERED = 0.01
const LOWERINGS = 50
/** As the device searches. */
const COUNTED = 64

interface Query {
  /** Undefined: it is to be turned away. */
  readonly truth: string | undefined
  readonly vector: Float32Array
  readonly near: readonly Near[]
  /** Of the part of the pictures that this one is not in. */
  readonly rows: Head['rows']
}

interface Asked {
  readonly known: readonly Query[]
  readonly unknown: readonly Query[]
  readonly new: readonly Query[]
}

/**
 * Learns a head, and tries it by cross-validation: a quarter of the originals of each symbol is asked after the others were
 * learnt from, while every fourth symbol is left out. Without chance: the same pictures give the same head.
 * @throws TrainingError
 */
export function trained(pictures: readonly LabelledPicture[], rule: MatchRule): Trained {
  const { enough, few } = dealt(pictures)
  const others = pictures.filter(({ symbol }) => few.includes(symbol))
  const rounds = Array.from({ length: FOLDS }, (_, fold) => round(enough, others, fold, rule))
  const asked: Asked = {
    known: rounds.flatMap((one) => one.known),
    unknown: rounds.flatMap((one) => one.unknown),
    new: rounds.flatMap((one) => one.new),
  }
  const scaled = lowered(asked.unknown, scaleOf(asked.known), rule)
  const head = { ...scaled, rows: fittedRows(enough) }
  const symbols = head.rows.size
  return { head, trial: { symbols, pictures: enough.length, few, ...judged(asked, scaled, rule) } }
}

type Scale = Pick<Head, 'scale' | 'offset'>

function round(
  enough: readonly Dealt[],
  others: readonly LabelledPicture[],
  fold: number,
  rule: MatchRule,
): Asked {
  const symbols = [...new Set(enough.map(({ symbol }) => symbol))]
  const isOut = ({ symbol }: Dealt): boolean => symbols.indexOf(symbol) % FOLDS === fold
  const learnt = enough.filter((picture) => !isOut(picture) && picture.fold !== fold)
  const out = enough.filter(isOut)
  const single = out.filter(
    (picture, index) => picture.original === 0 && out.findIndex(sameSymbol(picture)) === index,
  )
  const rows = fittedRows(learnt)
  const gallery = galleryFrom([...learnt, ...others])
  const wider = galleryFrom([...learnt, ...others, ...single])
  const ask = (from: Gallery, asked: readonly Dealt[], isKnown: boolean): readonly Query[] =>
    asked.flatMap(({ symbol, prototypes: [upright] }) => {
      if (upright === undefined) return []
      const { vector } = upright
      const search = { most: COUNTED, turnPenaltyPer45Deg: rule.turn_penalty_per_45_deg }
      return [{ truth: isKnown ? symbol : undefined, vector, near: nearest(from, vector, search), rows }]
    })
  return {
    known: ask(
      gallery,
      enough.filter((picture) => !isOut(picture) && picture.fold === fold),
      true,
    ),
    unknown: ask(gallery, out, false),
    new: ask(
      wider,
      out.filter(({ original }) => original > 0),
      true,
    ),
  }
}

function sameSymbol({ symbol }: Dealt): (other: Dealt) => boolean {
  return (other) => other.symbol === symbol
}

function galleryFrom(pictures: readonly LabelledPicture[]): Gallery {
  return galleryOf(
    pictures.flatMap(({ symbol, prototypes }) => prototypes.map((one) => ({ ...one, symbol }))),
  )
}

/** Rows and prototypes say the same of the right symbol and of the best wrong one, in the mean. */
function scaleOf(known: readonly Query[]): Scale {
  const said = known.map(({ truth, vector, near, rows }) => {
    const row = rows.get(truth ?? '') ?? new Float32Array()
    const wrong = near.filter(({ symbol }) => symbol !== truth && rows.has(symbol))
    return {
      ownRow: product(row, vector),
      otherRow: Math.max(-1, ...wrong.map(({ symbol }) => product(rows.get(symbol) ?? row, vector))),
      own: near.find(({ symbol }) => symbol === truth)?.similarity ?? 0,
      other: wrong[0]?.similarity ?? 0,
    }
  })
  const mean = (of: keyof (typeof said)[number]): number =>
    said.reduce((sum, one) => sum + one[of], 0) / Math.max(1, said.length)
  const apart = mean('ownRow') - mean('otherRow')
  const scale = apart > 1e-6 ? (mean('own') - mean('other')) / apart : 0
  return { scale, offset: mean('own') - scale * mean('ownRow') }
}

/** The scale at which the head turns away as many of the unknown as prototypes do, at the model's own threshold. */
function lowered(unknown: readonly Query[], { scale, offset }: Scale, rule: MatchRule): Scale {
  const wanted = unknown.filter((query) => isRight(query, answer(query, undefined, rule))).length
  for (let times = 0; times < LOWERINGS; times++) {
    const tried = { scale, offset: offset - times * LOWERED }
    if (unknown.filter((query) => isRight(query, answer(query, tried, rule))).length >= wanted) return tried
  }
  return { scale, offset }
}

function judged(asked: Asked, scale: Scale, rule: MatchRule) {
  const compared = (queries: readonly Query[]): Compared => {
    const sides = queries.map((query) => ({
      prototypes: isRight(query, answer(query, undefined, rule)),
      head: isRight(query, answer(query, scale, rule)),
    }))
    const count = (is: (side: (typeof sides)[number]) => boolean): number => sides.filter(is).length
    return {
      asked: queries.length,
      prototypes: count((side) => side.prototypes),
      head: count((side) => side.head),
      gained: count((side) => side.head && !side.prototypes),
      lost: count((side) => side.prototypes && !side.head),
    }
  }
  const [known, unknown, fresh] = [compared(asked.known), compared(asked.unknown), compared(asked.new)]
  const chance = chanceOf(known.gained, known.gained + known.lost)
  return { known, unknown, new: fresh, chance, verdict: verdictOf(known, unknown, fresh) }
}

function verdictOf(known: Compared, unknown: Compared, fresh: Compared): Trial['verdict'] {
  if (unknown.head < unknown.prototypes) return 'more-unknown-pass'
  if (fresh.lost - fresh.gained > NEW_LOST * fresh.asked) return 'new-symbols-suffer'
  return chanceOf(known.gained, known.gained + known.lost) <= CHANCE ? 'better' : 'not-better'
}

function answer({ vector, near, rows }: Query, scale: Scale | undefined, rule: MatchRule): Recognition {
  return decide(scored(near, vector, scale === undefined ? undefined : { ...scale, rows }), rule)
}

function isRight({ truth }: Query, recognition: Recognition): boolean {
  if (truth === undefined) return recognition.kind === 'unknown' || recognition.kind === 'blank'
  return recognition.kind === 'known' && recognition.symbol === truth
}
