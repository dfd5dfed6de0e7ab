import {
  CHANNELS,
  type Channel,
  decodeHalf,
  type Exposure,
  fullScale,
  GAINS,
  HALF_LENGTH,
  type Integration,
  integrationMs,
  type Spectrum,
  sameExposure,
} from './counts.ts'

/** What automatic exposure aims at. Shares are of full scale, and of the brightest converter. */
export interface ExposureLimits {
  /** More, and the next spectrum is taken at less. */
  readonly most: number
  /** A new gain brings the brightest to at most this; gains double, so to more than half of it. */
  readonly aim: number
  /** Less, and the next spectrum is taken at more; below half of `aim`, or the gain would hunt. */
  readonly least: number
  /** A channel with fewer counts starves: one count of 100 is 1 % of it. */
  readonly leastCounts: number
  /** Channels that are not to starve. */
  readonly channels: readonly Channel[]
  /** What may be chosen from, shortest first. */
  readonly integrations: readonly Integration[]
}

/**
 * Integrates for 50 or 100 ms: whole periods of light that flickers at 100 and at 120 Hz. Of the brightest channel's
 * range a tenth to 85 % is left alone.
 */
export const EXPOSURE_LIMITS: ExposureLimits = {
  most: 0.85,
  aim: 0.6,
  least: 0.1,
  leastCounts: 100,
  channels: CHANNELS,
  integrations: [
    { atime: 29, astep: 599 },
    { atime: 59, astep: 599 },
  ],
}

/** In the middle of the eleven gains: whatever the light, one try tells which way to go. */
const FIRST_GAIN = 16
const LOWEST_GAIN = 0.5
/** How bright a saturated filter is taken to be, times full scale: it means four gains less. */
const ASSUMED_EXCESS = 8
/** The analogue front end does not say by how much: two gains less. */
const ANALOGUE_STEP = 4
/** Where the front end saturated, `most` is this share of what was reached, but never below `LEAST_MOST`. */
const ANALOGUE_MARGIN = 0.8
const LEAST_MOST = 0.05
/** An integration is chosen to bring this many times `leastCounts`, so that a little less light changes nothing. */
const COUNTS_MARGIN = 1.5

/**
 * What `auto` begins with.
 * @throws RangeError for limits that contradict themselves
 */
export function firstExposure(limits: ExposureLimits): Exposure {
  const { most, aim, least, integrations } = limits
  const [shortest] = integrations
  if (shortest === undefined) throw new RangeError('automatic exposure needs an integration to choose')
  if (!(most <= 1 && aim < most && least < aim / 2 && least >= 0)) {
    throw new RangeError(`exposure limits ${least} < ${aim} / 2, ${aim} < ${most} ≤ 1 do not hold`)
  }
  let last = 0
  for (const { atime, astep } of integrations) {
    const ms = integrationMs(atime, astep)
    if (ms <= last) throw new RangeError('integrations of automatic exposure must rise')
    last = ms
  }
  return { ...shortest, gain: FIRST_GAIN }
}

/** Why a spectrum should be taken again at another exposure. */
export function exposureFault(
  spectrum: Spectrum,
  limits: ExposureLimits = EXPOSURE_LIMITS,
): 'saturated' | 'starved' | undefined {
  if (spectrum.saturated.length > 0) return 'saturated'
  return dimmest(spectrum, limits.channels) < limits.leastCounts ? 'starved' : undefined
}

/**
 * The exposure for the next spectrum of such light, both halves at one gain. Up to 182 ms a longer integration raises
 * full scale with the counts, so brightness sets the gain alone, and the dimmest channel the time.
 * @param exposure what `spectrum` was taken with
 * @returns `exposure` itself where nothing is to change, or nothing can
 */
export function nextExposure(
  spectrum: Spectrum,
  exposure: Exposure,
  limits: ExposureLimits = EXPOSURE_LIMITS,
): Exposure {
  const gain = nextGain(spectrum, exposure, limits)
  const { atime, astep } = nextIntegration(spectrum, exposure, gain, limits)
  const next = { atime, astep, gain }
  return sameExposure(next, exposure) ? exposure : next
}

