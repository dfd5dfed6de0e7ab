import { Memory } from './memory.ts'
import { at, invertPositive } from './numbers.ts'
import type { Hits } from './shape-hits.ts'
import { SIZE } from './shape-quadric.ts'
import { reliefKernel } from './shape-relief.ts'

/** What a field is made of: everything that can move the depths of the zones that see the body. */
export interface FieldInput {
  readonly hits: Hits
  /** Per zone (not per place): height above the body, mm. */
  readonly residualMm: Float64Array
  /** Per zone: what noise and the body's simple form leave open of the residual, standard deviation, mm. */
  readonly stdMm: Float64Array
  /** Per zone × 6: change of the depth by the body's parameters. */
  readonly slopes: Float64Array
  /** Per parameter of the body: variance of what is known without this frame, and the best guess less the body's. */
  readonly priorVariance: Float64Array
  readonly priorStep: Float64Array
  /** Standard deviation of what moves all zones together, mm. */
  readonly commonStdMm: number
  /** Side of a zone's footprint on the body, mm. */
  readonly footprintMm: number
  /** Relief that is expected as one zone sees it, standard deviation, mm. */
  readonly textureMm: number
}

/**
 * The residuals of a body as one Gaussian vector: noise, relief that goes on from zone to zone, and the body's own
 * parameters. Its inverse covariance is the null hypothesis of every question put to the residuals; as the parameters
 * are part of the covariance, no body can swallow a defect without that being counted.
 */
export interface Field {
  readonly hits: Hits
  readonly size: number
  /** Residuals, from what was expected of the body beforehand, mm. */
  readonly residual: Float64Array
  /** Inverse covariance, size × size, and its product with the residuals. */
  readonly inverse: Float64Array
  readonly scores: Float64Array
  /** Covariance of all but the relief, and of a relief of variance 1 mm², as the zones see them. */
  readonly base: Float64Array
  readonly kernel: Float64Array
  readonly footprintMm: number
  /** Variance of the relief, mm²: as the recipe expects it, and as it is taken to be. */
  readonly expectedVariance: number
  readonly reliefVariance: number
}

/** The recipe's relief counts like so many independent zones. */
export const TEXTURE_ZONES = 4

/** A dent picked for being the strongest takes more of the relief with it than one picked at random would. */
export const PICKED_DEGREES = 5

/** @returns undefined where there is no such covariance: never for finite input */
export function fieldOf(input: FieldInput): Field | undefined {
  const { hits, residualMm, footprintMm } = input
  const size = hits.zones.length
  const memory = new Memory((2 * size + SIZE + 1) * size)
  const residual = memory.take(size)
  const slopes = memory.take(size * SIZE)
  for (let i = 0; i < size; i += 1) {
    residual[i] = at(residualMm, hits.zones[i] ?? 0)
    for (let k = 0; k < SIZE; k += 1) {
      const slope = -at(input.slopes, (hits.zones[i] ?? 0) * SIZE + k)
      slopes[i * SIZE + k] = slope
      residual[i] = at(residual, i) - slope * at(input.priorStep, k)
    }
  }
  const kernel = memory.take(size * size)
  const attenuation = reliefKernel(hits, footprintMm, kernel)
  const base = memory.take(size * size)
  writeBase(input, slopes, base)
  const expectedVariance = input.textureMm ** 2 / attenuation
  const blank = { hits, size, residual, base, kernel, footprintMm, expectedVariance }
  return withRelief(blank, expectedVariance)
}

/** The field under another variance of the relief. */
export function withRelief(
  field: Omit<Field, 'inverse' | 'scores' | 'reliefVariance'>,
  reliefVariance: number,
): Field | undefined {
  const { size, base, kernel, residual } = field
  const memory = new Memory((size + 1) * size)
  const inverse = memory.take(size * size)
  const scores = memory.take(size)
  for (let i = 0; i < inverse.length; i += 1) inverse[i] = at(base, i) + reliefVariance * at(kernel, i)
  if (!invertPositive(inverse, size)) return undefined
  multiply(inverse, residual, scores)
  const { hits, footprintMm, expectedVariance } = field
  return {
    hits,
    size,
    residual,
    base,
    kernel,
    footprintMm,
    expectedVariance,
    inverse,
    scores,
    reliefVariance,
  }
}

/**
 * One step of the restricted likelihood of the relief's variance (Harville 1977), with the recipe's as pseudo-data.
 * @param answer of a dent, whatever its change: a defect shall not count as relief; all zeros: of none
 */
export function reliefStep(field: Field, answer: Float64Array): number {
  const { size, kernel, inverse, scores, reliefVariance: variance, expectedVariance } = field
  const weighed = new Float64Array(size)
  multiply(inverse, answer, weighed)
  let information = 0
  let matched = 0
  for (let i = 0; i < size; i += 1) {
    information += at(weighed, i) * at(answer, i)
    matched += at(weighed, i) * at(field.residual, i)
  }
  const per = information > 0 ? 1 / information : 0
  let squares = 0
  let trace = 0
  for (let i = 0; i < size; i += 1) {
    const score = at(scores, i) - per * matched * at(weighed, i)
    for (let j = 0; j < size; j += 1) {
      const k = at(kernel, i * size + j)
      squares += k * score * (at(scores, j) - per * matched * at(weighed, j))
      trace += k * (at(inverse, i * size + j) - per * at(weighed, i) * at(weighed, j))
    }
  }
  const degrees = Math.max(1, variance * trace - (information > 0 ? PICKED_DEGREES : 0))
  return (variance * variance * squares + TEXTURE_ZONES * expectedVariance) / (degrees + TEXTURE_ZONES)
}

/** What there is to explain: χ² of the residuals. */
export function energy({ residual, scores }: Field): number {
  let sum = 0
  for (let place = 0; place < residual.length; place += 1) sum += at(residual, place) * at(scores, place)
  return sum
}

/** Writes the covariance of all but the relief. */
function writeBase(input: FieldInput, slopes: Float64Array, base: Float64Array): void {
  const { hits, stdMm, priorVariance, commonStdMm } = input
  const size = hits.zones.length
  for (let i = 0; i < size; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      let sum = commonStdMm * commonStdMm
      for (let k = 0; k < SIZE; k += 1) {
        sum += at(priorVariance, k) * at(slopes, i * SIZE + k) * at(slopes, j * SIZE + k)
      }
      if (i === j) sum += at(stdMm, hits.zones[i] ?? 0) ** 2
      base[i * size + j] = sum
      base[j * size + i] = sum
    }
  }
}

/** out = matrix × vector, for a square matrix. */
export function multiply(matrix: Float64Array, vector: Float64Array, out: Float64Array): void {
  const size = vector.length
  for (let i = 0; i < size; i += 1) {
    let sum = 0
    for (let j = 0; j < size; j += 1) sum += at(matrix, i * size + j) * at(vector, j)
    out[i] = sum
  }
}
