import type { Clock } from '../clock.ts'
import {
  decodeCalibration,
  fineTemperature,
  humidityOf,
  pressureOf,
  temperatureOf,
} from '../environment/bme280-compensation.ts'
import * as reg from '../environment/bme280-registers.ts'
import type { AirScene } from './air.ts'
import type { PoweredDevice } from './faults.ts'

export interface SimulatedBme280Options {
  /** What the ID register answers; default 0x60, the BME280. */
  readonly id?: number
  /** 0x88…0xA1, then 0xE1…0xE7; default: those of a real chip (Bosch's community forum, 2019). */
  readonly calibration?: Uint8Array
}

/** `frozen` keeps its last readout whatever is asked, `stalled` never finishes. */
export type Bme280Fault = 'frozen' | 'stalled'

const REAL_CALIBRATION = Uint8Array.from(
  Buffer.from('6c6e77663200a89227d5d00b6f18cafff9ffac260ad8bd10004b650100140b001e', 'hex'),
)

const UNACKNOWLEDGED_MS = 2
/** How long after a reset the calibration is copied. */
const IM_UPDATE_MS = 1
const FORCED_MODES = new Set([1, 2])
/** Readouts of what is not measured, and of everything after reset. */
const RESET_READOUT = [0x80, 0, 0, 0x80, 0, 0, 0x80, 0]

/**
 * The BME280, register by register, in sleep and forced mode: what it reads out is what its calibration makes the air
 * of. Normal mode, filter and SPI are absent. Time passes when it is next asked.
 */
export class SimulatedBme280 implements PoweredDevice {
  readonly #clock: Pick<Clock, 'now'>
  readonly #scene: AirScene
  readonly #id: number
  readonly #calibration: Uint8Array
  readonly #registers = new Uint8Array(0x100)
  #deafUntil = 0
  #copiedAt = 0
  #pointer = 0
  /** CTRL_HUM as it took effect, with the last write to CTRL_MEAS. */
  #humidityCode = 0
  #doneAt: number | undefined
  #fault: Bme280Fault | undefined

  /** A chip that gets power now. */
  constructor(clock: Pick<Clock, 'now'>, scene: AirScene, options: SimulatedBme280Options = {}) {
    this.#clock = clock
    this.#scene = scene
    this.#id = options.id ?? reg.ID_BME280
    this.#calibration = options.calibration ?? REAL_CALIBRATION
    this.powerCycle()
  }

  powerCycle(): void {
    this.#deafUntil = this.#clock.now() + UNACKNOWLEDGED_MS
    this.#reset()
  }

  /** Breaks its converter, or mends it (`undefined`). */
  breakConverter(fault: Bme280Fault | undefined): void {
    this.#fault = fault
  }

