import { createHash } from 'node:crypto'
import type { I2cBus } from '../bus.ts'
import type { Clock } from '../clock.ts'
import { SensorError, type SensorFault } from '../sensor.ts'
import { initialise } from './boot.ts'
import { Cadence } from './cadence.ts'
import { configure, planRanging, type RangingSettings, waitsForEvents } from './configuration.ts'
import type { FirmwareImage } from './firmware.ts'
import { withHistograms } from './histograms.ts'
import { type Link, SENSOR } from './mailbox.ts'
import { carries, type OutputPlan } from './outputs.ts'
import { decodeFrame, type RangeFrame } from './ranges.ts'
import { framesBetween, readFrame, readReadyWord, startRanging, stopRanging } from './ranging.ts'
import * as reg from './registers.ts'
import { FrameSequence } from './sequence.ts'
import { setResolution } from './settings.ts'
import { leaveMark, markOf, takeOver, withdrawMark } from './warm.ts'

export interface Vl53l8chOptions extends RangingSettings {
  /** 7-bit; default 0x29. */
  readonly address?: number
  readonly firmware: FirmwareImage
  /**
   * Whether a chip that surely ranges by our hand already is taken over without restart and download, a tenth of the
   * time. Default `try`.
   */
  readonly warm?: 'try' | 'never'
}

/** A stream count, and when it was asked for. */
interface Sighting {
  readonly streamCount: number
  readonly at: number
}

/** What the driver knows of its chip: only one that `ranging` went well with may be taken over as it is. */
type Health = 'ranging' | 'suspect' | 'reset'

/** How the chip was found when it was opened. */
interface Found {
  readonly nvm: Uint8Array
  readonly warm: boolean
}

/** Faults that the chip itself may have: not those of a frame, and not those of a wire that was pulled. */
const BLAMED = new Set<SensorFault>(['timeout', 'frozen', 'failed', 'wrong-chip'])
const BEFORE_FIRST = 255
const NOTHING_SEEN: Sighting = { streamCount: BEFORE_FIRST, at: Number.NEGATIVE_INFINITY }
const PATIENCE_PERIODS = 4
const SECOND_LOOK_MS = 1

/**
 * A VL53L8CH that ranges on its own clock until it is closed. Its calls queue behind each other. After a SensorError
 * other than `corrupt` close it and open it anew: the chip forgets its firmware with its power.
 */
export class Vl53l8ch {
  readonly #link: Link
  readonly #options: Vl53l8chOptions
  readonly #plan: OutputPlan
  readonly #cadence: Cadence
  readonly periodMs: number
  /**
   * Which chip this is: the SHA-256 of its own factory calibration, hexadecimal. It has no serial number, but no two
   * are calibrated alike.
   */
  readonly identity: string
  /** Whether it was taken over as it ranged, without a restart. */
  readonly warm: boolean
  /** Whether silence is no fault: frames come with events only. */
  readonly #waits: boolean
  #queue: Promise<unknown> = Promise.resolve()
  #looked: Sighting = NOTHING_SEEN
  #delivered = BEFORE_FIRST
  #startedAt = Number.NEGATIVE_INFINITY
  #sequence = new FrameSequence()
  #missed = 0
  #health: Health = 'ranging'
  #closed = false

  private constructor(link: Link, options: Vl53l8chOptions, plan: OutputPlan, found: Found) {
    this.#link = link
    this.#options = options
    this.#plan = plan
    this.identity = createHash('sha256').update(found.nvm).digest('hex')
    this.warm = found.warm
    this.#waits = waitsForEvents(options)
    this.periodMs = 1000 / options.rateHz
    this.#cadence = new Cadence(this.periodMs)
  }

