import type { LineError } from '../gpio.ts'

/** A register that counts encoder pulses, up and down, and runs over. */
export interface PulseCounter {
  /** From 0 to below `modulus`. @throws LineError */
  read(): bigint
  readonly modulus: bigint
}

/** What an encoder showed at a moment. */
export interface PulseSample {
  /** From 0 to below the source's modulus. */
  readonly count: bigint
  /** Monotonic ms. */
  readonly at: number
}

/** Who is told what a source of pulses shows. */
export interface PulseListener {
  sampled(sample: PulseSample): void
  /** It shows nothing until the next sample, whose count has nothing to do with the last one. */
  lost(error: LineError): void
}

/** Where pulses come from. */
export interface PulseSource {
  readonly modulus: bigint
  /** Tells samples until the returned function is called. @throws LineError */
  start(listener: PulseListener): Promise<() => Promise<void>>
}

/** How far the belt has moved, in pulses of its encoder, from an arbitrary origin; it falls when the belt runs backwards. */
export interface BeltPosition {
  /**
   * Where it is at a moment, monotonic ms: between what was seen by interpolation, after it by the speed last seen.
   * Undefined while the encoder is lost.
   */
  positionAt(at: number): number | undefined
  /**
   * Calls `act` once, never during this call: with true as soon as `positionAt(now + leadMs)` is `position` or more,
   * with false when the encoder is lost before.
   * @returns cancels it
   */
  when(position: number, leadMs: number, act: (reached: boolean) => void): () => void
}
