import type { Clock } from '../clock.ts'

/** What a monostable relay must be kept up with. */
export interface Kicked {
  readonly everyMs: number
  readonly alive: () => boolean
  /** Done before each kick: what is overdue must be put right before the relay lets it through. */
  readonly before: () => void
  readonly set: (active: boolean) => void
}

/**
 * Changes a level for as long as the process moves and its owner says that it is alive. It is a timer of the same
 * event loop that the gate hangs on: whatever blocks the loop, stops the process or kills it, ends the kicks.
 */
export class Kicks {
  readonly #clock: Clock
  readonly #kicked: Kicked
  #level = false
  #cancel: (() => void) | undefined

  constructor(clock: Clock, kicked: Kicked) {
    this.#clock = clock
    this.#kicked = kicked
  }

  start(): void {
    this.#cancel ??= this.#clock.after(0, () => this.#kick())
  }

  /** The level rests low: the relay falls when its time is over. */
  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#level = false
    this.#kicked.set(false)
  }

  #kick(): void {
    const { everyMs, alive, before, set } = this.#kicked
    this.#cancel = this.#clock.after(everyMs, () => this.#kick())
    before()
    // Whatever `before` found may have stopped the kicks.
    if (this.#cancel === undefined || !alive()) return
    this.#level = !this.#level
    set(this.#level)
  }
}
