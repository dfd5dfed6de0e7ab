/** Why a picture was not looked at to the end. */
export type Passed = 'replaced' | 'late'

interface Place<Item, Answer> {
  readonly item: Item
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
  /** Nobody waits for it any more. */
  over: boolean
}

export interface NewestOptions<Item, Answer> {
  /** Called for one item at a time. */
  readonly work: (item: Item, wanted: () => boolean) => Promise<Answer>
  readonly passed: (why: Passed) => Error
}

/** One item in work and one that waits; a newer one takes the place of the one that waits. */
export class Newest<Item, Answer> {
  readonly #options: NewestOptions<Item, Answer>
  #waiting: Place<Item, Answer> | undefined
  #working: Promise<void> | undefined

  constructor(options: NewestOptions<Item, Answer>) {
    this.#options = options
  }

  /** Rejects with `replaced`, with `late` when the signal aborts (the work goes on, unseen), or as the work does. */
  offer(item: Item, signal: AbortSignal): Promise<Answer> {
    const { passed } = this.#options
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(passed('late'))
        return
      }
      const late = (): void => {
        if (this.#waiting === place) this.#waiting = undefined
        place.reject(passed('late'))
      }
      const over = (): void => {
        place.over = true
        signal.removeEventListener('abort', late)
      }
      const place: Place<Item, Answer> = {
        item,
        resolve: (answer) => {
          over()
          resolve(answer)
        },
        reject: (error) => {
          over()
          reject(error)
        },
        over: false,
      }
      signal.addEventListener('abort', late, { once: true })
      this.#waiting?.reject(passed('replaced'))
      this.#waiting = place
      this.#next()
    })
  }

  /** Turns away what waits; what is in work goes on. */
  clear(error: Error): void {
    this.#waiting?.reject(error)
    this.#waiting = undefined
  }

  /** Resolves when nothing is in work. */
  async idle(): Promise<void> {
    while (this.#working !== undefined) await this.#working
  }

  #next(): void {
    const place = this.#waiting
    if (place === undefined || this.#working !== undefined) return
    this.#waiting = undefined
    this.#working = this.#options
      .work(place.item, () => !place.over)
      .then(place.resolve, place.reject)
      .finally(() => {
        this.#working = undefined
        this.#next()
      })
  }
}
