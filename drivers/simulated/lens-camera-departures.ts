import type { Clock } from '../clock.ts'

/** Lenses of which it is remembered when they went: a picture is not under way for longer. */
const REMEMBERED = 16

/** When lenses went from under the camera. */
export class Departures {
  readonly #clock: Pick<Clock, 'now'>
  readonly #went = new Map<number | undefined, number>()
  #lying: { readonly number: number | undefined } | undefined

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  /** This one lies there now. @param number undefined: none */
  lies(number: number | undefined): void {
    if (this.#lying !== undefined) this.#went.set(this.#lying.number, this.#clock.now())
    this.#lying = { number }
    this.#went.delete(number)
    for (const oldest of this.#went.keys()) {
      if (this.#went.size <= REMEMBERED) break
      this.#went.delete(oldest)
    }
  }

  /** Monotonic ms; Infinity: it lies there, or nothing is known of it any more. */
  at(number: number | undefined): number {
    return this.#went.get(number) ?? Number.POSITIVE_INFINITY
  }
}
