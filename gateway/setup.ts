import { z } from 'zod'
import { type Plan, prepare } from './analysis/judge.ts'
import type { SpectralReference } from './analysis/reflectance.ts'
import { isExpired, newestValid } from './calibration/newest.ts'
import { rowsOf } from './calibration/register.ts'
import { spectralReferenceOf } from './calibration/spectral.ts'
import { type EmptyTray, emptyTrayJson, parseCalibration } from './calibration.ts'
import { ConfigError } from './config.ts'
import { dayLotId, lotId } from './lot.ts'
import type { Recipe } from './recipe.ts'
import { installBuiltIns, type RecipeRevisions, storedRecipe } from './recipe-revisions.ts'
import { BUILT_IN_RECIPES } from './recipes/built-in.ts'

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

/** Everything that decides about a part, as it stood when the part came. */
export interface InForce {
  readonly recipe: RecipeInForce
  readonly lotId: string
  readonly tray: EmptyTray | undefined
  /** Ids of the white and dark reference that colours are measured against. */
  readonly references: readonly string[]
  readonly plan: Plan
}

/** The white reference of the station for the recipe's stage. */
interface White {
  readonly reference: SpectralReference
  readonly ids: readonly string[]
}

export interface Lot {
  readonly id: string
  /** RFC 3339. */
  readonly startedAt: string
}

const lotSchema = z.strictObject({
  id: lotId,
  startedAt: z.iso.datetime(),
})

/**
 * What the station makes now, and from what it measures: recipe, lot, calibration. All of it outlives a restart;
 * what is changed holds for the next part.
 */
export class Setup {
  readonly #registry: SetupRegistry
  readonly #wall: () => number
  /** The chips that a calibration belongs to. */
  #subject: string | undefined
  #recipe: RecipeInForce
  #lot: Lot
  #tray: EmptyTray | undefined
  #white: White | undefined
  #plan: Plan

  private constructor(
    registry: SetupRegistry,
    { recipe, lot, wall }: { recipe: RecipeInForce; lot: Lot; wall: () => number },
  ) {
    this.#registry = registry
    this.#wall = wall
    this.#recipe = recipe
    this.#lot = lot
    this.#plan = prepare(recipe.recipe, undefined)
  }

  /**
   * Takes up what the station did before it stopped; which calibration is in force the heads say (`useChips`). A new
   * station starts with the built-in recipes.
   * @throws RecipeError for a recipe in the store that is none; ConfigError where `recipeId` does not exist
   */
  static async load(
    registry: SetupRegistry,
    { recipeId, wallMs, wall = () => wallMs }: { recipeId: string; wallMs: number; wall?: () => number },
  ): Promise<Setup> {
    await installBuiltIns(registry.recipes)
    const selected = z
      .string()
      .catch(recipeId)
      .parse(await registry.state.get('recipe'))
    const storedLot = lotSchema.safeParse(await registry.state.get('lot'))
    const lot = storedLot.success
      ? storedLot.data
      : lotOf(
          dayLotId(wallMs, () => false),
          wallMs,
        )
    if (!storedLot.success) await registry.state.set('lot', lot)
    if (selected === recipeId && (await registry.recipes.get(recipeId)) === undefined) {
      const known = BUILT_IN_RECIPES.map(({ id }) => id).join(', ')
      throw new ConfigError(
        `recipe: ${JSON.stringify(recipeId)}: expected a recipe of the store, e.g. ${known}`,
      )
    }
    const setup = new Setup(registry, { recipe: await recipeInForce(registry, selected), lot, wall })
    await setup.useReferences()
    return setup
  }

