import type { I2cBus } from '../bus.ts'
import type { Clock } from '../clock.ts'
import { Link } from '../link.ts'
import { SensorError } from '../sensor.ts'
import { Chip, type Finished, LAMP_SETTLE_MS, SMUX_MS } from './chip.ts'
import {
  decodeHalf,
  decodeSpectrum,
  type Exposure,
  gainCode,
  HALF_LENGTH,
  type Half,
  halvesOf,
  integrationMs,
  isSaturated,
  SPECTRUM_LENGTH,
  type Spectrum,
} from './counts.ts'
import {
  EXPOSURE_LIMITS,
  type ExposureLimits,
  exposureAfterProbe,
  exposureFault,
  firstExposure,
  learntLimits,
  nextExposure,
  probeExposure,
} from './exposure.ts'
import { type Flicker, lookForFlicker } from './flicker.ts'
import { type GpioMode, gpioRegister } from './gpio.ts'
import * as reg from './registers.ts'
import { chain, HIGH_HALF, LOW_HALF, PROBE } from './smux.ts'
import type { Thresholds } from './thresholds.ts'
import { ThresholdWatch } from './watch.ts'

export interface As7341Options {
  /** 7-bit address; the chip has only this one. */
  readonly address?: number
  /** Fixed, or `auto`: chosen from what the spectra before it showed. */
  readonly exposure: Exposure | 'auto'
  /** What `auto` aims at; default EXPOSURE_LIMITS. */
  readonly limits?: ExposureLimits
  /** Current of the lamp on the LDR pin while measuring, 4…258 mA in steps of 2; without it the pin is not driven. */
  readonly lampMa?: number
}

const LOW_CHAIN = chain(LOW_HALF)
const HIGH_CHAIN = chain(HIGH_HALF)
const PROBE_CHAIN = chain(PROBE)

/** Automatic exposure: what the next spectrum is taken with, and what has been learnt of the limits. */
interface Automatic {
  exposure: Exposure
  limits: ExposureLimits
}

/**
 * The spectral chip: ten channels in two halves of six converters. Between measurements it is idle and its lamp off,
 * unless it watches thresholds.
 */
export class As7341 {
  readonly #link: Link
  readonly #chip: Chip
  readonly #automatic: Automatic | undefined
  #exposure: Exposure
  #busy: 'measurement' | 'flicker detection' | undefined
  /** Both halves of the last spectrum. */
  #last: Uint8Array | undefined
  #watch: ThresholdWatch | undefined

  private constructor(bus: I2cBus, clock: Clock, options: As7341Options) {
    const { exposure, limits = EXPOSURE_LIMITS, address = reg.ADDRESS, lampMa } = options
    this.#link = new Link(bus, clock, address, 'as7341')
    this.#exposure = exposure === 'auto' ? firstExposure(limits) : checked(exposure)
    this.#chip = new Chip(this.#link, this.#exposure, lampMa)
    this.#automatic = exposure === 'auto' ? { exposure: this.#exposure, limits } : undefined
  }

  /**
   * Checks that the chip is there and writes every register the driver relies on (there is no reset command).
   * @throws RangeError for an exposure, limits or a lamp current the chip has not
   * @throws SensorError `absent`, `wrong-chip`, `timeout`, `failed`
   */
  static async open(
    bus: I2cBus,
    clock: Clock,
    options: As7341Options,
    signal?: AbortSignal,
  ): Promise<As7341> {
    const sensor = new As7341(bus, clock, options)
    await sensor.#chip.identify(signal)
    await sensor.#chip.configure(sensor.#exposure)
    return sensor
  }

