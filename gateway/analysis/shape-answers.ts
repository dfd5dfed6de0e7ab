import { Memory } from './memory.ts'
import { at } from './numbers.ts'
import type { Field } from './shape-field.ts'
import type { Hits } from './shape-hits.ts'

/** A ray that ends farther than this share of a footprint from its zone's mean place does not count. */
const REACH = 0.8

/**
 * What the zones answer to dents of 1 mm, each dent in a slot of its own and worked out once: rays meet the body in the
 * same places whatever its relief is taken for, so that one part asks the same again and again.
 */
export class Answers {
  readonly #hits: Hits
  readonly #size: number
  /** Per place, how far its hits lie from their mean place at most, mm. */
  readonly #reaches: Float64Array
  /** Per slot, places that answer; -1: not worked out. */
  readonly #counts: Int32Array
  /** Per slot, `size` numbers of which the first `count` hold: places of zones, and by how much each reads less. */
  readonly places: Int32Array
  readonly values: Float64Array
  /** Where the distances hold: a place, and dents up to this width. */
  #u = Number.NaN
  #v = Number.NaN
  #widest = 0
  /** Per place, square of its distance, mm²; per hit of those near enough, its distance, mm. */
  readonly #squares: Float64Array
  readonly #distances: Float64Array

  constructor({ hits, size, footprintMm }: Pick<Field, 'hits' | 'size' | 'footprintMm'>, slots: number) {
    const used = hits.first[size] ?? 0
    const memory = new Memory(slots * size + 2 * size + used)
    this.#hits = hits
    this.#size = size
    this.#reaches = memory.take(size)
    for (let place = 0; place < size; place += 1) {
      this.#reaches[place] = Math.min(REACH * footprintMm, reachOf(hits, place))
    }
    this.values = memory.take(slots * size)
    this.#squares = memory.take(size)
    this.#distances = memory.take(used)
    this.places = new Int32Array(slots * size)
    this.#counts = new Int32Array(slots).fill(-1)
  }

  /** Empties the slots from one on. */
  forget(from: number): void {
    this.#counts.fill(-1, from)
  }

  /** How many places answer to the dent in a slot. */
  count(slot: number): number {
    return this.#counts[slot] ?? -1
  }

  /** Says where the next dents are, none of them wider than `widest`, mm. */
  aim(u: number, v: number, widest: number): void {
    if (u === this.#u && v === this.#v && widest <= this.#widest) return
    const { meanU, meanV, first, u: hitU, v: hitV } = this.#hits
    this.#u = u
    this.#v = v
    this.#widest = widest
    for (let place = 0; place < this.#size; place += 1) {
      const square = squareOf(at(meanU, place) - u, at(meanV, place) - v)
      this.#squares[place] = square
      if (square > (widest + at(this.#reaches, place)) ** 2) continue
      const end = first[place + 1] ?? 0
      for (let hit = first[place] ?? 0; hit < end; hit += 1) {
        this.#distances[hit] = Math.sqrt(squareOf(at(hitU, hit) - u, at(hitV, hit) - v))
      }
    }
  }

  /** Works out what answers to a dent of this radius where it was aimed at. */
  fill(slot: number, radius: number): void {
    const { weight, first } = this.#hits
    const distances = this.#distances
    const perMm = 1 / radius
    let next = slot * this.#size
    for (let place = 0; place < this.#size; place += 1) {
      if (at(this.#squares, place) > (radius + at(this.#reaches, place)) ** 2) continue
      const end = first[place + 1] ?? 0
      let sum = 0
      for (let hit = first[place] ?? 0; hit < end; hit += 1) {
        // Without a branch: whether a hit is within the radius, no processor can guess.
        sum += at(weight, hit) * Math.max(0, 1 - at(distances, hit) * perMm)
      }
      if (sum === 0) continue
      this.places[next] = place
      this.values[next] = sum
      next += 1
    }
    this.#counts[slot] = next - slot * this.#size
  }
}

function reachOf({ first, u, v, meanU, meanV }: Hits, place: number): number {
  let most = 0
  const end = first[place + 1] ?? 0
  for (let hit = first[place] ?? 0; hit < end; hit += 1) {
    most = Math.max(most, squareOf(at(u, hit) - at(meanU, place), at(v, hit) - at(meanV, place)))
  }
  return Math.sqrt(most)
}

export function squareOf(a: number, b: number): number {
  return a * a + b * b
}
