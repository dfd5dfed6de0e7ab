import type { Clock } from '../clock.ts'
import type { LineSpec } from '../gpio.ts'
import { everyInterval } from '../trigger/interval.ts'
import type { SimulatedGpio } from './gpio.ts'

export interface SimulatedBeltOptions {
  /** Time between two parts, ms. */
  readonly periodMs: number
  /** A light barrier that each part interrupts. */
  readonly barrier?: LineSpec
  /** An encoder's channel, and how many of its pulses lie between two parts. */
  readonly encoder?: { readonly line: LineSpec; readonly pulsesPerPart: number }
  /** Whether it moves now. */
  readonly moving: () => boolean
}

/** How much of its way a part covers the light barrier. */
const COVERED = 0.4
/** Timers know nothing finer than a millisecond: pulses closer than two of them come in twos and threes. */
const TICK_MS = 2

/** A belt whose parts interrupt a light barrier and whose shaft turns an encoder. */
export async function runSimulatedBelt(
  gpio: SimulatedGpio,
  clock: Clock,
  { periodMs, barrier, encoder, moving }: SimulatedBeltOptions,
  signal: AbortSignal,
): Promise<void> {
  let movedMs = 0
  let pulses = 0
  let at = clock.now()
  const drive = ({ activeLow = false, ...line }: LineSpec, active: boolean): void =>
    gpio.drive(line, active !== activeLow)
  const turn = (): void => {
    const now = clock.now()
    if (moving()) movedMs += now - at
    at = now
    const travelled = movedMs / periodMs
    if (barrier !== undefined) drive(barrier, travelled % 1 < COVERED && travelled >= 1)
    if (encoder === undefined) return
    for (; pulses < Math.floor(travelled * encoder.pulsesPerPart); pulses += 1) {
      drive(encoder.line, true)
      drive(encoder.line, false)
    }
  }
  // Nothing is in front of them yet: a wire that floats would have no level.
  if (barrier !== undefined) drive(barrier, false)
  if (encoder !== undefined) drive(encoder.line, false)
  await everyInterval(clock, TICK_MS, turn, signal)
}
