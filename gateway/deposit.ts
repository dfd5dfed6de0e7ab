import { CALIBRATION_KINDS } from './calibration/rows.ts'
import type { Identity } from './identity.ts'
import { BUILT_IN_BY } from './recipe-revisions.ts'
import { readRegistry } from './recipe-shelf.ts'

/** Checks that stay with the device that made them. */
const LEFT_OUT: ReadonlySet<string> = new Set(['golden-check'])

/**
 * What the device that follows this one at the station is offered: recipes that persons saved, and the newest calibration of
 * each kind and chip, as the store has them. Read also while the station runs.
 * @returns `poincon.deposit/1`, the same text as long as nothing changed
 * @throws StoreError
 */
export async function depositOf(
  dataDir: string,
  { deviceId, site, line, station }: Identity,
  version: string,
): Promise<string> {
  return await readRegistry(dataDir, async ({ recipes, calibrations, state }) => {
    const selected = await state.get('recipe')
    const newest = await recipes.newest()
    const rows = await Promise.all(
      CALIBRATION_KINDS.filter((kind) => !LEFT_OUT.has(kind)).map((kind) => calibrations.all(kind)),
    )
    const document = {
      schema: 'poincon.deposit/1',
      ...{ device_id: deviceId, station: `${site}/${line}/${station}`, version },
      ...(typeof selected === 'string' ? { selected } : {}),
      recipes: newest
        .filter(({ savedBy }) => savedBy !== BUILT_IN_BY)
        .map(({ id, revision, savedAt, savedBy, recipe }) => ({
          ...{ id, revision, saved_at: savedAt, saved_by: savedBy, recipe },
        })),
      calibrations: rows
        .flatMap(newestOfEach)
        .map(({ id, kind, subject, takenAt, takenBy, calibration }) => ({
          ...{ id, kind, subject, taken_at: takenAt, taken_by: takenBy, calibration },
        })),
    }
    return JSON.stringify(document)
  })
}

/** @param rows newest first */
function newestOfEach<Row extends { readonly subject: string }>(rows: readonly Row[]): readonly Row[] {
  const seen = new Set<string>()
  return rows.filter(({ subject }) => !seen.has(subject) && seen.add(subject))
}
