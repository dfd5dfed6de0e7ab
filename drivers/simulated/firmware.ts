import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import {
  type FirmwareImage,
  type FirmwareParts,
  imageOf,
  KNOWN_CHECKSUMS,
  TARGETS_ELEMENT,
} from '../vl53l8ch/firmware.ts'
import { bigEndianWords } from '../vl53l8ch/mailbox.ts'
import { blockHeader, END_OF_BLOCKS } from '../vl53l8ch/registers.ts'
import { Random } from './random.ts'

const FIRMWARE_BYTES = 86016
const CONFIGURATION_BYTES = 972
const XTALK_BYTES = 776
const XTALK_CALIBRATION_BYTES = 984
/** The objects of the chip's calibration memory: DCI address, entries, bytes an entry (0: bytes in all), facts §4. */
const NVM_BLOCKS = [
  [0x5400, 4, 0],
  [0x9e14, 12, 0],
  [0x9e20, 20, 0],
  [0x9e34, 4, 0],
  [0x9e38, 64, 4],
  [0x9f38, 64, 2],
  [0x9fb8, 16, 0],
  [0x9fc8, 16, 0],
] as const

/**
 * An image that stands in for ST's, which is not ours to ship: noise for the firmware, and tables of the right form
 * whose values are the chip's documented defaults. The last word of the firmware declares its checksum.
 */
export function generateFirmware(seed: number): FirmwareImage {
  const firmware = noise(new Random(seed, 1), FIRMWARE_BYTES)
  const declared = crc32(firmware.subarray(0, -4))
  firmware.set(bigEndianWords(declared), FIRMWARE_BYTES - 4)
  const parts: FirmwareParts = {
    firmware,
    configuration: configuration(),
    xtalk: xtalk(new Random(seed, 2)),
    nvmCommand: command(
      NVM_BLOCKS.map(([index, size, type]) => bigEndianWords(blockHeader(index, size, type))),
      0x02020024,
    ),
    xtalkCalibration: xtalkCalibration(),
  }
  return imageOf(parts, new Map([[createHash('sha256').update(firmware).digest('hex'), declared]]))
}

/**
 * The checksum word that the simulated chip answers after it booted this firmware: the one that a generated image
 * declares (the CRC-32 of all but its last word, which holds it, most significant byte first), or what is known of
 * ST's. A chip does not start what is neither.
 */
export function acceptedChecksum(firmware: Uint8Array): number | undefined {
  const view = new DataView(firmware.buffer, firmware.byteOffset, firmware.byteLength)
  const declared = view.getUint32(firmware.length - 4)
  if (crc32(firmware.subarray(0, -4)) === declared) return declared
  return KNOWN_CHECKSUMS.get(createHash('sha256').update(firmware).digest('hex'))
}

/** The answer of a chip's calibration memory, 492 bytes: offsets of a few centimetres and a falling signal. */
export function generateNvm(seed: number): Uint8Array {
  const random = new Random(seed, 3)
  const signal = new DataView(new ArrayBuffer(256))
  const range = new DataView(new ArrayBuffer(128))
  for (let zone = 0; zone < 64; zone += 1) {
    signal.setUint32(4 * zone, 0x00200000 + Math.floor(random.uniform() * 0x00200000))
    range.setInt16(2 * (zone ^ 1), -90 - Math.floor(random.uniform() * 80))
  }
  const payloads: readonly Uint8Array[] = [
    Uint8Array.of(0, 4, 0, 5),
    Uint8Array.of(0x00, 0xd0, 0x01, 0x90, 0x0b, 0x08, 0x08, 0x00, 0x08, 0x08, 0x08, 0x03),
    new Uint8Array(20),
    new Uint8Array(4),
    new Uint8Array(signal.buffer),
    new Uint8Array(range.buffer),
    new Uint8Array(16),
    new Uint8Array(16),
  ]
  const blocks = NVM_BLOCKS.map(([index, size, type], i) =>
    block(index, size, type, payloads[i] ?? new Uint8Array()),
  )
  return join([...blocks, bigEndianWords(END_OF_BLOCKS)])
}