function nextGain(spectrum: Spectrum, exposure: Exposure, limits: ExposureLimits): number {
  const fault = exposureFault(spectrum, limits)
  const share = assumedShare(spectrum, exposure)
  const best = highestGain(share / exposure.gain, limits.aim)
  if (fault === 'saturated') {
    const most = saturatesBelowFullScale(spectrum, exposure) ? exposure.gain / ANALOGUE_STEP : exposure.gain
    return Math.max(LOWEST_GAIN, Math.min(best, most))
  }
  if (share > limits.most || share < limits.least) return best
  return fault === 'starved' ? Math.max(best, exposure.gain) : exposure.gain
}

/** The highest gain that keeps a share (at gain 1) within `aim`; the lowest there is where none does. */
function highestGain(shareAtOne: number, aim: number): number {
  return GAINS.findLast((gain) => shareAtOne * gain <= aim) ?? LOWEST_GAIN
}

function nextIntegration(
  spectrum: Spectrum,
  exposure: Exposure,
  gain: number,
  limits: ExposureLimits,
): Integration {
  const { leastCounts, most, integrations } = limits
  const ms = msOf(exposure)
  const brightness = gain / exposure.gain
  const counts = dimmest(spectrum, limits.channels) * brightness
  const brightest = assumedShare(spectrum, exposure) * brightness * fullScaleOf(exposure)
  const fits = (one: Integration): boolean => (brightest * msOf(one)) / ms <= most * fullScaleOf(one)
  const enough = (one: Integration): boolean => (counts * msOf(one)) / ms >= COUNTS_MARGIN * leastCounts
  const possible = integrations.filter(fits)
  const chosen = possible.find(enough) ?? possible.at(-1)
  if (chosen === undefined) return exposure
  if (!fits(exposure)) return chosen
  if (counts < leastCounts) return msOf(chosen) > ms ? chosen : exposure
  return msOf(chosen) < ms && enough(chosen) ? chosen : exposure
}

/**
 * The limits after a spectrum: where the analogue front end saturates below full scale, it is kept out of reach from
 * then on, or the gain would come back to it again and again.
 */
export function learntLimits(limits: ExposureLimits, spectrum: Spectrum, exposure: Exposure): ExposureLimits {
  if (!saturatesBelowFullScale(spectrum, exposure)) return limits
  const reached = brightestCount(spectrum) / fullScaleOf(exposure)
  const scale = Math.min(1, Math.max(LEAST_MOST, ANALOGUE_MARGIN * reached) / limits.most)
  return { ...limits, most: scale * limits.most, aim: scale * limits.aim, least: scale * limits.least }
}

function saturatesBelowFullScale(spectrum: Spectrum, exposure: Exposure): boolean {
  return spectrum.saturated.length > 0 && brightestCount(spectrum) < fullScaleOf(exposure)
}

/** Share of full scale of the brightest converter; where it saturates, what it is taken to be. */
function assumedShare(spectrum: Spectrum, exposure: Exposure): number {
  const limit = fullScaleOf(exposure)
  const brightest = brightestCount(spectrum)
  if (brightest < limit) return brightest / limit
  const others = CHANNELS.filter((channel) => channel !== 'Clear')
  if (others.some((channel) => spectrum.saturated.includes(channel))) return ASSUMED_EXCESS
  // Clear sees what the filters and NIR see together, and hardly more: in all recordings at hand it counts less.
  const sum = others.reduce((total, channel) => total + (spectrum.counts[channel] ?? 0), 0)
  return Math.max(1, sum / limit)
}

/** The highest count of any converter: Clear and NIR are means in the spectrum, and may hide a saturated half. */
function brightestCount({ raw, integration, counts }: Spectrum): number {
  if (raw === undefined || integration === undefined) return Math.max(0, ...Object.values(counts))
  const halves = [raw.subarray(0, HALF_LENGTH), raw.subarray(HALF_LENGTH)]
  return Math.max(...halves.flatMap((half) => decodeHalf(half, integration).counts))
}

/** The fewest counts of the channels that are there and not saturated; infinite where there are none. */
function dimmest({ counts, saturated }: Spectrum, channels: readonly Channel[]): number {
  const seen = channels.filter((channel) => !saturated.includes(channel))
  return Math.min(...seen.map((channel) => counts[channel] ?? Number.POSITIVE_INFINITY))
}

function msOf({ atime, astep }: Integration): number {
  return integrationMs(atime, astep)
}

function fullScaleOf({ atime, astep }: Integration): number {
  return fullScale(atime, astep)
}
