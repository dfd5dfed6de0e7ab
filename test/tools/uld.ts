import { decodeMotion } from '../../drivers/vl53l8ch/motion.ts'
import { findBlock, NO_TARGET, type RangeFrame } from '../../drivers/vl53l8ch/ranges.ts'
import { FRAME_STATUS } from '../../drivers/vl53l8ch/registers.ts'

/** A frame's results under the names that ST's driver gives them. */
export type UldResults = Record<string, number | number[] | Record<string, number | number[]>>

const MOTION_UNIT = 65535

/** What ST's driver delivers: integers, scaled and truncated, negative distances 0 (facts §5). */
export function uldScaled(frame: RangeFrame): UldResults {
  return results(frame, {
    kcps: Math.trunc,
    sigma: Math.trunc,
    distance: (mm) => Math.max(0, Math.trunc(mm)),
    percent: Math.trunc,
    motion: (word) => Math.trunc(word / MOTION_UNIT),
  })
}

/** The same before its scaling: the chip's own integers, its status also where it saw no target. */
export function uldUnscaled(frame: RangeFrame): UldResults {
  const unscaled = results(frame, {
    kcps: (value) => value * 2048,
    sigma: (mm) => mm * 128,
    distance: (mm) => mm * 4,
    percent: (value) => value * 2,
    motion: (word) => word,
  })
  return { ...unscaled, target_status: chipStatus(frame) }
}

function chipStatus({ raw, zones, targetsPerZone }: RangeFrame): number[] {
  const block = findBlock(raw, targetsPerZone === 1 ? FRAME_STATUS.single : FRAME_STATUS.several)
  return Array.from({ length: zones * targetsPerZone }, (_, i) =>
    block === undefined ? 0 : (raw[block.offset + (i ^ 3)] ?? 0),
  )
}

interface Scaling {
  kcps(value: number): number
  sigma(mm: number): number
  distance(mm: number): number
  percent(value: number): number
  motion(word: number): number
}

function results(frame: RangeFrame, scaling: Scaling): UldResults {
  const targets = frame.zones * frame.targetsPerZone
  // ST's results are zero where the chip sent nothing; without a number of targets every status says "none".
  const list = (values: Float64Array, count: number, scale: (value: number) => number): number[] =>
    values.length === 0 ? new Array<number>(count).fill(0) : Array.from(values, (value) => scale(value) + 0)
  const same = (value: number): number => value
  return {
    streamcount: frame.streamCount,
    silicon_temp_degc: frame.siliconTemperatureC,
    ambient_per_spad: list(frame.ambientKcpsPerSpad, frame.zones, scaling.kcps),
    nb_target_detected: list(frame.targetsDetected, frame.zones, same),
    nb_spads_enabled: list(frame.spads, frame.zones, same),
    signal_per_spad: list(frame.signalKcpsPerSpad, targets, scaling.kcps),
    range_sigma_mm: list(frame.sigmaMm, targets, scaling.sigma),
    distance_mm: list(frame.rangeMm, targets, scaling.distance),
    reflectance: list(frame.reflectancePercent, targets, scaling.percent),
    target_status: list(frame.status, targets, same).map((status, i) =>
      (frame.targetsDetected[Math.floor(i / frame.targetsPerZone)] ?? 0) === 0 ? NO_TARGET : status,
    ),
    motion: motionOf(frame, scaling.motion),
  }
}

function motionOf(frame: RangeFrame, scale: (word: number) => number): Record<string, number | number[]> {
  const motion = decodeMotion(frame.raw)
  return {
    global_indicator_1: motion?.globalIndicator1 ?? 0,
    global_indicator_2: motion?.globalIndicator2 ?? 0,
    status: motion?.status ?? 0,
    nb_of_detected_aggregates: motion?.detectedAggregates ?? 0,
    nb_of_aggregates: motion?.aggregates ?? 0,
    spare: motion?.spare ?? 0,
    motion: Array.from(motion?.indicators ?? new Float64Array(32), scale),
  }
}
