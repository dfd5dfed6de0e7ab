import type { Link } from '../link.ts'
import { type Chip, SMUX_MS } from './chip.ts'
import type { Channel, Exposure } from './counts.ts'
import * as reg from './registers.ts'
import {
  type Crossing,
  decodeWatch,
  type Thresholds,
  WATCH_LENGTH,
  type Watch,
  watchOf,
} from './thresholds.ts'

/**
 * The chip measuring on its own, one channel compared with two thresholds after each conversion; its INT pin falls at
 * a crossing. Made by `As7341.watch`, which measures nothing else until `close`.
 */
export class ThresholdWatch {
  readonly #link: Link
  readonly #chip: Chip
  readonly #channel: Channel
  readonly #exposure: Exposure
  readonly #watch: Watch
  readonly #closed: () => void
  #since = 0

  /**
   * @param closed called once it watches no longer
   * @throws RangeError for thresholds the chip has not
   */
  constructor(link: Link, chip: Chip, thresholds: Thresholds, exposure: Exposure, closed: () => void) {
    this.#link = link
    this.#chip = chip
    this.#channel = thresholds.channel
    this.#exposure = exposure
    this.#watch = watchOf(thresholds)
    this.#closed = closed
  }

  /** Tells the chip, and lets it begin. @throws SensorError `absent`, `timeout`, `failed`, `corrupt` */
  async start(signal: AbortSignal | undefined): Promise<void> {
    await this.#chip.expose(this.#exposure)
    await this.#chip.setLamp('off')
    await this.#chip.connect(this.#watch.chain, SMUX_MS, signal)
    for (const write of this.#watch.writes) await this.#chip.write(...write)
    await this.#chip.start()
    this.#since = this.#link.now()
  }

  /**
   * Whether the channel left its band since this was last asked; asking clears the interrupt. One transfer, two at a
   * crossing.
   * @throws SensorError `failed` where the chip lost power, `timeout` where it does not measure, `corrupt`, `absent`
   */
  async crossing(): Promise<Crossing | undefined> {
    const block = await this.#chip.settings(WATCH_LENGTH)
    const takenAt = this.#link.now()
    const report = decodeWatch(block, this.#watch, this.#exposure)
    if (!report.valid && takenAt - this.#since > this.#chip.conversionLimitMs) {
      throw this.#link.fault('timeout', 'it does not measure what it is to watch')
    }
    if (!report.crossed) return undefined
    await this.#chip.write(reg.STATUS, report.status)
    const { below, above, count, saturated } = report
    return { takenAt, channel: this.#channel, below, above, count, saturated }
  }

  /** Waits for a crossing for as long as the signal lets it, asking once a conversion. Throws as `crossing`. */
  async next(signal: AbortSignal): Promise<Crossing> {
    for (;;) {
      signal.throwIfAborted()
      const crossing = await this.crossing()
      if (crossing !== undefined) return crossing
      await this.#link.sleep(this.#chip.integrationMs, signal)
    }
  }

  /** Chip idle, interrupt off and cleared. @throws SensorError `absent`, `failed` */
  async close(): Promise<void> {
    try {
      await this.#chip.idle()
      await this.#chip.write(reg.INTENAB, 0)
      await this.#chip.write(reg.STATUS, reg.STATUS_ALL)
    } finally {
      this.#closed()
    }
  }
}
