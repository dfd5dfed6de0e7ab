import type { SpectralReference } from './analysis/reflectance.ts'
import { isOfChip } from './calibration/bench.ts'
import {
  type CalibrationStanding,
  calibrationStanding,
  type Found,
  newestValid,
  type Wanted,
} from './calibration/newest.ts'
import { type CalibrationRegistry, rowsOf } from './calibration/register.ts'
import type { CalibrationRow, OffsetRow } from './calibration/rows.ts'
import { spectralReferenceOf } from './calibration/spectral.ts'
import type { Recipe } from './recipe.ts'

/** What a head may be calibrated with beside the empty tray. */
export const REFERENCE_KINDS = ['offset', 'crosstalk', 'dark', 'white'] as const
export type ReferenceKind = (typeof REFERENCE_KINDS)[number]

/** Those that hold now, and how all of them stand. */
export interface ReferencesInForce {
  /** For the recipe's stage. */
  readonly white: SpectralReference | undefined
  /** Of the ranging chip that measures now. */
  readonly offset: OffsetRow | undefined
  /** Ids of the white and the dark row. */
  readonly whiteIds: readonly string[]
  readonly standings: Readonly<Record<ReferenceKind, CalibrationStanding & { readonly row?: CalibrationRow }>>
  /** ms since 1970: then one of them runs out; Infinity: none ever does. */
  readonly untilMs: number
}

/** For whom they are looked up. */
export interface ReferencesAsked {
  readonly recipe: Pick<Recipe, 'stage' | 'calibrations'>
  /** As calibrations name them (`chipsOf`); undefined: no head has said which chip it is. */
  readonly chips: string | undefined
  /** ms since 1970 */
  readonly atMs: number
}

/** The calibrations of the heads, as the store has them. Looking one up costs no disk. */
export class References {
  #rows: Readonly<Record<ReferenceKind, readonly CalibrationRow[]>> = {
    offset: [],
    crosstalk: [],
    dark: [],
    white: [],
  }

  /** Reads them anew: one was taken. @throws StoreError, ZodError */
  async load(registry: Pick<CalibrationRegistry, 'all'>): Promise<void> {
    const [offset, crosstalk] = [await rowsOf(registry, 'offset'), await rowsOf(registry, 'crosstalk')]
    const [dark, white] = [await rowsOf(registry, 'dark'), await rowsOf(registry, 'white')]
    this.#rows = { offset, crosstalk, dark, white }
  }

  inForce({ recipe: { stage, calibrations }, chips, atMs }: ReferencesAsked): ReferencesInForce {
    const { offset: offsets, crosstalk: crosstalks, dark: darks, white: whites } = this.#rows
    // Of another chip a row says nothing: nobody is to be told that it ran out.
    const ofChip = (rows: readonly CalibrationRow[]): readonly CalibrationRow[] =>
      chips === undefined ? [] : rows.filter(({ subject = '' }) => isOfChip(subject, chips))
    const offset = newestValid(ofChip(offsets), { kind: 'offset' }, atMs)
    const crosstalk = newestValid(ofChip(crosstalks), { kind: 'crosstalk' }, atMs)
    const dark = newestValid(darks, { kind: 'dark', stage }, atMs)
    const white = newestValid(whites, { kind: 'white', stage }, atMs)
    const darkRow = dark.state === 'valid' ? dark.row : undefined
    const standing = (found: Found, wanted: Wanted<ReferenceKind>) => ({
      ...calibrationStanding(found, wanted, {
        needed: calibrations?.needs.includes(wanted.kind) === true,
        hold: calibrations?.hold === true,
        atMs,
      }),
      ...(found.state === 'valid' ? { row: found.row } : {}),
    })
    return {
      white: white.state === 'valid' ? spectralReferenceOf(white.row, darkRow) : undefined,
      offset: offset.state === 'valid' ? offset.row : undefined,
      whiteIds: white.state === 'valid' ? [white.row, ...present(darkRow)].map(({ id }) => id) : [],
      standings: {
        offset: standing(offset, { kind: 'offset' }),
        crosstalk: standing(crosstalk, { kind: 'crosstalk' }),
        dark: standing(dark, { kind: 'dark', stage }),
        white: standing(white, { kind: 'white', stage }),
      },
      untilMs: Math.min(...[offset, crosstalk, dark, white].map(endOf)),
    }
  }
}

function present<T>(one: T | undefined): readonly T[] {
  return one === undefined ? [] : [one]
}

function endOf(found: Found): number {
  const until = found.state === 'valid' ? found.row.valid_until : undefined
  return until === undefined ? Number.POSITIVE_INFINITY : Date.parse(until)
}
