import { createHash } from 'node:crypto'
import { Random } from '../../../drivers/simulated/random.ts'
import type { LabelledPicture } from '../../../gateway/vision/head-fit.ts'

const DIMENSIONS = 32

/** How embeddings of made-up symbols lie. */
export interface Crowd {
  readonly symbols: number
  readonly each: number
  /** By how much the two of a pair of symbols differ; 0: every symbol stands alone. */
  readonly twins?: number
  /** How far pictures of one symbol are spread where symbols do not differ, and everywhere. */
  readonly hand?: number
  readonly noise?: number
}

/**
 * Labelled pictures without pictures: unit vectors of which the first half says which symbol it is, and two of the rest how it
 * was drawn. Twins differ in one part alone, by less than hands do in others: the nearest is often the other one.
 */
export function crowd(
  seed: number,
  { symbols, each, twins = 0, hand = 0, noise = 0.02 }: Crowd,
): LabelledPicture[] {
  const random = new Random(seed)
  const gauss = (): number => random.normal()
  return Array.from({ length: symbols }, (_, index) => {
    const place = twins === 0 ? index : Math.floor(index / 2)
    const symbol = `s${String(index).padStart(2, '0')}`
    return Array.from({ length: each }, (_picture, number) => {
      const vector = Float32Array.from({ length: DIMENSIONS }, (_part, d) => {
        if (d === place) return 1 + noise * gauss()
        if (d === DIMENSIONS - 1 && twins > 0) return (index % 2 === 0 ? twins : -twins) + noise * gauss()
        return (d >= DIMENSIONS - 3 && d < DIMENSIONS - 1 ? hand : noise) * gauss()
      })
      return labelled(symbol, vector, `${symbol}/${number}.png`)
    })
  }).flat()
}

export function labelled(symbol: string, vector: Float32Array, name: string): LabelledPicture {
  const length = Math.hypot(...vector)
  const unit = vector.map((part) => part / length)
  const sha256 = createHash('sha256').update(name).digest('hex')
  return { symbol, name, sha256, prototypes: [{ symbol, degrees: 0, vector: unit }] }
}
