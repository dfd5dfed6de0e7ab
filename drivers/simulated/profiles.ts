export const QUALITIES = ['premium', 'good', 'acceptable', 'low', 'defective'] as const
export type Quality = (typeof QUALITIES)[number]

/** Least, most and mean of what a quality class is drawn from. */
export interface Spread {
  readonly min: number
  readonly max: number
  readonly mean: number
}

export interface QualityClass {
  /** Share of all parts. */
  readonly weight: number
  readonly expectedGrade: 'A+' | 'A' | 'B' | 'C' | 'REJECT'
  /** Freshness and fat quality, 0…1. */
  readonly fresh: Spread
  readonly oxidation: Spread
  readonly temperatureC: Spread
  /** Ambient light on the Clear channel, counts at gain 1 in 100 ms. */
  readonly ambientCounts: Spread
  /** Relief of the surface, mm rms. */
  readonly thicknessVariationMm: Spread
}

const spread = (min: number, max: number, mean: number): Spread => ({ min, max, mean })

/** The quality table of the original's recipes (facts/SQAL.md §2). */
export const QUALITY_TABLE: Readonly<Record<Quality, QualityClass>> = {
  premium: {
    weight: 0.15,
    expectedGrade: 'A+',
    fresh: spread(0.9, 1, 0.95),
    oxidation: spread(0, 0.1, 0.05),
    temperatureC: spread(19, 21, 20),
    ambientCounts: spread(95, 105, 100),
    thicknessVariationMm: spread(0.5, 2, 1),
  },
  good: {
    weight: 0.4,
    expectedGrade: 'A',
    fresh: spread(0.75, 0.95, 0.85),
    oxidation: spread(0.05, 0.25, 0.15),
    temperatureC: spread(18, 22, 20),
    ambientCounts: spread(85, 115, 100),
    thicknessVariationMm: spread(1.5, 3.5, 2.5),
  },
  acceptable: {
    weight: 0.3,
    expectedGrade: 'B',
    fresh: spread(0.6, 0.8, 0.7),
    oxidation: spread(0.2, 0.4, 0.3),
    temperatureC: spread(17, 23, 20),
    ambientCounts: spread(75, 125, 100),
    thicknessVariationMm: spread(2.5, 4.5, 3.5),
  },
  low: {
    weight: 0.1,
    expectedGrade: 'C',
    fresh: spread(0.45, 0.65, 0.55),
    oxidation: spread(0.35, 0.55, 0.45),
    temperatureC: spread(16, 24, 20),
    ambientCounts: spread(70, 130, 100),
    thicknessVariationMm: spread(3.5, 5.5, 4.5),
  },
  defective: {
    weight: 0.05,
    expectedGrade: 'REJECT',
    fresh: spread(0.2, 0.5, 0.35),
    oxidation: spread(0.5, 0.8, 0.65),
    temperatureC: spread(15, 25, 20),
    ambientCounts: spread(60, 140, 100),
    thicknessVariationMm: spread(5, 7, 6),
  },
}

/** How a body departs from the mould: `normal` fills it, the others are smaller and uneven. */
export type BodyType = 'normal' | 'irregular' | 'defective'

/** A defect that a profile fixes, in the original's terms: place and radius in cells of an 8 × 8 grid on the product. */
export type FixedDefect =
  | {
      readonly type: 'foreign_body' | 'deformation'
      readonly cell: readonly [row: number, column: number]
      readonly radiusCells: number
      /** Positive is towards the head. */
      readonly heightChangeMm: number
    }
  | { readonly type: 'edge_damage'; readonly severity: number }

/** What a line makes. */
export interface Profile {
  /** The mould; the body is smaller by the margin. */
  readonly lengthMm: number
  readonly widthMm: number
  /** 0…1 */
  readonly margin: number
  readonly type: BodyType
  /** Inner size and height of the rim; absent: parts lie on the bed. */
  readonly tray?: { readonly lengthMm: number; readonly widthMm: number; readonly rimMm: number }
  /** The belt moves at this speed while the heads look, where a line has a belt; absent: it stops for each part. */
  readonly beltMmPerS?: number
  /** Replaces random defects in the parts that have any. */
  readonly defects?: readonly FixedDefect[]
  /** Draw every part from this class, whatever the table's weights. */
  readonly only?: Quality
}

const standard = {
  lengthMm: 200,
  widthMm: 100,
  margin: 0.15,
  type: 'normal',
  tray: { lengthMm: 300, widthMm: 180, rimMm: 5 },
} as const

/** The profiles of the original (facts/SQAL.md §2), by name. */
export const PROFILES = {
  foiegras_standard_barquette: {
    ...standard,
    defects: [
      { type: 'foreign_body', cell: [3, 5], radiusCells: 1.5, heightChangeMm: 15 },
      { type: 'deformation', cell: [6, 2], radiusCells: 2, heightChangeMm: -10 },
    ],
  },
  foiegras_demo_barquette: standard,
  foiegras_standard_seul: { lengthMm: 200, widthMm: 100, margin: 0.15, type: 'normal' },
  foiegras_micuit: {
    lengthMm: 180,
    widthMm: 90,
    margin: 0.15,
    type: 'normal',
    tray: { lengthMm: 280, widthMm: 160, rimMm: 4 },
  },
  foiegras_bloc: {
    lengthMm: 150,
    widthMm: 120,
    margin: 0.2,
    type: 'normal',
    tray: { lengthMm: 250, widthMm: 200, rimMm: 6 },
  },
  foiegras_haute_resolution: { ...standard, beltMmPerS: 100 },
  foiegras_irregular: { ...standard, margin: 0.2, type: 'irregular' },
  foiegras_defectueux: {
    ...standard,
    type: 'defective',
    only: 'defective',
    defects: [
      { type: 'foreign_body', cell: [4, 4], radiusCells: 2, heightChangeMm: 20 },
      { type: 'deformation', cell: [6, 6], radiusCells: 3, heightChangeMm: -15 },
      { type: 'edge_damage', severity: 0.8 },
    ],
  },
} as const satisfies Record<string, Profile>

export type ProfileName = keyof typeof PROFILES

/** @throws RangeError for a name that is no profile */
export function profileNamed(name: string): Profile {
  const found = Object.entries(PROFILES).find(([known]) => known === name)
  if (found === undefined)
    throw new RangeError(`no profile ${name}; there are ${Object.keys(PROFILES).join(', ')}`)
  return found[1]
}
