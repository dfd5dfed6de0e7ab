import type { Spectrum } from '../drivers/as7341/counts.ts'
import type { RangeFrame } from '../drivers/vl53l8ch/ranges.ts'
import type { ColourDetail } from './analysis/colour-detail.ts'
import type { LensSight } from './lens-sight.ts'

/** The measurement kinds a head can deliver. A new kind of head is one line here. */
export interface MeasurementKinds {
  readonly vl53l8ch: RangeFrame
  readonly as7341: Spectrum
  readonly camera: LensSight
}
export type MeasurementKind = keyof MeasurementKinds
/** Heads on a bus; the station's camera is another thing. */
export type HeadKind = Exclude<MeasurementKind, 'camera'>
export type Measurement = MeasurementKinds[MeasurementKind]
/** What a head on a bus delivers. */
export type HeadMeasurement = MeasurementKinds[HeadKind]

export const GRADES = ['A+', 'A', 'B', 'C', 'REJECT'] as const
/** What a part is worth, best first. */
export type Grade = (typeof GRADES)[number]

export const ACTIONS = ['accept', 'reject', 'hold'] as const
/** What was done with the part. */
export type Action = (typeof ACTIONS)[number]

/** Why there is no grade. An empty tray is not a good product, and not a bad one. */
export const UNGRADED_REASONS = [
  'no-product',
  'sensor-absent',
  'sensor-timeout',
  'sensor-frozen',
  'sensor-corrupt',
  'sensor-failed',
  'saturated',
  'starved',
  'out-of-view',
  'too-few-looks',
  'no-histograms',
  'belt-uneven',
  'too-dark',
  'two-products',
  'marks-missing',
  'reflection',
  'engraving-missing',
  'engraving-unknown',
  'engraving-uncertain',
  'not-calibrated',
  'golden-due',
  'golden-failed',
  'late',
  'busy',
  'storage-full',
  'gate-failed',
  'updating',
] as const
export type UngradedReason = (typeof UNGRADED_REASONS)[number]

/** A point lost, or a limit broken: which one, by how much, and what it cost. */
export interface Finding {
  /** Name of the limit or measure, e.g. `volume_low`, `foreign_body`. */
  readonly code: string
  readonly value?: number
  readonly limit?: number
  /** Score points (0..1) it took. */
  readonly contribution?: number
}

/** The one decision about a part. `kind` says whether a grade could be given, `action` what was done. */
export type Verdict =
  | {
      readonly kind: 'graded'
      readonly grade: Grade
      /** 0..1 */
      readonly score: number
      readonly action: Action
      readonly findings: readonly Finding[]
    }
  | {
      readonly kind: 'ungraded'
      readonly action: Exclude<Action, 'accept'>
      /** At least one; `<reason>` or `<reason>:<head id>`. */
      readonly reasons: readonly string[]
    }

export type DefectType =
  | 'foreign_body'
  | 'deformation'
  | 'edge_damage'
  | 'hematoma'
  | 'bile'
  | 'oxidation'
  | 'discolouration'

/** Something wrong at one place of the part, or with all of it. */
export interface Defect {
  readonly type: DefectType
  /** Row and column of the worst zone, where the defect has a place. */
  readonly zone?: readonly [row: number, column: number]
  /** 0..1; 1 is critical. */
  readonly severity: number
  /** Signed deviation from the expected surface in mm; positive is towards the head. */
  readonly deviationMm?: number
  /** Middle in the tray's plane from the point below the head (of a scanned part: at belt travel 0), mm. */
  readonly xMm?: number
  readonly yMm?: number
  /** Standard uncertainty of the place, along either axis, mm. */
  readonly placeStdMm?: number
  /** Radius at which the change has faded, mm. */
  readonly radiusMm?: number
  /** Standard uncertainty of `deviationMm`. */
  readonly deviationStdMm?: number
  /** That the true deviation is critical, given the measurement's uncertainty. */
  readonly criticalProbability?: number
}

/** A head that gave nothing about this part, and why. */
export interface Gap {
  readonly head: string
  readonly reason: UngradedReason
}

/** A measured quantity with its standard uncertainty, in the unit that its name says. */
export interface Estimate {
  readonly estimate: number
  readonly std: number
}

/** Where the part lies and how large it is: the smooth body that explains the ranges best. */
export interface Outline {
  /** Centre in the tray's plane from the point below the head; x grows with the column, y with the row. */
  readonly xMm: number
  readonly yMm: number
  /** Length, width (length ≥ width) and height of the body. */
  readonly lengthMm: number
  readonly widthMm: number
  readonly heightMm: number
  /** From the x axis to the length, -π/2…π/2. */
  readonly rotationRad: number
}

