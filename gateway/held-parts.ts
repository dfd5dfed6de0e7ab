/** Whether a part was held and waits for somebody: for the panel, until it is acknowledged. */
export class HeldParts {
  #waiting = false

  held(): void {
    this.#waiting = true
  }

  /** Somebody has dealt with it. */
  acknowledge(): void {
    this.#waiting = false
  }

  get waiting(): boolean {
    return this.#waiting
  }
}
