import { createHash } from 'node:crypto'
import { SensorError } from '../sensor.ts'
import { identify, setDefaults } from './boot.ts'
import type { RangingSettings } from './configuration.ts'
import type { FirmwareImage } from './firmware.ts'
import { type Link, readBlock, readByte, selectPage, writeBlock } from './mailbox.ts'
import { STOPPED_BY_ITSELF, stopRanging } from './ranging.ts'
import * as reg from './registers.ts'

/**
 * Where the mark of a ranging chip stands: in the mailbox, right before the word that executes. Any later command of
 * any host covers it, as does every initialisation, while ranging itself leaves it alone.
 */
const MARK_AT = 0x2ff4
const MARK_BYTES = 8
/** The word behind the mark: starting to range ends with reading an object. */
const READ_COMMAND = 0x00020008
/** Both set: the firmware runs (facts §3, step 10). */
const RUNNING = 0x81

/**
 * What tells a chip that ranges by our hand: the firmware, and the settings that the default configuration does not
 * take back (facts §4). Pure.
 * @returns 8 bytes
 */
export function markOf(image: FirmwareImage, settings: RangingSettings): Uint8Array {
  const { thresholds, autoStop, motion, histograms, glareFilter } = settings
  const kept = JSON.stringify([thresholds, autoStop, motion, histograms, glareFilter])
  const hash = createHash('sha256').update(image.sha256).update(kept)
  for (const part of [image.configuration, image.xtalk, image.nvmCommand]) hash.update(part)
  return new Uint8Array(hash.digest().subarray(0, MARK_BYTES))
}

/** Marks a chip that has just begun to range; page 2 must be selected. */
export function leaveMark(link: Link, mark: Uint8Array): Promise<void> {
  return writeBlock(link, MARK_AT, mark)
}

/** Makes sure that the chip will be restarted when it is opened next. */
export async function withdrawMark(link: Link): Promise<void> {
  // Another page may be selected by now, and its registers would take these bytes.
  await selectPage(link, reg.PAGE_UI)
  await writeBlock(link, MARK_AT, new Uint8Array(MARK_BYTES))
}

/**
 * Takes over a chip that still runs this firmware with these settings and was spoken to by nobody else since: stops
 * it, reads its calibration memory and sets every default, without restart and download.
 * @returns as `initialise`, or undefined where the chip is not surely in that state, or failed to come back to its
 * defaults: restart it then
 * @throws SensorError `absent` and `wrong-chip`
 */
export async function takeOver(
  link: Link,
  image: FirmwareImage,
  settings: RangingSettings,
): Promise<Uint8Array | undefined> {
  await identify(link)
  const power = await runningPower(link)
  if (power === undefined || !(await bearsMark(link, markOf(image, settings)))) return undefined
  try {
    await withdrawMark(link)
    if (power === reg.POWER_RANGING) await stopRanging(link)
    return await setDefaults(link, image, settings.targetsPerZone ?? 1)
  } catch (error) {
    if (error instanceof SensorError && error.fault !== 'absent') return undefined
    throw error
  }
}

/** The power state of a chip whose firmware runs, else undefined. */
async function runningPower(link: Link): Promise<number | undefined> {
  await selectPage(link, reg.PAGE_HARDWARE)
  const status = await readByte(link, reg.BOOT_STATUS)
  const power = await readByte(link, reg.POWER)
  await selectPage(link, reg.PAGE_UI)
  const awake = power === reg.POWER_RANGING || power === reg.POWER_AWAKE
  return (status & RUNNING) === RUNNING && awake ? power : undefined
}

async function bearsMark(link: Link, mark: Uint8Array): Promise<boolean> {
  const answer = await readBlock(link, MARK_AT, MARK_BYTES + 4)
  const last = new DataView(answer.buffer, answer.byteOffset).getUint32(MARK_BYTES)
  if (last !== READ_COMMAND && last !== STOPPED_BY_ITSELF) return false
  return mark.every((byte, i) => answer[i] === byte)
}
