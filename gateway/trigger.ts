import type { Clock } from '../drivers/clock.ts'
import type { Gpio } from '../drivers/gpio.ts'
import { everyInterval } from '../drivers/trigger/interval.ts'
import { watchLightBarrier } from '../drivers/trigger/light-barrier.ts'
import type { TriggerError } from '../drivers/trigger/trigger.ts'
import type { Fire } from './acquisition.ts'
import type { TriggerOptions } from './belt-options.ts'
import type { Trigger as TriggerEvent } from './inspection.ts'
import { lineSpec } from './line-options.ts'
import type { Log } from './log.ts'
import type { Unit, UnitStatus } from './station.ts'

export interface TriggerSourceOptions {
  readonly trigger: TriggerOptions
  readonly gpio: Gpio
  readonly clock: Clock
  readonly log: Log
  /** Whether a part may come with the next period. */
  readonly moving: () => boolean
  /** Brings the part under the heads, where the belt is simulated. */
  readonly bring: () => void
}

/** What says that a part is there: every period, a light barrier, the belt's encoder, or only a command. */
export class TriggerSource implements Unit {
  readonly name = 'trigger'
  readonly kind: TriggerEvent['source']
  readonly #options: TriggerSourceOptions
  #fire: Fire | undefined
  #trouble: string | undefined

  constructor(options: TriggerSourceOptions) {
    this.#options = options
    this.kind = options.trigger.kind
  }

  /** Acquisition runs it: as a unit it only says how it is. */
  start(): Promise<void> {
    return Promise.resolve()
  }

  stop(): Promise<void> {
    return Promise.resolve()
  }

  /** Calls `fire` for every part until the signal aborts. */
  readonly run = async (fire: Fire, signal: AbortSignal): Promise<void> => {
    this.#fire = fire
    const { trigger, clock, moving } = this.#options
    try {
      if (trigger.kind === 'light-barrier') await this.#watchBarrier(signal)
      if (trigger.kind === 'interval') {
        await everyInterval(clock, trigger.period_ms, () => moving() && this.#part(), signal)
      }
    } finally {
      if (signal.aborted) this.#fire = undefined
    }
  }

  /** The encoder counted a part. @param at monotonic ms */
  readonly part = (at: number): void => {
    if (this.#options.trigger.kind === 'encoder') this.#part(at)
  }

  status(): UnitStatus {
    return this.#trouble === undefined ? { state: 'ok' } : { state: 'failed', detail: this.#trouble }
  }

  async #watchBarrier(signal: AbortSignal): Promise<void> {
    const { trigger, gpio, clock } = this.#options
    if (trigger.line === undefined) return
    const told = {
      part: (at: number): void => this.#part(at),
      trouble: (error: TriggerError | undefined): void => this.#tell(error),
    }
    const { min_blocked_ms: minBlockedMs, min_gap_ms: minGapMs, max_blocked_ms: maxBlockedMs } = trigger
    const options = { line: lineSpec(trigger.line), minBlockedMs, minGapMs, maxBlockedMs, told }
    await watchLightBarrier(gpio, clock, options, signal)
  }

  #part(at?: number): void {
    this.#options.bring()
    void this.#fire?.({ at })
  }

  #tell(error: TriggerError | undefined): void {
    const { log } = this.#options
    this.#trouble = error?.message
    if (error === undefined) log.info('trigger well again')
    else log.error({ fault: error.fault, err: error }, 'parts may come by unseen')
  }
}
