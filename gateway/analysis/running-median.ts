import { type Arrays, Memory } from './memory.ts'
import { at } from './numbers.ts'

/** The median of a few numbers that come one by one: kept in order, without an array and a sort for each question. */
export class RunningMedian {
  readonly #sorted: Float64Array
  #count = 0

  /**
   * @param most numbers between one `clear` and the next; more are not looked at
   * @param memory to keep them in; absent: its own
   */
  constructor(most: number, memory: Arrays = new Memory(most)) {
    this.#sorted = memory.take(most)
  }

  clear(): void {
    this.#count = 0
  }

  /** NaN is no number to stand anywhere: it is left out. */
  add(value: number): void {
    const sorted = this.#sorted
    if (Number.isNaN(value) || this.#count === sorted.length) return
    let place = this.#count
    for (; place > 0 && at(sorted, place - 1) > value; place -= 1) sorted[place] = at(sorted, place - 1)
    sorted[place] = value
    this.#count += 1
  }

  /** Numbers since `clear`. */
  get count(): number {
    return this.#count
  }

  /** The middle value; of an even number, the mean of the two. NaN of none. */
  get value(): number {
    if (this.#count === 0) return Number.NaN
    return (at(this.#sorted, (this.#count - 1) >> 1) + at(this.#sorted, this.#count >> 1)) / 2
  }
}