  /**
   * Takes one spectrum, begun after `since`. One at a time. It lasts 2 × (integration + 15 ms) + about 6 ms; with
   * automatic exposure once more where a channel saturates or starves and another exposure may help.
   * @param since monotonic ms of the clock; one in the past asks for nothing, the light is always integrated anew
   * @throws SensorError `absent` or `failed` (open it anew), `timeout`, `frozen`, `corrupt`; the signal's reason
   */
  measure(since: number, signal?: AbortSignal): Promise<Spectrum> {
    return this.#exclusively('measurement', async () => {
      await this.#link.waitFor(since, signal)
      return this.#automatic === undefined
        ? this.#spectrum('on', signal)
        : this.#exposed(this.#automatic, signal)
    })
  }

  /**
   * The same with the chip's own lamp held off, at the exposure of the last spectrum: what a dark reference is made
   * of. Other light is for the caller to keep away.
   */
  measureDark(since: number, signal?: AbortSignal): Promise<Spectrum> {
    return this.#exclusively('measurement', async () => {
      await this.#link.waitFor(since, signal)
      return this.#spectrum('off', signal)
    })
  }

  /**
   * Looks whether the light flickers, with the chip's lamp off; the filters are connected again after it. It lasts
   * 0.1 to 0.6 s.
   * @returns with a frequency absent where the chip came to no conclusion about it
   * @throws SensorError as `measure`
   */
  detectFlicker(signal?: AbortSignal): Promise<Flicker> {
    return this.#exclusively('flicker detection', async () => {
      signal?.throwIfAborted()
      await this.#chip.expose(this.#exposure)
      try {
        return await lookForFlicker(this.#link, this.#chip, signal)
      } catch (error) {
        throw await this.#explained(error)
      } finally {
        await this.#chip.connect(HIGH_CHAIN, SMUX_MS, undefined)
      }
    })
  }

  /**
   * Lets the chip measure on its own and compare one channel with two thresholds. Until the watch is closed nothing
   * else can be measured. The chip's lamp stays off: the light must be another's.
   * @throws RangeError for thresholds the chip has not, and without `exposure` where exposure is automatic
   * @throws SensorError `absent`, `timeout`, `failed`, `corrupt`
   */
  watch(thresholds: Thresholds, signal?: AbortSignal): Promise<ThresholdWatch> {
    return this.#exclusively('measurement', async () => {
      const exposure = this.#exposureOf(thresholds)
      const watch = new ThresholdWatch(this.#link, this.#chip, thresholds, exposure, () => {
        this.#watch = undefined
      })
      try {
        await watch.start(signal)
      } catch (error) {
        await watch.close()
        throw error
      }
      this.#watch = watch
      return watch
    })
  }

  /** Sets the chip's GPIO pin, an open drain. @throws SensorError `absent`, `failed` */
  async setGpio(mode: GpioMode): Promise<void> {
    await this.#chip.write(reg.GPIO2, gpioRegister(mode))
  }

  /** Level of the GPIO pin; false for one that is not an input. @throws SensorError `absent`, `failed` */
  async readGpio(): Promise<boolean> {
    const [gpio = 0] = await this.#chip.read(reg.GPIO2, 1)
    return (gpio & reg.GPIO2_IN) !== 0
  }

  /** Lamp off, chip asleep. Call it when no measurement is running. @throws SensorError */
  async close(): Promise<void> {
    try {
      await this.#watch?.close()
    } finally {
      await this.#chip.sleep()
    }
  }

  async #exclusively<T>(what: 'measurement' | 'flicker detection', work: () => Promise<T>): Promise<T> {
    if (this.#busy !== undefined) throw new Error(`as7341: a ${this.#busy} is already running`)
    if (this.#watch !== undefined) throw new Error('as7341: it watches thresholds, close that first')
    this.#busy = what
    try {
      return await work()
    } finally {
      this.#busy = undefined
    }
  }

  #exposureOf({ exposure }: Thresholds): Exposure {
    if (exposure !== undefined) return checked(exposure)
    if (this.#automatic === undefined) return this.#exposure
    throw new RangeError('thresholds are counts of one exposure: with automatic exposure, name it')
  }

  /** At most two tries; what the second shows is remembered for the next spectrum. */
  async #exposed(automatic: Automatic, signal: AbortSignal | undefined): Promise<Spectrum> {
    this.#exposure = automatic.exposure
    const first = await this.#spectrum('on', signal, automatic)
    if (first === undefined) return this.#adapting(automatic, signal)
    this.#adapt(automatic, first)
    const fault = exposureFault(first, automatic.limits)
    if (fault === undefined || automatic.exposure === this.#exposure) return first
    const second = await this.#adapting(automatic, signal)
    // The light may have jumped in between: then the dimmer of the two is the one to believe.
    return fault === 'starved' && exposureFault(second, automatic.limits) === 'saturated' ? first : second
  }

  async #adapting(automatic: Automatic, signal: AbortSignal | undefined): Promise<Spectrum> {
    this.#exposure = automatic.exposure
    const spectrum = await this.#spectrum('on', signal)
    this.#adapt(automatic, spectrum)
    return spectrum
  }

  #adapt(automatic: Automatic, spectrum: Spectrum): void {
    const halves = spectrum.raw === undefined ? [] : halvesOf(spectrum.raw, this.#exposure)
    automatic.limits = learntLimits(automatic.limits, halves, this.#exposure)
    automatic.exposure = nextExposure(spectrum, this.#exposure, automatic.limits)
  }

  #spectrum(lamp: 'on' | 'off', signal: AbortSignal | undefined): Promise<Spectrum>
  /** @returns undefined where a half saturated, and `automatic` knows better now */
  #spectrum(
    lamp: 'on' | 'off',
    signal: AbortSignal | undefined,
    automatic: Automatic,
  ): Promise<Spectrum | undefined>
  async #spectrum(
    lamp: 'on' | 'off',
    signal: AbortSignal | undefined,
    automatic?: Automatic,
  ): Promise<Spectrum | undefined> {
    const raw = new Uint8Array(SPECTRUM_LENGTH)
    let takenAt: number
    try {
      await this.#chip.expose(this.#exposure)
      await this.#chip.setLamp(lamp)
      for (const [at, smuxChain] of [LOW_CHAIN, HIGH_CHAIN].entries()) {
        const settleMs = at === 0 && this.#chip.lampMa !== undefined ? LAMP_SETTLE_MS : SMUX_MS
        const { half, status2 } = await this.#half(smuxChain, settleMs, signal)
        raw.set(half, at * HALF_LENGTH)
        raw[2 * HALF_LENGTH + at] = status2
        const seen = decodeHalf(half, this.#exposure, status2)
        if (automatic !== undefined && (await this.#probed(automatic, seen, signal))) return undefined
      }
      takenAt = this.#link.now()
      if (this.#looksStale(raw)) await this.#chip.proveFresh()
    } catch (error) {
      throw await this.#explained(error)
    } finally {
      await this.#chip.rest()
    }
    this.#last = raw.subarray(0, 2 * HALF_LENGTH)
    const spectrum = decodeSpectrum(raw, this.#exposure, takenAt)
    this.#checkGain(spectrum.gain, this.#exposure)
    const { lampMa } = this.#chip
    return lampMa === undefined ? spectrum : { ...spectrum, lampMa: lamp === 'on' ? lampMa : 0 }
  }

  /** A half that saturated does not say how bright the light is; a look at the lowest gain does, in its place. */
  async #probed(automatic: Automatic, seen: Half, signal: AbortSignal | undefined): Promise<boolean> {
    const { exposure } = automatic
    const probe = probeExposure(automatic.limits, exposure)
    if (!isSaturated(seen) || seen.gain !== exposure.gain || exposure.gain === probe.gain) return false
    await this.#chip.expose(probe)
    const { half, status2 } = await this.#half(PROBE_CHAIN, SMUX_MS, signal)
    const look = decodeHalf(half, probe, status2)
    this.#checkGain(look.gain, probe)
    automatic.limits = learntLimits(automatic.limits, [seen], exposure)
    automatic.exposure = exposureAfterProbe(look, probe, automatic.limits)
    return true
  }

  #checkGain(gain: number | undefined, exposure: Exposure): void {
    if (gain === exposure.gain) return
    throw this.#link.fault('failed', `it measured at gain ${gain}, not ${exposure.gain}`)
  }

  /** Connects one half's photodiodes, integrates once, and reads status and counts: 8 transfers. */
  async #half(smuxChain: Uint8Array, settleMs: number, signal: AbortSignal | undefined): Promise<Finished> {
    await this.#chip.connect(smuxChain, settleMs, signal)
    await this.#chip.start()
    return this.#chip.finish(signal)
  }

  /** A chip that lost power never finishes; its settings tell. */
  async #explained(error: unknown): Promise<unknown> {
    if (error instanceof SensorError && error.fault === 'timeout') await this.#chip.settings()
    return error
  }

  /** A stuck chip answers both halves alike, or all as the time before; so does a chip in the dark, or a steady light. */
  #looksStale(raw: Uint8Array): boolean {
    const halves = raw.subarray(0, 2 * HALF_LENGTH)
    const alike = Buffer.compare(halves.subarray(0, HALF_LENGTH), halves.subarray(HALF_LENGTH)) === 0
    return alike || (this.#last !== undefined && Buffer.compare(halves, this.#last) === 0)
  }
}

/** @throws RangeError for an exposure the chip has not */
function checked(exposure: Exposure): Exposure {
  gainCode(exposure.gain)
  integrationMs(exposure.atime, exposure.astep)
  return exposure
}
