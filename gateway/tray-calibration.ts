import type { Clock } from '../drivers/clock.ts'
import { measureEmptyTray } from './calibrate.ts'
import type { EmptyTray } from './calibration.ts'
import type { MeasuringHead } from './inspect.ts'
import type { Log } from './log.ts'
import type { Setup } from './setup.ts'
import type { Unit, UnitStatus } from './station.ts'

export interface TrayCalibrationOptions {
  readonly setup: Setup
  readonly heads: readonly MeasuringHead[]
  readonly clock: Clock
  readonly log: Log
  /** Takes away what lies on a simulated tray. */
  readonly clear: () => void
}

const LIMIT_MS = 10_000

/** Measures the empty tray at the first start of a station, and whenever a person asks. */
export class TrayCalibration implements Unit {
  readonly name = 'calibration'
  readonly #options: TrayCalibrationOptions
  #trouble: string | undefined

  constructor(options: TrayCalibrationOptions) {
    this.#options = options
  }

  /** Where there is no calibration yet, takes the tray for empty and measures it; a failure is a state, not an end. */
  async start(signal: AbortSignal): Promise<void> {
    const { setup, log } = this.#options
    if (setup.tray !== undefined) return
    try {
      const tray = await this.measure('first start', signal)
      log.info({ calibration: tray.id, frames: tray.frames }, 'empty tray measured')
    } catch (error) {
      log.warn({ err: error }, 'the empty tray could not be measured')
    }
  }

  stop(): Promise<void> {
    return Promise.resolve()
  }

  /**
   * @param by who says that the tray is empty
   * @throws when a head does not deliver, or what it sees is no empty tray; the calibration before stays in force
   */
  async measure(by: string, signal?: AbortSignal): Promise<EmptyTray> {
    const { setup, heads, clock, clear } = this.#options
    clear()
    const limit = AbortSignal.timeout(LIMIT_MS)
    try {
      const tray = await measureEmptyTray(heads, clock, by, signal ? AbortSignal.any([signal, limit]) : limit)
      await setup.calibrated(tray)
      this.#trouble = undefined
      return tray
    } catch (error) {
      this.#trouble = error instanceof Error ? error.message : String(error)
      throw error
    }
  }

  status(): UnitStatus {
    const { tray } = this.#options.setup
    if (tray === undefined) {
      const detail = `no empty tray measured${this.#trouble === undefined ? '' : `: ${this.#trouble}`}`
      return { state: 'failed', detail }
    }
    return { state: 'ok', facts: { id: tray.id, at: tray.at, by: tray.by } }
  }
}
