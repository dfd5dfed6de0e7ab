import type { Clock } from '../clock.ts'
import * as words from '../environment/sht31-words.ts'
import type { AirScene } from './air.ts'
import type { PoweredDevice } from './faults.ts'

export interface SimulatedSht31Options {
  /** 32 bits. */
  readonly serial?: number
}

/** `frozen` answers its last measurement at once, `stalled` never finishes one. */
export type Sht31Fault = 'frozen' | 'stalled'

const UNACKNOWLEDGED_MS = 1.5
const HEATER_ON = 0x306d
const HEATER_OFF = 0x3066
/** Periodic measuring, 1 a second, high repeatability: what another program may have left behind. */
const PERIODIC = 0x2130
/** Typical duration (datasheet §2.2). */
const MEASURE_MS = 12.5
/** The heater warms the sensor by a few kelvin. */
const HEATER_K = 5

/**
 * The SHT31, command by command: it acknowledges nothing while it measures, and reads give what the command before
 * asked for, once. Time passes when it is next asked.
 */
export class SimulatedSht31 implements PoweredDevice {
  readonly #clock: Pick<Clock, 'now'>
  readonly #scene: AirScene
  readonly #serial: number
  #deafUntil: number
  #doneAt: number | undefined
  #answer: Uint8Array | undefined
  #measured: Uint8Array | undefined
  #status = words.STATUS_RESET
  #periodic = false
  #fault: Sht31Fault | undefined

  /** A chip that gets power now. */
  constructor(clock: Pick<Clock, 'now'>, scene: AirScene, options: SimulatedSht31Options = {}) {
    this.#clock = clock
    this.#scene = scene
    this.#serial = options.serial ?? 0x0bad_cafe
    this.#deafUntil = clock.now() + UNACKNOWLEDGED_MS
  }

  powerCycle(): void {
    this.#deafUntil = this.#clock.now() + UNACKNOWLEDGED_MS
    this.#doneAt = undefined
    this.#answer = undefined
    this.#status = words.STATUS_RESET
    this.#periodic = false
  }

  /** Breaks its converter, or mends it (`undefined`). */
  breakConverter(fault: Sht31Fault | undefined): void {
    this.#fault = fault
  }

  /** Bits of the status word. */
  get status(): number {
    return this.#status
  }

  write(bytes: Uint8Array): boolean {
    this.#advance()
    const busy = this.#doneAt !== undefined && this.#fault !== 'stalled'
    if (this.#clock.now() < this.#deafUntil || busy) return false
    const [high, low] = bytes
    if (high === undefined || low === undefined) return true
    return this.#obey((high << 8) | low)
  }

  read(length: number): Uint8Array | undefined {
    this.#advance()
    if (this.#clock.now() < this.#deafUntil || this.#answer === undefined) return undefined
    const answer = new Uint8Array(length).fill(0xff)
    answer.set(this.#answer.subarray(0, length))
    this.#answer = undefined
    return answer
  }

  #obey(command: number): boolean {
    this.#answer = undefined
    switch (command) {
      case words.MEASURE:
        if (this.#periodic) return false
        if (this.#fault === 'frozen') this.#answer = this.#measured
        else this.#doneAt = this.#clock.now() + MEASURE_MS
        return true
      case words.READ_SERIAL:
        this.#answer = this.#words(this.#serial >>> 16, this.#serial & 0xffff)
        return true
      case words.READ_STATUS:
        this.#answer = this.#words(this.#status)
        return true
      case words.SOFT_RESET:
        if (this.#periodic) return false
        this.powerCycle()
        return true
      case words.CLEAR_STATUS:
        this.#status &= words.STATUS_HEATER
        return true
      case words.BREAK:
        this.#periodic = false
        return true
      case PERIODIC:
        this.#periodic = true
        return true
      case HEATER_ON:
        this.#status |= words.STATUS_HEATER
        return true
      case HEATER_OFF:
        this.#status &= ~words.STATUS_HEATER
        return true
      default:
        this.#status |= words.STATUS_COMMAND_FAILED
        return false
    }
  }

  #advance(): void {
    if (this.#doneAt === undefined || this.#clock.now() < this.#doneAt || this.#fault === 'stalled') return
    const { temperatureC, humidityPercent } = this.#scene.air(this.#doneAt)
    const heaterK = (this.#status & words.STATUS_HEATER) === 0 ? 0 : HEATER_K
    this.#doneAt = undefined
    this.#measured = this.#words(
      clamped(((temperatureC + heaterK + 45) / 175) * 0xffff),
      clamped((humidityPercent / 100) * 0xffff),
    )
    this.#answer = this.#measured
  }

  #words(...values: readonly number[]): Uint8Array {
    return Uint8Array.from(values.flatMap((value) => [...words.wordBytes(value)]))
  }
}

function clamped(word: number): number {
  return Math.min(0xffff, Math.max(0, Math.round(word)))
}
