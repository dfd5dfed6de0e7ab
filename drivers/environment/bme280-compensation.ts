import { SensorError } from '../sensor.ts'
import { CALIB_00_LENGTH, CALIB_26_LENGTH, READOUT_LENGTH } from './bme280-registers.ts'
import type { Climate } from './climate.ts'

/** What Bosch measured of this one chip (datasheet table 16), by the datasheet's names less `dig_`. */
export interface Bme280Calibration {
  readonly t: readonly [t1: number, t2: number, t3: number]
  /** P1…P9. */
  readonly p: readonly number[]
  /** H1…H6. */
  readonly h: readonly [h1: number, h2: number, h3: number, h4: number, h5: number, h6: number]
}

/** Bytes of the calibration as read: 0x88…0xA1, then 0xE1…0xE7. */
export const CALIBRATION_LENGTH = CALIB_00_LENGTH + CALIB_26_LENGTH

/**
 * @param bytes `CALIBRATION_LENGTH` of them
 * @throws SensorError `corrupt` for another length, or where the words that divide are 0, as in a chip that is blank
 */
export function decodeCalibration(bytes: Uint8Array): Bme280Calibration {
  if (bytes.length !== CALIBRATION_LENGTH) {
    throw new SensorError(
      'bme280',
      'corrupt',
      `its calibration is ${CALIBRATION_LENGTH} bytes, not ${bytes.length}`,
    )
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const word = (at: number): number => view.getUint16(at, true)
  const signed = (at: number): number => view.getInt16(at, true)
  // H4 and H5 are 12 bits each and share the byte between them, H4 with the low nibble.
  const shared = view.getUint8(CALIB_00_LENGTH + 4)
  const calibration: Bme280Calibration = {
    t: [word(0), signed(2), signed(4)],
    p: [word(6), ...[8, 10, 12, 14, 16, 18, 20, 22].map(signed)],
    h: [
      view.getUint8(CALIB_00_LENGTH - 1),
      signed(CALIB_00_LENGTH),
      view.getUint8(CALIB_00_LENGTH + 2),
      view.getInt8(CALIB_00_LENGTH + 3) * 16 + (shared & 0x0f),
      view.getInt8(CALIB_00_LENGTH + 5) * 16 + (shared >> 4),
      view.getInt8(CALIB_00_LENGTH + 6),
    ],
  }
  if (calibration.t[0] === 0 || calibration.p[0] === 0) {
    throw new SensorError('bme280', 'corrupt', 'its calibration is blank')
  }
  return calibration
}

/** What the converters read: 20 bits, 20 bits, 16 bits. */
export interface Bme280Readout {
  readonly pressure: number
  readonly temperature: number
  readonly humidity: number
}

/** Readouts after reset. Each of them alone is a value as any other: of one real chip 22.52 °C, 63.87 %, 704 hPa. */
const NOT_MEASURED_20 = 0x80000
const NOT_MEASURED_16 = 0x8000

/**
 * @param bytes eight, from PRESS_MSB
 * @throws SensorError `corrupt` for another length, `failed` where the chip measured nothing
 */
export function decodeReadout(bytes: Uint8Array): Bme280Readout {
  if (bytes.length !== READOUT_LENGTH) {
    throw new SensorError('bme280', 'corrupt', `a readout is ${READOUT_LENGTH} bytes, not ${bytes.length}`)
  }
  const [p2 = 0, p1 = 0, p0 = 0, t2 = 0, t1 = 0, t0 = 0, h1 = 0, h0 = 0] = bytes
  const readout = {
    pressure: (p2 << 12) | (p1 << 4) | (p0 >> 4),
    temperature: (t2 << 12) | (t1 << 4) | (t0 >> 4),
    humidity: (h1 << 8) | h0,
  }
  const { pressure, temperature, humidity } = readout
  if (temperature === NOT_MEASURED_20 && pressure === NOT_MEASURED_20 && humidity === NOT_MEASURED_16) {
    throw new SensorError('bme280', 'failed', 'it measured nothing')
  }
  return readout
}

/** Temperature in the chip's fine unit, 1/5120 °C, which the other two are compensated with (§8.1). */
export function fineTemperature(readout: number, { t: [t1, t2, t3] }: Bme280Calibration): number {
  const linear = (readout / 16_384 - t1 / 1024) * t2
  const square = (readout / 131_072 - t1 / 8192) ** 2 * t3
  return linear + square
}

/** °C. */
export function temperatureOf(fine: number): number {
  return fine / 5120
}

/** Pa (§8.1, double precision). @throws SensorError `corrupt` for a calibration that divides by zero */
export function pressureOf(readout: number, fine: number, { p }: Bme280Calibration): number {
  const [p1 = 0, p2 = 0, p3 = 0, p4 = 0, p5 = 0, p6 = 0, p7 = 0, p8 = 0, p9 = 0] = p
  const warmth = fine / 2 - 64_000
  const offset = ((warmth * warmth * p6) / 32_768 + warmth * p5 * 2) / 4 + p4 * 65_536
  const slope = (1 + ((p3 * warmth * warmth) / 524_288 + p2 * warmth) / 524_288 / 32_768) * p1
  if (slope === 0) throw new SensorError('bme280', 'corrupt', 'its calibration gives no pressure')
  const linear = ((1_048_576 - readout - offset / 4096) * 6250) / slope
  return linear + ((p9 * linear * linear) / 2_147_483_648 + (linear * p8) / 32_768 + p7) / 16
}

/** Relative humidity, percent, 0…100 (§8.1, double precision). */
export function humidityOf(readout: number, fine: number, { h }: Bme280Calibration): number {
  const [h1, h2, h3, h4, h5, h6] = h
  const warmth = fine - 76_800
  const zeroed = readout - (h4 * 64 + (h5 / 16_384) * warmth)
  const scale = (h2 / 65_536) * (1 + (h6 / 67_108_864) * warmth * (1 + (h3 / 67_108_864) * warmth))
  const linear = zeroed * scale
  return Math.min(100, Math.max(0, linear * (1 - (h1 * linear) / 524_288)))
}

/**
 * @param raw calibration, then readout; kept in the climate, so do not reuse it
 * @throws SensorError `corrupt`, `failed`
 */
export function decodeBme280(raw: Uint8Array, takenAt: number): Climate {
  const calibration = decodeCalibration(raw.subarray(0, CALIBRATION_LENGTH))
  const { temperature, pressure, humidity } = decodeReadout(raw.subarray(CALIBRATION_LENGTH))
  const fine = fineTemperature(temperature, calibration)
  return {
    kind: 'bme280',
    takenAt,
    temperatureC: temperatureOf(fine),
    humidityPercent: humidityOf(humidity, fine, calibration),
    pressureHpa: pressureOf(pressure, fine, calibration) / 100,
    raw,
  }
}
