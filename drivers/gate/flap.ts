import type { Clock } from '../clock.ts'

/** The end switch of a flap, and who is told what it shows. */
export interface FlapSwitch {
  /** From a command until the flap must have followed, ms. */
  readonly withinMs: number
  /** Whether it lies so that parts pass. @throws LineError */
  readonly passes: () => boolean
  readonly stuck: (detail: string) => void
  readonly failed: (error: unknown) => void
}

/** Looks whether the flap went where it was told to. A command that comes before the look begins the time anew. */
export class FlapCheck {
  readonly #clock: Clock
  readonly #flap: FlapSwitch
  #cancel = (): void => {}

  constructor(clock: Clock, flap: FlapSwitch) {
    this.#clock = clock
    this.#flap = flap
  }

  told(pass: boolean): void {
    this.#cancel()
    this.#cancel = this.#clock.after(this.#flap.withinMs, () => this.#look(pass))
  }

  stop(): void {
    this.#cancel()
  }

  #look(pass: boolean): void {
    const { withinMs, passes, stuck, failed } = this.#flap
    try {
      if (passes() === pass) return
    } catch (error) {
      failed(error)
      return
    }
    stuck(`the flap is not in ${pass ? 'pass' : 'reject'} ${withinMs} ms after it was told to be`)
  }
}
