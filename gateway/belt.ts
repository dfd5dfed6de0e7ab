import type { Clock } from '../drivers/clock.ts'
import type { Gpio } from '../drivers/gpio.ts'
import { Encoder } from '../drivers/trigger/encoder.ts'
import type { BeltPosition, PulseSource } from '../drivers/trigger/position.ts'
import { countedPulses, polledPulses } from '../drivers/trigger/pulse-sources.ts'
import type { TriggerError } from '../drivers/trigger/trigger.ts'
import { type Backoff, backoffMs } from './backoff.ts'
import type { EncoderOptions } from './belt-options.ts'
import { lineSpec } from './line-options.ts'
import type { Log } from './log.ts'
import type { Unit, UnitStatus } from './station.ts'

export interface BeltOptions {
  readonly encoder: EncoderOptions
  readonly gpio: Gpio
  readonly clock: Clock
  readonly log: Log
  /** In [0, 1). */
  readonly random: () => number
  /** A part every so many pulses, where the encoder is the trigger. */
  readonly parts?: { readonly everyPulses: number; readonly part: (at: number) => void }
}

const BACKOFF: Backoff = { firstMs: 200, longestMs: 10_000 }

/**
 * Where the belt is. Its encoder is opened with backoff for as long as it takes; while it is away nobody knows, and the
 * gate rejects what it would have to time by it.
 */
export class Belt implements Unit, BeltPosition {
  readonly name = 'encoder'
  readonly #options: BeltOptions
  readonly #lifetime = new AbortController()
  #encoder: Encoder | undefined
  #trouble: string | undefined = 'not opened yet'
  #opening: Promise<void> = Promise.resolve()

  constructor(options: BeltOptions) {
    this.#options = options
  }

  start(): Promise<void> {
    this.#opening = this.#open()
    return Promise.resolve()
  }

  async stop(): Promise<void> {
    this.#lifetime.abort()
    await this.#opening
    const encoder = this.#encoder
    this.#encoder = undefined
    await encoder?.close()
  }

  positionAt(at: number): number | undefined {
    return this.#encoder?.positionAt(at)
  }

  when(position: number, leadMs: number, act: (reached: boolean) => void): () => void {
    return this.#encoder?.when(position, leadMs, act) ?? this.#options.clock.after(0, () => act(false))
  }

  status(): UnitStatus {
    const speed = this.#encoder?.mmPerS
    const facts = speed === undefined ? {} : { mm_per_s: Math.round(speed) }
    if (this.#trouble === undefined) return { state: 'ok', facts }
    return { state: 'failed', detail: this.#trouble, facts }
  }

  async #open(): Promise<void> {
    const { clock, random } = this.#options
    const { signal } = this.#lifetime
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        this.#encoder = await this.#encoderOf(await this.#source())
        this.#trouble = undefined
        return
      } catch (error) {
        this.#tell(error)
      }
      await clock.sleep(backoffMs(failures, BACKOFF, random), signal).catch(() => {})
    }
  }

  async #source(): Promise<PulseSource> {
    const { encoder, gpio, clock } = this.#options
    if (encoder.kind === 'line') return countedPulses(gpio, clock, lineSpec(encoder.line))
    const { openCounter } = await import('../drivers/linux/counter.ts')
    return polledPulses(await openCounter(encoder), clock)
  }

  #encoderOf(source: PulseSource): Promise<Encoder> {
    const { encoder, clock, parts } = this.#options
    return Encoder.open(source, clock, {
      mmPerPulse: encoder.mm_per_pulse,
      reversed: encoder.reversed,
      maxMmPerS: encoder.max_mm_per_s,
      standstillMs: encoder.standstill_ms,
      ...(parts === undefined ? {} : { parts }),
      trouble: (error) => this.#tell(error),
    })
  }

  /** Once for every trouble, and once when it is over. */
  #tell(error: TriggerError | unknown): void {
    const { log } = this.#options
    const trouble = error === undefined ? undefined : error instanceof Error ? error.message : String(error)
    if (trouble === this.#trouble) return
    this.#trouble = trouble
    if (trouble === undefined) log.info('encoder well again')
    else log.warn({ err: error }, 'encoder')
  }
}