  /** Whether an empty tray was ever measured on this station, with whatever chips. */
  async everCalibrated(): Promise<boolean> {
    return (await this.#registry.calibrations.newest('empty-tray')) !== undefined
  }

  /**
   * From now on these chips measure: the calibration that was taken with them is in force, none where there is none.
   * Until it is found no part is judged by that of others.
   * @param subject names the chips; undefined: whichever were calibrated last
   */
  async useChips(subject: string | undefined): Promise<void> {
    this.#subject = subject
    this.#take(undefined)
    const stored = await this.#registry.calibrations.newest('empty-tray', subject)
    // Meanwhile a head may have been exchanged once more.
    if (stored === undefined || this.#subject !== subject) return
    const tray = parseCalibration(stored.calibration)
    const { validUntil } = tray
    const row = validUntil === undefined ? {} : { valid_until: validUntil }
    if (!isExpired(row, this.#wall())) this.#take(tray)
  }

  /** Takes up the newest white reference of the recipe's stage that still holds, and the dark one beside it. */
  async useReferences(): Promise<void> {
    const { calibrations } = this.#registry
    const { stage } = this.#recipe.recipe
    const [whites, darks] = [await rowsOf(calibrations, 'white'), await rowsOf(calibrations, 'dark')]
    const white = newestValid(whites, { kind: 'white', stage }, this.#wall())
    const dark = newestValid(darks, { kind: 'dark', stage }, this.#wall())
    const row = dark.state === 'valid' ? dark.row : undefined
    this.#white =
      white.state === 'valid'
        ? {
            reference: spectralReferenceOf(white.row, row),
            ids: [white.row.id, ...(row === undefined ? [] : [row.id])],
          }
        : undefined
    this.#take(this.#tray)
  }

  /** The chips that the calibration in force belongs to. */
  get subject(): string | undefined {
    return this.#subject
  }

  get recipe(): RecipeInForce {
    return this.#recipe
  }

  get lot(): Lot {
    return this.#lot
  }

  get tray(): EmptyTray | undefined {
    return this.#tray
  }

  /** What the next part is judged by. */
  get inForce(): InForce {
    const references = this.#white?.ids ?? []
    return { recipe: this.#recipe, lotId: this.#lot.id, tray: this.#tray, references, plan: this.#plan }
  }

  /** The same recipe over another calibration, for recorded data that was measured with it. */
  inForceOver(tray: EmptyTray | undefined): InForce {
    const { recipe } = this.#recipe
    return tray?.id === this.#tray?.id
      ? this.inForce
      : {
          ...this.inForce,
          tray,
          plan: prepare(recipe, tray, this.#white?.reference),
        }
  }

  /** @throws Error when there is no such recipe */
  async selectRecipe(id: string): Promise<RecipeInForce> {
    const recipe = await recipeInForce(this.#registry, id)
    await this.#registry.state.set('recipe', id)
    this.#recipe = recipe
    await this.useReferences()
    return recipe
  }

  /** @throws ZodError for an id that is none */
  async startLot(id: string, wallMs: number): Promise<Lot> {
    const lot = lotSchema.parse(lotOf(id, wallMs))
    await this.#registry.state.set('lot', lot)
    this.#lot = lot
    return lot
  }

  /**
   * From now on heights and reflectances are measured from this tray. Resolves when it is on disk.
   * @throws Error before the chips are known
   */
  async calibrated(tray: EmptyTray): Promise<void> {
    const subject = this.#subject
    if (subject === undefined) throw new Error('no head has said which chip it is')
    await this.#registry.calibrations.save({
      id: tray.id,
      kind: tray.kind,
      subject,
      takenAt: tray.at,
      takenBy: tray.by,
      calibration: emptyTrayJson(tray, subject),
    })
    if (this.#subject === subject) this.#take(tray)
  }

  #take(tray: EmptyTray | undefined): void {
    this.#tray = tray
    this.#plan = prepare(this.#recipe.recipe, tray, this.#white?.reference)
  }
}

function lotOf(id: string, wallMs: number): Lot {
  return { id, startedAt: new Date(wallMs).toISOString() }
}

async function recipeInForce(registry: SetupRegistry, id: string): Promise<RecipeInForce> {
  const stored = await registry.recipes.get(id)
  if (stored === undefined)
    throw new Error(`recipe ${JSON.stringify(id)}: there is none of this id in the store`)
  return { recipe: storedRecipe(stored), revision: stored.revision, sha256: stored.sha256 }
}