  write(bytes: Uint8Array): boolean {
    this.#advance()
    if (this.#clock.now() < this.#deafUntil) return false
    // Pairs of register and value; a last one without value sets the pointer for the read that follows.
    for (let at = 0; at < bytes.length; at += 2) {
      this.#pointer = bytes[at] ?? 0
      const value = bytes[at + 1]
      if (value !== undefined) this.#set(this.#pointer, value)
    }
    return true
  }

  read(length: number): Uint8Array | undefined {
    this.#advance()
    if (this.#clock.now() < this.#deafUntil) return undefined
    const answer = this.#registers.slice(this.#pointer, this.#pointer + length)
    this.#pointer = (this.#pointer + length) & 0xff
    return answer
  }

  #set(register: number, value: number): void {
    if (register === reg.RESET && value === reg.RESET_COMMAND) this.#reset()
    else if (register === reg.CTRL_HUM || register === reg.CONFIG) this.#registers[register] = value
    else if (register === reg.CTRL_MEAS) {
      this.#registers[register] = value
      this.#humidityCode = this.#registers[reg.CTRL_HUM] ?? 0
      if (FORCED_MODES.has(value & reg.CTRL_MEAS_MODE) && this.#fault !== 'frozen') this.#begin(value)
      else if (this.#fault === 'frozen') this.#sleep()
    }
  }

  #reset(): void {
    this.#registers.fill(0)
    this.#registers.set(this.#calibration.subarray(0, reg.CALIB_00_LENGTH), reg.CALIB_00)
    this.#registers.set(this.#calibration.subarray(reg.CALIB_00_LENGTH), reg.CALIB_26)
    this.#registers[reg.ID] = this.#id
    this.#registers.set(RESET_READOUT, reg.PRESS_MSB)
    this.#registers[reg.STATUS] = reg.STATUS_IM_UPDATE
    this.#copiedAt = this.#clock.now() + IM_UPDATE_MS
    this.#doneAt = undefined
    this.#humidityCode = 0
  }

  /** Typical duration (§9.1). */
  #begin(controls: number): void {
    const [temperature, pressure] = [oversampling(controls >> 5), oversampling(controls >> 2)]
    const humidity = oversampling(this.#humidityCode)
    const pressureMs = pressure === 0 ? 0 : 2 * pressure + 0.5
    const humidityMs = humidity === 0 ? 0 : 2 * humidity + 0.5
    this.#doneAt = this.#clock.now() + 1 + 2 * temperature + pressureMs + humidityMs
    this.#registers[reg.STATUS] = reg.STATUS_MEASURING
  }

  #sleep(): void {
    this.#registers[reg.STATUS] = 0
    this.#registers[reg.CTRL_MEAS] = (this.#registers[reg.CTRL_MEAS] ?? 0) & ~reg.CTRL_MEAS_MODE
  }

  #advance(): void {
    const now = this.#clock.now()
    if (now >= this.#copiedAt && this.#doneAt === undefined) this.#registers[reg.STATUS] = 0
    if (this.#doneAt === undefined || now < this.#doneAt || this.#fault === 'stalled') return
    this.#registers.set(this.#readout(this.#doneAt), reg.PRESS_MSB)
    this.#doneAt = undefined
    this.#sleep()
  }

  #readout(at: number): readonly number[] {
    const { temperatureC, pressureHpa, humidityPercent } = this.#scene.air(at)
    const calibration = decodeCalibration(this.#calibration)
    const controls = this.#registers[reg.CTRL_MEAS] ?? 0
    const temperature = converterValue(
      (value) => temperatureOf(fineTemperature(value, calibration)),
      temperatureC,
      20,
    )
    const fine = fineTemperature(temperature, calibration)
    const pressure = converterValue((value) => pressureOf(value, fine, calibration) / 100, pressureHpa, 20)
    const humidity = converterValue((value) => humidityOf(value, fine, calibration), humidityPercent, 16)
    const [p2, p1, p0, t2, t1, t0, h1, h0] = RESET_READOUT
    return [
      ...(oversampling(controls >> 2) === 0 ? [p2, p1, p0] : twentyBits(pressure)),
      ...(oversampling(controls >> 5) === 0 ? [t2, t1, t0] : twentyBits(temperature)),
      ...(oversampling(this.#humidityCode) === 0 ? [h1, h0] : [humidity >> 8, humidity & 0xff]),
    ].map((byte) => byte ?? 0)
  }
}

function oversampling(code: number): number {
  return reg.OVERSAMPLING[Math.min(5, code & 0x07)] ?? 0
}

function twentyBits(value: number): readonly number[] {
  return [value >> 12, (value >> 4) & 0xff, (value & 0x0f) << 4]
}

/** The converter's value whose compensation comes nearest: compensation is monotonic, rising or falling. */
function converterValue(compensated: (value: number) => number, wanted: number, bits: number): number {
  let [low, high] = [0, 2 ** bits - 1]
  const rising = compensated(high) > compensated(low)
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (compensated(middle) < wanted === rising) low = middle
    else high = middle
  }
  return Math.abs(compensated(low) - wanted) < Math.abs(compensated(high) - wanted) ? low : high
}
