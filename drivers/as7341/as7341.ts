import { BusError, type I2cBus } from '../bus.ts'
import type { Clock } from '../clock.ts'
import { SensorError } from '../sensor.ts'
import {
  decodeSpectrum,
  type Exposure,
  gainCode,
  HALF_LENGTH,
  integrationMs,
  type Spectrum,
} from './counts.ts'
import * as reg from './registers.ts'
import { chain, HIGH_HALF, LOW_HALF } from './smux.ts'

export interface As7341Options {
  /** 7-bit address; the chip has only this one. */
  readonly address?: number
  readonly exposure: Exposure
  /** Current of the lamp on the LDR pin while measuring, 4…258 mA in steps of 2; without it the pin is not driven. */
  readonly lampMa?: number
}

/** Autozero before the first conversion after SP_EN (DS fig. 23). */
const AUTOZERO_MS = 15
/** After power-up the chip acknowledges nothing for about 0.2 ms and is busy for another 0.1 ms. */
const WAKE_MS = 1
const WAKE_LIMIT_MS = 10
/** No duration is published for the SMUX command; public drivers see it done after their first millisecond. */
const SMUX_MS = 1
const SMUX_LIMIT_MS = 50
/** A white LED's driver and phosphor are steady well before; autozero follows and needs no light. */
const LAMP_SETTLE_MS = 2
/** Slack for the chip's oscillator, so that one poll is enough. */
const READY_SLACK_MS = 0.5
const POLL_MS = 1

/** With WEN = 0 the chip ignores WTIME, so it carries our mark: a chip that lost power in between reads 0 there. */
const MARK = 0xa5

const LOW_CHAIN = Uint8Array.of(reg.SMUX_RAM, ...chain(LOW_HALF))
const HIGH_CHAIN = Uint8Array.of(reg.SMUX_RAM, ...chain(HIGH_HALF))
const IDLE = Uint8Array.of(reg.ENABLE, reg.ENABLE_PON)
const SLEEP = Uint8Array.of(reg.ENABLE, 0)
const LOAD_CHAIN = Uint8Array.of(reg.ENABLE, reg.ENABLE_PON | reg.ENABLE_SMUXEN)
const MEASURE = Uint8Array.of(reg.ENABLE, reg.ENABLE_PON | reg.ENABLE_SP_EN)
const LOW_BANK = Uint8Array.of(reg.CFG0, reg.CFG0_REG_BANK)
const RAM_BANK = Uint8Array.of(reg.CFG0, 0)
const AT_ID = Uint8Array.of(reg.ID)
const AT_ENABLE = Uint8Array.of(reg.ENABLE)
const AT_STATUS6 = Uint8Array.of(reg.STATUS6)
const AT_STATUS2 = Uint8Array.of(reg.STATUS2)
const AT_ASTATUS = Uint8Array.of(reg.ASTATUS)

/**
 * The spectral chip: ten channels in two halves of six converters. It owns every register it writes, so nothing is
 * read back to be modified; between measurements the chip is idle and its lamp off.
 */
export class As7341 {
  readonly #bus: I2cBus
  readonly #clock: Clock
  readonly #address: number
  readonly #exposure: Exposure
  readonly #measuringTime: ReturnType<typeof measuringTime>
  readonly #gainCode: number
  /** LED register values for lamp on and off; undefined without a lamp. */
  readonly #lamp: { readonly on: Uint8Array; readonly off: Uint8Array } | undefined
  #measuring = false
  #last: Uint8Array | undefined

  private constructor(bus: I2cBus, clock: Clock, options: As7341Options) {
    this.#bus = bus
    this.#clock = clock
    this.#address = options.address ?? reg.ADDRESS
    this.#exposure = options.exposure
    this.#gainCode = gainCode(options.exposure.gain)
    this.#measuringTime = measuringTime(integrationMs(options.exposure.atime, options.exposure.astep))
    this.#lamp = options.lampMa === undefined ? undefined : lampRegister(options.lampMa)
  }

  /**
   * Checks that the chip is there and writes every register the driver relies on (there is no reset command).
   * @throws RangeError for an exposure or lamp current the chip has not
   * @throws SensorError `absent`, `wrong-chip`, `timeout`, `failed`
   */
  static async open(
    bus: I2cBus,
    clock: Clock,
    options: As7341Options,
    signal?: AbortSignal,
  ): Promise<As7341> {
    const chip = new As7341(bus, clock, options)
    await chip.#identify(signal)
    await chip.#configure()
    return chip
  }

