import { cropOf, SIDE } from './crop.ts'
import type { Prototype } from './gallery.ts'
import { findInk } from './ink.ts'
import { isBold, LIKENESS, outlined, withoutParts } from './likenesses.ts'
import { ModelError } from './model.ts'
import type { Floats } from './onnx.ts'
import type { Grey } from './picture.ts'

/** What computes a network: on a provider of this machine, or somewhere else. */
export type Compute = (input: Floats) => Promise<Floats>

/** By how much an enrolled picture is turned, degrees, so that a query may be turned too. */
export const ENROL_DEGREES = [0, -15, 15, -30, 30, -45, 45] as const

/** Crops that go through the network at once. */
const BATCH = 64

/** From pictures to unit vectors that lie close where the same symbol is seen. */
export class Embedder {
  readonly #compute: Compute

  constructor(compute: Compute) {
    this.#compute = compute
  }

  /**
   * A vector for each picture; undefined for one on which no ink stands out.
   * @throws ModelError when the network gives no embeddings
   */
  async embed(pictures: readonly Grey[]): Promise<readonly (Float32Array | undefined)[]> {
    const crops = pictures.map((picture) => {
      const ink = findInk(picture)
      return ink === undefined ? undefined : cropOf(ink)
    })
    const vectors = await this.#vectors(crops.filter((crop) => crop !== undefined))
    let next = 0
    return crops.map((crop) => (crop === undefined ? undefined : vectors[next++]))
  }

  /**
   * What a picture of a symbol puts into the gallery: itself at every angle and, where it is bold as print is, what a person
   * may draw in its place. Nothing where no ink stands out.
   * @throws ModelError
   */
  async prototypes(symbol: string, picture: Grey): Promise<readonly Prototype[]> {
    const crops = enrolledCrops(picture)
    const vectors = await this.#vectors(crops)
    return vectors.map((vector, index) => ({
      symbol,
      degrees: ENROL_DEGREES[index % ENROL_DEGREES.length] ?? 0,
      vector: index < ENROL_DEGREES.length ? vector : vector.map((value) => value * LIKENESS),
    }))
  }

  async #vectors(crops: readonly Float32Array[]): Promise<readonly Float32Array[]> {
    const vectors: Float32Array[] = []
    for (let from = 0; from < crops.length; from += BATCH) {
      const batch = crops.slice(from, from + BATCH)
      const data = new Float32Array(batch.length * SIDE * SIDE)
      for (const [index, crop] of batch.entries()) data.set(crop, index * SIDE * SIDE)
      const output = await this.#compute({ data, shape: [batch.length, 1, SIDE, SIDE] })
      const dimensions = output.shape[1]
      if (dimensions === undefined) throw new ModelError('shape', 'expected an output of [batch, dimensions]')
      for (let index = 0; index < batch.length; index++) {
        vectors.push(output.data.slice(index * dimensions, (index + 1) * dimensions))
      }
    }
    return vectors
  }
}

/** Network inputs at every angle of `ENROL_DEGREES`: of the picture first, then of each of its likenesses. */
export function enrolledCrops(picture: Grey): readonly Float32Array[] {
  const ink = findInk(picture)
  if (ink === undefined) return []
  const own = ENROL_DEGREES.map((degrees) => cropOf(ink, degrees))
  const [upright] = own
  if (upright === undefined || !isBold(upright)) return own
  const parts = withoutParts(ink).flatMap((part) => ENROL_DEGREES.map((degrees) => cropOf(part, degrees)))
  return [...own, ...parts, ...own.map(outlined)]
}
