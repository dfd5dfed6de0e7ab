import { createHash } from 'node:crypto'
import {
  type FirmwareRevision,
  KNOWN_REVISIONS,
  OTHER_REVISIONS,
  PARTS,
  type Part,
} from './firmware-revisions.ts'

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
  /** 984 bytes: the command that prepares a crosstalk calibration, where vl53lmz_plugin_xtalk.h was imported too. */
  readonly xtalkCalibration?: Uint8Array
  /** Of `firmware`, hexadecimal. */
  readonly sha256: string
  /** What the chip answers when it runs exactly this firmware. */
  readonly checksum: number
}

/** The arrays of an image. */
export type FirmwareParts = Pick<
  FirmwareImage,
  'firmware' | 'configuration' | 'xtalk' | 'nvmCommand' | 'xtalkCalibration'
>

/** A firmware file is not what it should be; the message says what is wrong with which part. */
export class FirmwareError extends Error {
  override readonly name = 'FirmwareError'
}

/** Firmware images by their SHA-256, with the checksum word that the chip answers once it runs one. */
export const KNOWN_CHECKSUMS: ReadonlyMap<string, number> = new Map(
  KNOWN_REVISIONS.map(({ sha256, checksum }) => [sha256.firmware, checksum]),
)

/** The part of a configuration that depends on the targets per zone: ST's VL53LMZ_FW_NBTAR_RANGING (facts §11). */
export const TARGETS_ELEMENT = 107

const MACROS = ['VL53LMZ_FW_NBTAR_RANGING', 'VL53L8CX_FW_NBTAR_RANGING']
const MOST_CHARACTERS = 4 << 20

/**
 * Reads the arrays out of ST's `vl53lmz_buffers.h` or `vl53l8cx_buffers.h`: plain C, bytes as 0x literals, the
 * macro of the targets per zone read as its value for one target. The text of `…_plugin_xtalk.h` may follow: its table
 * is what a crosstalk calibration needs.
 * @throws FirmwareError naming the array, and what it lacks
 */
export function parseUldHeader(text: string): FirmwareParts {
  if (text.length > MOST_CHARACTERS) {
    throw new FirmwareError(`firmware header: ${text.length} characters, at most ${MOST_CHARACTERS} expected`)
  }
  const parts: Partial<Record<keyof FirmwareParts, Uint8Array>> = {}
  for (const part of PARTS) {
    const bytes = arrayOf(text, part)
    if (bytes !== undefined) parts[part.key] = bytes
  }
  return wholeParts(parts)
}

function wholeParts(parts: Partial<Record<keyof FirmwareParts, Uint8Array>>): FirmwareParts {
  const { firmware, configuration, xtalk, nvmCommand, xtalkCalibration } = parts
  if (!firmware || !configuration || !xtalk || !nvmCommand) throw new FirmwareError('a part is missing')
  const whole = { firmware, configuration, xtalk, nvmCommand }
  return xtalkCalibration === undefined ? whole : { ...whole, xtalkCalibration }
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
  for (const part of PARTS) {
    const bytes = parts[part.key]
    if (bytes !== undefined) check(part, bytes)
  }
  const sha256 = hashOf(parts.firmware)
  const checksum = checksums.get(sha256)
  if (checksum === undefined) throw unknownImage(sha256, checksums)
  const revision = KNOWN_REVISIONS.find((known) => known.sha256.firmware === sha256)
  if (revision !== undefined) compare(revision, parts)
  return { ...wholeParts(parts), sha256, checksum }
}

function unknownImage(sha256: string, checksums: ReadonlyMap<string, number>): FirmwareError {
  const other = OTHER_REVISIONS.get(sha256.slice(0, 16))
  const found = other === undefined ? 'is not known' : `is of ${other}, which is not known to run here`
  const known = [...checksums.keys()].map((hash) => `${hash.slice(0, 16)}…`).join(', ')
  const advice = "use the one of ST's VL53LMZ ULD 2.0.16"
  return new FirmwareError(`firmware image with SHA-256 ${sha256} ${found} (known: ${known}); ${advice}`)
}