  /**
   * Takes one spectrum, begun after `since`. One at a time. It lasts 2 × (integration + 15 ms) + about 6 ms.
   * @param since monotonic ms of the clock; one in the past asks for nothing, the light is always integrated anew
   * @throws SensorError `absent` or `failed` (open it anew), `timeout`, `frozen`, `corrupt`; the signal's reason
   */
  async measure(since: number, signal?: AbortSignal): Promise<Spectrum> {
    if (this.#measuring) throw new Error('as7341: a measurement is already running')
    this.#measuring = true
    try {
      const ahead = since - this.#clock.now()
      if (ahead > 0) await this.#clock.sleep(ahead, signal)
      return await this.#spectrum(signal)
    } finally {
      this.#measuring = false
    }
  }

  /** Lamp off, chip asleep. Call it when no measurement is running. @throws SensorError */
  async close(): Promise<void> {
    try {
      await this.#setLamp('off')
    } finally {
      await this.#write(SLEEP)
    }
  }

  async #identify(signal: AbortSignal | undefined): Promise<void> {
    const id = await this.#firstAnswer(signal)
    if ((id & reg.ID_MASK) !== reg.ID_AS7341) {
      throw new SensorError(
        'as7341',
        'wrong-chip',
        `unexpected chip id 0x${id.toString(16).padStart(2, '0')}`,
      )
    }
    const awake = async (): Promise<boolean> => {
      const [status6 = 0] = await this.#transfer(AT_STATUS6, 1)
      return (status6 & reg.STATUS6_INT_BUSY) === 0
    }
    await this.#until(awake, { what: 'wake up', firstMs: 0, limitMs: WAKE_LIMIT_MS }, signal)
  }

