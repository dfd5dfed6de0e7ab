import type { Clock } from '../drivers/clock.ts'
import { measureEmptyTray } from './calibrate.ts'
import { expiryText } from './calibration/newest.ts'
import { validUntil } from './calibration/origin.ts'
import type { EmptyTray } from './calibration.ts'
import type { MeasuringHead } from './inspect.ts'
import type { Log } from './log.ts'
import type { Setup } from './setup.ts'
import type { Unit, UnitStatus } from './station.ts'

export interface TrayCalibrationOptions {
  readonly setup: Setup
  readonly heads: readonly MeasuringHead[]
  /** Names the chips that the heads have; undefined as long as one has not said which it is. */
  readonly chips: () => string | undefined
  readonly clock: Clock
  readonly log: Log
  /** Resolves when no part is being looked at. */
  readonly idle: () => Promise<void>
  /** Takes away what lies on a simulated tray. */
  readonly clear: () => void
  /** Why there is no tray to look at, if there is none. */
  readonly refusal?: string
}

/** The slowest head takes 16 s for an offset: 32 frames at 2 a second. */
const LIMIT_MS = 30_000

/** A calibration cannot have the heads now. What is in force stays in force. */
export class CalibrationBusy extends Error {
  override readonly name = 'CalibrationBusy'
}

/** Measures the empty tray at the first start of a station, and whenever a person asks. */
export class TrayCalibration implements Unit {
  readonly name = 'calibration'
  readonly #options: TrayCalibrationOptions
  #looked: Promise<void> = Promise.resolve()
  #trouble: string | undefined
  #running = false

  constructor(options: TrayCalibrationOptions) {
    this.#options = options
  }

  /** On a new station takes the tray for empty and measures it; a failure is a state, not an end. */
  async start(signal: AbortSignal): Promise<void> {
    const { setup, heads, log } = this.#options
    await this.headsChanged()
    if (setup.tray !== undefined || !heads.some(({ kind }) => kind === 'vl53l8ch')) return
    if (setup.subject === undefined || (await setup.everCalibrated())) return
    try {
      const tray = await this.measure('first start', { signal })
      log.info({ calibration: tray.id, frames: tray.frames }, 'empty tray measured')
    } catch (error) {
      log.warn({ err: error }, 'the empty tray could not be measured')
    }
  }

  /** A head was opened, perhaps with another chip: only a calibration that was taken with these chips is used. */
  headsChanged(): Promise<void> {
    this.#looked = this.#looked.catch(() => {}).then(() => this.#lookUp())
    return this.#looked
  }

  async #lookUp(): Promise<void> {
    const { setup, chips, log } = this.#options
    const subject = chips()
    if (subject === undefined || subject === setup.subject) return
    const before = setup.subject
    await setup.useChips(subject)
    if (before === undefined) return
    const calibration = setup.tray?.id
    if (calibration === undefined)
      log.warn({ chips: subject, before }, 'a head is another chip: calibrate it')
    else log.info({ chips: subject, before, calibration }, 'a head is another chip, and calibrated')
  }

  stop(): Promise<void> {
    return Promise.resolve()
  }

  /** A calibration has the heads: no part may come under the heads. */
  get running(): boolean {
    return this.#running
  }

  /**
   * @param by who says that the tray is empty
   * @param validDays how long it shall hold; absent: as long as the chips are the same
   * @throws when a head does not deliver, or what it sees is no empty tray; the calibration before stays in force
   */
  async measure(
    by: string,
    { validDays, signal }: { readonly validDays?: number | undefined; readonly signal?: AbortSignal } = {},
  ): Promise<EmptyTray> {
    const { setup, heads, clock } = this.#options
    try {
      const tray = await this.exclusively('empty', signal, async (limited) => {
        const found = await measureEmptyTray(heads, clock, by, limited)
        const until = validUntil({ clock }, { validDays })
        const measured = { ...found, ...(until === undefined ? {} : { validUntil: until }) }
        await setup.calibrated(measured)
        return measured
      })
      this.#trouble = undefined
      return tray
    } catch (error) {
      if (!(error instanceof CalibrationBusy)) {
        this.#trouble = error instanceof Error ? error.message : String(error)
      }
      throw error
    }
  }

  /**
   * Lets a calibration have the heads: no part is looked at meanwhile.
   * @param lies what shall lie under simulated heads: nothing, or what lies there
   * @throws CalibrationBusy while another runs or there are no heads to have; what `work` throws
   */
  async exclusively<T>(
    lies: 'empty' | 'as-is',
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { idle, clear, refusal } = this.#options
    if (refusal !== undefined) throw new CalibrationBusy(refusal)
    if (this.#running) throw new CalibrationBusy('a calibration is running already')
    this.#running = true
    try {
      await idle()
      if (lies === 'empty') clear()
      const limit = AbortSignal.timeout(LIMIT_MS)
      return await work(signal === undefined ? limit : AbortSignal.any([signal, limit]))
    } finally {
      this.#running = false
    }
  }

  status(): UnitStatus {
    const { setup, heads } = this.#options
    const { tray, refused } = setup
    if (!heads.some(({ kind }) => kind === 'vl53l8ch')) return { state: 'ok' }
    if (tray === undefined) {
      const detail = `${this.#lack()}; empty it and send cmd/calibration/start`
      return { state: 'failed', detail, facts: { chips: setup.subject ?? 'unknown' } }
    }
    const facts = { id: tray.id, at: tray.at, by: tray.by, chips: setup.subject ?? '', ...untilFact(tray) }
    return refused === undefined ? { state: 'ok', facts } : { state: 'failed', detail: refused, facts }
  }

  #lack(): string {
    const { setup, clock } = this.#options
    const { trayThatRanOut: gone } = setup
    const trouble = this.#trouble === undefined ? '' : `: ${this.#trouble}`
    if (gone?.validUntil === undefined) return `no empty tray measured with these heads${trouble}`
    return `${expiryText('empty-tray', { ...gone, until: gone.validUntil, atMs: clock.wall() })}${trouble}`
  }
}

function untilFact({ validUntil: until }: EmptyTray): { readonly valid_until?: string } {
  return until === undefined ? {} : { valid_until: until }
}
