import { type Plan, prepare } from '../analysis/judge.ts'
import { withOffset } from '../calibration.ts'
import type { Recipe } from '../recipe.ts'
import type { Base } from './calibrations.ts'

/** A log changes its recipe and its calibration now and then, not from part to part. */
const KEPT = 16

interface Kept extends Base {
  readonly recipe: Recipe
  readonly plan: Plan
}

/** The plans that were asked for last: each costs about a millisecond to make, and serves for thousands of parts. */
export class Plans {
  /** The last one asked for stands first. */
  #kept: Kept[] = []

  /** @param recipe compared by identity, as the base is: a draft may have the name and revision of a stored one */
  plan(recipe: Recipe, base: Base): Plan {
    const { tray, white, offset } = base
    const index = this.#kept.findIndex(
      (kept) =>
        kept.recipe === recipe && kept.tray === tray && kept.white === white && kept.offset === offset,
    )
    const [found = { recipe, ...base, plan: planOver(recipe, base) }] =
      index < 0 ? [] : this.#kept.splice(index, 1)
    this.#kept = [found, ...this.#kept.slice(0, KEPT - 1)]
    return found.plan
  }
}

function planOver(recipe: Recipe, { tray, white, offset }: Base): Plan {
  return prepare(recipe, tray === undefined ? undefined : withOffset(tray, offset), white)
}
