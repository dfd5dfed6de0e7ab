import { GAINS } from '../as7341/counts.ts'
import * as reg from '../as7341/registers.ts'
import { ADC_COUNT, CHAIN_LENGTH } from '../as7341/smux.ts'
import { PERSISTENCE } from '../as7341/thresholds.ts'
import type { Clock } from '../clock.ts'
import { Converter, type LightScene, type Noise } from './as7341-converter.ts'
import { RegisterFile } from './as7341-registers.ts'
import type { SimulatedDevice } from './bus.ts'

export type { LightScene } from './as7341-converter.ts'

export interface SimulatedAs7341Options extends Noise {
  /** What the ID register answers; default 0x24, the AS7341. */
  readonly id?: number
}

/** A fault of the converters: `frozen` keeps counts and AVALID whatever is asked, `stalled` never finishes. */
export type ConverterFault = 'frozen' | 'stalled'

/** What is inside the chip, for tests: nothing is latched or cleared by looking. */
export interface ChipState {
  /** Registers that differ from their reset value; counts, their status and the RAM are not among them. */
  readonly registers: ReadonlyMap<number, number>
  /** The 20 bytes that connect the photodiodes now. */
  readonly chain: Uint8Array
  /** ADC0…ADC5 of the last measurement. */
  readonly counts: readonly number[]
  /** Lamp current, mA; 0 when it is off. */
  readonly lampMa: number
}

/** One turn of the measurement: autozero where due, integration. */
interface Cycle {
  /** Cycles since SP_EN went to 1. */
  readonly index: number
  readonly begin: number
  readonly end: number
  readonly gainCode: number
}

const NEVER = Number.POSITIVE_INFINITY
const UNACKNOWLEDGED_MS = 0.2
const BUSY_MS = 0.3
const SMUX_MS = 0.2
const AUTOZERO_MS = 15
const FLICKER_MS = 100
const STEP_US = 2.78
const WAIT_STEP_MS = 2.78
/** A chip left measuring alone catches up this many cycles when next asked: more than the longest persistence. */
const CATCH_UP_CYCLES = 64
/** Measurement and both calculations valid; bits 1:0 say which flicker was found. */
const FD_VALID = 0x2c

/**
 * The spectral chip, register by register: what a driver writes takes effect, and what it reads is what the chip
 * would say at that moment of its clock. Nothing runs in between: time passes when the chip is next asked.
 * drivers/as7341/README.md lists what is assumed, and what is absent.
 */
export class SimulatedAs7341 implements SimulatedDevice {
  readonly #clock: Pick<Clock, 'now'>
  readonly #scene: LightScene
  readonly #converter: Converter
  readonly #registers: RegisterFile
  readonly #chain = new Uint8Array(CHAIN_LENGTH)
  #poweredAt: number
  #pointer = 0
  #cycle: Cycle | undefined
  /** When the cycle after this one begins, once that is known. */
  #nextCycleAt = NEVER
  #nextIndex = 0
  #smuxDoneAt = NEVER
  #flickerAt = NEVER
  /** Counts outside the thresholds, in a row. */
  #outside = 0
  #fault: ConverterFault | undefined
  #gpioHigh = false

  /** A chip that gets power now. */
  constructor(clock: Pick<Clock, 'now'>, scene: LightScene, options: SimulatedAs7341Options = {}) {
    this.#clock = clock
    this.#scene = scene
    this.#converter = new Converter(scene, options)
    this.#registers = new RegisterFile(options.id ?? reg.ID_AS7341)
    this.#poweredAt = clock.now()
  }

  /** Takes its power away and gives it back: every register is as after reset. */
  powerCycle(): void {
    this.#poweredAt = this.#clock.now()
    this.#pointer = 0
    this.#registers.reset()
    this.#chain.fill(0)
    this.#sleep()
    this.#converter.connect(this.#chain, this.#poweredAt)
    this.#converter.lamp(0, this.#poweredAt)
  }

  /** Breaks the converters, or mends them (`undefined`). */
  breakConverter(fault: ConverterFault | undefined): void {
    this.#fault = fault
  }

  /** What the GPIO pin is held at from outside, as far as the chip lets it go. */
  driveGpio(high: boolean): void {
    this.#gpioHigh = high
  }

  state(): ChipState {
    this.#advance()
    return {
      registers: this.#registers.differences(),
      chain: this.#chain.slice(),
      counts: this.#registers.counts(),
      lampMa: this.#registers.lampMa(),
    }
  }

