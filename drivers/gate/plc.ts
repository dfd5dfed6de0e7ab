import type { Clock } from '../clock.ts'
import type { GateAction } from './gate.ts'
import { PulseTrain } from './pulses.ts'

export interface PlcWires {
  readonly pulseMs: number
  /** Which of the two are wired. */
  readonly wired: Readonly<Record<'accept' | 'reject', boolean>>
  readonly set: (output: 'accept' | 'reject', active: boolean) => void
}

/** Tells a PLC each verdict by one pulse. Held parts give none. */
export class Plc {
  readonly #accept: PulseTrain | undefined
  readonly #reject: PulseTrain | undefined

  constructor(clock: Clock, { pulseMs, wired, set }: PlcWires) {
    const train = (output: 'accept' | 'reject'): PulseTrain | undefined =>
      wired[output] ? new PulseTrain(clock, pulseMs, (active) => set(output, active)) : undefined
    this.#accept = train('accept')
    this.#reject = train('reject')
  }

  /** @returns false when the pulse is lost, because too many wait */
  tell(action: GateAction): boolean {
    if (action === 'hold') return true
    return (action === 'accept' ? this.#accept : this.#reject)?.pulse() ?? true
  }

  stop(): void {
    this.#accept?.stop()
    this.#reject?.stop()
  }
}
