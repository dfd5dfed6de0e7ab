import type { Clock } from '../clock.ts'
import { bigEndianWords } from '../vl53l8ch/mailbox.ts'
import * as reg from '../vl53l8ch/registers.ts'
import { type Check, checkersOf } from './vl53l8ch-checkers.ts'
import type { DciMemory } from './vl53l8ch-dci.ts'
import { type FrameForm, planFrame, streamCount } from './vl53l8ch-form.ts'
import { MotionMeter, type MotionSeen } from './vl53l8ch-motion.ts'
import type { RangeScene, RangeView, ZoneEcho } from './vl53l8ch-scene.ts'
import { calibrates, exposureOf, storeCrosstalk } from './vl53l8ch-settings.ts'

interface Run {
  readonly startedAt: number
  readonly periodMs: number
  readonly integrationMs: number
  readonly zones: 16 | 64
  /** Whether the nearest target of a zone comes first instead of the strongest. */
  readonly nearestFirst: boolean
  readonly form: FrameForm
  readonly check: Check | undefined
  readonly autoStop: boolean
  readonly motion: MotionMeter
  /** Set for a crosstalk calibration: called once it is done. */
  readonly calibrated: (() => void) | undefined
  /** With external sync: exposures begun, and when the last of them ends. */
  readonly pulses: { count: number; endsAt: number } | undefined
  /** It ends with this frame. */
  lastId: number
  /** The last frame that was held against the thresholds, and the last that met one. */
  judgedId: number
  raisedId: number
}

interface Look {
  readonly id: number
  readonly view: RangeView
  readonly motion: MotionSeen
}

const NO_FRAME_YET = [0xff, 0x05, 0x05, 0x10] as const
const STOPPED_BY_ITSELF = 0xff040000
const FRAME_ID = 8
const NEAREST_FIRST = 1
const AUTO_STOP = 3
/** Frames that nobody asked for are held against the thresholds as far back as this. */
const JUDGED_AT_ONCE = 256
// Rounding of time must not hold a frame back.
const EPSILON = 1e-9

/**
 * The ranging half of the chip. Frames are not made when they become ready but when they are read or held against a
 * threshold, one look at the scene each, at the moment their exposure ended. With thresholds on, a frame that meets
 * none does not appear in the results (facts §5).
 */
export class RangingCore {
  readonly #clock: Pick<Clock, 'now'>
  readonly #scene: RangeScene
  #run: Run | undefined
  #look: Look | undefined
  /** Frame in the results, and the one whose body was written there; -1 is none. */
  #ready = -1
  #rendered = -1
  #stoppedByItself = false

  constructor(clock: Pick<Clock, 'now'>, scene: RangeScene) {
    this.#clock = clock
    this.#scene = scene
  }

  /** Whether the last ranging ended by auto-stop. */
  get stoppedByItself(): boolean {
    return this.#stoppedByItself
  }

  /** Starts with what the output list and the settings say now. */
  start(dci: DciMemory, ui: Uint8Array): void {
    const form = planFrame(dci)
    const size = form.template.length
    dci.store(reg.DCI_FRAME_SIZE, bigEndianWords((((size - 1) << 16) | 4) >>> 0, 0x00080004, size))
    ui.set(NO_FRAME_YET, 0)
    this.#ready = -1
    this.#rendered = -1
    this.#look = undefined
    this.#stoppedByItself = false
    const exposure = exposureOf(dci)
    const calibrated = calibrates(dci) ? () => storeCrosstalk(dci, this.#scene) : undefined
    this.#run = {
      ...exposure,
      startedAt: this.#clock.now(),
      zones: form.zones,
      nearestFirst: dci.byte(reg.DCI_TARGET_ORDER, 0) === NEAREST_FIRST,
      form,
      check: calibrated === undefined ? checkersOf(dci) : undefined,
      autoStop: dci.byte(reg.DCI_PIPE, AUTO_STOP) === 1,
      motion: new MotionMeter(dci),
      calibrated,
      pulses: exposure.external ? { count: 0, endsAt: 0 } : undefined,
      lastId: calibrated === undefined ? Number.POSITIVE_INFINITY : 0,
      judgedId: -1,
      raisedId: -1,
    }
  }

