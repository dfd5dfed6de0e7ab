import { z } from 'zod'
import { type Plan, prepare } from './analysis/judge.ts'
import { isExpired } from './calibration/newest.ts'
import { type EmptyTray, emptyTrayJson, parseCalibration, withOffset } from './calibration.ts'
import { ConfigError } from './config.ts'
import { oldDeviceOf } from './old-subject.ts'
import type { Recipe } from './recipe.ts'
import { installBuiltIns } from './recipe-revisions.ts'
import { BUILT_IN_RECIPES } from './recipes/built-in.ts'
import { References, type ReferencesInForce } from './references.ts'
import {
  type Lot,
  lotNow,
  lotOf,
  lotSchema,
  newestTray,
  type RecipeInForce,
  recipeInForce,
  type SetupRegistry,
} from './setup-registry.ts'

export type { Lot, RecipeInForce, SetupRegistry } from './setup-registry.ts'

/** Everything that decides about a part, as it stood when the part came. */
export interface InForce {
  readonly recipe: RecipeInForce
  readonly lotId: string
  readonly tray: EmptyTray | undefined
  /** Ids of the references beside it: white and dark for colours, the head's offsets for the tray. */
  readonly references: readonly string[]
  readonly plan: Plan
}

/** Why this station cannot measure as a recipe asks, in one line; undefined: it can, as far as is known. */
export type Refusal = (recipe: Recipe, tray: EmptyTray | undefined) => string | undefined

export interface SetupOptions {
  /** Of a station that has never selected one. */
  readonly recipeId: string
  readonly wallMs: number
  /** ms since 1970, now; default: time stands still. */
  readonly wall?: () => number
  /** Default: it can do everything. */
  readonly refusal?: Refusal
}

/**
 * What the station makes now, and from what it measures: recipe, lot, calibration. All of it outlives a restart;
 * what is changed holds for the next part.
 */
export class Setup {
  readonly #registry: SetupRegistry
  readonly #wall: () => number
  readonly #refusal: Refusal
  readonly #references = new References()
  /** The chips that a calibration belongs to. */
  #subject: string | undefined
  #recipe: RecipeInForce
  #lot: Lot
  #tray: EmptyTray | undefined
  /** One that was in force, or would be, and does not hold any more. */
  #ranOut: EmptyTray | undefined
  #refs: ReferencesInForce
  #offsetIds: readonly string[] = []
  #refused: string | undefined
  #plan: Plan

  private constructor(
    registry: SetupRegistry,
    { recipe, lot, wall, refusal }: Required<Pick<SetupOptions, 'wall' | 'refusal'>> & InForceNames,
  ) {
    this.#registry = registry
    this.#wall = wall
    this.#refusal = refusal
    this.#recipe = recipe
    this.#lot = lot
    this.#refs = this.#lookUp()
    this.#plan = prepare(recipe.recipe, undefined)
  }

  /**
   * Takes up what the station did before it stopped; which calibration is in force the heads say (`useChips`). A new
   * station starts with the built-in recipes.
   * @throws RecipeError for a recipe in the store that is none; ConfigError where `recipeId` does not exist, or the
   *   station cannot measure as the recipe asks
   */
  static async load(registry: SetupRegistry, options: SetupOptions): Promise<Setup> {
    const { recipeId, wallMs, wall = () => wallMs, refusal = () => undefined } = options
    await installBuiltIns(registry.recipes)
    const selected = z
      .string()
      .catch(recipeId)
      .parse(await registry.state.get('recipe'))
    const lot = await lotNow(registry, wallMs)
    if (selected === recipeId && (await registry.recipes.get(recipeId)) === undefined) {
      const known = BUILT_IN_RECIPES.map(({ id }) => id).join(', ')
      throw new ConfigError(
        `recipe: ${JSON.stringify(recipeId)}: expected a recipe of the store, e.g. ${known}`,
      )
    }
    const recipe = await recipeInForce(registry, selected)
    const refused = refusal(recipe.recipe, await newestTray(registry))
    if (refused !== undefined) throw new ConfigError(refused)
    const setup = new Setup(registry, { recipe, lot, wall, refusal })
    await setup.useReferences()
    return setup
  }

