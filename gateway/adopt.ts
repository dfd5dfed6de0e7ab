import { saveRow } from './calibration/register.ts'
import { calibrationRow } from './calibration/rows.ts'
import { rowOf } from './calibration.ts'
import { oldDeviceOf } from './old-subject.ts'
import { parseRecipe } from './recipe.ts'
import { compareRecipes } from './recipe-compare.ts'
import { BUILT_IN_BY, revise, storedRecipe } from './recipe-revisions.ts'
import type { Store } from './store/store.ts'

/** What the device before this one left (`poincon.deposit/1`), as far as it is taken up. */
export interface Inheritance {
  readonly selected?: string | undefined
  readonly recipes: readonly { readonly id: string; readonly saved_by: string; readonly recipe: unknown }[]
  readonly calibrations: readonly {
    readonly id: string
    readonly kind: string
    readonly subject: string
    readonly taken_at: string
    readonly calibration: unknown
  }[]
}

/** The chips of this device. */
export interface OwnChips {
  /** Serials of those that have one. */
  readonly serials: ReadonlySet<string>
  /** All heads, as an empty tray is kept by; undefined: a head did not say which chip it is. */
  readonly chips: string | undefined
  /** A person says that the heads came over with their cables: chips without a serial are then the same, too. */
  readonly sameHeads: boolean
}

/** What became of each. */
export interface Adopted {
  readonly recipes: readonly string[]
  readonly calibrations: readonly string[]
  /** Of other chips: calibrate anew. */
  readonly anew: readonly string[]
  /** Not taken, with the reason. */
  readonly refused: readonly string[]
  readonly selected?: string
}

type Row = Inheritance['calibrations'][number]

/** Whether a calibration of the old device is one of a head that is here now. */
export function isOurs({ subject }: Pick<Row, 'subject'>, { serials, chips, sameHeads }: OwnChips): boolean {
  // Heads of the old system are their own devices, and speak to whoever listens.
  if (oldDeviceOf(subject) !== undefined || serials.has(subject)) return true
  if (!sameHeads && !subject.split(' ').every((chip) => chip.includes('@'))) return false
  return (
    subject === chips ||
    (sameHeads && chips?.split(' ').some((chip) => chip.startsWith(`${subject}=`))) === true
  )
}

/** What would be adopted, and what would not. */
export function sorted(
  { calibrations }: Pick<Inheritance, 'calibrations'>,
  own: OwnChips,
): { readonly ours: readonly Row[]; readonly anew: readonly Row[] } {
  return {
    ours: calibrations.filter((row) => isOurs(row, own)),
    anew: calibrations.filter((row) => !isOurs(row, own)),
  }
}

/**
 * Takes up recipes, and calibrations of heads that are here now, into a store of this device's own: its log, its epoch and
 * its device id stay what they are. Done again, it changes nothing: what people here have revised or selected since stays.
 * @throws StoreError
 */
export async function adopt(
  inheritance: Inheritance,
  own: OwnChips,
  store: Pick<Store, 'recipes' | 'calibrations' | 'state'>,
): Promise<Adopted> {
  const refused: string[] = []
  const recipes = await adoptRecipes(inheritance, store, refused)
  const { ours, anew } = sorted(inheritance, own)
  const calibrations: string[] = []
  // The oldest first: the store takes the last one saved for the newest.
  for (const row of ours.toSorted((one, other) => (one.taken_at < other.taken_at ? -1 : 1))) {
    if ((await store.calibrations.get(row.id)) !== undefined) continue
    const read = calibrationRow.safeParse(rowOf(row.calibration))
    if (!read.success) {
      refused.push(`calibration ${nameOf(row)}: ${read.error.issues[0]?.message}`)
      continue
    }
    await saveRow(store.calibrations, { ...read.data, subject: row.subject })
    calibrations.push(nameOf(row))
  }
  const { selected } = inheritance
  const known = selected !== undefined && (await store.recipes.get(selected)) !== undefined
  // Taken up before, the choice is that of the people here.
  const isNew = recipes.length + calibrations.length > 0 || (await store.state.get('recipe')) === undefined
  const select = known && isNew
  if (select) await store.state.set('recipe', selected)
  return { recipes, calibrations, anew: anew.map(nameOf), refused, ...(select ? { selected } : {}) }
}

async function adoptRecipes(
  { recipes }: Inheritance,
  store: Pick<Store, 'recipes'>,
  refused: string[],
): Promise<readonly string[]> {
  const adopted: string[] = []
  for (const { id, saved_by: by, recipe } of recipes) {
    try {
      const newest = await store.recipes.get(id)
      const read = { ...parseRecipe(recipe), revision: newest?.revision ?? 1 }
      if (read.id !== id) throw new Error(`it calls itself ${read.id}`)
      const isOwn = newest !== undefined && newest.savedBy !== BUILT_IN_BY
      if (isOwn && compareRecipes(storedRecipe(newest), read).length > 0) {
        throw new Error(`revised here by ${newest.savedBy}`)
      }
      const { stored, changed } = await revise(store.recipes, read, by)
      if (changed) adopted.push(`${id}@${stored.revision}`)
    } catch (error) {
      refused.push(`recipe ${id}: ${error instanceof Error ? error.message : error}`)
    }
  }
  return adopted
}

/** As a person reads it. */
export function nameOf({ kind, subject, taken_at }: Row): string {
  const shown = subject.replace(/[0-9a-f]{20,}/g, (serial) => `${serial.slice(0, 16)}…`)
  return `${kind} of ${shown === '' ? 'the station' : shown}, ${taken_at.slice(0, 10)}`
}
