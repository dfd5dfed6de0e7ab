/** One piece of memory for many arrays: each by itself would take longer to come by than what it is wanted for. */
export class Memory {
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