function noise(random: Random, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i += 1) bytes[i] = Math.floor(random.uniform() * 256)
  return bytes
}

/** Payload as on the bus: words, most significant byte first. Defaults of facts §3 and §4. */
function configuration(): Uint8Array {
  const blocks = [
    block(0x5450, 8, 0, words(0x00000404, 0x00000808)),
    block(0xad30, 8, 0, words(0x02010303, 0x00000300)),
    block(0xad38, 16, 0, words(0, 0x00400040, 0x01000400, 0)),
    block(0x5458, 4, 0, words(0x041a0100)),
    block(0x545c, 20, 0, words(10_000, 0, 0, 0, 0)),
    block(0x5470, 8, 0, words(0, 8)),
    // Its byte 12 is ST's identifier of the targets per zone, at element 107 of the whole.
    block(0x5478, 16, 0, words(0, 0, 0, 2)),
    block(0x5488, 20, 0, words(0, 0, 0, 0, 0x00000c00)),
    block(0xad60, 16, 0, words(0, 0, 0, 0)),
    block(0xad94, 16, 0, words(50 * 2048, 0, 0, 0)),
    block(0xae64, 4, 0, words(2)),
    block(0xaed8, 16, 0, words(0, 0, 0, 0x00000300)),
    block(0xb5f0, 4, 0, words(0)),
    block(0xb6e0, 8, 0, words(0, 0)),
    block(0xe0c4, 8, 0, words(0, 0)),
    block(0xe108, 40, 0, new Uint8Array(40)),
  ]
  const bytes = filledCommand(blocks, 0x000103c8, CONFIGURATION_BYTES)
  bytes[TARGETS_ELEMENT] = 2
  return bytes
}

/** The resolution stays, as with ST's table; the target and the samples are the host's to set. */
function xtalkCalibration(): Uint8Array {
  return filledCommand([block(0x5470, 8, 0, words(0, 2))], 0x000103d4, XTALK_CALIBRATION_BYTES)
}

/** Its rest is room for objects that nobody reads, at an address that nothing else uses. */
function filledCommand(blocks: readonly Uint8Array[], footer: number, length: number): Uint8Array {
  const room = length - join(blocks).length - 12
  return command([...blocks, block(0xf000, room, 0, new Uint8Array(0))], footer, length)
}

function xtalk(random: Random): Uint8Array {
  const grid = new DataView(new ArrayBuffer(256))
  for (let zone = 0; zone < 64; zone += 1) grid.setUint32(4 * zone, Math.floor(random.uniform() * 0x8000))
  const blocks = [
    block(0x9fd8, 12, 0, words(0x03200960, 0x0b080817, 0x08080803)),
    block(0x9fe4, 20, 0, words(0, 0, 0, 0x01e00020, 0x00000020)),
    block(0x9ff8, 4, 0, words(0)),
    block(0x9ffc, 64, 4, new Uint8Array(grid.buffer)),
    block(0xa0fc, 16, 0, new Uint8Array(16)),
    block(0xa10c, 436, 0, new Uint8Array(436)),
  ]
  return command(blocks, 0x05010304, XTALK_BYTES)
}

const words = bigEndianWords

function block(index: number, size: number, type: number, payload: Uint8Array): Uint8Array {
  return join([bigEndianWords(blockHeader(index, size, type)), payload])
}

function command(blocks: readonly Uint8Array[], footer: number, length?: number): Uint8Array {
  const body = join(blocks)
  const bytes = new Uint8Array(length ?? body.length + 8)
  bytes.set(body, 0)
  bytes.set(bigEndianWords(END_OF_BLOCKS, footer), bytes.length - 8)
  return bytes
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]))
}
