/** Told the number of the lens that lies there now; undefined: none does. */
export type SeenLens = (number: number | undefined) => void

/** The place under a simulated camera: which lens lies there. */
export class LensPlace {
  readonly #watchers = new Set<SeenLens>()
  #number: number | undefined

  /** Undefined: nothing lies there. */
  get number(): number | undefined {
    return this.#number
  }

  /** Puts the lens of that number there, and takes away the one before. @throws RangeError for what is no number of a lens */
  lay(number: number): void {
    if (!(Number.isInteger(number) && number >= 0))
      throw new RangeError(`lens ${number}: expected a whole number from 0`)
    this.#change(number)
  }

  /** Takes away what lies there. */
  clear(): void {
    this.#change(undefined)
  }

  /** Tells at once what lies there, and from then on what comes. @returns how to end it */
  watch(seen: SeenLens): () => void {
    this.#watchers.add(seen)
    seen(this.#number)
    return () => void this.#watchers.delete(seen)
  }

  #change(number: number | undefined): void {
    this.#number = number
    for (const seen of [...this.#watchers]) seen(number)
  }
}