  stop(): void {
    this.#run = undefined
    this.#stoppedByItself = false
  }

  /** An edge at the SYNC pin begins an exposure, unless one is under way. */
  pulse(): void {
    const run = this.#run
    const now = this.#clock.now()
    if (run?.pulses === undefined || now < run.pulses.endsAt - EPSILON) return
    run.pulses.count += 1
    run.pulses.endsAt = now + run.periodMs
  }

  /** Brings the results up to date before `length` bytes of page 2 are read from `from` on. */
  refresh(ui: Uint8Array, from: number, length: number): void {
    const run = this.#run
    if (run === undefined) return
    const ready = this.#shown(run, ui)
    if (ready < 0) return
    if (ready !== this.#ready) {
      this.#ready = ready
      if (ready === run.lastId) run.calibrated?.()
      const more = 0x11 | (0x20 * (ready & 1))
      ui.set([shownCount(ready), 0x05, 0x9f, more], 0)
    }
    if (from < run.form.template.length && from + length > 4 && this.#rendered !== ready) {
      this.#render(run, ui, ready)
    }
  }

  /** The frame that stands in the results by now, -1 for none. */
  #shown(run: Run, ui: Uint8Array): number {
    const finished = Math.min(run.lastId, this.#finished(run))
    if (run.check === undefined) return finished
    const from = Math.max(run.judgedId + 1, finished - JUDGED_AT_ONCE + 1)
    for (let id = from; id <= finished && id <= run.lastId; id += 1) {
      run.judgedId = id
      const { view, motion } = this.#lookAt(run, id)
      if (!run.check(view, motion)) continue
      run.raisedId = id
      if (!run.autoStop) continue
      run.lastId = id
      this.#stoppedByItself = true
      new DataView(ui.buffer, ui.byteOffset).setUint32(reg.MAILBOX_LAST_WORD, STOPPED_BY_ITSELF)
    }
    return run.raisedId
  }

  #finished({ pulses, startedAt, periodMs }: Run): number {
    const now = this.#clock.now()
    if (pulses === undefined) return Math.floor((now - startedAt) / periodMs + EPSILON) - 1
    return pulses.count - (now >= pulses.endsAt - EPSILON ? 1 : 2)
  }

  #lookAt(run: Run, id: number): Look {
    if (this.#look?.id === id) return this.#look
    const endsAt =
      run.pulses === undefined
        ? run.startedAt + (id + 1) * run.periodMs
        : Math.min(this.#clock.now(), run.pulses.endsAt)
    const looked = this.#scene.look(run.zones, endsAt, run.integrationMs)
    const view = run.nearestFirst ? ordered(looked) : looked
    this.#look = { id, view, motion: run.motion.see(view) }
    return this.#look
  }

  #render(run: Run, ui: Uint8Array, id: number): void {
    this.#rendered = id
    const { template, encoders } = run.form
    const { view: seen, motion } = this.#lookAt(run, id)
    ui.set(template.subarray(4), 4)
    const view = new DataView(ui.buffer, ui.byteOffset, template.length)
    view.setUint32(FRAME_ID, id)
    for (const encode of encoders) encode(view, seen, motion)
  }
}

function shownCount(id: number): number {
  const count = streamCount(id)
  return count === 0xff ? 0x7f : count
}

function ordered(seen: RangeView): RangeView {
  const byRange = (a: ZoneEcho, b: ZoneEcho): number => a.rangeMm - b.rangeMm
  return { ...seen, echoes: seen.echoes.map((echoes) => [...echoes].sort(byRange)) }
}
