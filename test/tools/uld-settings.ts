import { createHash } from 'node:crypto'
import {
  getIntegrationTime,
  getRangingMode,
  type RangingMode,
  setIntegrationTime,
  setRangingMode,
} from '../../drivers/vl53l8ch/exposure.ts'
import type { Link } from '../../drivers/vl53l8ch/mailbox.ts'
import { encodeMotion, setMotion } from '../../drivers/vl53l8ch/motion.ts'
import { getPowerMode } from '../../drivers/vl53l8ch/power.ts'
import { getExternalSync, setExternalSync } from '../../drivers/vl53l8ch/settings.ts'
import {
  getGlareFilter,
  getSharpener,
  getTargetOrder,
  setGlareFilter,
  setSharpener,
  setTargetOrder,
} from '../../drivers/vl53l8ch/targets.ts'
import {
  enableThresholds,
  getAutoStop,
  getThresholds,
  MEASURED,
  measuredBy,
  setThresholds,
  type Threshold,
  thresholdsEnabled,
  WHEN,
} from '../../drivers/vl53l8ch/thresholds.ts'
import { getXtalkMargin, setXtalkMargin } from '../../drivers/vl53l8ch/xtalk-calibration.ts'

export type Result = Record<string, unknown>
export type Call = (...numbers: number[]) => Promise<Result>

/** ST's numbers. */
export const INVALID_PARAMETER = 127
const ORDERS = ['closest', 'strongest'] as const
const POWER = ['asleep', 'awake', 'deep-asleep'] as const
const CONTINUOUS = 1
const AUTONOMOUS = 3
const LAST = 128
const ALL_THRESHOLDS = 64

const done = async (act: Promise<unknown>): Promise<Result> => {
  await act
  return {}
}

/** ST's calls for settings that are one object of the firmware each, done with ours. @param link at the time of the call */
export function settingCalls(link: () => Link): Readonly<Record<string, Call>> {
  return {
    set_integration: (ms = 0) => done(setIntegrationTime(link(), ms)),
    get_integration: async () => ({ value: await getIntegrationTime(link()) }),
    set_sharpener: (percent = 0) => done(setSharpener(link(), percent)),
    get_sharpener: async () => ({ value: await getSharpener(link()) }),
    set_target_order: (order = 0) => done(setTargetOrder(link(), orderOf(order))),
    get_target_order: async () => ({ value: ORDERS.indexOf(await getTargetOrder(link())) + 1 }),
    set_ranging_mode: (mode) => done(setRangingMode(link(), modeOf(mode))),
    get_ranging_mode: async () => ({
      value: (await getRangingMode(link())) === 'continuous' ? CONTINUOUS : AUTONOMOUS,
    }),
    set_xtalk_margin: (margin = 0) => done(setXtalkMargin(link(), margin)),
    get_xtalk_margin: async () => ({ value: await getXtalkMargin(link()) }),
    set_sync_pin: (on) => done(setExternalSync(link(), on === 1)),
    get_sync_pin: async () => ({ value: Number(await getExternalSync(link())) }),
    set_glare: (tenths = 0, farthestMm = 0) =>
      done(setGlareFilter(link(), { thresholdPercent: tenths / 10, farthestMm })),
    get_glare: async () => {
      const { thresholdPercent, farthestMm } = await getGlareFilter(link())
      return { value: Math.round(10 * thresholdPercent), max_range: farthestMm }
    },
    get_power_mode: async () => ({ value: POWER.indexOf(await getPowerMode(link())) }),
    ...thresholdCalls(link),
  }
}

function orderOf(number: number): (typeof ORDERS)[number] {
  const order = ORDERS[number - 1]
  if (order === undefined) throw new RangeError(`target order ${number}`)
  return order
}

function modeOf(number: number | undefined): RangingMode {
  if (number === CONTINUOUS) return 'continuous'
  if (number === AUTONOMOUS) return 'autonomous'
  throw new RangeError(`ranging mode ${number}`)
}

/** @throws RangeError for a resolution that the chip does not have */
export function zonesOf(count: number | undefined): 16 | 64 {
  if (count === 16 || count === 64) return count
  throw new RangeError(`resolution ${count}`)
}

function thresholdCalls(link: () => Link): Readonly<Record<string, Call>> {
  return {
    thr_set: (code, type = 0, low = 0, high = 0, count = 0) => {
      const measured = measuredBy(code)
      const when = WHEN[type]
      if (measured === undefined || when === undefined) throw new RangeError(`threshold ${code}, ${type}`)
      const thresholds = Array.from(
        { length: count },
        (_, zone): Threshold => ({ zone, measured, when, low, high }),
      )
      return done(setThresholds(link(), thresholds))
    },
    thr_get: async () => {
      const thresholds = await getThresholds(link())
      const rows = thresholds.map(({ zone, measured, when, low, high, and = false }, i) => [
        Math.trunc(low),
        Math.trunc(high),
        MEASURED[measured].code,
        WHEN.indexOf(when),
        zone | (i === thresholds.length - 1 ? LAST : 0),
        and ? 2 : 0,
      ])
      while (rows.length < ALL_THRESHOLDS) rows.push([0, 0, 0, 0, 0, 0])
      return { thresholds: rows }
    },
    thr_enable: (on) => done(enableThresholds(link(), on === 1)),
    thr_get_enable: async () => ({ value: Number(await thresholdsEnabled(link())) }),
    get_autostop: async () => ({ value: Number(await getAutoStop(link())) }),
  }
}

/** ST's motion indicator plug-in: a structure that the host keeps, and that only a change of distance sends. */
export function motionCalls(link: () => Link): Readonly<Record<string, Call>> {
  let zones: 16 | 64 = 16
  let config: Uint8Array = new Uint8Array()
  return {
    motion_init: (count) => {
      zones = zonesOf(count)
      config = encodeMotion(zones)
      return Promise.resolve({ config: hex(config) })
    },
    motion_distance: async (nearestMm = 0, farthestMm = 0) => {
      try {
        config = encodeMotion(zones, { nearestMm, farthestMm })
      } catch (error) {
        if (!(error instanceof RangeError)) throw error
        return { status: INVALID_PARAMETER, config: hex(config) }
      }
      await setMotion(link(), zones, { nearestMm, farthestMm })
      return { config: hex(config) }
    },
  }
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** As index files name large results. */
export function hashed(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
