import type { SpectralReference } from '../analysis/reflectance.ts'
import type { CalibrationRow, OffsetRow } from '../calibration/rows.ts'
import { spectralReferenceOf } from '../calibration/spectral.ts'
import { type EmptyTray, emptyTrayJson, parseCalibration } from '../calibration.ts'
import type { Archive } from './archive.ts'

/** What a part is measured from. */
export interface Base {
  readonly tray?: EmptyTray
  /** White and dark reference, where the station had them. */
  readonly white?: SpectralReference
  /** Of the ranging chip, where it was known. */
  readonly offset?: OffsetRow
}

/** A base that is not whole: one of its calibrations is not to be had. */
export interface Gone {
  readonly gone: string
}

/** Calibrations by id: of the store, and those that recordings hold. */
export class CalibrationFinder {
  readonly #archive: Archive | undefined
  readonly #known: Map<string, CalibrationRow | undefined>
  /** The same ids give the same objects: plans are kept by them. */
  readonly #bases = new Map<string, Base | Gone>()

  constructor(archive: Archive | undefined, trays: ReadonlyMap<string, EmptyTray>) {
    this.#archive = archive
    this.#known = new Map([...trays].map(([id, tray]) => [id, emptyTrayJson(tray)]))
  }

  /** Of the calibrations with these ids; those of kinds that no verdict follows from need only be there. */
  async base(ids: readonly string[]): Promise<Base | Gone> {
    const key = ids.join(' ')
    const known = this.#bases.get(key) ?? (await this.#assembled(ids))
    this.#bases.set(key, known)
    return known
  }

  async #assembled(ids: readonly string[]): Promise<Base | Gone> {
    const rows: CalibrationRow[] = []
    for (const id of ids) {
      const row = await this.#row(id)
      if (row === undefined) return { gone: id }
      rows.push(row)
    }
    const tray = rows.find((row) => row.kind === 'empty-tray')
    const white = rows.find((row) => row.kind === 'white')
    const dark = rows.find((row) => row.kind === 'dark')
    const offset = rows.find((row) => row.kind === 'offset')
    return {
      ...(tray === undefined ? {} : { tray: parseCalibration(tray) }),
      ...(white === undefined ? {} : { white: spectralReferenceOf(white, dark) }),
      ...(offset === undefined ? {} : { offset }),
    }
  }

  async #row(id: string): Promise<CalibrationRow | undefined> {
    if (this.#known.has(id)) return this.#known.get(id)
    // What this release cannot read it cannot judge with: the same as if it were gone.
    const row = await this.#archive?.calibration(id).catch(() => undefined)
    this.#known.set(id, row)
    return row
  }
}