  /**
   * Restarts the chip, loads its firmware and lets it range: about 90 kB over the bus, at least 110 ms of waiting. A
   * chip that was left ranging by this driver, with this firmware, is taken over with 4 kB (see README, Warm restart).
   * @throws RangeError for settings that are wrong or exclude each other, before anything is sent
   * @throws SensorError `absent`, `wrong-chip`, `timeout`, `failed` or `corrupt`, each within some seconds
   */
  static async open(
    bus: I2cBus,
    clock: Clock,
    options: Vl53l8chOptions,
    signal?: AbortSignal,
  ): Promise<Vl53l8ch> {
    const { address = reg.ADDRESS, firmware, zones, targetsPerZone = 1, warm = 'try' } = options
    const plan = planRanging(options)
    const link: Link = { bus, clock, address, signal }
    const left = warm === 'try' ? await takeOver(link, firmware, options) : undefined
    const nvm = left ?? (await initialise(link, firmware, targetsPerZone))
    await setResolution(link, zones, { nvm, xtalk: options.xtalk ?? firmware.xtalk })
    await configure(link, options)
    const found = { nvm, warm: left !== undefined }
    const chip = new Vl53l8ch({ bus, clock, address }, options, plan, found)
    await chip.#start(link)
    return chip
  }

  /** Frames that `next` did not deliver because they were replaced before it asked. */
  get missedFrames(): number {
    return this.#missed
  }

  /**
   * The first frame whose exposure surely began at or after `since`. The frame that stands ready at the first question
   * is older, and the one being exposed meanwhile may have begun before: it is the one after that, on average 1.5
   * periods later. Frames in between are not read.
   * @param since monotonic ms, past or future
   * @throws SensorError `absent`, `timeout` or `frozen` (no new frame for 4 periods), `corrupt`, `failed`
   */
  measure(since: number, signal?: AbortSignal): Promise<RangeFrame> {
    return this.#inTurn(async () => {
      const link = { ...this.#link, signal }
      const { clock } = link
      if (since > clock.now()) await clock.sleep(since - clock.now(), signal)
      await this.#resume(link, since)
      const deadline = clock.now() + PATIENCE_PERIODS * this.periodMs
      const first = this.#looked.at >= since ? this.#looked : await this.#look(link)
      // With auto-stop ranging has just begun, and its first frame is good.
      await this.#await(link, first, this.#options.autoStop === true ? 1 : 2, deadline)
      return (await this.#read(link)).frame
    })
  }

