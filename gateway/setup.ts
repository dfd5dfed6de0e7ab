import { z } from 'zod'
import { type Plan, prepare } from './analysis/judge.ts'
import { type EmptyTray, parseCalibration } from './calibration.ts'
import { ConfigError } from './config.ts'
import { dayLotId, lotId } from './lot.ts'
import { parseRecipe, type Recipe } from './recipe.ts'
import { BUILT_IN_RECIPES } from './recipes/built-in.ts'

/** Where a setup keeps what it must remember: the registry of the store. */
export interface SetupRegistry {
  readonly recipes: {
    save(id: string, recipe: unknown, by: string): Promise<StoredRecipe>
    get(id: string, revision?: number): Promise<StoredRecipe | undefined>
  }
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
  }
  readonly state: {
    get(key: string): Promise<unknown>
    set(key: string, value: unknown): Promise<void>
  }
}

interface StoredRecipe {
  readonly id: string
  readonly revision: number
  readonly sha256: string
  readonly recipe: unknown
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
  readonly plan: Plan
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
  /** The chips that a calibration belongs to. */
  #subject: string | undefined
  #recipe: RecipeInForce
  #lot: Lot
  #tray: EmptyTray | undefined
  #plan: Plan

  private constructor(registry: SetupRegistry, { recipe, lot }: { recipe: RecipeInForce; lot: Lot }) {
    this.#registry = registry
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
    { recipeId, wallMs }: { recipeId: string; wallMs: number },
  ): Promise<Setup> {
    for (const recipe of BUILT_IN_RECIPES) {
      if ((await registry.recipes.get(recipe.id)) === undefined) {
        await registry.recipes.save(recipe.id, recipe, 'poincon')
      }
    }
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
    return new Setup(registry, { recipe: await recipeInForce(registry, selected), lot })
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
    if (stored !== undefined && this.#subject === subject) this.#take(parseCalibration(stored.calibration))
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
    return { recipe: this.#recipe, lotId: this.#lot.id, tray: this.#tray, plan: this.#plan }
  }

  /** The same recipe over another calibration, for recorded data that was measured with it. */
  inForceOver(tray: EmptyTray | undefined): InForce {
    const { recipe } = this.#recipe
    return tray?.id === this.#tray?.id ? this.inForce : { ...this.inForce, tray, plan: prepare(recipe, tray) }
  }

  /** @throws Error when there is no such recipe */
  async selectRecipe(id: string): Promise<RecipeInForce> {
    const recipe = await recipeInForce(this.#registry, id)
    await this.#registry.state.set('recipe', id)
    this.#recipe = recipe
    this.#plan = prepare(recipe.recipe, this.#tray)
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
      calibration: tray,
    })
    if (this.#subject === subject) this.#take(tray)
  }

  #take(tray: EmptyTray | undefined): void {
    this.#tray = tray
    this.#plan = prepare(this.#recipe.recipe, tray)
  }
}

function lotOf(id: string, wallMs: number): Lot {
  return { id, startedAt: new Date(wallMs).toISOString() }
}

async function recipeInForce(registry: SetupRegistry, id: string): Promise<RecipeInForce> {
  const stored = await registry.recipes.get(id)
  if (stored === undefined)
    throw new Error(`recipe ${JSON.stringify(id)}: there is none of this id in the store`)
  return { recipe: parseRecipe(stored.recipe), revision: stored.revision, sha256: stored.sha256 }
}
