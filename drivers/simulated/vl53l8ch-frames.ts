import type { Clock } from '../clock.ts'
import { bigEndianWords } from '../vl53l8ch/mailbox.ts'
import * as reg from '../vl53l8ch/registers.ts'
import type { DciMemory } from './vl53l8ch-dci.ts'
import { type Encode, encoderOf } from './vl53l8ch-encoders.ts'
import type { RangeScene, RangeView, ZoneEcho } from './vl53l8ch-scene.ts'

interface Run {
  readonly startedAt: number
  readonly periodMs: number
  readonly zones: 16 | 64
  /** Whether the nearest target of a zone comes first instead of the strongest. */
  readonly nearestFirst: boolean
  readonly template: Uint8Array
  readonly encoders: readonly Encode[]
}

/** The real one never starts at its default of 1 Hz (facts §3). */
const SLOWEST_HZ = 2
const NO_FRAME_YET = [0xff, 0x05, 0x05, 0x10] as const
const FRAME_HEAD = 12
const FRAME_ID = 8
/** Meaning unknown; real frames have about this. */
const METADATA_WORD = 700
const LIST_WORDS = 32
const NEAREST_FIRST = 1
/** Enable bits 126 and 127 append this many zero bytes behind the frame (facts §4). */
const TAIL_BYTES = 8
// Rounding of time must not hold a frame back.
const EPSILON = 1e-9

/**
 * The ranging half of the chip. Frames are not made when they become ready but when they are read, one look at the
 * scene each, at the moment their exposure ended.
 */
export class RangingCore {
  readonly #clock: Pick<Clock, 'now'>
  readonly #scene: RangeScene
  #run: Run | undefined
  /** Frame in the results, and the one whose body was written there; -1 is none. */
  #ready = -1
  #rendered = -1

  constructor(clock: Pick<Clock, 'now'>, scene: RangeScene) {
    this.#clock = clock
    this.#scene = scene
  }

  /** Starts with what the output list, resolution and frequency say now. */
  start(dci: DciMemory, ui: Uint8Array): void {
    const zones = dci.byte(reg.DCI_ZONES, 0) * dci.byte(reg.DCI_ZONES, 1) === 64 ? 64 : 16
    const hz = dci.byte(reg.DCI_FREQUENCY, 1)
    const periodMs = hz < SLOWEST_HZ ? Number.POSITIVE_INFINITY : 1000 / hz
    const frame = planFrame(dci, zones)
    const size = frame.template.length
    dci.store(reg.DCI_FRAME_SIZE, bigEndianWords((((size - 1) << 16) | 4) >>> 0, 0x00080004, size))
    ui.set(NO_FRAME_YET, 0)
    this.#ready = -1
    this.#rendered = -1
    const nearestFirst = dci.byte(reg.DCI_TARGET_ORDER, 0) === NEAREST_FIRST
    this.#run = { startedAt: this.#clock.now(), periodMs, zones, nearestFirst, ...frame }
  }

  stop(): void {
    this.#run = undefined
  }

  /** Brings the results up to date before `length` bytes of them are read from `from` on. */
  refresh(ui: Uint8Array, from: number, length: number): void {
    const run = this.#run
    if (run === undefined) return
    const ready = Math.floor((this.#clock.now() - run.startedAt) / run.periodMs + EPSILON) - 1
    if (ready < 0) return
    if (ready !== this.#ready) {
      this.#ready = ready
      const more = 0x11 | (0x20 * (ready & 1))
      ui.set([shownCount(ready), 0x05, 0x9f, more], 0)
    }
    if (from + length > 4 && this.#rendered !== ready) this.#render(run, ui, ready)
  }

  #render(run: Run, ui: Uint8Array, id: number): void {
    this.#rendered = id
    const { template } = run
    ui.set(template.subarray(4), 4)
    const view = new DataView(ui.buffer, ui.byteOffset, template.length)
    const looked = this.#scene.look(run.zones, run.startedAt + (id + 1) * run.periodMs)
    const seen = run.nearestFirst ? ordered(looked) : looked
    view.setUint32(FRAME_ID, id)
    for (const encode of run.encoders) encode(view, seen)
  }
}

/** 4·id + 3, folded into 128…255 (facts §5). */
function streamCount(id: number): number {
  const count = 4 * id + 3
  return count < 256 ? count : 128 + (count % 128)
}

function shownCount(id: number): number {
  const count = streamCount(id)
  return count === 0xff ? 0x7f : count
}

function planFrame(dci: DciMemory, zones: 16 | 64): Pick<Run, 'template' | 'encoders'> {
  const bytes = new Array<number>(FRAME_HEAD).fill(0)
  const encoders: Encode[] = []
  const targets = Math.min(4, Math.max(1, dci.byte(reg.DCI_PIPE, 0)))
  for (let i = 0; i < LIST_WORDS; i += 1) {
    if (((dci.word(reg.DCI_OUTPUT_ENABLES) >>> i) & 1) === 0) continue
    const header = dci.word(reg.DCI_OUTPUT_LIST + 4 * i)
    bytes.push(...bigEndianWords(header))
    const offset = bytes.length
    if (header >>> 16 === reg.FRAME_METADATA) encoders.push(metadataEncoder(offset))
    const payload = new Uint8Array(reg.payloadBytes(header))
    prefill(header >>> 16, payload, zones)
    const encode = encoderOf(header, offset, dci, zones, targets)
    if (encode !== undefined) encoders.push(encode)
    bytes.push(...payload)
  }
  const foot = bytes.length
  bytes.push(...bigEndianWords(0x0000000e, reg.END_OF_BLOCKS, 0))
  if (dci.word(reg.DCI_OUTPUT_ENABLES + 12) >>> 30 === 3) bytes.push(...new Uint8Array(TAIL_BYTES))
  encoders.push((view) => view.setUint32(foot + 8, view.getUint32(FRAME_ID)))
  return { template: Uint8Array.from(bytes), encoders }
}

function metadataEncoder(offset: number): Encode {
  return (view, seen) => {
    view.setUint32(offset, METADATA_WORD)
    view.setUint32(offset + 4, (streamCount(view.getUint32(FRAME_ID)) << 24) >>> 0)
    view.setInt8(offset + 11, Math.round(seen.siliconTemperatureC))
  }
}

function ordered(seen: RangeView): RangeView {
  const byRange = (a: ZoneEcho, b: ZoneEcho): number => a.rangeMm - b.rangeMm
  return { ...seen, echoes: seen.echoes.map((echoes) => [...echoes].sort(byRange)) }
}

// What does not depend on the scene, as real frames have it (facts §5).
function prefill(index: number, payload: Uint8Array, zones: number): void {
  if (index === reg.FRAME_COMMON && payload.length >= 4) payload.set([0x00, 0x02, zones, 0x0f])
  if (index === reg.FRAME_MOTION && payload.length >= 12) payload[8 ^ 3] = 3
}
