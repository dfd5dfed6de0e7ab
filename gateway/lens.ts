/** What a lens is made of, as far as the recognition of a lens needs it. */
export const MATERIALS = ['organic', 'mineral', 'polycarbonate', 'trivex', 'tribrid'] as const
export type Material = (typeof MATERIALS)[number]

/** What is done to a lens and sold with it. */
export const TREATMENTS = ['uv', 'blue', 'photochromic', 'polarised', 'tinted'] as const
export type Treatment = (typeof TREATMENTS)[number]

/** What stands at the nasal side: a text, one of several, or a picture of the mark. */
export type Mark =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'image'; readonly url: string; readonly alt?: string }

/** What of a mark tells it from another of its kind. */
export function markValue(mark: Mark): string {
  return mark.kind === 'text' ? mark.text : mark.url
}

/** Each mark once, the first of those that are of one kind and value. */
export function distinctMarks(marks: readonly Mark[]): readonly Mark[] {
  const found = new Map<string, Mark>()
  for (const mark of marks) {
    const key = `${mark.kind} ${markValue(mark)}`
    if (!found.has(key)) found.set(key, mark)
  }
  return [...found.values()]
}

/** One lens of a supplier at one refractive index. Absent: the source does not say, and nobody guessed. */
export interface Lens {
  readonly supplier: string
  readonly name: string
  /** Refractive index, 1.0 to 2.0. */
  readonly index?: number
  readonly material?: Material
  /** What the maker calls it: `MR8`, `Orgalit`, `CR39`. */
  readonly materialTrade?: string
  readonly treatments: readonly Treatment[]
  /** What the supplier groups it under. */
  readonly range?: string
  readonly series?: string
  /** Fitting heights, mm, 0 to 100. */
  readonly heightMm?: { readonly min: number; readonly max: number }
  readonly marks: readonly Mark[]
  readonly sourceUrl?: string
}

/**
 * What makes two lines the same lens, whatever else of them has changed: supplier, name, index and material. Names are
 * compared without regard to case, accents and spaces.
 */
export function lensKey({ supplier, name, index, material }: Lens): string {
  return JSON.stringify([folded(supplier), folded(name), index ?? null, material ?? null])
}

/** For comparing: lower case, no accents, single spaces. */
export function folded(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().replace(/\s+/g, ' ').trim()
}

/** Limits of the catalogue, of texts in characters; its tables check the same. */
export const LENS_LIMITS = {
  indexMin: 1,
  indexMax: 2,
  heightMaxMm: 100,
  supplier: 100,
  name: 300,
  range: 100,
  series: 100,
  mark: 200,
  symbol: 100,
  tag: 64,
} as const

/** A cell that was read otherwise than it stood. */
export interface Repair {
  /** Line of the file, from 1, heading and empty lines included: below a heading on line 1 is line 2. */
  readonly line: number
  readonly field: string
  readonly from: string
  readonly to: string
  /** Why, in a few words that are the same for every such line. */
  readonly rule: string
}

/** A line of which nothing is in the catalogue, and why. */
export interface Rejection {
  /** Counted as a repair's. */
  readonly line: number
  readonly field: string
  readonly value: string
  readonly expected: string
}

/** A lens of the catalogue that a part may be. */
export interface LensCandidate {
  readonly lensId: number
  readonly supplier: string
  readonly name: string
  /** Refractive index, where the catalogue says it. */
  readonly index?: number
  /** 0 to 1: how much of what was read speaks for it; those of one part add up to at most 1. */
  readonly score: number
}

/** A lens as a person names it: supplier and name without regard to case, accents and spaces. */
export interface NamedLens {
  readonly supplier: string
  readonly name: string
  /** Refractive index; absent: any. */
  readonly index?: number | undefined
}

/** Whether a lens is the one that is named. */
export function isNamed(lens: NamedLens, named: NamedLens): boolean {
  return (
    folded(lens.supplier) === folded(named.supplier) &&
    folded(lens.name) === folded(named.name) &&
    (named.index === undefined || lens.index === named.index)
  )
}

/** How engraved texts are compared: `MP 26` and `mp26` are the same. */
export function markKey(text: string): string {
  return folded(text).replaceAll(' ', '')
}
