import { SensorError } from '../sensor.ts'
import { getIntegrationTime, getRangingMode, setIntegrationTime, setRangingMode } from './exposure.ts'
import { configurationFor, FirmwareError, type FirmwareImage } from './firmware.ts'
import {
  bigEndianWords,
  execute,
  type Link,
  littleEndianWords,
  modifyDci,
  poll,
  readBlock,
  readDci,
  SENSOR,
  statusName,
  writeDci,
} from './mailbox.ts'
import { planOf } from './outputs.ts'
import { readReadyWord, START_COMMAND } from './ranging.ts'
import * as reg from './registers.ts'
import { type Calibration, getFrequency, getResolution, restoreFrequency, setResolution } from './settings.ts'
import { getSharpener, getTargetOrder, setSharpener, setTargetOrder } from './targets.ts'
import { XTALK_ANSWER_BYTES, xtalkOf, xtalkOutputs, xtalkReadCommand } from './xtalk.ts'

/** What stands before the chip while its cover glass is measured: a flat target that fills the field. */
export interface XtalkTarget {
  /** Whole percent, 1…99; ST asks for 3. */
  readonly reflectancePercent: number
  /** Frames to average, 1…16. */
  readonly samples: number
  /** Whole mm, 600…3000. */
  readonly distanceMm: number
}

/** The chip whose glass it is: what it was initialised with. */
export interface XtalkChip extends Calibration {
  readonly image: FirmwareImage
  readonly targetsPerZone: 1 | 2 | 3 | 4
}

const MARGIN_BYTES = 16
const MARGIN_UNIT = 2048
const MOST_MARGIN = 10_000
const CALIBRATION_BYTES = 8
const CALIBRATION_MS = 20_000
const CALIBRATION_POLL_MS = 50

/** Crosstalk that is taken off beyond the calibrated one. @param kcpsPerSpad 0…10 000 @throws RangeError */
export async function setXtalkMargin(link: Link, kcpsPerSpad: number): Promise<void> {
  checkXtalkMargin(kcpsPerSpad)
  await modifyDci(link, reg.DCI_XTALK_MARGIN, MARGIN_BYTES, (value) =>
    value.setUint32(0, Math.trunc(kcpsPerSpad * MARGIN_UNIT), true),
  )
}

/** @throws RangeError */
export function checkXtalkMargin(kcpsPerSpad: number): void {
  if (kcpsPerSpad >= 0 && kcpsPerSpad <= MOST_MARGIN) return
  throw new RangeError(
    `xtalk margin ${kcpsPerSpad} kcps/spad, 0 to ${MOST_MARGIN} expected: ${statusName(127)}`,
  )
}

/** kcps/spad */
export async function getXtalkMargin(link: Link): Promise<number> {
  const value = await readDci(link, reg.DCI_XTALK_MARGIN, MARGIN_BYTES)
  return new DataView(value.buffer).getUint32(0, true) / MARGIN_UNIT
}

/**
 * Reads the crosstalk that the chip takes off, for 8×8; the resolution comes back as it was. Ranging must be stopped.
 * @returns 776 bytes, to be kept with the chip's identity and given to `setXtalk`
 */
export async function getXtalk(link: Link, calibration: Calibration): Promise<Uint8Array> {
  const zones = await getResolution(link)
  await setResolution(link, 64, calibration)
  const xtalk = await readXtalk(link, calibration.xtalk)
  await setResolution(link, zones, calibration)
  return xtalk
}

/** Makes the chip take this crosstalk off: of `getXtalk` or `calibrateXtalk`, or an image's default. */
export async function setXtalk(link: Link, calibration: Calibration): Promise<void> {
  await setResolution(link, await getResolution(link), calibration)
}

async function readXtalk(link: Link, like: Uint8Array): Promise<Uint8Array> {
  await execute(link, xtalkReadCommand(like), 'reading the crosstalk')
  return xtalkOf(await readBlock(link, reg.MAILBOX_ANSWER, XTALK_ANSWER_BYTES))
}

/** @throws RangeError */
export function checkXtalkTarget({ reflectancePercent, samples, distanceMm }: XtalkTarget): void {
  const checks = [
    ['reflectancePercent', reflectancePercent, 1, 99],
    ['samples', samples, 1, 16],
    ['distanceMm', distanceMm, 600, 3000],
  ] as const
  for (const [name, value, least, most] of checks) {
    if (Number.isInteger(value) && value >= least && value <= most) continue
    throw new RangeError(
      `${name} ${value}, a whole number from ${least} to ${most} expected: ${statusName(127)}`,
    )
  }
}