  write(bytes: Uint8Array): boolean {
    if (this.#deaf()) return false
    this.#advance()
    const [register, ...values] = bytes
    if (register !== undefined) this.#pointer = register
    for (const value of values) {
      this.#set(this.#pointer, value)
      this.#step()
    }
    return true
  }

  read(length: number): Uint8Array | undefined {
    if (this.#deaf()) return undefined
    this.#advance()
    this.#registers.beginRead()
    const bytes = new Uint8Array(length)
    for (let at = 0; at < length; at += 1) {
      bytes[at] = this.#registers.read(this.#pointer) | this.#busyBit() | this.#gpioBit()
      this.#step()
    }
    return bytes
  }

  #deaf(): boolean {
    return this.#clock.now() - this.#poweredAt < UNACKNOWLEDGED_MS
  }

  #busyBit(): number {
    const busy = this.#pointer === reg.STATUS6 && this.#clock.now() - this.#poweredAt < BUSY_MS
    return busy ? reg.STATUS6_INT_BUSY : 0
  }

  #gpioBit(): number {
    if (this.#pointer !== reg.GPIO2) return 0
    const isInput = this.#registers.has(reg.GPIO2, reg.GPIO2_IN_EN)
    const released = this.#registers.has(reg.GPIO2, reg.GPIO2_OUT)
    return isInput && released && this.#gpioHigh ? reg.GPIO2_IN : 0
  }

