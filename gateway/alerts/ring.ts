/** The last values, oldest first. */
export class Ring {
  readonly #size: number
  readonly #values: number[] = []
  #next = 0

  constructor(size: number) {
    this.#size = size
  }

  /** @returns the value that fell out */
  push(value: number): number | undefined {
    const gone = this.#values[this.#next]
    this.#values[this.#next] = value
    this.#next = (this.#next + 1) % this.#size
    return gone
  }

  get full(): boolean {
    return this.#values.length === this.#size
  }

  get length(): number {
    return this.#values.length
  }

  inOrder(): number[] {
    return this.full
      ? [...this.#values.slice(this.#next), ...this.#values.slice(0, this.#next)]
      : [...this.#values]
  }
}
