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
  /** Of a mark that it does not carry, where the catalogue knows which it carries: so much less likely. */
  otherSymbol: 50,
} as const
/** Of a mark that is not known with certainty: the nearest is the right one oftener than any other. */
const DOUBTED = [0.2, 0.05, 0.02] as const
/** Candidates that are told of. */
export const MOST_CANDIDATES = 5
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
 * symbol, how sure the link; another mark and another refractive index speak against a lens. Among equals the one that
 * the recipe expects comes first; else it counts nothing.
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
  const found = [...odds].map(([place, value]) => {
    const lens = index.lenses[place]
    const against = lens === undefined ? 1 : engravings.reduce((all, one) => all * factorOf(lens, one), 1)
    return { lens, value: value * against, expected: isExpected(lens, expected) }
  })
  const total = found.reduce((sum, { value }) => sum + value, NOBODY)
  return found
    .sort((one, other) => other.value - one.value || Number(other.expected) - Number(one.expected))
    .slice(0, MOST_CANDIDATES)
    .flatMap(({ lens, value }) => (lens === undefined ? [] : [candidate(lens, value / total)]))
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

/** What a reading says of a lens beside naming it: another mark than it carries, its refractive index or another. */
function factorOf(lens: EngravedLens, seen: SeenEngraving): number {
  if (seen.kind === 'text') return indexFactor(lens, seen)
  const carries = lens.symbols.some(({ symbol }) => seen.symbols.includes(symbol))
  if (seen.symbols.length === 0 || lens.symbols.length === 0 || carries) return 1
  return 1 / weighted(ODDS.otherSymbol, seen.confidence)
}

function indexFactor(
  { index }: EngravedLens,
  { text, confidence }: Extract<SeenEngraving, { kind: 'text' }>,
): number {
  const read = indexRead(text)
  if (index === undefined || read.length === 0) return 1
  const odds = weighted(ODDS.index, confidence)
  return read.includes(index) ? odds : 1 / odds
}

/**
 * `1.67`, or the two digits that stand for it. What may as well be an addition, which goes in quarters (`1.50`, `2.25`), is
 * none.
 */
function indexRead(text: string): readonly number[] {
  if (/^\d\.\d\d$/.test(text) && Number.isInteger(Number(text) * 4)) return []
  const written = indicesOf(text) ?? []
  if (written.length > 0) return written.filter(isMade)
  return /^[5-7]\d$/.test(text) ? [Number(`1.${text}`)].filter(isMade) : []
}

/** Indices that ophthalmic lenses are made of. */
function isMade(index: number): boolean {
  return index >= 1.49 && index <= 1.9
}

function isExpected(lens: EngravedLens | undefined, expected: NamedLens | undefined): boolean {
  return lens !== undefined && expected !== undefined && isNamed(lens, expected)
}

function candidate({ id, supplier, name, index }: EngravedLens, score: number): LensCandidate {
  return { lensId: id, supplier, name, ...(index === undefined ? {} : { index }), score }
}