  /** The pointer goes up with every byte, and from FDATA's high byte back to its low one. */
  #step(): void {
    this.#pointer = this.#pointer === 0xff ? 0xfe : this.#pointer + 1
  }

  #set(address: number, value: number): void {
    if (address === reg.ENABLE) {
      this.#enable(value)
      return
    }
    this.#registers.write(address, value)
    if (address === reg.CONFIG || address === reg.LED) {
      this.#converter.lamp(this.#registers.lampMa(), this.#clock.now())
    }
    if (address === reg.FD_STATUS && this.#flickering()) this.#flickerAt = this.#clock.now() + FLICKER_MS
  }

  #enable(value: number): void {
    const now = this.#clock.now()
    const wasMeasuring = this.#measuring()
    const wasFlickering = this.#flickering()
    // SMUXEN clears itself when the command is done, and not before.
    const running = this.#smuxDoneAt !== NEVER
    this.#registers.put(reg.ENABLE, running ? value | reg.ENABLE_SMUXEN : value)
    if ((value & reg.ENABLE_PON) === 0) {
      this.#sleep()
      return
    }
    if (!running && (value & reg.ENABLE_SMUXEN) !== 0) this.#smuxDoneAt = now + SMUX_MS
    if (this.#flickering() !== wasFlickering) this.#flickerAt = wasFlickering ? NEVER : now + FLICKER_MS
    if (this.#measuring() === wasMeasuring) return
    if (wasMeasuring) this.#stopMeasuring()
    else this.#startMeasuring(now)
  }

  #measuring(): boolean {
    return this.#powered() && this.#registers.has(reg.ENABLE, reg.ENABLE_SP_EN)
  }

  #flickering(): boolean {
    return this.#powered() && this.#registers.has(reg.ENABLE, reg.ENABLE_FDEN)
  }

  #powered(): boolean {
    return this.#registers.has(reg.ENABLE, reg.ENABLE_PON)
  }

  #sleep(): void {
    this.#registers.clear(reg.ENABLE, reg.ENABLE_SMUXEN)
    this.#smuxDoneAt = NEVER
    this.#flickerAt = NEVER
    this.#stopMeasuring()
  }

  /** Lets everything happen that was due by now, in the order in which it was due. */
  #advance(): void {
    const now = this.#clock.now()
    for (;;) {
      const cycleDue = this.#cycle?.end ?? this.#nextCycleAt
      const due = Math.min(this.#smuxDoneAt, this.#flickerAt, cycleDue)
      if (due > now) return
      if (due === this.#smuxDoneAt) this.#smuxDone(due)
      else if (due === this.#flickerAt) this.#flickerDone(due, now)
      else if (this.#cycle !== undefined) this.#cycleDone(this.#cycle, now)
      else this.#beginCycle(due)
    }
  }

  #smuxDone(at: number): void {
    this.#smuxDoneAt = NEVER
    const command = (this.#registers.value(reg.CFG6) >> reg.CFG6_SMUX_CMD_SHIFT) & 0x03
    if (command === 0) this.#chain.fill(0)
    else if (command === 1) this.#registers.staging().set(this.#chain)
    else if (command === 2) this.#chain.set(this.#registers.staging())
    this.#converter.connect(this.#chain, at)
    this.#registers.clear(reg.ENABLE, reg.ENABLE_SMUXEN)
    if (this.#registers.has(reg.CFG9, reg.CFG9_SIEN_SMUX)) this.#systemInterrupt(reg.STATUS5_SINT_SMUX)
  }

  /** It looks on and on, for as long as it is let; left alone it catches up with the last look. */
  #flickerDone(due: number, now: number): void {
    const at = due + FLICKER_MS * Math.floor((now - due) / FLICKER_MS)
    this.#flickerAt = at + FLICKER_MS
    const hz = this.#scene.flickerHz?.(at)
    this.#registers.put(reg.FD_STATUS, FD_VALID | (hz === 100 ? 0x01 : 0) | (hz === 120 ? 0x02 : 0))
    if (this.#registers.has(reg.CFG9, reg.CFG9_SIEN_FD)) this.#systemInterrupt(reg.STATUS5_SINT_FD)
  }

  #systemInterrupt(cause: number): void {
    this.#registers.raise(reg.STATUS5, cause)
    if (this.#registers.has(reg.INTENAB, reg.INTENAB_SIEN)) this.#registers.raise(reg.STATUS, reg.STATUS_SINT)
  }

  #startMeasuring(now: number): void {
    const flags = reg.STATUS2_AVALID | reg.STATUS2_ASAT_ANALOG | reg.STATUS2_ASAT_DIGITAL
    if (this.#fault !== 'frozen') this.#registers.clear(reg.STATUS2, flags)
    this.#outside = 0
    this.#nextIndex = 0
    this.#beginCycle(now)
  }

  #stopMeasuring(): void {
    this.#cycle = undefined
    this.#nextCycleAt = NEVER
    this.#converter.stop()
  }

  #beginCycle(begin: number): void {
    const index = this.#nextIndex
    this.#nextCycleAt = NEVER
    const steps = (this.#registers.value(reg.ATIME) + 1) * (this.#registers.word(reg.ASTEP) + 1)
    const integrationMs = (steps * STEP_US) / 1000
    const start = begin + (this.#autozeroDue(index) ? AUTOZERO_MS : 0)
    const gainCode = this.#registers.value(reg.CFG1) & 0x1f
    // Codes beyond 10 are invalid: what the silicon makes of them is not published.
    const gain = GAINS[gainCode] ?? GAINS.at(-1) ?? 0
    this.#cycle = { index, begin, end: start + integrationMs, gainCode }
    this.#converter.begin({ start, integrationMs, gain, fullScale: Math.min(0xffff, steps) })
  }

  #autozeroDue(index: number): boolean {
    const every = this.#registers.value(reg.AZ_CONFIG)
    if (every === reg.AZ_AT_START) return index === 0
    return every !== 0 && index % every === 0
  }

  #cycleDone(cycle: Cycle, now: number): void {
    if (this.#fault === undefined) this.#publish(cycle.gainCode)
    this.#cycle = undefined
    const next = Math.max(cycle.end, this.#waitUntil(cycle))
    const period = next - cycle.begin
    const skipped = Math.max(0, Math.floor((now - next) / period) - CATCH_UP_CYCLES)
    this.#nextIndex = cycle.index + 1 + skipped
    this.#nextCycleAt = next + skipped * period
  }

  /** Where the wait of WTIME, counted from the beginning of the cycle, ends. */
  #waitUntil(cycle: Cycle): number {
    if (!this.#registers.has(reg.ENABLE, reg.ENABLE_WEN)) return cycle.end
    const unit = this.#registers.has(reg.CFG0, reg.CFG0_WLONG) ? 16 * WAIT_STEP_MS : WAIT_STEP_MS
    const until = cycle.begin + (this.#registers.value(reg.WTIME) + 1) * unit
    if (until < cycle.end) this.#registers.raise(reg.STATUS6, reg.STATUS6_SP_TRIG)
    return until
  }

  #publish(gainCode: number): void {
    // The flicker engine borrows ADC5.
    const { counts, analogueSaturation, digitalSaturation } = this.#converter.finish(
      this.#flickering() ? ADC_COUNT - 1 : ADC_COUNT,
    )
    const saturated = analogueSaturation || digitalSaturation
    this.#registers.publish((saturated ? reg.ASTATUS_ASAT : 0) | (gainCode & reg.ASTATUS_AGAIN), counts)
    this.#registers.raise(reg.STATUS2, reg.STATUS2_AVALID)
    if (analogueSaturation) this.#registers.raise(reg.STATUS2, reg.STATUS2_ASAT_ANALOG)
    if (digitalSaturation) this.#registers.raise(reg.STATUS2, reg.STATUS2_ASAT_DIGITAL)
    if (saturated && this.#registers.has(reg.INTENAB, reg.INTENAB_ASIEN)) {
      this.#registers.raise(reg.STATUS, reg.STATUS_ASAT)
    }
    this.#compare(counts[this.#registers.value(reg.CFG12) & 0x07] ?? 0)
  }

  /** Thresholds: strictly outside, and as many times in a row as APERS asks. */
  #compare(count: number): void {
    const low = count < this.#registers.word(reg.SP_TH_L)
    const high = count > this.#registers.word(reg.SP_TH_H)
    this.#outside = low || high ? this.#outside + 1 : 0
    const persistence = PERSISTENCE[this.#registers.value(reg.PERS) & 0x0f] ?? 0
    if (!this.#registers.has(reg.INTENAB, reg.INTENAB_SP_IEN) || this.#outside < persistence) return
    this.#registers.raise(reg.STATUS, reg.STATUS_AINT)
    if (low) this.#registers.raise(reg.STATUS3, reg.STATUS3_INT_SP_L)
    if (high) this.#registers.raise(reg.STATUS3, reg.STATUS3_INT_SP_H)
  }
}
