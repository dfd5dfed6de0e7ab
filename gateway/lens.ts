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

/** Limits of the catalogue; its tables check the same. */
export const LENS_LIMITS = { indexMin: 1, indexMax: 2, heightMaxMm: 100, name: 300, mark: 200 } as const

/** A cell that was read otherwise than it stood. */
export interface Repair {
  /** Line of the source, from 1, without its heading. */
  readonly row: number
  readonly field: string
  readonly from: string
  readonly to: string
  /** Why, in a few words that are the same for every such row. */
  readonly rule: string
}

/** A line of which nothing is in the catalogue, and why. */
export interface Rejection {
  readonly row: number
  readonly field: string
  readonly value: string
  readonly expected: string
}
