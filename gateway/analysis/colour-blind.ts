import { type Channel, GAINS, type Spectrum } from '../../drivers/as7341/counts.ts'
import { GAIN_CORRECTIONS } from '../../drivers/as7341/light.ts'
import type { Fit } from './colour-fit.ts'
import type { SpectralPlan } from './spectrum.ts'

/** A channel that says nothing of this part, and why. */
export interface BlindChannel {
  readonly channel: Channel
  readonly reason: 'saturated' | 'starved' | 'sensor-absent'
}

/** A blind channel that says this many standard deviations of something else than the others is no victim of the lamp. */
const CONTRADICTION = 5

/** Counts that the chip gives in the dark, at this exposure. */
export function darkCounts(
  { gain, integrationMs }: Spectrum,
  { white }: SpectralPlan,
  channel: Channel,
): number {
  const dark = white?.reference.dark?.channels[channel]?.value
  if (dark === undefined || gain === undefined || integrationMs === undefined) return 0
  return (dark * gain * integrationMs) / (GAIN_CORRECTIONS[GAINS.indexOf(gain)] ?? 1)
}

/** The one that a person can do something about. */
export function worstOf(blind: readonly BlindChannel[]): BlindChannel['reason'] {
  const has = (reason: BlindChannel['reason']): boolean => blind.some((one) => one.reason === reason)
  if (has('saturated')) return 'saturated'
  return has('starved') ? 'starved' : 'sensor-absent'
}

/**
 * A blind channel still knows a little: one that saturated saw at least its count, one that starved about its count.
 * Where the others say otherwise the part has a colour of its own there, which nobody saw: no grade, rather than one
 * that leaves it out.
 */
export function contradicts(channel: Channel, spectrum: Spectrum, plan: SpectralPlan, fit: Fit): boolean {
  const count = spectrum.counts[channel]
  if (count === undefined) return false
  const { log, std } = fit.explained(plan.channels.indexOf(channel))
  const expected = Math.exp(log) + darkCounts(spectrum, plan, channel)
  const { noise, defects } = plan.recipe
  const scatter = Math.hypot(noise.counts, expected * std, expected * noise.relative)
  const tolerance = CONTRADICTION * scatter + expected * defects.discolouration.limit
  const saturated = spectrum.saturated.includes(channel)
  return saturated ? expected < count - tolerance : Math.abs(expected - count) > tolerance
}
