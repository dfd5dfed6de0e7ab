import type { Prototype } from './gallery.ts'
import { ASKEW_DEG } from './head.ts'
import { minimised } from './lbfgs.ts'

/** A picture of which somebody has said what it shows. */
export interface LabelledPicture {
  readonly symbol: string
  /** Of the file, SHA-256. */
  readonly sha256: string
  /** For people: the file, or where else it is. */
  readonly name: string
  /** What it would put into the gallery: upright first. */
  readonly prototypes: readonly Prototype[]
}

/** What cosines are multiplied by before their exponentials are compared: of unit vectors alone all classes would be likely. */
const SHARPNESS = 12
/** How strongly rows are held to their symbol's mean; chosen on other draws of the drawings than those that are reported. */
const HOLD = 0.01
/** A turned picture counts so much of an upright one. */
const TURNED = 0.5
const LIMITS = { steps: 100, flat: 1e-5 }

interface Sample {
  readonly vector: Float32Array
  readonly place: number
  readonly weight: number
}

/**
 * A row for each symbol: multinomial logistic regression upon the embeddings whose prior is each symbol's mean, so that few
 * pictures change little (maximum a posteriori; Chelba and Acero, EMNLP 2004). Strictly convex: one answer, without chance.
 * @param pictures of two symbols or more, with vectors of one length
 */
export function fittedRows(pictures: readonly LabelledPicture[]): ReadonlyMap<string, Float32Array> {
  const symbols = [...new Set(pictures.map(({ symbol }) => symbol))]
  const samples = pictures.flatMap((picture) => samplesOf(picture, symbols.indexOf(picture.symbol)))
  const dimensions = samples[0]?.vector.length ?? 0
  const means = meansOf(samples, symbols.length, dimensions)
  const rows = minimised(lossOf(samples, means, dimensions), means, LIMITS)
  return new Map(
    symbols.map((symbol, place) => [
      symbol,
      Float32Array.from(rows.subarray(place * dimensions, (place + 1) * dimensions)),
    ]),
  )
}

/** The picture itself, upright and a little askew; likenesses, which are shorter, are the gallery's alone. */
function samplesOf({ prototypes }: LabelledPicture, place: number): readonly Sample[] {
  return prototypes
    .filter(({ degrees, vector }) => Math.abs(degrees) <= ASKEW_DEG && lengthOf(vector) > 0.98)
    .map(({ degrees, vector }) => ({ vector, place, weight: degrees === 0 ? 1 : TURNED }))
}

function lengthOf(vector: Float32Array): number {
  return Math.sqrt(vector.reduce((sum, part) => sum + part * part, 0))
}

function meansOf(samples: readonly Sample[], symbols: number, dimensions: number): Float64Array {
  const means = new Float64Array(symbols * dimensions)
  const weights = new Float64Array(symbols)
  for (const { place, weight } of samples) weights[place] = (weights[place] ?? 0) + weight
  for (const { vector, place, weight } of samples) {
    const share = weight / (weights[place] ?? 1)
    for (let d = 0; d < dimensions; d++) {
      means[place * dimensions + d] = (means[place * dimensions + d] ?? 0) + share * (vector[d] ?? 0)
    }
  }
  return means
}

/** Mean cross entropy, and half of the squared distance from the means. */
function lossOf(samples: readonly Sample[], means: Float64Array, dimensions: number) {
  const symbols = means.length / Math.max(1, dimensions)
  const total = samples.reduce((sum, { weight }) => sum + weight, 0)
  const scores = new Float64Array(symbols)
  return (rows: Float64Array, gradient: Float64Array): number => {
    let loss = 0
    for (let index = 0; index < rows.length; index++) {
      const away = (rows[index] ?? 0) - (means[index] ?? 0)
      loss += (HOLD / 2) * away * away
      gradient[index] = HOLD * away
    }
    for (const { vector, place, weight } of samples) {
      const share = weight / total
      loss += share * crossEntropy(rows, vector, place, scores)
      for (let other = 0; other < symbols; other++) {
        const pull = share * SHARPNESS * ((scores[other] ?? 0) - (other === place ? 1 : 0))
        for (let d = 0, at = other * dimensions; d < dimensions; d++, at++) {
          gradient[at] = (gradient[at] ?? 0) + pull * (vector[d] ?? 0)
        }
      }
    }
    return loss
  }
}

/** Leaves the likelihood of each symbol in `scores`. */
function crossEntropy(rows: Float64Array, vector: Float32Array, place: number, scores: Float64Array): number {
  let highest = Number.NEGATIVE_INFINITY
  for (let symbol = 0, at = 0; symbol < scores.length; symbol++) {
    let sum = 0
    for (let d = 0; d < vector.length; d++, at++) sum += (rows[at] ?? 0) * (vector[d] ?? 0)
    scores[symbol] = SHARPNESS * sum
    highest = Math.max(highest, SHARPNESS * sum)
  }
  const own = scores[place] ?? 0
  let total = 0
  for (let symbol = 0; symbol < scores.length; symbol++) {
    const part = Math.exp((scores[symbol] ?? 0) - highest)
    scores[symbol] = part
    total += part
  }
  for (let symbol = 0; symbol < scores.length; symbol++) scores[symbol] = (scores[symbol] ?? 0) / total
  return highest + Math.log(total) - own
}
