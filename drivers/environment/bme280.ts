import type { I2cBus } from '../bus.ts'
import type { Clock } from '../clock.ts'
import { Link } from '../link.ts'
import { SensorError } from '../sensor.ts'
import { CALIBRATION_LENGTH, decodeBme280, decodeCalibration } from './bme280-compensation.ts'
import * as reg from './bme280-registers.ts'
import { CLIMATE_LIMITS, type Climate, type ClimateLimits, plausible } from './climate.ts'

export interface Bme280Options {
  /** 7-bit address: 0x76 (default), or 0x77 with SDO high. */
  readonly address?: number
  /** Default CLIMATE_LIMITS. */
  readonly limits?: ClimateLimits
}

/** Start-up after power-up and reset, at most (datasheet table 1). */
const WAKE_MS = 2
const WAKE_LIMIT_MS = 10

// Codes of the oversampling: temperature ×2, pressure ×4, humidity ×2.
const TEMPERATURE_CODE = 2
const PRESSURE_CODE = 3
const HUMIDITY_CODE = 2
const FORCE = (TEMPERATURE_CODE << 5) | (PRESSURE_CODE << 2) | reg.CTRL_MEAS_FORCED

/** The standby time means nothing in forced mode, so it carries our mark: a chip that lost power reads 0 there. */
const MARK = 0b101 << reg.CONFIG_T_SB_SHIFT

/** Longest time of a measurement (§9.1). */
const MEASURE_MS =
  1.25 +
  2.3 * oversampling(TEMPERATURE_CODE) +
  (2.3 * oversampling(PRESSURE_CODE) + 0.575) +
  (2.3 * oversampling(HUMIDITY_CODE) + 0.575)
const MEASURE_LIMIT_MS = 2 * MEASURE_MS
/** By then a chip that was told to measure says that it does. */
const BEGUN_MS = 1

/** CTRL_HUM to the end of the readout. */
const REPORT_LENGTH = reg.PRESS_MSB + reg.READOUT_LENGTH - reg.CTRL_HUM

/** Temperature, humidity and pressure, one measurement at a time; between them the chip sleeps. */
export class Bme280 {
  readonly #link: Link
  readonly #limits: ClimateLimits
  #calibration = new Uint8Array(CALIBRATION_LENGTH)
  #measuring = false
  /** Until then the chip may be at work on a measurement that was let go: a new one would begin late. */
  #busyUntil = Number.NEGATIVE_INFINITY
  #last: Uint8Array | undefined

  private constructor(bus: I2cBus, clock: Clock, options: Bme280Options) {
    const { address = reg.ADDRESS, limits = CLIMATE_LIMITS } = options
    this.#link = new Link(bus, clock, address, 'bme280')
    this.#limits = limits
  }

  /**
   * Resets the chip and reads what Bosch calibrated it with, twice, because that has no checksum.
   * @throws SensorError `absent`, `wrong-chip`, `timeout`, `corrupt`, `failed`
   */
  static async open(
    bus: I2cBus,
    clock: Clock,
    options: Bme280Options = {},
    signal?: AbortSignal,
  ): Promise<Bme280> {
    const sensor = new Bme280(bus, clock, options)
    await sensor.#identify(signal)
    await sensor.#write(reg.RESET, reg.RESET_COMMAND)
    const ready = async (): Promise<boolean> => {
      const [status = 0] = await sensor.#read(reg.STATUS, 1)
      return (status & reg.STATUS_IM_UPDATE) === 0
    }
    await sensor.#link.until(ready, { what: 'start', firstMs: WAKE_MS, limitMs: WAKE_LIMIT_MS }, signal)
    sensor.#calibration = await sensor.#readCalibration()
    await sensor.#write(reg.CONFIG, MARK)
    return sensor
  }

  /** The calibration's bytes: no two chips have the same, so it serves as the serial number that there is not. */
  get calibration(): Uint8Array {
    return this.#calibration.slice()
  }

