const EVERY_MS = 5000

/** Tells on stderr, now and then, how far long work has come, and how fast it was. */
export class Progress {
  readonly #what: string
  readonly #total: number | undefined
  readonly #now: () => number
  readonly #say: (line: string) => void
  readonly #beganAt: number
  #saidAt: number
  done = 0

  /**
   * @param what is counted, in the plural
   * @param total where it is known
   * @param now monotonic ms
   */
  constructor(options: {
    readonly what: string
    readonly total?: number | undefined
    readonly now: () => number
    readonly say: (line: string) => void
  }) {
    this.#what = options.what
    this.#total = options.total
    this.#now = options.now
    this.#say = options.say
    this.#beganAt = this.#now()
    this.#saidAt = this.#beganAt
  }

  one(): void {
    this.done += 1
    const now = this.#now()
    if (now - this.#saidAt < EVERY_MS) return
    this.#saidAt = now
    const of = this.#total === undefined ? '' : ` of ${this.#total}`
    this.#say(`${this.done}${of} ${this.#what}, ${this.perSecond} a second`)
  }

  /** Parts a second since the beginning. */
  get perSecond(): number {
    const seconds = (this.#now() - this.#beganAt) / 1000
    return Math.round(this.done / Math.max(seconds, 1e-3))
  }
}
