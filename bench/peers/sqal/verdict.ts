/** The original's verdict on one part, for tables that set it beside ours. */
import { analyseSpectrum, type SpectralReport } from './as7341.ts'
import type { Counts } from './channels.ts'
import { type Fusion, fuse } from './fusion.ts'
import { type Cube, type Matrix, mapMatrix } from './numpy.ts'
import { STANDARD_LIMITS, type TofLimits } from './profile.ts'
import { analyseTof, type TofReport } from './vl53l8ch.ts'

/** One part as the original's sensors would have seen it: square matrices of one size, rows first. */
export interface OriginalInput {
  /** mm from a sensor that looks straight down on a grid, tray included. */
  readonly distance: Matrix
  /** %, 0..100. */
  readonly reflectance: Matrix
  /** 0..4095. */
  readonly amplitude: Matrix
  /** rows × columns × bins; without them three parts of the score are the constant 0.8. */
  readonly bins?: Cube
  /** Default 100, as in all its profiles. */
  readonly sensorHeightMm?: number
  /** Pitch of the zones along the field's length; default 37.5: 300 mm of tray over 8 zones. */
  readonly zoneSizeMm?: number
  /** Raw counts by `F1_violet` `F2_indigo` `F3_blue` `F4_cyan` `F5_green` `F6_yellow` `F7_orange` `F8_red`
   * `NIR` `Clear` `Flicker`, as of gain 4 and 100 ms; undefined when there is no spectrum. */
  readonly counts?: Counts
  /** Default: those of `foiegras_standard_barquette`. */
  readonly limits?: TofLimits
}

export interface OriginalVerdict {
  readonly vl53l8ch: TofReport
  readonly as7341: SpectralReport | null
  /** Of the measured scores: without the random 70 % that production added (docs/original.md, fault 4). */
  readonly fusion: Fusion
}

/**
 * Judges one part as the original did.
 * @throws PythonError where the original raised, e.g. on a NaN count
 */
export function originalVerdict(input: OriginalInput): OriginalVerdict {
  const raw = {
    distance: input.distance,
    reflectance: input.reflectance,
    amplitude: input.amplitude,
    ambient: mapMatrix(input.distance, () => 0),
    bins: input.bins ?? null,
    sensorHeightMm: input.sensorHeightMm ?? 100,
    zoneSizeMm: input.zoneSizeMm ?? 37.5,
    binCount: input.bins?.[0]?.[0]?.length ?? 128,
  }
  const vl53l8ch = analyseTof(raw, input.limits ?? STANDARD_LIMITS)
  if (input.counts === undefined)
    return { vl53l8ch, as7341: null, fusion: fuse(vl53l8ch, null, raw.distance) }
  const as7341 = analyseSpectrum(input.counts)
  const spectral = { report: as7341, counts: input.counts }
  return { vl53l8ch, as7341, fusion: fuse(vl53l8ch, spectral, raw.distance) }
}
