import * as reg from '../vl53l8ch/registers.ts'
import type { DciMemory } from './vl53l8ch-dci.ts'
import type { MotionSeen } from './vl53l8ch-motion.ts'
import type { RangeView } from './vl53l8ch-scene.ts'

/** Whether a frame meets a threshold. */
export type Check = (seen: RangeView, motion: MotionSeen) => boolean

interface Checker {
  readonly zone: number
  readonly and: boolean
  readonly holds: Check
}

// Codes and counts of facts §7.
const COUNT = 64
const BYTES = 12
const LAST = 0x80
const AND = 2
const ENABLED = 1
const INTERRUPT = 17
const ON_THRESHOLD = 0x04
const VALID_STATUSES = 8

const TYPES: readonly ((value: number, low: number, high: number) => boolean)[] = [
  (value, low, high) => value >= low && value <= high,
  (value, low, high) => value < low || value > high,
  (value, low) => value <= low,
  (value, _, high) => value > high,
  (value, low) => value === low,
  (value, low) => value !== low,
]

/**
 * The thresholds that the chip has been given, undefined while they are off. Checkers of one zone are taken together
 * in their order, each by its operation; one zone that meets its own is enough. A target with a status that is not in
 * the list of valid ones is none (assumed).
 */
export function checkersOf(dci: DciMemory): Check | undefined {
  const enabled = dci.byte(reg.DCI_THRESHOLDS_GLOBAL, 1) === ENABLED
  if (!enabled || dci.byte(reg.DCI_INTERRUPT, INTERRUPT) !== ON_THRESHOLD) return undefined
  const checkers: Checker[] = []
  for (let i = 0; i < COUNT; i += 1) {
    const at = i * BYTES
    const zone = dci.byte(reg.DCI_THRESHOLDS, at + 10)
    checkers.push({
      zone: zone & ~LAST,
      and: dci.byte(reg.DCI_THRESHOLDS, at + 11) === AND,
      holds: checkOf(dci, at, zone & ~LAST),
    })
    if ((zone & LAST) !== 0) break
  }
  return (seen, motion) => {
    const met = new Map<number, boolean>()
    for (const { zone, and, holds } of checkers) {
      const before = met.get(zone)
      const now = holds(seen, motion)
      met.set(zone, before === undefined ? now : and ? before && now : before || now)
    }
    return [...met.values()].includes(true)
  }
}

function checkOf(dci: DciMemory, at: number, zone: number): Check {
  const word = (offset: number): number => dci.word(reg.DCI_THRESHOLDS + at + offset) | 0
  const [low, high] = [word(0), word(4)]
  const measured = measuredValue(dci.byte(reg.DCI_THRESHOLDS, at + 8), zone, validStatuses(dci))
  const type = TYPES[dci.byte(reg.DCI_THRESHOLDS, at + 9)]
  return (seen, motion) => {
    const value = measured(seen, motion)
    return value !== undefined && type?.(value, low, high) === true
  }
}

function validStatuses(dci: DciMemory): readonly number[] {
  const list = Array.from({ length: VALID_STATUSES }, (_, i) => dci.byte(reg.DCI_VALID_STATUSES, i))
  return list.every((status) => status === 0) ? [] : list
}

type Value = (seen: RangeView, motion: MotionSeen) => number | undefined

function measuredValue(code: number, zone: number, valid: readonly number[]): Value {
  const target = (seen: RangeView) => {
    const echo = seen.echoes[zone]?.[0]
    return echo !== undefined && (valid.length === 0 || valid.includes(echo.status)) ? echo : undefined
  }
  const scaled = (value: number | undefined, scale: number) =>
    value === undefined ? undefined : Math.round(value * scale)
  switch (code) {
    case 1:
      return (seen) => scaled(target(seen)?.rangeMm, 4)
    case 2:
      return (seen) => scaled(target(seen)?.signalKcpsPerSpad, 2048)
    case 4:
      return (seen) => scaled(target(seen)?.sigmaMm, 128)
    case 8:
      return (seen) => scaled(seen.ambientKcpsPerSpad[zone], 2048)
    case 9:
      return (seen) => seen.echoes[zone]?.length
    case 12:
      return (seen) => seen.echoes[zone]?.[0]?.status
    case 13:
      return (seen) => scaled(seen.spads[zone], 256)
    case 16:
      return (_, motion) => motion.global
    case 19:
      return (_, motion) => motion.words[zone]
    default:
      return () => undefined
  }
}
