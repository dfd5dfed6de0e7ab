import type { Clock } from '../clock.ts'

/** Pulses that wait for those before them; more are lost, and a PLC that is that far behind counts wrong anyway. */
const WAITING = 8

/** Pulses on one output, each told from the next by a gap of its own length. */
export class PulseTrain {
  readonly #clock: Clock
  readonly #ms: number
  readonly #set: (active: boolean) => void
  #waiting = 0
  #cancel: (() => void) | undefined

  constructor(clock: Clock, ms: number, set: (active: boolean) => void) {
    this.#clock = clock
    this.#ms = ms
    this.#set = set
  }

  /** @returns false when it is lost, because too many wait */
  pulse(): boolean {
    if (this.#cancel === undefined) this.#begin()
    else if (this.#waiting < WAITING) this.#waiting += 1
    else return false
    return true
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#waiting = 0
    this.#set(false)
  }

  #begin(): void {
    this.#set(true)
    this.#cancel = this.#clock.after(this.#ms, () => {
      this.#set(false)
      this.#cancel = this.#clock.after(this.#ms, () => this.#ended())
    })
  }

  #ended(): void {
    this.#cancel = undefined
    if (this.#waiting === 0) return
    this.#waiting -= 1
    this.#begin()
  }
}
