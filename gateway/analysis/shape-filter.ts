import { at } from './numbers.ts'
import { Answers } from './shape-answers.ts'
import type { Field } from './shape-field.ts'
import type { Dent } from './shape-search.ts'

/** A dent's share of the residuals that the null hypothesis could not explain anyway: no answer, no question. */
const LEAST_INFORMATION = 1e-9

/** Asks one field about the dents in the slots of its answers. */
export class DentFilter {
  readonly #field: Field
  readonly #answers: Answers
  /** Of the last dent: its information, and how much of the residuals it matches. */
  #information = 0
  #matched = 0

  constructor(field: Field, answers: Answers = new Answers(field, 1)) {
    this.#field = field
    this.#answers = answers
  }

  lacks(slot: number): boolean {
    return this.#answers.count(slot) < 0
  }

  /** @param widest of the dents that come next at the same place, mm */
  fill(slot: number, { u, v, radius }: Pick<Dent, 'u' | 'v' | 'radius'>, widest: number): void {
    this.#answers.aim(u, v, widest)
    this.#answers.fill(slot, radius)
  }

  /** Information on the change of the dent in a slot, 1/mm²: its inverse square root is the standard deviation. */
  information(slot: number): number {
    const { inverse, size } = this.#field
    const { places, values } = this.#answers
    const first = slot * size
    const end = first + this.#answers.count(slot)
    let sum = 0
    for (let i = first; i < end; i += 1) {
      const row = size * (places[i] ?? 0)
      let half = at(inverse, row + (places[i] ?? 0)) * at(values, i) * 0.5
      for (let j = first; j < i; j += 1) half += at(inverse, row + (places[j] ?? 0)) * at(values, j)
      sum += 2 * half * at(values, i)
    }
    return sum
  }

  /** How far the dent in a slot stands out, in standard deviations; 0 where no zone sees it. */
  score(slot: number): number {
    const { places, values } = this.#answers
    const { scores, size } = this.#field
    const first = slot * size
    const end = first + this.#answers.count(slot)
    let matched = 0
    for (let i = first; i < end; i += 1) matched += at(values, i) * at(scores, places[i] ?? 0)
    this.#matched = matched
    this.#information = this.information(slot)
    return this.#information < LEAST_INFORMATION ? 0 : matched / Math.sqrt(this.#information)
  }

  /** The dent that `score` was last asked about. */
  dent({ u, v, radius }: Pick<Dent, 'u' | 'v' | 'radius'>): Dent {
    const std = 1 / Math.sqrt(this.#information)
    return { u, v, radius, change: this.#matched / this.#information, std, score: this.#matched * std }
  }
}