  /**
   * Measures once, begun after `since`; it lasts 22 ms. One at a time.
   * @param since monotonic ms of the clock
   * @throws SensorError `absent`, `timeout`, `corrupt` (read differently twice, or nothing that air can be), `frozen`,
   * `failed` (lost power); the signal's reason
   */
  async measure(since: number, signal?: AbortSignal): Promise<Climate> {
    if (this.#measuring) throw new Error('bme280: a measurement is already running')
    this.#measuring = true
    try {
      await this.#link.waitFor(Math.max(since, this.#busyUntil), signal)
      return await this.#climate(signal)
    } finally {
      this.#measuring = false
    }
  }

  /** Nothing to do: the chip sleeps already. */
  close(): Promise<void> {
    return Promise.resolve()
  }

  async #identify(signal: AbortSignal | undefined): Promise<void> {
    let id: Uint8Array
    try {
      id = await this.#read(reg.ID, 1)
    } catch (error) {
      if (!(error instanceof SensorError && error.fault === 'absent')) throw error
      await this.#link.sleep(WAKE_MS, signal)
      id = await this.#read(reg.ID, 1)
    }
    const [found = 0] = id
    if (found === reg.ID_BME280) return
    const detail =
      found === reg.ID_BMP280
        ? 'it is a BMP280, which has no humidity'
        : `unexpected chip id 0x${found.toString(16).padStart(2, '0')}`
    throw this.#link.fault('wrong-chip', detail)
  }

  async #readCalibration(): Promise<Uint8Array<ArrayBuffer>> {
    const once = await this.#calibrationBytes()
    const twice = await this.#calibrationBytes()
    if (Buffer.compare(once, twice) !== 0) {
      throw this.#link.fault('corrupt', 'its calibration reads differently the second time')
    }
    decodeCalibration(once)
    return once
  }

  async #calibrationBytes(): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(CALIBRATION_LENGTH)
    bytes.set(await this.#read(reg.CALIB_00, reg.CALIB_00_LENGTH))
    bytes.set(await this.#read(reg.CALIB_26, reg.CALIB_26_LENGTH), reg.CALIB_00_LENGTH)
    return bytes
  }

  async #climate(signal: AbortSignal | undefined): Promise<Climate> {
    await this.#force()
    await this.#finish(signal)
    const report = await this.#report()
    const takenAt = this.#link.now()
    // Asleep, the chip holds still: what differs was spoilt on the wires.
    if (Buffer.compare(report, await this.#report()) !== 0) {
      throw this.#link.fault('corrupt', 'it reads differently the second time')
    }
    const readout = report.subarray(reg.PRESS_MSB - reg.CTRL_HUM)
    const raw = Uint8Array.of(...this.#calibration, ...readout)
    const climate = plausible(decodeBme280(raw, takenAt), this.#limits)
    if (this.#last !== undefined && Buffer.compare(readout, this.#last) === 0) await this.#proveFresh(signal)
    this.#last = readout
    return climate
  }

  async #force(): Promise<void> {
    this.#busyUntil = this.#link.now() + MEASURE_MS
    await this.#write(reg.CTRL_HUM, HUMIDITY_CODE)
    await this.#write(reg.CTRL_MEAS, FORCE)
  }

  async #finish(signal: AbortSignal | undefined): Promise<void> {
    const wait = { what: 'finish a measurement', firstMs: MEASURE_MS, limitMs: MEASURE_LIMIT_MS }
    await this.#link.until(async () => !(await this.#isMeasuring()), wait, signal)
  }

  async #isMeasuring(): Promise<boolean> {
    const [status = 0] = await this.#read(reg.STATUS, 1)
    return (status & reg.STATUS_MEASURING) !== 0
  }

  /** Settings and readout in one transfer. @throws SensorError `failed` where the settings are gone, else `corrupt` */
  async #report(): Promise<Uint8Array> {
    const report = await this.#read(reg.CTRL_HUM, REPORT_LENGTH)
    const at = (register: number): number => report[register - reg.CTRL_HUM] ?? 0
    const [config, humidity, measure] = [at(reg.CONFIG), at(reg.CTRL_HUM), at(reg.CTRL_MEAS)]
    if (config === 0) throw this.#link.fault('failed', 'it forgot its settings: it lost power')
    const asWritten =
      config === MARK && humidity === HUMIDITY_CODE && measure === (FORCE & ~reg.CTRL_MEAS_MODE)
    if (!asWritten) {
      const found = Buffer.from(report.subarray(0, 4)).toString('hex')
      throw this.#link.fault('corrupt', `its settings read ${found}`)
    }
    return report
  }

  /** The same 56 bits again are rare in real air: only a stuck chip is not at work right after it was told to be. */
  async #proveFresh(signal: AbortSignal | undefined): Promise<void> {
    await this.#force()
    await this.#link.sleep(BEGUN_MS, signal)
    if (!(await this.#isMeasuring())) {
      throw this.#link.fault('frozen', 'it delivers its last measurement again')
    }
    await this.#finish(signal)
  }

  async #write(register: number, value: number): Promise<void> {
    await this.#link.write(Uint8Array.of(register, value))
  }

  #read(register: number, length: number): Promise<Uint8Array> {
    return this.#link.read(Uint8Array.of(register), length)
  }
}

function oversampling(code: number): number {
  return reg.OVERSAMPLING[code] ?? 0
}
