import { createHash } from 'node:crypto'

/** What the host must send after every power-on: the chip has no memory of its own for it (facts §3, §11). */
export interface FirmwareImage {
  /** 86 016 bytes for the RAM of the chip's processor. */
  readonly firmware: Uint8Array
  /** 972 bytes: the command that sets every object of the firmware to its default. */
  readonly configuration: Uint8Array
  /** 776 bytes: the command that sets the default crosstalk, for 8×8. */
  readonly xtalk: Uint8Array
  /** 40 bytes: the command that reads the calibration that ST burnt into the chip. */
  readonly nvmCommand: Uint8Array
  /** Of `firmware`, hexadecimal. */
  readonly sha256: string
  /** What the chip answers when it runs exactly this firmware. */
  readonly checksum: number
}

/** The four arrays of an image. */
export type FirmwareParts = Pick<FirmwareImage, 'firmware' | 'configuration' | 'xtalk' | 'nvmCommand'>

/** A firmware file is not what it should be; the message says what is wrong with which part. */
export class FirmwareError extends Error {
  override readonly name = 'FirmwareError'
}

/** Firmware images by their SHA-256, with the checksum word that the chip answers once it runs one (facts §3). */
export const KNOWN_CHECKSUMS: ReadonlyMap<string, number> = new Map([
  // VL53LMZ ULD 2.0.16 and VL53L8CX ULD 2.x ("MM1.8").
  ['fc50ff57e426b6c43532042e08a6b4bb7dcc3dac36c9d79787c511ef074e9cda', 0x0c0b6c9e],
])

/** The part of a configuration that depends on the targets per zone: ST's VL53LMZ_FW_NBTAR_RANGING (facts §11). */
export const TARGETS_ELEMENT = 107

interface Part {
  readonly key: keyof FirmwareParts
  readonly names: readonly string[]
  readonly bytes: number
  /** Every part but the firmware is a mailbox command and ends in its footer (facts §4). */
  readonly footer?: readonly number[]
}

const PARTS: readonly Part[] = [
  { key: 'firmware', names: ['VL53LMZ_FIRMWARE', 'VL53L8CX_FIRMWARE'], bytes: 86016 },
  {
    key: 'configuration',
    names: ['VL53L8_DEFAULT_CONFIGURATION', 'VL53L8CX_DEFAULT_CONFIGURATION'],
    bytes: 972,
    footer: [0, 0, 0, 0x0f, 0x00, 0x01, 0x03, 0xc8],
  },
  {
    key: 'xtalk',
    names: ['VL53LMZ_DEFAULT_XTALK', 'VL53L8CX_DEFAULT_XTALK'],
    bytes: 776,
    footer: [0, 0, 0, 0x0f, 0x05, 0x01, 0x03, 0x04],
  },
  {
    key: 'nvmCommand',
    names: ['VL53LMZ_GET_NVM_CMD', 'VL53L8CX_GET_NVM_CMD'],
    bytes: 40,
    footer: [0, 0, 0, 0x0f, 0x02, 0x02, 0x00, 0x24],
  },
]
const MACROS = ['VL53LMZ_FW_NBTAR_RANGING', 'VL53L8CX_FW_NBTAR_RANGING']
const MOST_CHARACTERS = 4 << 20

/**
 * Reads the arrays out of ST's `vl53lmz_buffers.h` or `vl53l8cx_buffers.h`: plain C, bytes as 0x literals, the
 * macro of the targets per zone read as its value for one target.
 * @throws FirmwareError naming the array, and what it lacks
 */
export function parseUldHeader(text: string): FirmwareParts {
  if (text.length > MOST_CHARACTERS) {
    throw new FirmwareError(`firmware header: ${text.length} characters, at most ${MOST_CHARACTERS} expected`)
  }
  const parts: Partial<Record<keyof FirmwareParts, Uint8Array>> = {}
  for (const part of PARTS) parts[part.key] = arrayOf(text, part)
  const { firmware, configuration, xtalk, nvmCommand } = parts
  if (!firmware || !configuration || !xtalk || !nvmCommand) throw new FirmwareError('firmware header: empty')
  return { firmware, configuration, xtalk, nvmCommand }
}

/**
 * An image that the driver will load.
 * @param checksums firmware SHA-256 → checksum word; default: ST's published images
 * @throws FirmwareError when a part is cut or damaged, or the firmware is in no table
 */
export function imageOf(
  parts: FirmwareParts,
  checksums: ReadonlyMap<string, number> = KNOWN_CHECKSUMS,
): FirmwareImage {
  for (const part of PARTS) check(part, parts[part.key])
  const sha256 = createHash('sha256').update(parts.firmware).digest('hex')
  const checksum = checksums.get(sha256)
  if (checksum === undefined) {
    const known = [...checksums.keys()].map((hash) => `${hash.slice(0, 16)}…`).join(', ')
    throw new FirmwareError(
      `firmware image with SHA-256 ${sha256} is not known (known: ${known}); use the one of ST's VL53LMZ ULD 2.0.16`,
    )
  }
  return { ...parts, sha256, checksum }
}

/** The configuration for so many targets per zone, as a copy. ST's identifier is 2 for one target. */
export function configurationFor(image: FirmwareImage, targetsPerZone: 1 | 2 | 3 | 4): Uint8Array {
  const configuration = image.configuration.slice()
  configuration[TARGETS_ELEMENT] = targetsPerZone === 1 ? 2 : targetsPerZone
  return configuration
}

function arrayOf(text: string, part: Part): Uint8Array {
  const [wanted] = part.names
  const declaration = new RegExp(`\\b(?:${part.names.join('|')})\\s*\\[[^\\]]*\\]\\s*=\\s*\\{`).exec(text)
  if (declaration === null)
    throw new FirmwareError(`firmware header: no array ${wanted} (or ${part.names[1]})`)
  const name = /\w+/.exec(declaration[0])?.[0] ?? wanted
  const from = declaration.index + declaration[0].length
  const to = text.indexOf('}', from)
  if (to < 0) throw new FirmwareError(`firmware header: ${name} does not end; the file is cut`)
  const elements = text
    .slice(from, to)
    .replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, ' ')
    .split(',')
    .map((element) => element.trim())
  if (elements.at(-1) === '') elements.pop()
  if (elements.length !== part.bytes) {
    throw new FirmwareError(
      `firmware header: ${name} has ${elements.length} elements, ${part.bytes} expected`,
    )
  }
  return Uint8Array.from(elements, (element, index) => byteOf(element, name, index))
}

function byteOf(element: string, name: string | undefined, index: number): number {
  if (/^(?:0[xX][0-9a-fA-F]{1,2}|\d{1,3})$/.test(element)) {
    const value = Number(element)
    if (value <= 0xff) return value
  }
  if (MACROS.includes(element)) return 2
  throw new FirmwareError(`firmware header: ${name}[${index}] is "${element.slice(0, 40)}", a byte expected`)
}

function check(part: Part, bytes: Uint8Array): void {
  const [name] = part.names
  if (bytes.length !== part.bytes) {
    throw new FirmwareError(`${name} has ${bytes.length} bytes, ${part.bytes} expected`)
  }
  const { footer = [] } = part
  const tail = bytes.subarray(bytes.length - footer.length)
  if (footer.some((value, index) => tail[index] !== value)) {
    throw new FirmwareError(`${name} does not end in its command footer; it is damaged or of another version`)
  }
}
