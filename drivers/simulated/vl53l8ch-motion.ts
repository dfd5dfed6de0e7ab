import * as reg from '../vl53l8ch/registers.ts'
import type { DciMemory } from './vl53l8ch-dci.ts'
import type { RangeView } from './vl53l8ch-scene.ts'

/** What the motion indicator says of one frame, in the chip's words. */
export interface MotionSeen {
  readonly global: number
  readonly detected: number
  readonly aggregates: number
  readonly words: readonly number[]
}

// The configuration that it shares with the histograms: offsets in host order (facts §7).
const THRESHOLD = 4
const AGGREGATES = 20
const LEAST_FOR_GLOBAL = 22
const FORMAT = 23
const MAP = 28
const MOTION_FORMAT = 8
const MOST_AGGREGATES = 32
const UNIT = 65535

export const NO_MOTION: MotionSeen = { global: 0, detected: 0, aggregates: 0, words: [] }

/**
 * The motion indicator of one ranging: per aggregate, how much the light of its zones changed since the frame before,
 * in kcps/spad. A stand-in with the right form: not the firmware's filter.
 */
export class MotionMeter {
  readonly #map: readonly number[]
  readonly #aggregates: number
  readonly #threshold: number
  readonly #least: number
  #before: readonly number[] | undefined

  constructor(dci: DciMemory) {
    const at = (offset: number): number => dci.byte(reg.DCI_HISTOGRAMS, offset)
    this.#aggregates = at(FORMAT) === MOTION_FORMAT ? Math.min(MOST_AGGREGATES, at(AGGREGATES)) : 0
    this.#threshold = dci.word(reg.DCI_HISTOGRAMS + THRESHOLD)
    this.#least = at(LEAST_FOR_GLOBAL)
    this.#map = Array.from({ length: 64 }, (_, zone) => (at(MAP + zone) << 24) >> 24)
  }

  /** To be called once a frame, in order. */
  see(seen: RangeView): MotionSeen {
    if (this.#aggregates === 0) return NO_MOTION
    const light = new Array<number>(this.#aggregates).fill(0)
    for (const [zone, echoes] of seen.echoes.entries()) {
      const aggregate = this.#map[zone] ?? -1
      if (aggregate < 0 || aggregate >= light.length) continue
      for (const echo of echoes) light[aggregate] = (light[aggregate] ?? 0) + echo.signalKcpsPerSpad
    }
    const before = this.#before ?? light
    this.#before = light
    const words = light.map((value, i) => Math.round(Math.abs(value - (before[i] ?? value)) * UNIT))
    const detected = words.filter((word) => word > this.#threshold).length
    const global = detected >= Math.max(1, this.#least) ? Math.max(...words) : 0
    return { global, detected, aggregates: this.#aggregates, words }
  }
}

/** Quantises it into the payload of the motion block at `offset`. */
export function putMotion(view: DataView, offset: number, motion: MotionSeen): void {
  view.setUint32(offset, motion.global)
  view.setUint8(offset + 10, motion.detected)
  view.setUint8(offset + 9, motion.aggregates)
  for (const [i, word] of motion.words.entries()) view.setUint32(offset + 12 + 4 * i, word)
}
