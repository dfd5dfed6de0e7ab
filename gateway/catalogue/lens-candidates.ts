import { isNamed, type Lens, type LensCandidate, markKey, type NamedLens } from '../lens.ts'
import type { SeenEngraving } from '../lens-sight.ts'
import { indicesOf } from './refractive-index.ts'

/** A lens, as far as its engravings tell of it. */
export interface EngravedLens extends Lens {
  readonly id: number
  /** Symbols that it is said to carry. */
  readonly symbols: readonly { readonly symbol: string; readonly confidence: number }[]
}

/** Lenses by what is engraved on them; made once, asked for every part. */
export interface LensIndex {
  readonly lenses: readonly EngravedLens[]
  readonly bySymbol: ReadonlyMap<string, readonly number[]>
  readonly byText: ReadonlyMap<string, readonly number[]>
}

/** How many times as likely a lens is to be seen so if it is the one than if it is any other. */
const ODDS = {
  /** Of a symbol that it carries, read and linked with certainty. */
  symbol: 200,
  /** Of a text that is its mark. */
  text: 100,
  /** Of a code of its refractive index: a few hundred lenses share it. */
  index: 5,
  /** Of being what the recipe expects. */
  expected: 3,
} as const
/** Of a mark that is not known with certainty: the nearest is the right one oftener than any other. */
const DOUBTED = [0.2, 0.05, 0.02] as const
const MOST = 5
/** What speaks for a lens that nothing speaks for: keeps a single weak hint from looking like certainty. */
const NOBODY = 20

/** @param lenses in any order; ids are kept */
export function lensIndex(lenses: readonly EngravedLens[]): LensIndex {
  const bySymbol = new Map<string, number[]>()
  const byText = new Map<string, number[]>()
  lenses.forEach((lens, place) => {
    for (const { symbol } of lens.symbols) push(bySymbol, symbol, place)
    for (const mark of lens.marks) if (mark.kind === 'text') push(byText, markKey(mark.text), place)
  })
  return { lenses, bySymbol, byText }
}

function push(map: Map<string, number[]>, key: string, place: number): void {
  const places = map.get(key)
  if (places === undefined) map.set(key, [place])
  else if (places.at(-1) !== place) places.push(place)
}

/**
 * The lenses that what was read may belong to, likeliest first, five at most. Each reading multiplies the odds of the
 * lenses that carry it (naive Bayes: readings are taken as independent), weighted by how sure the reading is and, of a
 * symbol, how sure the link; a refractive index that was read also speaks against lenses of another one.
 * @returns scores add up to less than 1: the rest is that it is a lens the catalogue does not know
 */
export function lensCandidates(
  index: LensIndex,
  engravings: readonly SeenEngraving[],
  expected: NamedLens | undefined,
): readonly LensCandidate[] {
  const odds = new Map<number, number>()
  const speak = (place: number, factor: number): void => {
    odds.set(place, (odds.get(place) ?? 1) * factor)
  }
  for (const engraving of engravings) {
    if (engraving.kind === 'symbol') symbolSpeaks(index, engraving, speak)
    else textSpeaks(index, engraving, speak)
  }
  const indices = engravings.flatMap((one) => (one.kind === 'text' ? indexRead(one.text) : []))
  const found = [...odds].map(([place, value]) => {
    const lens = index.lenses[place]
    const byIndex = lens === undefined ? 1 : indexFactor(lens, indices)
    return { lens, value: value * byIndex * (isExpected(lens, expected) ? ODDS.expected : 1) }
  })
  const total = found.reduce((sum, { value }) => sum + value, NOBODY)
  return found
    .flatMap(({ lens, value }) => (lens === undefined ? [] : [candidate(lens, value / total)]))
    .sort((one, other) => other.score - one.score || one.lensId - other.lensId)
    .slice(0, MOST)
}

function symbolSpeaks(
  { lenses, bySymbol }: LensIndex,
  seen: Extract<SeenEngraving, { kind: 'symbol' }>,
  speak: (place: number, factor: number) => void,
): void {
  for (const { symbol, weight } of marksOf(seen)) {
    for (const place of bySymbol.get(symbol) ?? []) {
      const linked = lenses[place]?.symbols.find((link) => link.symbol === symbol)?.confidence ?? 0
      speak(place, weighted(ODDS.symbol, weight * linked))
    }
  }
}

/** What the mark may be, and how much of the answer that is. */
function marksOf({
  symbols,
  confidence,
  candidates,
}: Extract<SeenEngraving, { kind: 'symbol' }>): readonly { symbol: string; weight: number }[] {
  // One of several that look alike: each is as likely as the others.
  if (symbols.length > 0) return symbols.map((symbol) => ({ symbol, weight: confidence / symbols.length }))
  return DOUBTED.flatMap((weight, place) => {
    const candidate = candidates[place]
    return candidate === undefined ? [] : [{ symbol: candidate.symbol, weight }]
  })
}

function textSpeaks(
  { byText }: LensIndex,
  { text, confidence }: Extract<SeenEngraving, { kind: 'text' }>,
  speak: (place: number, factor: number) => void,
): void {
  for (const place of byText.get(markKey(text)) ?? []) speak(place, weighted(ODDS.text, confidence))
}

/** With no confidence nothing is said; with all of it, the odds. */
function weighted(odds: number, confidence: number): number {
  return 1 + (odds - 1) * confidence
}

/** `1.67`, or the two digits that stand for it. An addition (`2.25`) is none: no lens is made of that. */
function indexRead(text: string): readonly number[] {
  const written = indicesOf(text) ?? []
  if (written.length > 0) return written.filter(isMade)
  return /^[5-7]\d$/.test(text) ? [Number(`1.${text}`)].filter(isMade) : []
}

/** Indices that ophthalmic lenses are made of. */
function isMade(index: number): boolean {
  return index >= 1.49 && index <= 1.9
}

function indexFactor({ index }: EngravedLens, read: readonly number[]): number {
  if (index === undefined || read.length === 0) return 1
  return read.includes(index) ? ODDS.index : 1 / ODDS.index
}

function isExpected(lens: EngravedLens | undefined, expected: NamedLens | undefined): boolean {
  return lens !== undefined && expected !== undefined && isNamed(lens, expected)
}

function candidate({ id, supplier, name, index }: EngravedLens, score: number): LensCandidate {
  return { lensId: id, supplier, name, ...(index === undefined ? {} : { index }), score }
}
