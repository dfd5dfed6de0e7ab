import { rowOf } from '../calibration.ts'
import { type CalibrationKind, type CalibrationRow, calibrationRow } from './rows.ts'

/** Where calibrations are kept: the registry of the store. */
export interface CalibrationRegistry {
  save(calibration: {
    readonly id: string
    readonly kind: string
    readonly subject: string
    readonly takenAt: string
    readonly takenBy: string
    readonly calibration: unknown
  }): Promise<void>
  all(kind: string): Promise<readonly { readonly subject: string; readonly calibration: unknown }[]>
}

/** Resolves when it is on disk. @throws StoreError */
export async function saveRow(registry: CalibrationRegistry, row: CalibrationRow): Promise<void> {
  const { id, kind, subject = '', at: takenAt, by: takenBy } = row
  await registry.save({ id, kind, subject, takenAt, takenBy, calibration: row })
}

/** All of a kind, newest first; those of before their keys were snake_case, too. @throws StoreError, ZodError */
export async function rowsOf(
  registry: Pick<CalibrationRegistry, 'all'>,
  kind: CalibrationKind,
): Promise<CalibrationRow[]> {
  const stored = await registry.all(kind)
  return stored.map(({ subject, calibration }) => {
    const row = calibrationRow.parse(rowOf(calibration))
    return subject === '' ? row : { ...row, subject }
  })
}
