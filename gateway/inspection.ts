import type { Spectrum } from '../drivers/as7341/counts.ts'
import type { RangeFrame } from '../drivers/vl53l8ch/ranges.ts'

/** The measurement kinds a head can deliver. A new kind of head is one line here. */
export interface MeasurementKinds {
  readonly vl53l8ch: RangeFrame
  readonly as7341: Spectrum
}
export type HeadKind = keyof MeasurementKinds
export type Measurement = MeasurementKinds[HeadKind]

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
  'not-calibrated',
  'late',
  'busy',
  'storage-full',
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
}

/** What asks for an inspection. One trigger is one part. */
export interface Trigger {
  /** Counts from 1 since start. */
  readonly number: number
  /** Monotonic ms of the clock at which the part was seen. */
  readonly at: number
  readonly source: 'interval' | 'light-barrier' | 'encoder' | 'command' | 'replay'
  /** The name the line gives the part, where it has one. */
  readonly sampleId?: string
}
