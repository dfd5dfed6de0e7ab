import type { OutputPlan } from './outputs.ts'

/** Start, stop, repeated start; nine clocks a byte; both addresses and the register (facts §10). */
function readBits(bytes: number): number {
  return 3 + 9 * (4 + bytes)
}

const READY_WORD_BYTES = 4

/**
 * How long one frame keeps the bus busy: it and one question for it. Pure. The limit of the wires alone; a host adds
 * its own gaps between transfers.
 * @param hz the bus's clock, e.g. 400 000
 * @returns ms
 */
export function busTimeMs(plan: Pick<OutputPlan, 'frameBytes'>, hz: number): number {
  return ((readBits(plan.frameBytes) + readBits(READY_WORD_BYTES)) * 1000) / hz
}

/**
 * Refuses what the bus cannot carry, before the chip is asked for it. Pure.
 * @param hz the bus's clock
 * @throws RangeError with the rate that it can carry
 */
export function checkBusTime(plan: Pick<OutputPlan, 'frameBytes'>, rateHz: number, hz: number): void {
  const ms = busTimeMs(plan, hz)
  const achievable = 1000 / ms
  if (achievable >= rateHz) return
  const cost = `a frame of ${plan.frameBytes} bytes takes ${ms.toFixed(1)} ms at ${hz / 1000} kHz`
  throw new RangeError(`rateHz ${rateHz}: ${cost}, at most ${achievable.toFixed(1)} Hz are achievable`)
}
