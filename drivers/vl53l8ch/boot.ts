import { SensorError } from '../sensor.ts'
import { configurationFor, type FirmwareImage } from './firmware.ts'
import {
  execute,
  type Link,
  littleEndianWords,
  modifyDci,
  poll,
  readBlock,
  readByte,
  SENSOR,
  selectPage,
  statusName,
  writeBlock,
  writeByte,
  writeDci,
} from './mailbox.ts'
import { NVM_ANSWER_BYTES, offsetCommand } from './offset.ts'
import * as reg from './registers.ts'
import { xtalkCommand } from './xtalk.ts'

const BOOT_MS = 500
const POLL_MS = 1

/** Register and value of each write, in order. */
type Writes = readonly (readonly [register: number, value: number])[]

// Steps of facts §3. The registers without a name are undocumented; the order and values are ST's.
const REBOOT: Writes = [
  [reg.POWER, reg.POWER_AWAKE],
  [reg.CORE_POWER, reg.CORE_ON],
  [reg.RESET, 0x03],
  [reg.HARDWARE_ACCESS, 0x01],
  [0x0101, 0x00],
  [0x0102, 0x00],
  [0x010a, 0x01],
  [0x4002, 0x01],
  [0x4002, 0x00],
  [0x010a, 0x03],
  [0x0103, 0x01],
  [reg.HARDWARE_ACCESS, 0x00],
  [reg.CORE_POWER, reg.CORE_OFF],
]
const RESTART: Writes = [
  [reg.CORE_POWER, reg.CORE_ON],
  [reg.RESET, 0x01],
]
const POWER_ON: Writes = [
  [0x0101, 0x00],
  [0x0102, 0x00],
  [0x010a, 0x01],
  [0x4002, 0x01],
  [0x4002, 0x00],
  [0x010a, 0x03],
  [0x0103, 0x01],
  [0x400f, 0x00],
  [0x021a, 0x43],
  [0x021a, 0x03],
  [0x021a, 0x01],
  [0x021a, 0x00],
  [0x0219, 0x00],
  [0x021b, 0x00],
]
const MCU_RESET: Writes = [
  [0x0114, 0x00],
  [0x0115, 0x00],
  [0x0116, 0x42],
  [0x0117, 0x00],
  [reg.MCU_ENABLE, 0x00],
  [reg.HARDWARE_ACCESS, 0x00],
  [reg.MCU_ENABLE, 0x01],
]

async function writeAll(link: Link, writes: Writes): Promise<void> {
  for (const [register, value] of writes) await writeByte(link, register, value)
}

/**
 * Reads what stands at the address and leaves page 2 selected.
 * @throws SensorError `wrong-chip` for anything but a VL53L8CX or VL53L8CH, which identify alike
 */
export async function identify(link: Link): Promise<{ deviceId: number; revisionId: number }> {
  await selectPage(link, reg.PAGE_HARDWARE)
  const deviceId = await readByte(link, reg.DEVICE_ID)
  const revisionId = await readByte(link, reg.REVISION_ID)
  await selectPage(link, reg.PAGE_UI)
  if (deviceId !== reg.DEVICE || revisionId !== reg.REVISION_L8) {
    const found = `device 0x${deviceId.toString(16)} revision 0x${revisionId.toString(16)}`
    throw new SensorError(SENSOR, 'wrong-chip', `${found}, 0xf0 and 0xc expected: ${statusName(4)}`)
  }
  return { deviceId, revisionId }
}

/**
 * Restarts the chip, loads and starts the firmware, and sets every default: 4×4, one frame a second, which must be
 * changed before ranging (facts §3). About 88 kB: 0.8 s at 1 MHz, 2 s at 400 kHz.
 * @returns the answer of the chip's own calibration memory, 492 bytes: `setResolution` needs it
 * @throws SensorError `wrong-chip` also when the chip does not run the image it was sent
 */
export async function initialise(
  link: Link,
  image: FirmwareImage,
  targetsPerZone: 1 | 2 | 3 | 4,
): Promise<Uint8Array> {
  await identify(link)
  await reboot(link)
  await download(link, image.firmware)
  await startFirmware(link)
  await verify(link, image)
  return await setDefaults(link, image, targetsPerZone)
}

/**
 * Sets every default of a chip that runs this firmware and does not range: the second half of `initialise`.
 * @returns as `initialise`
 */
