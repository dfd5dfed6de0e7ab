/** The finaliser of MurmurHash3 (Appleby, public domain): every input bit reaches every output bit. */
function mix(value: number): number {
  let h = value | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

/**
 * Repeatable random numbers: sfc32, the 32-bit "small fast counter" of Chris Doty-Humphrey's PractRand, whose tests
 * it passes. The same seed and stream give the same numbers on every machine, except that `normal` goes through
 * `Math.log`, `Math.sin` and `Math.cos`, whose last bit is the engine's.
 */
export class Random {
  #a: number
  #b: number
  #c: number
  #counter = 1
  #spare = 0
  #hasSpare = false

  /**
   * @param seed any finite number; integers up to 2^53 are all different seeds
   * @param stream numbers of one's own choice: different ones give independent streams of one seed
   */
  constructor(seed: number, ...stream: readonly number[]) {
    this.#a = mix(seed)
    this.#b = mix(Math.floor(seed / 2 ** 32) ^ 0x9e3779b9)
    this.#c = stream.reduce((hash, part) => mix(hash ^ part) + 0x9e3779b9, 0x3c6ef372)
    // As PractRand seeds it: twelve rounds spread the seed over the whole state.
    for (let round = 0; round < 12; round += 1) this.uniform()
  }

  /** 0 ≤ x < 1, in steps of 2^-32. */
  uniform(): number {
    const result = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0
    return (result >>> 0) / 2 ** 32
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.uniform()
  }

  chance(probability: number): boolean {
    return this.uniform() < probability
  }

  /** Standard normal, by Box and Muller (1958), both values of a pair used. */
  normal(): number {
    if (this.#hasSpare) {
      this.#hasSpare = false
      return this.#spare
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()))
    const angle = 2 * Math.PI * this.uniform()
    this.#spare = radius * Math.sin(angle)
    this.#hasSpare = true
    return radius * Math.cos(angle)
  }

  /** Normal, with what falls outside `low`…`high` moved to the bound. */
  clippedNormal(mean: number, deviation: number, low: number, high: number): number {
    return Math.min(high, Math.max(low, mean + deviation * this.normal()))
  }
}
