import { SensorError } from '../sensor.ts'
import type { Climate } from './climate.ts'

// Commands of the SHT3x, 16 bits, high byte first (Sensirion datasheet SHT3x-DIS, version 6, §4).
/** One measurement, high repeatability, without clock stretching: a read before its end is not acknowledged. */
export const MEASURE = 0x2400
/** Ends periodic measuring, in which single measurements are refused. */
export const BREAK = 0x3093
export const SOFT_RESET = 0x30a2
export const CLEAR_STATUS = 0x3041
export const READ_STATUS = 0xf32d
/** Electronic identification code: two words, 32 bits (Sensirion's application note and sample code). */
export const READ_SERIAL = 0x3780

/** Duration of a measurement with high repeatability, at most, ms (§2.2, at 2.15 V). */
export const MEASURE_MS = 15.5

// Bits of the status word (§4.11).
export const STATUS_HEATER = 0x2000
export const STATUS_RESET = 0x0010
export const STATUS_COMMAND_FAILED = 0x0002
export const STATUS_CHECKSUM_FAILED = 0x0001

/** Bytes of a word: two, and their checksum. */
export const WORD_LENGTH = 3
/** Temperature, then humidity. */
export const MEASUREMENT_LENGTH = 2 * WORD_LENGTH

/** The two bytes that a command is on the wire. */
export function commandBytes(command: number): Uint8Array {
  return Uint8Array.of(command >> 8, command & 0xff)
}

/** CRC-8 of a word: polynomial x⁸ + x⁵ + x⁴ + 1, begun with 0xFF (§4.12); 0xBEEF gives 0x92. */
export function checksum(bytes: Uint8Array): number {
  let crc = 0xff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x80) === 0 ? crc << 1 : ((crc << 1) ^ 0x31) & 0xff
  }
  return crc
}

/** A word with its checksum. */
export function wordBytes(word: number): Uint8Array {
  const bytes = Uint8Array.of(word >> 8, word & 0xff)
  return Uint8Array.of(...bytes, checksum(bytes))
}

/**
 * The words of an answer, 0…65535 each.
 * @param bytes three for each word
 * @throws SensorError `corrupt` for another length, or a checksum that does not fit
 */
export function wordsOf(bytes: Uint8Array, count: number): readonly number[] {
  if (bytes.length !== count * WORD_LENGTH) {
    throw new SensorError(
      'sht31',
      'corrupt',
      `${count} words are ${count * WORD_LENGTH} bytes, not ${bytes.length}`,
    )
  }
  return Array.from({ length: count }, (_, index) => {
    const at = index * WORD_LENGTH
    const [high = 0, low = 0, crc = 0] = bytes.subarray(at, at + WORD_LENGTH)
    const expected = checksum(bytes.subarray(at, at + 2))
    if (crc !== expected) {
      throw new SensorError('sht31', 'corrupt', `checksum 0x${hex(crc)} where 0x${hex(expected)} belongs`)
    }
    return (high << 8) | low
  })
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}

/** °C of a word: −45…130 (§4.13). */
export function temperatureOf(word: number): number {
  return -45 + (175 * word) / 0xffff
}

/** Relative humidity of a word, percent: 0…100 (§4.13). */
export function humidityOf(word: number): number {
  return (100 * word) / 0xffff
}

/**
 * @param raw six bytes: temperature and humidity, each with its checksum; kept in the climate, so do not reuse it
 * @throws SensorError `corrupt`
 */
export function decodeSht31(raw: Uint8Array, takenAt: number): Climate {
  const [temperature = 0, humidity = 0] = wordsOf(raw, 2)
  return {
    kind: 'sht31',
    takenAt,
    temperatureC: temperatureOf(temperature),
    humidityPercent: humidityOf(humidity),
    raw,
  }
}