/** A published firmware comes with its own tables: one bit off, and it ranges wrong without a word. */
function compare(revision: FirmwareRevision, parts: FirmwareParts): void {
  for (const { key, names } of PARTS) {
    const bytes = parts[key]
    if (bytes === undefined) continue
    const sha256 = hashOf(bytes)
    if (sha256 === revision.sha256[key]) continue
    const expected = `${revision.sha256[key].slice(0, 16)}… of ${revision.name} expected`
    throw new FirmwareError(`${names[0]} has SHA-256 ${sha256.slice(0, 16)}…, ${expected}`)
  }
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** The configuration for so many targets per zone, as a copy. ST's identifier is 2 for one target. */
export function configurationFor(image: FirmwareImage, targetsPerZone: 1 | 2 | 3 | 4): Uint8Array {
  const configuration = image.configuration.slice()
  configuration[TARGETS_ELEMENT] = targetsPerZone === 1 ? 2 : targetsPerZone
  return configuration
}

function arrayOf(text: string, part: Part): Uint8Array | undefined {
  const [wanted] = part.names
  const declaration = new RegExp(`\\b(?:${part.names.join('|')})\\s*\\[[^\\]]*\\]\\s*=\\s*\\{`).exec(text)
  if (declaration === null && part.optional) return undefined
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

// The file of `packImage`: magic, version, number of parts, length of the whole; per part its name, length and SHA-256;
// the parts; the SHA-256 of all before. Numbers are big-endian.
const MAGIC = 'PCNTOFFW'
const FILE_VERSION = 1
const FILE_HEAD_BYTES = 16
const NAME_BYTES = 28
const HASH_BYTES = 32
const ENTRY_BYTES = NAME_BYTES + 4 + HASH_BYTES
const MOST_FILE_BYTES = 1 << 20

/** An image as one file that `unpackImage` can check before anything is sent. Pure; equal images give equal files. */
export function packImage(image: FirmwareParts): Uint8Array {
  const parts = PARTS.flatMap(({ key }) => {
    const bytes = image[key]
    return bytes === undefined ? [] : [{ key, bytes }]
  })
  const length = parts.reduce(
    (sum, { bytes }) => sum + ENTRY_BYTES + bytes.length,
    FILE_HEAD_BYTES + HASH_BYTES,
  )
  const file = Buffer.alloc(length)
  file.write(MAGIC, 'latin1')
  file.writeUInt16BE(FILE_VERSION, 8)
  file.writeUInt16BE(parts.length, 10)
  file.writeUInt32BE(length, 12)
  let bytesAt = FILE_HEAD_BYTES + parts.length * ENTRY_BYTES
  for (const [i, { key, bytes }] of parts.entries()) {
    const entry = FILE_HEAD_BYTES + i * ENTRY_BYTES
    file.write(key, entry, NAME_BYTES, 'latin1')
    file.writeUInt32BE(bytes.length, entry + NAME_BYTES)
    file.write(hashOf(bytes), entry + NAME_BYTES + 4, 'hex')
    file.set(bytes, bytesAt)
    bytesAt += bytes.length
  }
  file.write(hashOf(file.subarray(0, bytesAt)), bytesAt, 'hex')
  return new Uint8Array(file)
}

/**
 * The image in a file of `packImage`.
 * @param checksums as `imageOf` has them
 * @throws FirmwareError for another file, one of another version, a cut or damaged one, or an image that is not known
 */
export function unpackImage(
  file: Uint8Array,
  checksums: ReadonlyMap<string, number> = KNOWN_CHECKSUMS,
): FirmwareImage {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength)
  const count = checkFile(bytes)
  const parts: Partial<Record<keyof FirmwareParts, Uint8Array>> = {}
  let at = FILE_HEAD_BYTES + count * ENTRY_BYTES
  for (let i = 0; i < count; i += 1) {
    const entry = bytes.subarray(FILE_HEAD_BYTES + i * ENTRY_BYTES, FILE_HEAD_BYTES + (i + 1) * ENTRY_BYTES)
    const name = entry.toString('latin1', 0, NAME_BYTES).replace(/\0+$/, '')
    const part = PARTS.find(({ key }) => key === name)
    if (part === undefined)
      throw new FirmwareError(`firmware file: a part ${JSON.stringify(name)} is not known`)
    const content = bytes.subarray(at, at + entry.readUInt32BE(NAME_BYTES))
    if (hashOf(content) !== entry.toString('hex', NAME_BYTES + 4)) {
      throw new FirmwareError(
        `firmware file: ${part.names[0]} is damaged: its SHA-256 is not the one it came with`,
      )
    }
    parts[part.key] = new Uint8Array(content)
    at += content.length
  }
  return imageOf(wholeParts(parts), checksums)
}

/** @returns the number of parts */
function checkFile(bytes: Buffer): number {
  if (bytes.length > MOST_FILE_BYTES) {
    throw new FirmwareError(`firmware file: ${bytes.length} bytes, at most ${MOST_FILE_BYTES} expected`)
  }
  if (bytes.length < FILE_HEAD_BYTES || bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    throw new FirmwareError(`firmware file: it does not begin with ${MAGIC}; import ST's header first`)
  }
  const version = bytes.readUInt16BE(8)
  if (version !== FILE_VERSION) {
    throw new FirmwareError(`firmware file: version ${version}, ${FILE_VERSION} expected; import it anew`)
  }
  const length = bytes.readUInt32BE(12)
  if (bytes.length !== length) {
    throw new FirmwareError(
      `firmware file: ${bytes.length} bytes, ${length} expected; the file is cut or has grown`,
    )
  }
  const count = bytes.readUInt16BE(10)
  const end = length - HASH_BYTES
  if (
    FILE_HEAD_BYTES + count * ENTRY_BYTES > end ||
    hashOf(bytes.subarray(0, end)) !== bytes.toString('hex', end)
  ) {
    throw new FirmwareError('firmware file: it is damaged: its SHA-256 is not the one it ends with')
  }
  return count
}