/**
 * Measures the crosstalk of the cover glass against a known target, some seconds, and makes the chip use it. Ranging
 * must be stopped. Resolution, frequency, integration time, sharpener, order, margin and mode come back as they can be
 * set: a sharpener of 3/255 reads as 1 % and comes back as 2/255. Everything else is at its default afterwards.
 * @returns 776 bytes, as `getXtalk`
 * @throws FirmwareError where the image lacks ST's table for it (vl53lmz_plugin_xtalk.h)
 * @throws SensorError `timeout` after 20 s
 */
export async function calibrateXtalk(link: Link, target: XtalkTarget, chip: XtalkChip): Promise<Uint8Array> {
  const { image, targetsPerZone, nvm } = chip
  const { xtalkCalibration } = image
  checkXtalkTarget(target)
  if (xtalkCalibration === undefined) {
    throw new FirmwareError(
      "the image has no VL53LMZ_CALIBRATE_XTALK: import ST's vl53lmz_plugin_xtalk.h with the firmware",
    )
  }
  const before = await settingsOf(link)
  await setResolution(link, 64, chip)
  await execute(link, xtalkCalibration, 'preparing the crosstalk calibration')
  await aimAt(link, target)
  await measureXtalk(link, chip.xtalk)
  const xtalk = await readXtalk(link, chip.xtalk)
  await execute(link, configurationFor(image, targetsPerZone), 'sending the configuration')
  await restore(link, before, { nvm, xtalk })
  return xtalk
}

async function settingsOf(link: Link) {
  return {
    zones: await getResolution(link),
    rateHz: await getFrequency(link),
    integrationMs: await getIntegrationTime(link),
    sharpenerPercent: await getSharpener(link),
    order: await getTargetOrder(link),
    margin: await getXtalkMargin(link),
    mode: await getRangingMode(link),
  }
}

async function restore(
  link: Link,
  before: Awaited<ReturnType<typeof settingsOf>>,
  calibration: Calibration,
): Promise<void> {
  await setResolution(link, before.zones, calibration)
  await restoreFrequency(link, before.rateHz)
  await setIntegrationTime(link, before.integrationMs)
  await setSharpener(link, before.sharpenerPercent)
  await setTargetOrder(link, before.order)
  await setXtalkMargin(link, before.margin)
  await setRangingMode(link, before.mode)
}

async function aimAt(link: Link, { distanceMm, reflectancePercent, samples }: XtalkTarget): Promise<void> {
  const change = (act: (value: DataView) => void): Promise<void> =>
    modifyDci(link, reg.DCI_XTALK_CALIBRATION, CALIBRATION_BYTES, act)
  await change((value) => value.setUint16(0, distanceMm * 4, true))
  await change((value) => value.setUint16(2, reflectancePercent * 16, true))
  await change((value) => value.setUint8(4, samples))
}

/** Both set: the chip outputs its calibration, eight bytes longer than the list says (facts §4). */
const CALIBRATION_OUTPUT = 0xc0000000

async function measureXtalk(link: Link, like: Uint8Array): Promise<void> {
  const zones = await getResolution(link)
  const list = xtalkOutputs(like, zones)
  const { enables, frameBytes } = planOf(list, 2 ** list.length - 1)
  await writeDci(link, reg.DCI_OUTPUT_LIST, littleEndianWords(...list))
  await writeDci(link, reg.DCI_OUTPUT_SIZE, littleEndianWords(frameBytes, list.length + 1))
  await writeDci(link, reg.DCI_OUTPUT_ENABLES, littleEndianWords(enables, 0, 0, CALIBRATION_OUTPUT))
  await execute(link, bigEndianWords(START_COMMAND), 'starting the crosstalk calibration')
  const limits = { withinMs: CALIBRATION_MS, everyMs: CALIBRATION_POLL_MS }
  await poll(link, 'the crosstalk calibration', limits, async () => {
    const ready = await readReadyWord(link)
    if (ready.kind === 'impossible') {
      throw new SensorError(SENSOR, 'failed', 'it was reset during the crosstalk calibration')
    }
    return ready.kind === 'frame' ? true : undefined
  })
}
