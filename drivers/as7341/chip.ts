import type { Link, Wait } from '../link.ts'
import { SensorError } from '../sensor.ts'
import {
  type Exposure,
  gainCode,
  HALF_LENGTH,
  type Integration,
  integrationMs,
  sameExposure,
} from './counts.ts'
import * as reg from './registers.ts'

/** Autozero before the first conversion after SP_EN (DS fig. 23). */
const AUTOZERO_MS = 15
/** After power-up the chip acknowledges nothing for about 0.2 ms and is busy for another 0.1 ms. */
const WAKE_MS = 1
const WAKE_LIMIT_MS = 10
/** No duration is published for the SMUX command; public drivers see it done after their first millisecond. */
export const SMUX_MS = 1
const SMUX_LIMIT_MS = 50
/** A white LED's driver and phosphor are steady well before; autozero follows and needs no light. */
export const LAMP_SETTLE_MS = 2
/** A lamp that burns on spoils products and itself: what fails to switch it off is tried again, and still reported. */
const LAMP_OFF_MS = 15
const LAMP_OFF_PAUSE_MS = 1
/** Slack for the chip's oscillator, so that one poll is enough. */
const READY_SLACK_MS = 0.5

/** With WEN = 0 the chip ignores WTIME, so it carries our mark: a chip that lost power in between reads 0 there. */
const MARK = 0xa5
/** Two integrations, less what an oscillator may be fast: before that only one conversion is over, autozero or not. */
const SURELY_ONE = 1.9
/** ENABLE…WTIME. */
const SETTINGS_LENGTH = 4
/** ENABLE…CH5_DATA: settings and counts. */
const REPORT_LENGTH = reg.CH5_DATA_H - reg.ENABLE + 1

const IDLE = Uint8Array.of(reg.ENABLE, reg.ENABLE_PON)
const SLEEP = Uint8Array.of(reg.ENABLE, 0)
const LOAD_CHAIN = Uint8Array.of(reg.ENABLE, reg.ENABLE_PON | reg.ENABLE_SMUXEN)
const CONVERT = Uint8Array.of(reg.ENABLE, reg.ENABLE_PON | reg.ENABLE_SP_EN)
const LOW_BANK = Uint8Array.of(reg.CFG0, reg.CFG0_REG_BANK)
const RAM_BANK = Uint8Array.of(reg.CFG0, 0)
const AT_ID = Uint8Array.of(reg.ID)
const AT_ENABLE = Uint8Array.of(reg.ENABLE)
const AT_STATUS6 = Uint8Array.of(reg.STATUS6)
const AT_STATUS2 = Uint8Array.of(reg.STATUS2)
const AT_ASTATUS = Uint8Array.of(reg.ASTATUS)
const AT_ASTEP = Uint8Array.of(reg.ASTEP)

/** What one conversion gave. */
export interface Finished {
  /** ASTATUS and six counts, `HALF_LENGTH` bytes. */
  readonly half: Uint8Array
  /** STATUS2 as it said that they are valid: which way they saturated. */
  readonly status2: number
}

/**
 * The chip, step by step: what measurements are made of. It owns every register it writes, so nothing is read back to
 * be modified. Its faults are SensorErrors: `absent`, `failed`, and those that a method names.
 */
export class Chip {
  readonly #link: Link
  readonly #lamp: Lamp | undefined
  /** What is written in the chip; undefined while it is being changed, and after that failed. */
  #exposure: Exposure | undefined
  #conversion: Conversion

  /**
   * @param exposure what `configure` will write
   * @param lampMa current of the lamp, 4…258 mA; without it the LDR pin is not driven
   * @throws RangeError for a current that the chip has not
   */
  constructor(link: Link, exposure: Exposure, lampMa: number | undefined) {
    this.#link = link
    this.#conversion = conversionOf(exposure)
    this.#lamp = lampMa === undefined ? undefined : lampOf(lampMa)
  }

  /** The current that the lamp really draws, mA; undefined without one. */
  get lampMa(): number | undefined {
    return this.#lamp?.ma
  }

  get integrationMs(): number {
    return this.#conversion.integrationMs
  }

  /** A chip that measures is done this long after SP_EN, whatever its oscillator. */
  get conversionLimitMs(): number {
    return this.#conversion.limitMs
  }

