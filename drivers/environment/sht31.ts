import type { I2cBus } from '../bus.ts'
import type { Clock } from '../clock.ts'
import { Link } from '../link.ts'
import { SensorError } from '../sensor.ts'
import { CLIMATE_LIMITS, type Climate, type ClimateLimits, plausible } from './climate.ts'
import * as words from './sht31-words.ts'

export interface Sht31Options {
  /** 7-bit address: 0x44 (default), or 0x45 with ADDR high. */
  readonly address?: number
  /** Default CLIMATE_LIMITS. */
  readonly limits?: ClimateLimits
}

const ADDRESS = 0x44
/** After power-up and after a reset, at most 1.5 ms (§2.2). */
const WAKE_MS = 2
/** Between a command that reads and its answer (§4.1). */
const COMMAND_MS = 1
/** Twice the longest measurement; what takes longer does not come. */
const MEASURE_LIMIT_MS = 2 * words.MEASURE_MS
const NOTHING = new Uint8Array(0)

/** Temperature and humidity, one measurement at a time; between them the chip sleeps on its own. */
export class Sht31 {
  readonly #link: Link
  readonly #limits: ClimateLimits
  #serial = 0
  #measuring = false
  /** Until then the chip may be at work on a measurement that was let go, and acknowledges nothing. */
  #busyUntil = Number.NEGATIVE_INFINITY
  #last: Uint8Array | undefined

  private constructor(
    bus: I2cBus,
    clock: Clock,
    { address = ADDRESS, limits = CLIMATE_LIMITS }: Sht31Options,
  ) {
    this.#link = new Link(bus, clock, address, 'sht31')
    this.#limits = limits
  }

  /**
   * Resets the chip, heater and periodic measuring included, and reads who it is.
   * @throws SensorError `absent`, `wrong-chip` where what answers knows no checksums, `failed`
   */
  static async open(
    bus: I2cBus,
    clock: Clock,
    options: Sht31Options = {},
    signal?: AbortSignal,
  ): Promise<Sht31> {
    const sensor = new Sht31(bus, clock, options)
    await sensor.#reset(signal)
    try {
      await sensor.#identify(signal)
    } catch (error) {
      if (!(error instanceof SensorError && error.fault === 'corrupt')) throw error
      throw new SensorError('sht31', 'wrong-chip', `what answers is no SHT3x: ${error.message}`, {
        cause: error,
      })
    }
    await sensor.#command(words.CLEAR_STATUS)
    return sensor
  }

  /** 32 bits that Sensirion gives to each chip: a swapped one is another. */
  get serial(): number {
    return this.#serial
  }

  /**
   * Measures once, begun after `since`; it lasts 17 ms. One at a time.
   * @param since monotonic ms of the clock
   * @throws SensorError `absent`, `timeout`, `corrupt` (checksum, or nothing that air can be), `frozen`, `failed`
   * (lost power, heater on); the signal's reason
   */
  async measure(since: number, signal?: AbortSignal): Promise<Climate> {
    if (this.#measuring) throw new Error('sht31: a measurement is already running')
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

  /** A chip that just got power does not acknowledge at first, nor one at work on what somebody before us asked. */
  async #reset(signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#command(words.BREAK)
    } catch (error) {
      if (!isAbsent(error)) throw error
      await this.#link.sleep(words.MEASURE_MS, signal)
      await this.#command(words.BREAK)
    }
    await this.#link.sleep(COMMAND_MS, signal)
    await this.#command(words.SOFT_RESET)
    await this.#link.sleep(WAKE_MS, signal)
  }

  async #identify(signal: AbortSignal | undefined): Promise<void> {
    await this.#command(words.READ_SERIAL)
    await this.#link.sleep(COMMAND_MS, signal)
    const answer = await this.#link.read(NOTHING, 2 * words.WORD_LENGTH)
    const [high = 0, low = 0] = words.wordsOf(answer, 2)
    this.#serial = high * 0x10000 + low
    await this.#status()
  }

  async #climate(signal: AbortSignal | undefined): Promise<Climate> {
    await this.#begin()
    const raw = await this.#answer(signal)
    const climate = plausible(words.decodeSht31(raw, this.#link.now()), this.#limits)
    this.#checkStatus(await this.#status())
    if (this.#last !== undefined && Buffer.compare(raw, this.#last) === 0) await this.#proveFresh(signal)
    this.#last = raw
    return climate
  }

  async #begin(): Promise<void> {
    try {
      await this.#command(words.MEASURE)
    } finally {
      this.#busyUntil = this.#link.now() + words.MEASURE_MS
    }
  }

  /** A read before the end is not acknowledged, which an absent chip does not do either. */
  async #answer(signal: AbortSignal | undefined): Promise<Uint8Array> {
    let answer: Uint8Array | undefined
    const done = async (): Promise<boolean> => {
      answer = await this.#unlessBusy()
      return answer !== undefined
    }
    const wait = { what: 'finish a measurement', firstMs: words.MEASURE_MS, limitMs: MEASURE_LIMIT_MS }
    try {
      await this.#link.until(done, wait, signal)
    } catch (error) {
      if (error instanceof SensorError && error.fault === 'timeout') await this.#status()
      throw error
    }
    return answer ?? NOTHING
  }

  async #unlessBusy(): Promise<Uint8Array | undefined> {
    try {
      return await this.#link.read(NOTHING, words.MEASUREMENT_LENGTH)
    } catch (error) {
      if (isAbsent(error)) return undefined
      throw error
    }
  }

  async #status(): Promise<number> {
    const answer = await this.#link.read(words.commandBytes(words.READ_STATUS), words.WORD_LENGTH)
    const [status = 0] = words.wordsOf(answer, 1)
    return status
  }

  #checkStatus(status: number): void {
    if ((status & words.STATUS_RESET) !== 0) throw this.#link.fault('failed', 'it was reset: it lost power')
    if ((status & words.STATUS_HEATER) !== 0) throw this.#link.fault('failed', 'its heater is on')
    const refused = words.STATUS_COMMAND_FAILED | words.STATUS_CHECKSUM_FAILED
    if ((status & refused) !== 0) {
      throw this.#link.fault(
        'corrupt',
        `it refused a command, status 0x${status.toString(16).padStart(4, '0')}`,
      )
    }
  }

  /** The same 32 bits again are rare in real air: only a stuck chip answers before it can have measured. */
  async #proveFresh(signal: AbortSignal | undefined): Promise<void> {
    await this.#begin()
    if ((await this.#unlessBusy()) !== undefined) {
      throw this.#link.fault('frozen', 'it delivers its last measurement again')
    }
    await this.#answer(signal)
  }

  async #command(command: number): Promise<void> {
    await this.#link.write(words.commandBytes(command))
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof SensorError && error.fault === 'absent'
}
