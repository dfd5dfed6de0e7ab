import type { Colour } from '../inspection.ts'
import type { Recipe } from '../recipe.ts'
import type { Evidence, Loss } from './fusion.ts'
import { outsideProbability } from './limits.ts'
import { at } from './numbers.ts'
import type { Open } from './open.ts'
import type { Material } from './spectrum.ts'

const STATES = ['freshness', 'fat', 'oxidation'] as const
type State = (typeof STATES)[number]

/** How far each state is from its best, 0…1. */
function shortfalls(colour: Colour): Readonly<Record<State, number>> {
  return {
    freshness: 1 - colour.freshness.estimate,
    fat: 1 - colour.fatQuality.estimate,
    oxidation: colour.oxidation.estimate,
  }
}

/** Score that one unit of each state costs: its own points, and the worst state's once more. */
function prices(colour: Colour, { points, weakest }: Recipe['grading']): Readonly<Record<State, number>> {
  const short = shortfalls(colour)
  const worst = STATES.reduce((most, state) => (short[state] > short[most] ? state : most))
  const price = (state: State): number => points[state] + (state === worst ? weakest : 0)
  return { freshness: price('freshness'), fat: price('fat'), oxidation: price('oxidation') }
}

/** What the three states cost. */
export function stateLosses(colour: Colour, { grading }: Recipe): Loss[] {
  const short = shortfalls(colour)
  const price = prices(colour, grading)
  return STATES.map((code) => ({
    code,
    value: code === 'oxidation' ? short.oxidation : 1 - short[code],
    limit: code === 'oxidation' ? 0 : 1,
    contribution: short[code] * price[code],
    std: 0,
  }))
}

/** The states come from one spectrum and hang together: their losses' variance takes the whole covariance. */
export function stdOfStates(colour: Colour, { covariance }: Material, { grading }: Recipe): number {
  const price = prices(colour, grading)
  const slopes = Float64Array.of(price.freshness, price.oxidation, price.fat)
  let variance = 0
  for (let i = 0; i < slopes.length; i += 1) {
    for (let j = 0; j < slopes.length; j += 1)
      variance += at(slopes, i) * at(slopes, j) * at(covariance, 4 * i + j)
  }
  return Math.sqrt(Math.max(0, variance))
}

/** Nothing is lost up to the good difference, all points from the critical one on, in proportion between. */
export function colourDifference({ deltaE00 }: Evidence, { material }: Recipe): readonly Loss[] {
  const target = material?.labTarget
  if (target === undefined || deltaE00 === undefined) return []
  const { good, acceptable, critical } = target.limits
  const { estimate, std } = deltaE00
  const share = Math.min(1, Math.max(0, (estimate - good) / (critical - good)))
  const step = estimate >= critical ? 'colour_critical' : estimate >= acceptable ? 'colour_off' : 'colour'
  const loss: Open<Loss> = {
    code: step,
    value: estimate,
    limit: estimate >= critical ? critical : estimate >= acceptable ? acceptable : good,
    contribution: target.points * share,
    std: share > 0 && share < 1 ? (target.points * std) / (critical - good) : 0,
  }
  if (target.reject) {
    const probability = outsideProbability(deltaE00, { max: critical })
    loss.veto = { bestGrade: 'REJECT', applies: estimate >= critical, probability }
  }
  return [loss]
}