  /** Makes sure that it is there, and awake. @throws SensorError `wrong-chip`, `timeout` */
  async identify(signal: AbortSignal | undefined): Promise<void> {
    const id = await this.#firstAnswer(signal)
    if ((id & reg.ID_MASK) !== reg.ID_AS7341) {
      throw this.#link.fault('wrong-chip', `unexpected chip id 0x${id.toString(16).padStart(2, '0')}`)
    }
    const awake = async (): Promise<boolean> => {
      const [status6 = 0] = await this.#link.read(AT_STATUS6, 1)
      return (status6 & reg.STATUS6_INT_BUSY) === 0
    }
    await this.#link.until(awake, { what: 'wake up', firstMs: 0, limitMs: WAKE_LIMIT_MS }, signal)
  }

  /** The id; asks a second time, because a chip that just got power does not acknowledge at first. */
  async #firstAnswer(signal: AbortSignal | undefined): Promise<number> {
    let answer: Uint8Array
    try {
      answer = await this.#link.read(AT_ID, 1)
    } catch (error) {
      if (!(error instanceof SensorError && error.fault === 'absent')) throw error
      await this.#link.sleep(WAKE_MS, signal)
      answer = await this.#link.read(AT_ID, 1)
    }
    return answer[0] ?? 0
  }

  /** Writes every register that measuring relies on (there is no reset command); idle and dark after it. */
  async configure(exposure: Exposure): Promise<void> {
    await this.#link.write(SLEEP)
    await this.#link.write(LOW_BANK)
    if (this.#lamp !== undefined) await this.#link.write(this.#lamp.off)
    await this.write(reg.CONFIG, this.#lamp === undefined ? 0 : reg.CONFIG_LED_SEL)
    await this.#link.write(RAM_BANK)
    await this.#writeExposure(exposure)
    await this.write(reg.WTIME, MARK)
    await this.write(reg.AZ_CONFIG, reg.AZ_AT_START)
    await this.write(reg.CFG6, reg.CFG6_RAM_TO_CHAIN)
    await this.write(reg.CFG8, reg.CFG8_RESET)
    await this.write(reg.CFG3, reg.CFG3_RESET)
    await this.write(reg.INTENAB, 0)
    await this.idle()
  }

  /** Changes gain and integration where they differ from what the chip holds. */
  async expose(exposure: Exposure): Promise<void> {
    if (this.#exposure !== undefined && sameExposure(exposure, this.#exposure)) return
    await this.idle()
    await this.#writeExposure(exposure)
  }

  async #writeExposure(exposure: Exposure): Promise<void> {
    const { atime, astep, gain } = exposure
    this.#exposure = undefined
    await this.write(reg.ATIME, atime)
    await this.write(reg.ASTEP, astep & 0xff, astep >> 8)
    await this.write(reg.CFG1, gainCode(gain))
    // ATIME is read with each SMUX command, the gain with each ASTATUS; a spoilt ASTEP would never show.
    const [low = 0, high = 0] = await this.#link.read(AT_ASTEP, 2)
    if ((low | (high << 8)) !== astep) {
      throw this.#link.fault('corrupt', `ASTEP reads ${low | (high << 8)}, not ${astep}`)
    }
    this.#exposure = exposure
    this.#conversion = conversionOf(exposure)
  }

  /**
   * Connects photodiodes to converters; idle after it.
   * @param smuxChain the 20 bytes for the chain
   * @param settleMs wait before the first look
   * @throws SensorError `timeout`, and what `settings` throws
   */
  async connect(smuxChain: Uint8Array, settleMs: number, signal: AbortSignal | undefined): Promise<void> {
    // The SMUX may change only while nothing measures, not even what an interrupted measurement left running.
    await this.idle()
    await this.write(reg.SMUX_RAM, ...smuxChain)
    await this.#link.write(LOAD_CHAIN)
    const loading = { what: 'load its SMUX', firstMs: settleMs, limitMs: SMUX_LIMIT_MS }
    await this.#link.until(() => this.#chainLoaded(), loading, signal)
  }

  async #chainLoaded(): Promise<boolean> {
    const [enable = 0] = await this.settings()
    return (enable & reg.ENABLE_SMUXEN) === 0
  }

  /**
   * ENABLE, and registers behind it.
   * @param length how many, at least the four that prove that the chip still has its settings
   * @throws SensorError when they are not what was written: `failed` where they are as after power-up, else `corrupt`
   */
  async settings(length = SETTINGS_LENGTH): Promise<Uint8Array> {
    const block = await this.#link.read(AT_ENABLE, length)
    const atime = block[reg.ATIME - reg.ENABLE]
    const mark = block[reg.WTIME - reg.ENABLE]
    if (atime === this.#exposure?.atime && mark === MARK) return block
    if (atime === 0 && mark === 0) {
      throw this.#link.fault('failed', 'it forgot its settings: it lost power')
    }
    const found = Buffer.from(block.subarray(0, SETTINGS_LENGTH)).toString('hex')
    throw this.#link.fault('corrupt', `its settings read ${found}`)
  }

  /** SP_EN going from 0 to 1 clears AVALID (reading the data does not): from here on it means this conversion. */
  async start(): Promise<void> {
    await this.#link.write(CONVERT)
  }

  /**
   * Waits for the conversion, then reads status and counts: once in a burst of their own, once with the settings, since
   * nothing on these wires has a checksum.
   * @throws SensorError `timeout`, `corrupt` where the second look differs, and what `settings` throws
   */
  async finish(signal: AbortSignal | undefined): Promise<Finished> {
    const begun = this.#link.now()
    let status2 = 0
    const valid = async (): Promise<boolean> => {
      status2 = await this.#status2()
      return (status2 & reg.STATUS2_AVALID) !== 0
    }
    await this.#link.until(valid, this.#conversion, signal)
    // Reading ASTATUS latches the twelve data bytes behind it, so all must come in one transfer (DS §10.2.7).
    const half = await this.#link.read(AT_ASTATUS, HALF_LENGTH)
    const again = (await this.settings(REPORT_LENGTH)).subarray(reg.ASTATUS - reg.ENABLE)
    // It measures on meanwhile: both are the same as long as a second conversion cannot be over.
    const alone = this.#link.now() - begun < SURELY_ONE * this.#conversion.integrationMs
    if (alone && Buffer.compare(half, again) !== 0) {
      throw this.#link.fault('corrupt', 'it reads differently the second time')
    }
    return { half, status2 }
  }

  async #status2(): Promise<number> {
    const [status2 = 0] = await this.#link.read(AT_STATUS2, 1)
    return status2
  }

  /** Only a stuck chip calls a measurement valid before it can be. @throws SensorError `frozen` */
  async proveFresh(): Promise<void> {
    await this.idle()
    const begun = this.#link.now()
    await this.start()
    const valid = ((await this.#status2()) & reg.STATUS2_AVALID) !== 0
    if (valid && this.#link.now() - begun < this.#conversion.integrationMs) {
      throw this.#link.fault('frozen', 'it delivers its last measurement again')
    }
  }

  async setLamp(to: 'on' | 'off'): Promise<void> {
    if (this.#lamp === undefined) return
    await this.#link.write(LOW_BANK)
    await this.#link.write(this.#lamp[to])
    await this.#link.write(RAM_BANK)
  }

  /** Awake, nothing under way. */
  async idle(): Promise<void> {
    await this.#link.write(IDLE)
  }

  /** Lamp off and idle, the one even where the other fails. */
  async rest(): Promise<void> {
    try {
      await this.#darken()
    } finally {
      await this.idle()
    }
  }

  /** Lamp off and asleep, the one even where the other fails. */
  async sleep(): Promise<void> {
    try {
      await this.#darken()
    } finally {
      await this.#link.write(SLEEP)
    }
  }

  /**
   * Switches the lamp off; a fault on the way is thrown once it is, or once that was tried for long enough: on a bus that
   * is stuck the first try takes longer than that.
   */
  async #darken(): Promise<void> {
    const until = this.#link.now() + LAMP_OFF_MS
    let fault: unknown
    for (let pauseMs = LAMP_OFF_PAUSE_MS; ; pauseMs *= 2) {
      try {
        await this.setLamp('off')
        break
      } catch (error) {
        fault ??= error
      }
      if (this.#link.now() + pauseMs > until) break
      await this.#link.sleep(pauseMs)
    }
    if (fault !== undefined) throw fault
  }

  async write(register: number, ...values: readonly number[]): Promise<void> {
    await this.#link.write(Uint8Array.of(register, ...values))
  }

  async read(register: number, length: number): Promise<Uint8Array> {
    return await this.#link.read(Uint8Array.of(register), length)
  }
}

interface Lamp {
  readonly ma: number
  /** LED register values. */
  readonly on: Uint8Array
  readonly off: Uint8Array
}

function lampOf(lampMa: number): Lamp {
  const code = reg.ledCode(lampMa)
  return {
    ma: reg.lampMaOf(code),
    on: Uint8Array.of(reg.LED, reg.LED_ACT | code),
    off: Uint8Array.of(reg.LED, code),
  }
}

/** The wait for one conversion. */
interface Conversion extends Wait {
  readonly integrationMs: number
}

function conversionOf({ atime, astep }: Integration): Conversion {
  const ms = integrationMs(atime, astep)
  const expectedMs = AUTOZERO_MS + ms
  return {
    what: 'finish a measurement',
    integrationMs: ms,
    firstMs: expectedMs + READY_SLACK_MS,
    limitMs: 1.2 * expectedMs + 20,
  }
}
