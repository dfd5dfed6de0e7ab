import { z } from 'zod'
import { type EmptyTray, parseCalibration } from './calibration.ts'
import { dayLotId, lotId } from './lot.ts'
import { oldDeviceOf } from './old-subject.ts'
import type { Recipe } from './recipe.ts'
import { type RecipeRevisions, storedRecipe } from './recipe-revisions.ts'

/** Where a setup keeps what it must remember: the registry of the store. */
export interface SetupRegistry {
  readonly recipes: RecipeRevisions
  readonly calibrations: {
    save(calibration: {
      readonly id: string
      readonly kind: string
      readonly subject: string
      readonly takenAt: string
      readonly takenBy: string
      readonly calibration: unknown
    }): Promise<void>
    newest(kind: string, subject?: string): Promise<{ readonly calibration: unknown } | undefined>
    all(kind: string): Promise<readonly { readonly subject: string; readonly calibration: unknown }[]>
  }
  readonly state: {
    get(key: string): Promise<unknown>
    set(key: string, value: unknown): Promise<void>
  }
}

/** A recipe in force, as messages name it. */
export interface RecipeInForce {
  readonly recipe: Recipe
  readonly revision: number
  readonly sha256: string
}

export interface Lot {
  readonly id: string
  /** RFC 3339. */
  readonly startedAt: string
}

export const lotSchema = z.strictObject({
  id: lotId,
  startedAt: z.iso.datetime(),
})

/** Of whatever chips: how far the tray is differs little from chip to chip. */
export async function newestTray({ calibrations }: SetupRegistry): Promise<EmptyTray | undefined> {
  const trays = await calibrations.all('empty-tray')
  const stored = trays.find(({ subject }) => oldDeviceOf(subject) === undefined)
  return stored === undefined ? undefined : parseCalibration(stored.calibration)
}

export async function lotNow({ state }: SetupRegistry, wallMs: number): Promise<Lot> {
  const stored = lotSchema.safeParse(await state.get('lot'))
  if (stored.success) return stored.data
  const day = dayLotId(wallMs, () => false)
  const lot = lotOf(day, wallMs)
  await state.set('lot', lot)
  return lot
}

export function lotOf(id: string, wallMs: number): Lot {
  return { id, startedAt: new Date(wallMs).toISOString() }
}

export async function recipeInForce(registry: SetupRegistry, id: string): Promise<RecipeInForce> {
  const stored = await registry.recipes.get(id)
  if (stored === undefined)
    throw new Error(`recipe ${JSON.stringify(id)}: there is none of this id in the store`)
  return { recipe: storedRecipe(stored), revision: stored.revision, sha256: stored.sha256 }
}
