import type { Candidate, Near } from './gallery.ts'

/**
 * What was learnt from labelled pictures beyond the nearest prototype: a direction in the space of the embeddings for each
 * symbol of which there were enough. Symbols without one are judged by their prototypes alone.
 */
export interface Head {
  /** By symbol; as long as the embeddings. */
  readonly rows: ReadonlyMap<string, Float32Array>
  /** Brings what a row says to the scale of the prototypes: `scale · row·vector + offset`. */
  readonly scale: number
  readonly offset: number
}

/** Of a symbol's score, the part that the head has; the prototypes have the rest. */
export const SHARE = 0.5
/** Rows are learnt from pictures that are turned by less; where the nearest prototype is turned by more they say nothing. */
export const ASKEW_DEG = 15

/**
 * What decides: scores in which the head has its share, nearest first; of symbols that it knows nothing of, those of the
 * prototypes.
 * @param near all that may count, of one gallery, nearest first
 * @param vector the picture's embedding
 */
export function scored(
  near: readonly Near[],
  vector: Float32Array,
  head: Head | undefined,
): readonly Candidate[] {
  if (head === undefined) return near.map(({ symbol, similarity }) => ({ symbol, similarity }))
  const { rows, scale, offset } = head
  return near
    .map(({ symbol, similarity, degrees }) => {
      const row = Math.abs(degrees) > ASKEW_DEG ? undefined : rows.get(symbol)
      if (row === undefined) return { symbol, similarity }
      const said = scale * product(row, vector) + offset
      return { symbol, similarity: Math.min(1, (1 - SHARE) * similarity + SHARE * said) }
    })
    .sort((a, b) => b.similarity - a.similarity)
}

/** What a row says of a picture, on no particular scale. */
export function product(row: Float32Array, vector: Float32Array): number {
  let sum = 0
  for (let d = 0; d < row.length; d++) sum += (row[d] ?? 0) * (vector[d] ?? 0)
  return sum
}
