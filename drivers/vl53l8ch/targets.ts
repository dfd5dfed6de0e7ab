import { SensorError } from '../sensor.ts'
import { type Link, modifyDci, readDci, SENSOR, statusName } from './mailbox.ts'
import * as reg from './registers.ts'

/** Which target of a zone comes first. */
export type TargetOrder = 'closest' | 'strongest'

/** ST's filter against the glare that a bright target throws over the other zones (facts §4, §7). */
export interface GlareFilter {
  /** 0…100 % in steps of 0.1; 0 switches the filter off. */
  readonly thresholdPercent: number
  /** How far the filter acts, whole mm. */
  readonly farthestMm: number
}

const ORDERS = { closest: 1, strongest: 2 } as const
const SHARPENER_BYTES = 16
const SHARPENER = 13
const GLARE_BYTES = 40
const GLARE_FARTHEST = 2
const GLARE_THRESHOLDS = [30, 32, 34] as const
const GLARE_OFF = [37, 38] as const
/** The chip counts the threshold in 256ths of a percent. */
const GLARE_UNIT = 256

export async function setTargetOrder(link: Link, order: TargetOrder): Promise<void> {
  await modifyDci(link, reg.DCI_TARGET_ORDER, 4, (value) => value.setUint8(0, ORDERS[order]))
}

/** @throws SensorError `corrupt` when the chip has neither order */
export async function getTargetOrder(link: Link): Promise<TargetOrder> {
  const [order = 0] = await readDci(link, reg.DCI_TARGET_ORDER, 4)
  if (order === ORDERS.closest) return 'closest'
  if (order === ORDERS.strongest) return 'strongest'
  throw new SensorError(SENSOR, 'corrupt', `the chip says its target order is ${order}`)
}

/**
 * How much of the light that leaks into a zone from its neighbours is taken off.
 * @param percent whole, 0 (off) … 99 @throws RangeError
 */
export async function setSharpener(link: Link, percent: number): Promise<void> {
  checkSharpener(percent)
  await modifyDci(link, reg.DCI_SHARPENER, SHARPENER_BYTES, (value) =>
    value.setUint8(SHARPENER, Math.trunc((percent * 255) / 100)),
  )
}

/** @throws RangeError */
export function checkSharpener(percent: number): void {
  if (Number.isInteger(percent) && percent >= 0 && percent <= 99) return
  throw new RangeError(
    `sharpenerPercent ${percent}, a whole number from 0 to 99 expected: ${statusName(127)}`,
  )
}

/** Percent, truncated: what the chip starts with, 3 of 255, reads as 1. */
export async function getSharpener(link: Link): Promise<number> {
  const value = await readDci(link, reg.DCI_SHARPENER, SHARPENER_BYTES)
  return Math.trunc(((value[SHARPENER] ?? 0) * 100) / 255)
}

/** @throws RangeError */
export async function setGlareFilter(link: Link, filter: GlareFilter): Promise<void> {
  checkGlareFilter(filter)
  const tenths = Math.round(filter.thresholdPercent * 10)
  const off = tenths === 0 ? 1 : 0
  await modifyDci(link, reg.DCI_GLARE_FILTER, GLARE_BYTES, (value) => {
    value.setInt16(GLARE_FARTHEST, filter.farthestMm, true)
    for (const at of GLARE_THRESHOLDS) value.setUint16(at, Math.trunc((tenths * GLARE_UNIT) / 10), true)
    for (const at of GLARE_OFF) value.setUint8(at, off)
  })
}

/** @throws RangeError */
export function checkGlareFilter({ thresholdPercent, farthestMm }: GlareFilter): void {
  if (!(thresholdPercent >= 0 && thresholdPercent <= 100)) {
    throw new RangeError(`glareFilter.thresholdPercent ${thresholdPercent}, 0 to 100 expected`)
  }
  if (Number.isInteger(farthestMm) && farthestMm >= 0 && farthestMm <= 0x7fff) return
  throw new RangeError(`glareFilter.farthestMm ${farthestMm}, a whole number from 0 to ${0x7fff} expected`)
}

export async function getGlareFilter(link: Link): Promise<GlareFilter> {
  const value = new DataView((await readDci(link, reg.DCI_GLARE_FILTER, GLARE_BYTES)).buffer)
  const tenths = Math.trunc((value.getUint16(GLARE_THRESHOLDS[0], true) * 10) / GLARE_UNIT)
  return { thresholdPercent: tenths / 10, farthestMm: value.getInt16(GLARE_FARTHEST, true) }
}
