import type { Clock } from '../drivers/clock.ts'
import { type Climate, climateAge } from '../drivers/environment/climate.ts'
import type { SupervisedHead } from './head.ts'
import type { Unit, UnitStatus } from './station.ts'

export interface EnvironmentOptions {
  readonly head: SupervisedHead<'climate'>
  readonly clock: Clock
  readonly periodMs: number
  readonly staleAfterMs: number
}

/** The climate around the station: measured now and then, and told as long as it says something about now. */
export class Environment implements Unit {
  readonly name = 'environment'
  readonly #options: EnvironmentOptions
  readonly #ended = new AbortController()
  #loop: Promise<void> = Promise.resolve()
  #last: Climate | undefined

  constructor(options: EnvironmentOptions) {
    this.#options = options
  }

  /** Waits for no sensor: a part is judged without it. */
  start(signal: AbortSignal): Promise<void> {
    this.#loop = this.#options.head.start(signal).then(() => this.#watch())
    return Promise.resolve()
  }

  async stop(): Promise<void> {
    this.#ended.abort()
    await this.#options.head.stop()
    await this.#loop
  }

  /** The climate now; undefined where none was measured, or too long ago. */
  get climate(): Climate | undefined {
    const { clock, staleAfterMs } = this.#options
    return climateAge(this.#last, clock.now(), staleAfterMs).state === 'fresh' ? this.#last : undefined
  }

  status(): UnitStatus {
    const { state, detail, facts } = this.#options.head.status()
    const { clock, staleAfterMs } = this.#options
    const age = climateAge(this.#last, clock.now(), staleAfterMs)
    const known = this.#last === undefined || age.state === 'never' ? {} : factsOf(this.#last, age.ageMs)
    // No part is judged by it: without it the station is poorer, not broken.
    return {
      state: state === 'ok' && age.state !== 'stale' ? 'ok' : 'degraded',
      ...(detail === undefined ? {} : { detail }),
      facts: { ...facts, ...known },
    }
  }

  async #watch(): Promise<void> {
    const { head, clock, periodMs } = this.#options
    const { signal } = this.#ended
    while (!signal.aborted) {
      try {
        this.#last = await head.measure(clock.now(), signal)
      } catch {
        // The head has said what is wrong, and opens its chip anew.
      }
      await clock.sleep(periodMs, signal).catch(() => {})
    }
  }
}

function factsOf(climate: Climate, ageMs: number): NonNullable<UnitStatus['facts']> {
  const { temperatureC, humidityPercent, pressureHpa } = climate
  return {
    temperature_c: tenth(temperatureC),
    humidity_percent: tenth(humidityPercent),
    ...(pressureHpa === undefined ? {} : { pressure_hpa: tenth(pressureHpa) }),
    age_ms: Math.round(ageMs),
  }
}

function tenth(value: number): number {
  return Math.round(value * 10) / 10
}