  /** The id; asks a second time, because a chip that just got power does not acknowledge at first. */
  async #firstAnswer(signal: AbortSignal | undefined): Promise<number> {
    let answer: Uint8Array
    try {
      answer = await this.#transfer(AT_ID, 1)
    } catch (error) {
      if (!(error instanceof SensorError && error.fault === 'absent')) throw error
      await this.#clock.sleep(WAKE_MS, signal)
      answer = await this.#transfer(AT_ID, 1)
    }
    return answer[0] ?? 0
  }

  async #configure(): Promise<void> {
    const { atime, astep } = this.#exposure
    await this.#write(SLEEP)
    await this.#write(LOW_BANK)
    if (this.#lamp !== undefined) await this.#write(this.#lamp.off)
    await this.#write(Uint8Array.of(reg.CONFIG, this.#lamp === undefined ? 0 : reg.CONFIG_LED_SEL))
    await this.#write(RAM_BANK)
    const settings = [
      [reg.ATIME, atime],
      [reg.ASTEP, astep & 0xff, astep >> 8],
      [reg.CFG1, this.#gainCode],
      [reg.WTIME, MARK],
      [reg.AZ_CONFIG, reg.AZ_AT_START],
      [reg.CFG6, reg.CFG6_RAM_TO_CHAIN],
      [reg.CFG8, reg.CFG8_RESET],
      [reg.CFG3, reg.CFG3_RESET],
      [reg.INTENAB, 0],
    ]
    for (const setting of settings) await this.#write(Uint8Array.from(setting))
    await this.#write(IDLE)
  }

  async #spectrum(signal: AbortSignal | undefined): Promise<Spectrum> {
    signal?.throwIfAborted()
    const raw = new Uint8Array(2 * HALF_LENGTH)
    let takenAt: number
    try {
      await this.#setLamp('on')
      raw.set(await this.#half(LOW_CHAIN, this.#lamp === undefined ? SMUX_MS : LAMP_SETTLE_MS, signal))
      raw.set(await this.#half(HIGH_CHAIN, SMUX_MS, signal), HALF_LENGTH)
      takenAt = this.#clock.now()
      if (this.#looksStale(raw)) await this.#proveFresh()
    } catch (error) {
      // A chip that lost power never finishes; its settings tell.
      if (error instanceof SensorError && error.fault === 'timeout') await this.#settings()
      throw error
    } finally {
      await this.#rest()
    }
    this.#last = raw
    const spectrum = decodeSpectrum(raw, this.#exposure, takenAt)
    if (spectrum.gain !== this.#exposure.gain) {
      throw new SensorError(
        'as7341',
        'failed',
        `it measured at gain ${spectrum.gain}, not ${this.#exposure.gain}`,
      )
    }
    return spectrum
  }

  /** Connects one half's photodiodes, integrates once, and reads status and counts: 7 transfers. */
  async #half(smuxChain: Uint8Array, settleMs: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
    // The SMUX may change only while nothing measures, not even what an interrupted measurement left running.
    await this.#write(IDLE)
    await this.#write(smuxChain)
    await this.#write(LOAD_CHAIN)
    const loading = { what: 'load its SMUX', firstMs: settleMs, limitMs: SMUX_LIMIT_MS }
    await this.#until(() => this.#chainLoaded(), loading, signal)
    // SP_EN going from 0 to 1 clears AVALID (reading the data does not): from here on it means this half.
    await this.#write(MEASURE)
    await this.#until(() => this.#valid(), this.#measuringTime, signal)
    // Reading ASTATUS latches the twelve data bytes behind it, so all must come in one transfer (DS §10.2.7).
    return this.#transfer(AT_ASTATUS, HALF_LENGTH)
  }

  async #chainLoaded(): Promise<boolean> {
    const [enable = 0] = await this.#settings()
    return (enable & reg.ENABLE_SMUXEN) === 0
  }

  /**
   * ENABLE…WTIME.
   * @throws SensorError when they are not what was written: `failed` where they are as after power-up, else `corrupt`
   */
  async #settings(): Promise<Uint8Array> {
    const settings = await this.#transfer(AT_ENABLE, 4)
    const atime = settings[reg.ATIME - reg.ENABLE]
    const mark = settings[reg.WTIME - reg.ENABLE]
    if (atime === this.#exposure.atime && mark === MARK) return settings
    if (atime === 0 && mark === 0) {
      throw new SensorError('as7341', 'failed', 'it forgot its settings: it lost power')
    }
    throw new SensorError('as7341', 'corrupt', `its settings read ${Buffer.from(settings).toString('hex')}`)
  }

  async #valid(): Promise<boolean> {
    const [status2 = 0] = await this.#transfer(AT_STATUS2, 1)
    return (status2 & reg.STATUS2_AVALID) !== 0
  }

  /** A stuck chip answers both halves alike, or all as the time before; so does a chip in the dark, or a steady light. */
  #looksStale(raw: Uint8Array): boolean {
    const halvesAlike = raw.subarray(0, HALF_LENGTH).every((byte, at) => byte === raw[HALF_LENGTH + at])
    return halvesAlike || (this.#last !== undefined && Buffer.compare(raw, this.#last) === 0)
  }

  /** Only a stuck chip calls a measurement valid before it can be. */
  async #proveFresh(): Promise<void> {
    await this.#write(IDLE)
    const begun = this.#clock.now()
    await this.#write(MEASURE)
    const valid = await this.#valid()
    if (valid && this.#clock.now() - begun < this.#measuringTime.integrationMs) {
      throw new SensorError('as7341', 'frozen', 'it delivers its last measurement again')
    }
  }

  async #rest(): Promise<void> {
    // The lamp first: a transfer that fails after it leaves no light on.
    await this.#setLamp('off')
    await this.#write(IDLE)
  }

  async #setLamp(to: 'on' | 'off'): Promise<void> {
    if (this.#lamp === undefined) return
    await this.#write(LOW_BANK)
    await this.#write(this.#lamp[to])
    await this.#write(RAM_BANK)
  }

  /** Waits, then asks every millisecond. @throws SensorError `timeout` */
  async #until(done: () => Promise<boolean>, wait: Wait, signal: AbortSignal | undefined): Promise<void> {
    const deadline = this.#clock.now() + wait.limitMs
    if (wait.firstMs > 0) await this.#clock.sleep(wait.firstMs, signal)
    while (!(await done())) {
      if (this.#clock.now() >= deadline) {
        throw new SensorError(
          'as7341',
          'timeout',
          `it did not ${wait.what} within ${Math.ceil(wait.limitMs)} ms`,
        )
      }
      await this.#clock.sleep(POLL_MS, signal)
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await this.#transfer(bytes, 0)
  }

  async #transfer(out: Uint8Array, length: number): Promise<Uint8Array> {
    try {
      return await this.#bus.transfer(this.#address, out, length)
    } catch (error) {
      throw error instanceof BusError ? sensorError(error) : error
    }
  }
}

/** One wait for the chip: sleep `firstMs`, then poll, until `limitMs` after the beginning. */
interface Wait {
  readonly what: string
  readonly firstMs: number
  readonly limitMs: number
}

function measuringTime(integrationMs: number): Wait & { readonly integrationMs: number } {
  const expectedMs = AUTOZERO_MS + integrationMs
  return {
    what: 'finish a measurement',
    integrationMs,
    firstMs: expectedMs + READY_SLACK_MS,
    limitMs: 1.2 * expectedMs + 20,
  }
}

function lampRegister(lampMa: number): { readonly on: Uint8Array; readonly off: Uint8Array } {
  const code = reg.ledCode(lampMa)
  return { on: Uint8Array.of(reg.LED, reg.LED_ACT | code), off: Uint8Array.of(reg.LED, code) }
}

function sensorError(error: BusError): SensorError {
  const gone = error.fault === 'no-acknowledge' || error.fault === 'no-bus'
  return new SensorError('as7341', gone ? 'absent' : 'failed', error.message, { cause: error })
}
