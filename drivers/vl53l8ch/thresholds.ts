import { type Link, modifyDci, readDci, statusName, writeDci } from './mailbox.ts'
import * as reg from './registers.ts'

/** What a threshold looks at: the first target of its zone, or the zone. `motion` counts in ST's units of motion. */
export type Measured =
  | 'distance-mm'
  | 'signal-kcps-per-spad'
  | 'sigma-mm'
  | 'ambient-kcps-per-spad'
  | 'targets'
  | 'status'
  | 'spads'
  | 'global-motion'
  | 'motion'

/** `inside` and `outside` use both limits, `at-most` and `equal` and `different` the lower, `above` the upper one. */
export type When = 'inside' | 'outside' | 'at-most' | 'above' | 'equal' | 'different'

/** One condition on one zone. The chip raises a frame on which a zone meets its conditions, and no other. */
export interface Threshold {
  /** Row-major; for motion, the aggregate. */
  readonly zone: number
  readonly measured: Measured
  readonly when: When
  readonly low: number
  readonly high: number
  /** Whether it must hold together with the one before it, of the same zone, instead of either. Default false. */
  readonly and?: boolean
}

export const MOST_THRESHOLDS = 64
/** Of one threshold in the chip: i32 low, i32 high, u8 measured, u8 type, u8 zone, u8 operation (facts §7). */
export const THRESHOLD_BYTES = 12
const OBJECT_BYTES = MOST_THRESHOLDS * THRESHOLD_BYTES
export const LAST_THRESHOLD = 0x80
export const OPERATION_AND = 2

/** Code in the chip, and its counts per unit. */
export const MEASURED: Readonly<Record<Measured, { readonly code: number; readonly scale: number }>> = {
  'distance-mm': { code: 1, scale: 4 },
  'signal-kcps-per-spad': { code: 2, scale: 2048 },
  'sigma-mm': { code: 4, scale: 128 },
  'ambient-kcps-per-spad': { code: 8, scale: 2048 },
  targets: { code: 9, scale: 1 },
  status: { code: 12, scale: 1 },
  spads: { code: 13, scale: 256 },
  'global-motion': { code: 16, scale: 1 },
  motion: { code: 19, scale: 65535 },
}
export const WHEN: readonly When[] = ['inside', 'outside', 'at-most', 'above', 'equal', 'different']

/** Eight times status 5: the target statuses that count as a target (facts §4). */
const VALID_STATUSES = new Uint8Array(8).fill(5)
const INTERRUPT_BYTES = 20
const INTERRUPT = 17
export const INTERRUPT_ON_THRESHOLD = 0x04
const INTERRUPT_ON_EVERY_FRAME = 0x0c

/**
 * The chip's object for these thresholds, 768 bytes in host byte order. Pure; the thresholds are not changed.
 * @throws RangeError for more than 64, none, a zone outside the resolution or a limit outside 32 bits
 */
export function encodeThresholds(thresholds: readonly Threshold[], zones: 16 | 64 = 64): Uint8Array {
  if (thresholds.length < 1 || thresholds.length > MOST_THRESHOLDS) {
    throw new RangeError(`${thresholds.length} thresholds, 1 to ${MOST_THRESHOLDS} expected`)
  }
  const bytes = new Uint8Array(OBJECT_BYTES)
  const view = new DataView(bytes.buffer)
  for (const [i, { zone, measured, when, low, high, and = false }] of thresholds.entries()) {
    if (!Number.isInteger(zone) || zone < 0 || zone >= zones) {
      throw new RangeError(`thresholds[${i}].zone ${zone}, 0 to ${zones - 1} expected`)
    }
    const { code, scale } = MEASURED[measured]
    const at = i * THRESHOLD_BYTES
    view.setInt32(at, count(low, scale, `thresholds[${i}].low`), true)
    view.setInt32(at + 4, count(high, scale, `thresholds[${i}].high`), true)
    const last = i === thresholds.length - 1 ? LAST_THRESHOLD : 0
    bytes.set([code, WHEN.indexOf(when), zone | last, and ? OPERATION_AND : 0], at + 8)
  }
  return bytes
}

