import type { Clock } from '../clock.ts'
import type { BeltPosition, PulseSample, PulseSource } from './position.ts'
import { Track } from './track.ts'
import { TriggerError } from './trigger.ts'

export interface EncoderOptions {
  /** Way of the belt between two pulses, as the source counts them (four a line for quadrature x4), mm. */
  readonly mmPerPulse: number
  /** The counter falls while the belt moves forward. Default false. */
  readonly reversed?: boolean
  /** The belt is never faster, mm/s. Default 5000. */
  readonly maxMmPerS?: number
  /** Without a pulse for this long the belt stands, ms. Default 500. */
  readonly standstillMs?: number
  /** The encoder as a trigger. */
  readonly parts?: {
    /** A part every so many pulses forward. */
    readonly everyPulses: number
    /** @param at monotonic ms, interpolated */
    readonly part: (at: number) => void
  }
  /** Told when positions cannot be trusted, and with undefined when they can again. */
  readonly trouble?: (error: TriggerError | undefined) => void
}

interface Wait {
  readonly position: number
  readonly leadMs: number
  readonly act: (reached: boolean) => void
}

/** The belt's encoder: where the belt is, how fast, and a trigger every so many pulses. */
export class Encoder implements BeltPosition {
  readonly #clock: Clock
  readonly #options: EncoderOptions
  readonly #track: Track
  #waits: Wait[] = []
  #nextPart: number
  #lost = false
  #stop: () => Promise<void> = () => Promise.resolve()
  #cancel = (): void => {}

  private constructor(clock: Clock, modulus: bigint, options: EncoderOptions) {
    const { mmPerPulse, reversed = false, maxMmPerS = 5000, standstillMs = 500, parts } = options
    this.#clock = clock
    this.#options = options
    this.#track = new Track({ modulus, reversed, maxPulsesPerS: maxMmPerS / mmPerPulse, standstillMs })
    this.#nextPart = parts?.everyPulses ?? Number.POSITIVE_INFINITY
  }

  /** @throws RangeError for options that no belt has @throws LineError when the source cannot be had */
  static async open(source: PulseSource, clock: Clock, options: EncoderOptions): Promise<Encoder> {
    const { mmPerPulse, maxMmPerS, standstillMs, parts } = options
    const everyPulses = parts?.everyPulses
    for (const [name, value] of Object.entries({ mmPerPulse, maxMmPerS, standstillMs, everyPulses })) {
      if (value !== undefined && !(value > 0 && Number.isFinite(value))) {
        throw new RangeError(`${name}: expected more than 0, not ${value}`)
      }
    }
    const encoder = new Encoder(clock, source.modulus, options)
    encoder.#stop = await source.start({
      sampled: (sample) => encoder.#sampled(sample),
      lost: (error) => encoder.#lose(new TriggerError('lost', error.message, { cause: error })),
    })
    return encoder
  }

  /** Belt speed, mm/s; negative backwards, 0 while it stands, undefined while the encoder is lost. */
  get mmPerS(): number | undefined {
    if (this.#lost) return undefined
    return this.#track.speed(this.#clock.now()) * this.#options.mmPerPulse * 1000
  }

  positionAt(at: number): number | undefined {
    return this.#lost ? undefined : this.#track.positionAt(at, this.#clock.now())
  }

  when(position: number, leadMs: number, act: (reached: boolean) => void): () => void {
    const wait = { position, leadMs, act }
    this.#waits.push(wait)
    const cancel = this.#clock.after(0, () => this.#serve())
    return () => {
      cancel()
      this.#waits = this.#waits.filter((other) => other !== wait)
    }
  }

  /** Whoever waits is told that the belt is lost. */
  async close(): Promise<void> {
    await this.#stop()
    this.#lost = true
    this.#serve()
  }

  #sampled({ count, at }: PulseSample): void {
    const { trouble } = this.#options
    const first = this.#lost
    this.#lost = false
    const before = this.#track.position
    if (!this.#track.sample(count, at)) {
      this.#lose(new TriggerError('jumped', `the encoder jumped at count ${count}`))
      return
    }
    if (first) trouble?.(undefined)
    this.#tellParts(before)
    this.#serve()
  }

  /** A belt that runs back and forth over one place has one part there. */
  #tellParts(before: number): void {
    const { parts } = this.#options
    while (parts !== undefined && before < this.#track.position && this.#nextPart <= this.#track.position) {
      const at = this.#track.passedAt(this.#nextPart)
      this.#nextPart += parts.everyPulses
      parts.part(at)
    }
  }

  #lose(error: TriggerError): void {
    const { trouble, parts } = this.#options
    const known = this.#lost
    this.#lost = true
    this.#track.restart()
    if (parts !== undefined) this.#nextPart = this.#track.position + parts.everyPulses
    if (!known) trouble?.(error)
    this.#serve()
  }

  /** Calls whoever's position is reached, and comes back by itself when the next one will be, if the belt goes on like this. */
  #serve(): void {
    const now = this.#clock.now()
    const due = this.#waits.filter((wait) => this.#missing(wait, now) <= 0)
    this.#waits = this.#waits.filter((wait) => !due.includes(wait))
    const lost = this.#lost
    for (const wait of due) wait.act(!lost)
    this.#cancel()
    const speed = this.#track.speed(now)
    if (speed <= 0 || this.#waits.length === 0) return
    const nearest = Math.min(...this.#waits.map((wait) => this.#missing(wait, now)))
    // A sample that comes before sets it anew; a question at that very moment might be a moment too early.
    this.#cancel = this.#clock.after(Math.max(1, nearest / speed), () => this.#serve())
  }

  /** Pulses until a wait is over; 0 or less when it is. */
  #missing({ position, leadMs }: Wait, now: number): number {
    if (this.#lost) return 0
    const here = this.#track.positionAt(now + leadMs, now)
    return here === undefined ? Number.POSITIVE_INFINITY : position - here
  }
}