  /**
   * The next frame that was not delivered yet: at once if one stands ready. What was replaced meanwhile is counted in
   * `missedFrames`. With thresholds or external sync it waits until its signal ends it. Throws as `measure` does.
   */
  next(signal?: AbortSignal): Promise<RangeFrame> {
    return this.#inTurn(async () => {
      const link = { ...this.#link, signal }
      await this.#resume(link, Number.NEGATIVE_INFINITY)
      const patience = this.#waits ? Number.POSITIVE_INFINITY : PATIENCE_PERIODS * this.periodMs
      const deadline = link.clock.now() + patience
      const sighting = this.#nothingDue(link.clock.now()) ? this.#looked : await this.#look(link)
      if (sighting.streamCount === this.#delivered) await this.#await(link, sighting, 1, deadline)
      const { frame, skipped } = await this.#read(link)
      if (!this.#waits) this.#missed += skipped
      return frame
    })
  }

  /**
   * Stops ranging, after what is in flight. Call it once; the chip stays powered and may be opened again: in the short
   * way, unless something went wrong with it.
   */
  async close(signal?: AbortSignal): Promise<void> {
    const stopped = this.#inTurn(async () => {
      const link = { ...this.#link, signal }
      if (this.#health !== 'ranging') await withdrawMark(link)
      // A chip that was reset ranges no more: waiting for it to stop would only take its time.
      if (this.#health !== 'reset') await stopRanging(link)
    })
    this.#closed = true
    await stopped
  }

  async #inTurn<T>(act: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new Error(`${SENSOR}: used after close`)
    const turn = this.#queue.then(act)
    this.#queue = turn.catch(() => {})
    try {
      return await turn
    } catch (error) {
      if (this.#health === 'ranging' && this.#blames(error)) this.#health = 'suspect'
      throw error
    }
  }

  #blames(error: unknown): boolean {
    if (!(error instanceof SensorError) || !BLAMED.has(error.fault)) return false
    return !(this.#waits && error.fault === 'timeout')
  }

  async #start(link: Link): Promise<void> {
    const { firmware, zones, warm = 'try' } = this.#options
    this.#startedAt = link.clock.now()
    await startRanging(link, zones, this.#plan)
    if (warm === 'try') await leaveMark(link, markOf(firmware, this.#options))
    this.#looked = NOTHING_SEEN
    this.#delivered = BEFORE_FIRST
    this.#sequence = new FrameSequence()
  }

  /** A chip that stopped by itself, or may have done so before `since`, ranges anew. */
  async #resume(link: Link, since: number): Promise<void> {
    if (this.#options.autoStop !== true) return
    if (this.#delivered === BEFORE_FIRST && this.#startedAt >= since) return
    await stopRanging(link)
    await this.#start(link)
  }

  /** Whether the frame that was last seen is delivered, and the one after it not expected yet. */
  #nothingDue(now: number): boolean {
    const { streamCount, at } = this.#looked
    return streamCount === this.#delivered && this.#cadence.expected(1, at) > now
  }

  /** One question. A word that no ranging chip writes gets a second chance: one disturbed transfer is no reset. */
  async #look(link: Link): Promise<Sighting> {
    let at = link.clock.now()
    let ready = await readReadyWord(link)
    if (ready.kind === 'impossible') {
      await link.clock.sleep(SECOND_LOOK_MS, link.signal)
      at = link.clock.now()
      ready = await readReadyWord(link)
    }
    if (ready.kind === 'impossible') {
      this.#health = 'reset'
      const word = ready.word.toString(16).padStart(8, '0')
      throw new SensorError(SENSOR, 'failed', `it answers 0x${word} instead of ranging: it was reset`)
    }
    this.#looked = { streamCount: ready.kind === 'frame' ? ready.streamCount : BEFORE_FIRST, at }
    return this.#looked
  }

  /** Waits until `frames` more than stood there at `from` have become ready. */
  async #await(link: Link, from: Sighting, frames: number, deadline: number): Promise<void> {
    const { clock, signal } = link
    const expectedAt = this.#cadence.expected(frames, from.at)
    let askAt = expectedAt
    for (let tooEarly = 0; ; tooEarly += 1) {
      await clock.sleep(Math.max(0, Math.min(askAt, deadline) - clock.now()), signal)
      const sighting = await this.#look(link)
      if (framesBetween(from.streamCount, sighting.streamCount) >= frames) {
        this.#cadence.seen(sighting.at, expectedAt, tooEarly)
        return
      }
      if (clock.now() >= deadline) throw this.#overdue(from, sighting)
      askAt = clock.now() + this.#cadence.pauseMs(tooEarly + 1)
    }
  }

  #overdue(from: Sighting, { streamCount }: Sighting): SensorError {
    const wait = `${PATIENCE_PERIODS} periods of ${this.periodMs.toFixed(1)} ms`
    if (this.#waits) return new SensorError(SENSOR, 'timeout', `nothing to report within ${wait}`)
    if (streamCount !== BEFORE_FIRST && streamCount === from.streamCount) {
      return new SensorError(SENSOR, 'frozen', `the stream count stays at ${streamCount} for ${wait}`)
    }
    return new SensorError(SENSOR, 'timeout', `no frame within ${wait}`)
  }

  async #read(link: Link): Promise<{ frame: RangeFrame; skipped: number }> {
    const { zones, targetsPerZone = 1, histograms } = this.#options
    const raw = await readFrame(link, this.#plan.frameBytes)
    if (!carries(raw, this.#plan)) throw new SensorError(SENSOR, 'corrupt', 'a frame carries other blocks')
    const ranges = decodeFrame(raw, zones, targetsPerZone, link.clock.now())
    const frame = histograms === undefined ? ranges : withHistograms(ranges, histograms)
    this.#delivered = frame.streamCount
    return { frame, skipped: this.#sequence.accept(frame) }
  }
}