function count(value: number, scale: number, name: string): number {
  const counts = Math.trunc(value * scale)
  if (counts >= -0x80000000 && counts <= 0x7fffffff) return counts
  throw new RangeError(`${name} ${value} is beyond ±${Math.trunc(0x7fffffff / scale)}: ${statusName(127)}`)
}

/** The thresholds of such an object, up to the last one; an entry with a code that is not known ends it too. Pure. */
export function decodeThresholds(bytes: Uint8Array): Threshold[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const thresholds: Threshold[] = []
  for (let at = 0; at + THRESHOLD_BYTES <= bytes.length; at += THRESHOLD_BYTES) {
    const [code, type = 0, zone = 0, operation] = bytes.subarray(at + 8, at + THRESHOLD_BYTES)
    const measured = measuredBy(code)
    const when = WHEN[type]
    if (measured === undefined || when === undefined) break
    const { scale } = MEASURED[measured]
    thresholds.push({
      zone: zone & ~LAST_THRESHOLD,
      measured,
      when,
      low: view.getInt32(at, true) / scale,
      high: view.getInt32(at + 4, true) / scale,
      ...(operation === OPERATION_AND ? { and: true } : {}),
    })
    if ((zone & LAST_THRESHOLD) !== 0) break
  }
  return thresholds
}

/** The measurement with this code of the chip, undefined for none. */
export function measuredBy(code: number | undefined): Measured | undefined {
  for (const measured of Object.keys(MEASURED)) {
    if (isMeasured(measured) && MEASURED[measured].code === code) return measured
  }
  return undefined
}

function isMeasured(name: string): name is Measured {
  return Object.hasOwn(MEASURED, name)
}

/** Gives the chip its thresholds; they act once they are enabled. @throws RangeError */
export async function setThresholds(
  link: Link,
  thresholds: readonly Threshold[],
  zones: 16 | 64 = 64,
): Promise<void> {
  const object = encodeThresholds(thresholds, zones)
  await writeDci(link, reg.DCI_VALID_STATUSES, VALID_STATUSES)
  await writeDci(link, reg.DCI_THRESHOLDS, object)
}

export async function getThresholds(link: Link): Promise<Threshold[]> {
  return decodeThresholds(await readDci(link, reg.DCI_THRESHOLDS, OBJECT_BYTES))
}

/** Whether the chip raises only the frames that meet a threshold, instead of every one. */
export async function enableThresholds(link: Link, enabled: boolean): Promise<void> {
  await modifyDci(link, reg.DCI_THRESHOLDS_GLOBAL, 8, (value) => {
    value.setUint8(0, 1)
    value.setUint8(1, enabled ? 1 : 0)
    value.setUint8(2, 1)
    value.setUint8(3, 0)
  })
  await modifyDci(link, reg.DCI_INTERRUPT, INTERRUPT_BYTES, (value) =>
    value.setUint8(INTERRUPT, enabled ? INTERRUPT_ON_THRESHOLD : INTERRUPT_ON_EVERY_FRAME),
  )
}

export async function thresholdsEnabled(link: Link): Promise<boolean> {
  const [, enabled = 0] = await readDci(link, reg.DCI_THRESHOLDS_GLOBAL, 8)
  return enabled === 1
}

/** Whether the chip stops ranging by itself with the first frame that meets a threshold. */
export async function setAutoStop(link: Link, enabled: boolean): Promise<void> {
  await modifyDci(link, reg.DCI_PIPE, 4, (value) => value.setUint8(3, enabled ? 1 : 0))
}

export async function getAutoStop(link: Link): Promise<boolean> {
  const [, , , enabled = 0] = await readDci(link, reg.DCI_PIPE, 4)
  return enabled === 1
}
