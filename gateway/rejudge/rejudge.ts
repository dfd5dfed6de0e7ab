import type { EmptyTray } from '../calibration.ts'
import type { Inspected } from '../inspect.ts'
import type { Recipe } from '../recipe.ts'
import { inspectAgain, isWithoutAnalysis } from './again.ts'
import type { Base, CalibrationFinder } from './calibrations.ts'
import { type Outcome, outcomeOf, type Rejudged, storedOutcome } from './outcome.ts'
import { Plans } from './plans.ts'
import { circumstancesOf, type KeptPart } from './sources.ts'

/** A recipe in the state that judges. */
export interface RecipeState {
  readonly recipe: Recipe
  readonly revision: number
}

/** With what parts are judged again. What is absent stays as each part names it. */
export interface Orders {
  readonly recipe?: RecipeState
  readonly tray?: EmptyTray
}

/** Where recipes and calibrations that parts name are found. */
export interface Registry {
  readonly calibrations: CalibrationFinder
  readonly recipe: (id: string, revision?: number) => Promise<RecipeState | undefined>
}

/** A part that cannot be judged again, and why. */
export interface NotJudged {
  readonly reason: string
}

/** Judges kept parts again. One after the other: what it keeps does not grow with their number. */
export class Rejudge {
  readonly #orders: Orders
  readonly #registry: Registry
  readonly #plans = new Plans()

  constructor(orders: Orders, registry: Registry) {
    this.#orders = orders
    this.#registry = registry
  }

  async part(part: KeptPart): Promise<Rejudged | NotJudged> {
    const own = await this.#own(part)
    const recipe = this.#orders.recipe ?? own.recipe
    if (recipe === undefined) return { reason: own.lacks ?? 'it names no recipe' }
    if (this.#orders.tray === undefined && own.gone !== undefined) {
      return { reason: `calibration ${own.gone} is gone` }
    }
    const { tray } = this.#orders
    const base = tray === undefined ? own.base : { ...own.base, tray }
    const { judgement } = await this.#judge(part, recipe, base)
    const before = await this.#before(part, own)
    const { message, record } = part
    const looked = Object.keys(record.heads).length > 0
    const withoutAnalysis = message !== undefined && isWithoutAnalysis(message.verdict, looked)
    const sampleId = message?.sample_id ?? record.trigger?.sample_id
    return {
      sequence: part.sequence,
      ...(part.epoch === undefined ? {} : { epoch: part.epoch }),
      ...(message === undefined ? {} : { id: message.id }),
      ...(sampleId === undefined ? {} : { sampleId }),
      ...(record.t_us === undefined ? {} : { tUs: record.t_us }),
      ...(before === undefined ? {} : { before }),
      after: withoutAnalysis && before !== undefined ? before : outcomeOf(judgement),
      judgement,
      withoutAnalysis,
    }
  }

  #judge(part: KeptPart, { recipe }: RecipeState, base: Base): Promise<Inspected> {
    const plan = this.#plans.plan(recipe, base)
    return inspectAgain(part.record, plan, base.tray, circumstancesOf(part))
  }

  /** The verdict that was given; of a recording, the one that its own recipe gives, where both are to be had. */
  async #before(part: KeptPart, own: Own): Promise<Outcome | undefined> {
    if (part.message !== undefined) return storedOutcome(part.message)
    if (own.recipe === undefined || own.gone !== undefined) return undefined
    return outcomeOf((await this.#judge(part, own.recipe, own.base)).judgement)
  }

  /** What the part was judged with. */
  async #own({ record, message }: KeptPart): Promise<Own> {
    const { calibrations, recipe: find } = this.#registry
    const named = message?.recipe ?? record.recipe
    const found = await calibrations.base(message?.provenance.calibration ?? record.calibration ?? [])
    const calibration = 'gone' in found ? { ...found, base: {} } : { base: found }
    if (named === undefined) return calibration
    const recipe = await find(named.id, named.revision)
    return recipe === undefined
      ? { ...calibration, lacks: `recipe ${named.id} revision ${named.revision} is gone` }
      : { ...calibration, recipe }
  }
}

interface Own {
  readonly recipe?: RecipeState
  readonly lacks?: string
  readonly base: Base
  /** Id of a calibration that is not to be had. */
  readonly gone?: string
}
