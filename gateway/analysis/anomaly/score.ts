import { at, invertPositive } from '../numbers.ts'
import { FEATURES } from './features.ts'
import type { AnomalyModel } from './model.ts'
import { tailOf } from './tail.ts'

/** A feature that makes a part strange. */
export interface Contribution {
  readonly name: string
  readonly value: number
  /** What the other features of this part let expect, by what good parts look like. */
  readonly expected: number
  /** 0…1: of what makes the part strange. */
  readonly share: number
}

export interface AnomalyScore {
  /** Probability that a good part is at least as strange as this one: 1 is ordinary, 0.001 is one in a thousand. */
  readonly score: number
  /** Those that contribute most, the greatest first. */
  readonly features: readonly Contribution[]
}

/** Features that are named. */
const NAMED = 3

/**
 * How strange a part is beside the good ones: the tail probability of its squared Mahalanobis distance. Features that
 * were not measured are left out of it (the model's marginal distribution), not assumed.
 * @param features in the order of `FEATURES`, NaN for what was not measured
 * @returns undefined where nothing that the model knows was measured
 */
export function scoreAnomaly(model: AnomalyModel, features: Float64Array): AnomalyScore | undefined {
  const places = model.features.map((name) => FEATURES.findIndex((feature) => feature.name === name))
  const seen = places.flatMap((place, index) => (Number.isNaN(features[place] ?? Number.NaN) ? [] : [index]))
  if (seen.length === 0) return undefined
  const number = (values: readonly number[], index: number): number => values[index] ?? 0
  const off = Float64Array.from(seen, (index) => {
    const scaled =
      (at(features, places[index] ?? 0) - number(model.centre, index)) / number(model.scale, index)
    return scaled - number(model.location, index)
  })
  const size = model.features.length
  const inverse = Float64Array.from({ length: seen.length ** 2 }, (_, cell) => {
    const [row = 0, column = 0] = [seen[Math.floor(cell / seen.length)], seen[cell % seen.length]]
    return number(model.scatter, row * size + column)
  })
  if (!invertPositive(inverse, seen.length)) return undefined
  const pull = pulls(inverse, off)
  const square = pull.reduce((sum, value, index) => sum + value * at(off, index), 0)
  const { scale, df } = model.tail
  return {
    score: tailOf(Math.max(0, square), { scale, df: (df * seen.length) / size }),
    features: contributions(inverse, pull).map(({ index, residual, share }) => {
      const [known = 0] = [seen[index]]
      const learned = at(features, places[known] ?? 0)
      const expected = learned - residual * number(model.scale, known)
      const natural = FEATURES[places[known] ?? 0]?.logarithmic === true ? Math.exp : (value: number) => value
      return {
        name: model.features[known] ?? '',
        value: natural(learned),
        expected: natural(expected),
        share,
      }
    }),
  }
}

function pulls(inverse: Float64Array, off: Float64Array): Float64Array {
  return off.map((_, row) => {
    let sum = 0
    for (let k = 0; k < off.length; k += 1) sum += at(inverse, row * off.length + k) * at(off, k)
    return sum
  })
}

/**
 * What each feature adds to the squared distance when all others are known: its squared residual from what they let
 * expect, over its variance about that. Never negative, unlike the terms of the quadratic form.
 */
function contributions(
  inverse: Float64Array,
  pull: Float64Array,
): readonly { readonly index: number; readonly residual: number; readonly share: number }[] {
  const alone = Array.from(pull, (value, index) => {
    const precision = at(inverse, index * pull.length + index)
    return { index, residual: value / precision, adds: value ** 2 / precision }
  })
  const total = alone.reduce((sum, { adds }) => sum + adds, 0)
  return alone
    .sort((one, other) => other.adds - one.adds || one.index - other.index)
    .slice(0, NAMED)
    .map(({ index, residual, adds }) => ({ index, residual, share: total === 0 ? 0 : adds / total }))
}
