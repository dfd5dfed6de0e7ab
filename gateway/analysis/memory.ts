/** One piece of memory for many arrays: each by itself would take longer to come by than what it is wanted for. */
export class Memory implements Arrays {
  readonly #buffer: ArrayBuffer
  #used = 0

  /** @param numbers in all arrays together */
  constructor(numbers: number) {
    this.#buffer = new ArrayBuffer(Float64Array.BYTES_PER_ELEMENT * numbers)
  }

  /** An array of zeros. @throws RangeError where the memory has no room for it */
  take(length: number): Float64Array {
    const array = new Float64Array(this.#buffer, this.#used, length)
    this.#used += array.byteLength
    return array
  }
}

/** Where arrays of zeros come from. */
export interface Arrays {
  take(length: number): Float64Array
}

/**
 * Arrays that one part after the other uses: nothing that a part's judgement keeps may be in them. To come by new ones,
 * and to have their memory collected, costs a tenth of an analysis.
 */
export class Workspace implements Arrays {
  readonly #arrays: Float64Array[] = []
  #taken = 0

  /** Starts over: all arrays that were taken are free again. */
  clear(): void {
    this.#taken = 0
  }

  /** Parts ask for the same lengths in the same order, nearly always. */
  take(length: number): Float64Array {
    const used = this.#arrays[this.#taken]
    this.#taken += 1
    if (used?.length === length) return used.fill(0)
    const array = new Float64Array(length)
    this.#arrays[this.#taken - 1] = array
    return array
  }
}