/** What the ranges of one part say about its shape. */
export interface Surface {
  readonly volumeMm3: Estimate
  readonly baseAreaMm2: Estimate
  /** Volume over base area. */
  readonly avgHeightMm: number
  readonly maxHeightMm: number
  /** Relief: standard deviation of the surface about the smooth body, the sensor's own noise taken out, mm. */
  readonly heightVariationMm: number
  /** 0..1; 1 is a smooth surface: 1 - relief / the recipe's `uniformityScaleMm`. */
  readonly uniformity: Estimate
  readonly outline: Outline
  /** Zones that see the part. */
  readonly zones: number
  /** Of the zones that see nothing but the part, in per cent, where there are such zones. */
  readonly reflectancePercent?: { readonly mean: number; readonly std: number }
  readonly defects: readonly Defect[]
  /** Of a scanned part: rms of what the found surface leaves unexplained, in standard deviations of the noise. */
  readonly misfit?: number
  /** Of a scanned part: true belt travel over the one that was told. */
  readonly travelScale?: Estimate
  /** Of a scanned part: looks that it was seen in. */
  readonly looks?: number
}

/** What the histograms say of a part that stood still, over the aggregates that see nothing but it. */
export interface Echoes {
  /** How many those are; ≥ 1. */
  readonly aggregates: number
  /** Centre of the pulse along the optical axis, mm; absent where every histogram ends within it. */
  readonly rangeMm?: Estimate
  /** Full width of the pulse at half height, mm. */
  readonly widthMm?: Estimate
  /** Departure of the pulse from a Gaussian, rms over its height. */
  readonly texture?: Estimate
  /** Light in the pulse's length behind the echo over the light in it, a Gaussian's own taken out. */
  readonly tail?: Estimate
  /** Light of another echo, at least a pulse (375 mm) away, over the first's; 0: none. */
  readonly secondShare: Estimate
}

/** CIE 1976 L*a*b* under D65, approximate: ten broad channels stand in for a spectrometer. */
export interface Lab {
  readonly l: number
  readonly a: number
  readonly b: number
}

/** What the spectrum of one part says about its material. */
export interface Colour {
  /** Per channel, the part's light over the empty tray's; absent where one of the two is. */
  readonly relative: Readonly<Record<string, number>>
  /** 0..1; 1 is fresh. */
  readonly freshness: Estimate
  /** 0..1; 1 is best. */
  readonly fatQuality: Estimate
  /** 0..1; 0 is none. */
  readonly oxidation: Estimate
  /** 0..1; 1: ageing, fat and oxidation explain the whole spectrum; less: another colour is mixed in. */
  readonly uniformity: number
  /** Ratios of channels over the same ratio of the recipe's reference product: 1 is as the reference. */
  readonly ratios: Readonly<Record<string, number>>
  readonly lab?: Lab
  readonly defects: readonly Defect[]
}

/** All evidence together. */
export interface Fusion {
  /** 0..1 */
  readonly score: Estimate
  readonly grade: Grade
  /** Shape and surface alone, where the recipe weighs them. */
  readonly surfaceScore?: number
  /** Spectrum alone, where the recipe weighs it. */
  readonly colourScore?: number
  /** Probability that the part's true score and defects fall in this grade, given the measurement's uncertainty. */
  readonly confidence: number
  readonly defects: readonly Defect[]
}

/** Everything concluded about one part. What was not measured is absent. */
export interface Judgement {
  /** Per zone, height over the empty tray in mm; null where the zone gave no range. Absent without frame or tray. */
  readonly heightsMm?: readonly (number | null)[]
  readonly surface?: Surface
  readonly echoes?: Echoes
  readonly colour?: Colour & ColourDetail
  /** Present exactly when the verdict is a grade. */
  readonly fusion?: Fusion
  readonly massG?: Estimate
  readonly verdict: Verdict
}

/** What asks for an inspection. One trigger is one part. */
export interface Trigger {
  /** Counts from 1 since start. */
  readonly number: number
  /** Monotonic ms of the clock at which the part was seen. */
  readonly at: number
  readonly source: 'interval' | 'light-barrier' | 'encoder' | 'command' | 'replay' | 'esp32'
  /** The name the line gives the part, where it has one. */
  readonly sampleId?: string
  /** The inspection that this one repeats, of a part that was held. */
  readonly reinspects?: string
}
