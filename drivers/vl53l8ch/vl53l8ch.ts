import { createHash } from 'node:crypto'
import type { I2cBus } from '../bus.ts'
import type { Clock } from '../clock.ts'
import { SensorError } from '../sensor.ts'
import { initialise } from './boot.ts'
import { Cadence } from './cadence.ts'
import type { FirmwareImage } from './firmware.ts'
import { type Link, SENSOR } from './mailbox.ts'
import { type Layout, type OutputPlan, planOutputs } from './outputs.ts'
import { decodeFrame, type RangeFrame } from './ranges.ts'
import { framesBetween, readFrame, readReadyWord, startRanging, stopRanging } from './ranging.ts'
import * as reg from './registers.ts'
import { checkFrequency, setFrequency, setResolution } from './settings.ts'

export interface Vl53l8chOptions {
  /** 7-bit; default 0x29. */
  readonly address?: number
  readonly firmware: FirmwareImage
  readonly zones: 16 | 64
  /** Frames a second: 2…60 with 16 zones, 2…15 with 64. */
  readonly rateHz: number
  /** Default 1. */
  readonly targetsPerZone?: 1 | 2 | 3 | 4
  /** Default `compact`. */
  readonly layout?: Layout
}

/** A stream count, and when it was asked for. */
interface Sighting {
  readonly streamCount: number
  readonly at: number
}

const BEFORE_FIRST = 255
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
  #queue: Promise<unknown> = Promise.resolve()
  #looked: Sighting = { streamCount: BEFORE_FIRST, at: Number.NEGATIVE_INFINITY }
  #delivered = BEFORE_FIRST
  #frameId: number | undefined
  #missed = 0
  #closed = false

  private constructor(link: Link, options: Vl53l8chOptions, plan: OutputPlan, identity: string) {
    this.identity = identity
    this.#link = link
    this.#options = options
    this.#plan = plan
    this.periodMs = 1000 / options.rateHz
    this.#cadence = new Cadence(this.periodMs)
  }

  /**
   * Restarts the chip, loads its firmware and lets it range: about 90 kB over the bus, at least 110 ms of waiting.
   * @throws RangeError for a rate that the resolution does not allow
   * @throws SensorError `absent`, `wrong-chip`, `timeout`, `failed` or `corrupt`, each within some seconds
   */
  static async open(
    bus: I2cBus,
    clock: Clock,
    options: Vl53l8chOptions,
    signal?: AbortSignal,
  ): Promise<Vl53l8ch> {
    const { address = reg.ADDRESS, firmware, zones, rateHz, targetsPerZone = 1, layout = 'compact' } = options
    checkFrequency(rateHz, zones)
    const link: Link = { bus, clock, address, signal }
    const nvm = await initialise(link, firmware, targetsPerZone)
    await setResolution(link, zones, { nvm, xtalk: firmware.xtalk })
    await setFrequency(link, rateHz, zones)
    const plan = planOutputs(zones, targetsPerZone, layout)
    await startRanging(link, zones, plan)
    const identity = createHash('sha256').update(nvm).digest('hex')
    return new Vl53l8ch({ bus, clock, address }, options, plan, identity)
  }

  /** Frames that `next` did not deliver because they were replaced before it asked; of a gap, its length modulo 32. */
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
      const deadline = clock.now() + PATIENCE_PERIODS * this.periodMs
      const first = this.#looked.at >= since ? this.#looked : await this.#look(link)
      await this.#await(link, first, 2, deadline)
      return await this.#read(link)
    })
  }

  /**
   * The next frame that was not delivered yet: at once if one stands ready. What was replaced meanwhile is counted in
   * `missedFrames`. Throws as `measure` does.
   */
  next(signal?: AbortSignal): Promise<RangeFrame> {
    return this.#inTurn(async () => {
      const link = { ...this.#link, signal }
      const deadline = link.clock.now() + PATIENCE_PERIODS * this.periodMs
      const sighting = await this.#look(link)
      if (sighting.streamCount === this.#delivered) await this.#await(link, sighting, 1, deadline)
      const before = this.#delivered
      const frame = await this.#read(link)
      this.#missed += framesBetween(before, frame.streamCount) - 1
      return frame
    })
  }

  /** Stops ranging, after what is in flight. Call it once; the chip stays powered and may be opened again. */
  async close(signal?: AbortSignal): Promise<void> {
    const stopped = this.#inTurn(() => stopRanging({ ...this.#link, signal }))
    this.#closed = true
    await stopped
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new Error(`${SENSOR}: used after close`))
    const turn = this.#queue.then(act)
    this.#queue = turn.catch(() => {})
    return turn
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
    if (streamCount !== BEFORE_FIRST && streamCount === from.streamCount) {
      return new SensorError(SENSOR, 'frozen', `the stream count stays at ${streamCount} for ${wait}`)
    }
    return new SensorError(SENSOR, 'timeout', `no frame within ${wait}`)
  }

  async #read(link: Link): Promise<RangeFrame> {
    const { zones, targetsPerZone = 1 } = this.#options
    const raw = await readFrame(link, this.#plan.frameBytes)
    const frame = decodeFrame(raw, zones, targetsPerZone, link.clock.now())
    this.#delivered = frame.streamCount
    const frameId = new DataView(raw.buffer, raw.byteOffset).getUint32(8)
    if (frameId === this.#frameId) {
      throw new SensorError(SENSOR, 'frozen', `it says ready, but sends frame ${frameId} again`)
    }
    this.#frameId = frameId
    return frame
  }
}
