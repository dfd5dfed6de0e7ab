import { SensorError } from '../sensor.ts'
import {
  execute,
  type Link,
  modifyDci,
  readDci,
  SENSOR,
  selectPage,
  statusName,
  writeByte,
} from './mailbox.ts'
import { offsetCommand } from './offset.ts'
import * as reg from './registers.ts'
import { xtalkCommand } from './xtalk.ts'

/** What the chip can do; at 1 Hz, its own default, a real one never starts to range (facts §3). */
const FREQUENCY_HZ = { lowest: 2, highest: { 16: 60, 64: 15 } } as const

const SYNC_FLAGS = 3
const SYNC_ON = 0x02

/** What of the chip's calibration the host holds and sends with every change of resolution. */
export interface Calibration {
  /** 492 bytes, from `initialise`. */
  readonly nvm: Uint8Array
  /** 776 bytes for 8×8: an image's default or the result of a crosstalk calibration. */
  readonly xtalk: Uint8Array
}

/** Ranging must be stopped. The frequency stays and may now be out of range: set it next. */
export async function setResolution(link: Link, zones: 16 | 64, calibration: Calibration): Promise<void> {
  const [spads, groups] = zones === 16 ? [64, 4] : [16, 1]
  const side = zones === 16 ? 4 : 8
  await modifyDci(link, reg.DCI_DSS, 16, (value) => {
    value.setUint8(4, spads)
    value.setUint8(6, spads)
    value.setUint8(9, groups)
  })
  await modifyDci(link, reg.DCI_ZONES, 8, (value) => {
    value.setUint8(0, side)
    value.setUint8(1, side)
    value.setUint8(4, 64 / side / 2)
    value.setUint8(5, 64 / side / 2)
  })
  await execute(link, offsetCommand(calibration.nvm, zones), 'sending the offsets')
  await execute(link, xtalkCommand(calibration.xtalk, zones), 'sending the crosstalk')
}

/** @throws SensorError `corrupt` when the chip has neither 16 nor 64 zones */
export async function getResolution(link: Link): Promise<16 | 64> {
  const [width = 0, height = 0] = await readDci(link, reg.DCI_ZONES, 8)
  const zones = width * height
  if (zones === 16 || zones === 64) return zones
  throw new SensorError(SENSOR, 'corrupt', `the chip says it has ${width}×${height} zones`)
}

/**
 * @param rateHz whole frames a second, 2…60 with 16 zones, 2…15 with 64
 * @throws RangeError
 */
export async function setFrequency(link: Link, rateHz: number, zones: 16 | 64): Promise<void> {
  checkFrequency(rateHz, zones)
  await restoreFrequency(link, rateHz)
}

/** Sets what `getFrequency` gave, which after the start is the 1 Hz that `setFrequency` refuses. */
export async function restoreFrequency(link: Link, rateHz: number): Promise<void> {
  await modifyDci(link, reg.DCI_FREQUENCY, 4, (value) => value.setUint8(1, rateHz))
}

/** @throws RangeError when the chip cannot range at this rate */
export function checkFrequency(rateHz: number, zones: 16 | 64): void {
  const highest = FREQUENCY_HZ.highest[zones]
  if (Number.isInteger(rateHz) && rateHz >= FREQUENCY_HZ.lowest && rateHz <= highest) return
  const allowed = `a whole number from ${FREQUENCY_HZ.lowest} to ${highest}`
  throw new RangeError(`rateHz ${rateHz} with ${zones} zones, ${allowed} expected: ${statusName(127)}`)
}

export async function getFrequency(link: Link): Promise<number> {
  const [, rateHz = 0] = await readDci(link, reg.DCI_FREQUENCY, 4)
  return rateHz
}

/** Whether a frame waits for a pulse at the SYNC pin. */
export async function setExternalSync(link: Link, enabled: boolean): Promise<void> {
  await modifyDci(link, reg.DCI_EXTERNAL_SYNC, 4, (value) =>
    value.setUint8(
      SYNC_FLAGS,
      enabled ? value.getUint8(SYNC_FLAGS) | SYNC_ON : value.getUint8(SYNC_FLAGS) & ~SYNC_ON,
    ),
  )
}

export async function getExternalSync(link: Link): Promise<boolean> {
  const value = await readDci(link, reg.DCI_EXTERNAL_SYNC, 4)
  return ((value[SYNC_FLAGS] ?? 0) & SYNC_ON) !== 0
}

/**
 * Gives the chip another 7-bit address, until its supply goes off.
 * @returns the link to it from now on
 */
export async function changeAddress(link: Link, address: number): Promise<Link> {
  if (!Number.isInteger(address) || address < 0x08 || address > 0x77) {
    throw new RangeError(`address ${address}, 0x08 to 0x77 expected`)
  }
  await selectPage(link, reg.PAGE_HARDWARE)
  await writeByte(link, reg.I2C_ADDRESS, address)
  const moved: Link = { ...link, address }
  await selectPage(moved, reg.PAGE_UI)
  return moved
}