export async function setDefaults(
  link: Link,
  image: FirmwareImage,
  targetsPerZone: 1 | 2 | 3 | 4,
): Promise<Uint8Array> {
  await execute(link, image.nvmCommand, 'reading the calibration memory')
  const nvm = await readBlock(link, reg.MAILBOX_ANSWER, NVM_ANSWER_BYTES)
  await execute(link, offsetCommand(nvm, 16), 'sending the offsets')
  await execute(link, xtalkCommand(image.xtalk, 16), 'sending the crosstalk')
  await execute(link, configurationFor(image, targetsPerZone), 'sending the configuration')
  await writeDci(link, reg.DCI_PIPE, Uint8Array.of(targetsPerZone, 0, 1, 0))
  if (targetsPerZone > 1) {
    await modifyDci(link, reg.DCI_FIRMWARE_TARGETS, 16, (value) => value.setUint8(12, targetsPerZone))
  }
  await writeDci(link, reg.DCI_SINGLE_RANGE, littleEndianWords(1))
  return nvm
}

async function reboot(link: Link): Promise<void> {
  await selectPage(link, reg.PAGE_HARDWARE)
  await writeAll(link, REBOOT)
  await link.clock.sleep(1, link.signal)
  await writeAll(link, RESTART)
  await link.clock.sleep(100, link.signal)
  await selectPage(link, reg.PAGE_HARDWARE)
  await until(link, 'the restart', reg.BOOT_STATUS, 0x01)
  await writeByte(link, reg.FIRMWARE_ACCESS, 0x01)
  await selectPage(link, reg.PAGE_MCU)
  await writeByte(link, reg.FIRMWARE_STATE, 0x01)
  await until(link, 'access to the firmware memory', reg.ACCESS_STATUS, 0x04)
  await selectPage(link, reg.PAGE_HARDWARE)
  await writeByte(link, reg.HARDWARE_ACCESS, 0x01)
  await selectPage(link, reg.PAGE_HARDWARE)
  await writeAll(link, POWER_ON)
  await selectPage(link, reg.PAGE_HARDWARE)
  await selectPage(link, reg.PAGE_MCU)
  await writeByte(link, reg.MCU_WAKE, 0x07)
  await writeByte(link, reg.MCU_WAKE, 0x06)
}

function until(link: Link, what: string, register: number, value: number): Promise<true> {
  return poll(link, what, { withinMs: BOOT_MS, everyMs: POLL_MS }, async () =>
    (await readByte(link, register)) === value ? true : undefined,
  )
}

async function download(link: Link, firmware: Uint8Array): Promise<void> {
  for (let page = 0; page * reg.FIRMWARE_PAGE_BYTES < firmware.length; page += 1) {
    const from = page * reg.FIRMWARE_PAGE_BYTES
    await selectPage(link, reg.PAGE_FIRMWARE + page)
    await writeBlock(link, 0, firmware.subarray(from, from + reg.FIRMWARE_PAGE_BYTES))
  }
  await selectPage(link, reg.PAGE_MCU)
}

async function startFirmware(link: Link): Promise<void> {
  await selectPage(link, reg.PAGE_MCU)
  await writeByte(link, reg.FIRMWARE_STATE, 0x03)
  await link.clock.sleep(5, link.signal)
  await selectPage(link, reg.PAGE_HARDWARE)
  await writeByte(link, reg.HARDWARE_ACCESS, 0x01)
  await selectPage(link, reg.PAGE_HARDWARE)
  await writeAll(link, MCU_RESET)
  await poll(link, 'the start of the firmware', { withinMs: BOOT_MS, everyMs: POLL_MS }, async () => {
    const status = await readByte(link, reg.BOOT_STATUS)
    if ((status & 0x01) !== 0) return true
    if ((status & 0x80) === 0) return undefined
    return ((await readByte(link, reg.BOOT_DETAIL)) & 0x01) !== 0 ? true : undefined
  })
  await selectPage(link, reg.PAGE_UI)
}

// ST's driver for this chip trusts the download; the one for its sibling compares, and so do we (facts §3, step 11).
async function verify(link: Link, image: FirmwareImage): Promise<void> {
  const answer = await readBlock(link, reg.MAILBOX_LAST_WORD, 4)
  const checksum = new DataView(answer.buffer, answer.byteOffset).getUint32(0)
  if (checksum === image.checksum) return
  const detail = `firmware checksum 0x${checksum.toString(16)}, 0x${image.checksum.toString(16)} expected`
  throw new SensorError(SENSOR, 'wrong-chip', `${detail}: ${statusName(5)}`)
}