  /** Whether an empty tray was ever measured on this station, with whatever chips. */
  async everCalibrated(): Promise<boolean> {
    const trays = await this.#registry.calibrations.all('empty-tray')
    return trays.some(({ subject }) => oldDeviceOf(subject) === undefined)
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
    this.#take(parseCalibration(stored.calibration))
  }

  /** Takes up what the heads were calibrated with since: white and dark of the recipe's stage, offsets of the chip. */
  async useReferences(): Promise<void> {
    await this.#references.load(this.#registry.calibrations)
    this.#take(this.#tray ?? this.#ranOut)
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
    this.#expire()
    return this.#tray
  }

  /** An empty tray that would be in force, and has run out. */
  get trayThatRanOut(): EmptyTray | undefined {
    this.#expire()
    return this.#ranOut
  }

  /** How the calibrations beside the tray stand with the recipe in force. */
  get standings(): ReferencesInForce['standings'] {
    this.#expire()
    return this.#refs.standings
  }

  /** Why no part is graded, where the recipe holds parts while a calibration is not there. */
  get obstacle(): 'not-calibrated' | undefined {
    return Object.values(this.standings).find(({ obstacle }) => obstacle !== undefined)?.obstacle
  }

  /** Why the recipe cannot be measured over the tray that was found; such parts are ungraded. */
  get refused(): string | undefined {
    return this.#refused
  }

  /** What the next part is judged by. */
  get inForce(): InForce {
    this.#expire()
    const references = [...this.#refs.whiteIds, ...this.#offsetIds]
    return { recipe: this.#recipe, lotId: this.#lot.id, tray: this.#tray, references, plan: this.#plan }
  }

  /** The same recipe over another calibration, for recorded data that was measured with it: by another chip. */
  inForceOver(tray: EmptyTray | undefined): InForce {
    const { recipe } = this.#recipe
    const { white, whiteIds } = this.#refs
    return tray?.id === this.#tray?.id
      ? this.inForce
      : { ...this.inForce, tray, references: whiteIds, plan: prepare(recipe, tray, white) }
  }

  /** Why the station cannot measure as a recipe asks that is not in force; undefined: it can, as far as is known. */
  async refusalOf(recipe: Recipe): Promise<string | undefined> {
    return this.#refusal(recipe, this.#tray ?? (await newestTray(this.#registry)))
  }

  /** @throws Error when there is no such recipe, or the station cannot measure as it asks */
  async selectRecipe(id: string): Promise<RecipeInForce> {
    const recipe = await recipeInForce(this.#registry, id)
    const refused = await this.refusalOf(recipe.recipe)
    if (refused !== undefined) throw new Error(refused)
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

  #lookUp(): ReferencesInForce {
    const { recipe } = this.#recipe
    return this.#references.inForce({ recipe, chips: this.#subject, atMs: this.#wall() })
  }

  #take(tray: EmptyTray | undefined): void {
    const ended = tray !== undefined && isExpired(rowEnd(tray), this.#wall())
    this.#ranOut = ended ? tray : undefined
    this.#tray = ended ? undefined : tray
    this.#refs = this.#lookUp()
    const { white, offset } = this.#refs
    const measured = this.#tray === undefined ? undefined : withOffset(this.#tray, offset)
    this.#offsetIds = offset === undefined || measured === this.#tray ? [] : [offset.id]
    this.#plan = prepare(this.#recipe.recipe, measured, white)
    this.#refused = this.#refusal(this.#recipe.recipe, this.#tray)
  }

  /** What has run out since is not in force any more. */
  #expire(): void {
    const tray = this.#tray
    const wallMs = this.#wall()
    if (wallMs >= this.#refs.untilMs || (tray !== undefined && isExpired(rowEnd(tray), wallMs))) {
      this.#take(tray ?? this.#ranOut)
    }
  }
}

interface InForceNames {
  readonly recipe: RecipeInForce
  readonly lot: Lot
}

function rowEnd({ validUntil }: EmptyTray): { readonly valid_until?: string } {
  return validUntil === undefined ? {} : { valid_until: validUntil }
}
