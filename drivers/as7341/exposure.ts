import {
  CHANNELS,
  type Channel,
  type Exposure,
  fullScale,
  GAINS,
  type Half,
  halvesOf,
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
 * Integrates for 50, 100 or 200 ms: whole periods of light that flickers at 100 and at 120 Hz, and long enough for a
 * channel with a 200th of the brightest one's light. Of the brightest channel's range a tenth to 85 % is left alone.
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
    { atime: 119, astep: 599 },
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
/**
 * A channel is given up that would bring no more than this share of `leastCounts` at the longest integration: NIR under
 * a white LED, all of them in the dark. Where that is what it does bring, at half of it.
 */
const HOPELESS = 0.1
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
  const at = (gain: number): Exposure => {
    const { atime, astep } = nextIntegration(spectrum, exposure, gain, limits)
    return { atime, astep, gain }
  }
  const next = at(nextGain(spectrum, exposure, limits))
  const bold = at(boldGain(spectrum, exposure, limits))
  const chosen = savesMore(bold, next, spectrum, exposure, limits) ? bold : next
  return sameExposure(chosen, exposure) ? exposure : chosen
}

/** What starves may come nearer to saturation, but not so near that it would be sent back. */
function boldGain(spectrum: Spectrum, exposure: Exposure, { aim, most }: ExposureLimits): number {
  return highestGain(assumedShare(spectrum, exposure) / exposure.gain, (aim + most) / 2)
}

/** Whether the dimmest channel starves at one exposure, and has more at the other. */
function savesMore(
  bold: Exposure,
  next: Exposure,
  spectrum: Spectrum,
  exposure: Exposure,
  { channels, leastCounts }: ExposureLimits,
): boolean {
  if (spectrum.saturated.length > 0) return false
  const light = ({ gain, ...integration }: Exposure): number => gain * msOf(integration)
  const counts = (one: Exposure): number => (dimmest(spectrum, channels) * light(one)) / light(exposure)
  return counts(next) < leastCounts && counts(bold) > counts(next)
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
  const share = assumedShare(spectrum, exposure) * brightness
  const brightest = share * fullScaleOf(exposure)
  // At the lowest gain light may be brighter than is wanted: time makes that no worse until full scale stops growing.
  const limit = share < 1 ? Math.max(most, share * (1 + 1e-9)) : most
  const fits = (one: Integration): boolean => (brightest * msOf(one)) / ms <= limit * fullScaleOf(one)
  const possible = integrations.filter(fits)
  const longest = possible.at(-1)
  if (longest === undefined) return exposure
  const longer = msOf(longest) / ms
  const hopeless = HOPELESS * leastCounts * (longer > 1 ? 1 : 0.5)
  // A count of 3 is nearly 4.
  const worthwhile = limits.channels.filter(
    (channel) => ((spectrum.counts[channel] ?? 0) + 1) * brightness * longer >= hopeless,
  )
  const counts = dimmest(spectrum, worthwhile) * brightness
  const enough = (one: Integration): boolean => (counts * msOf(one)) / ms >= COUNTS_MARGIN * leastCounts
  const chosen = possible.find(enough) ?? longest
  if (!fits(exposure)) return chosen
  if (counts < leastCounts) return msOf(chosen) > ms ? chosen : exposure
  return msOf(chosen) < ms && enough(chosen) ? chosen : exposure
}

/**
 * The limits after a spectrum, or a half of one: where the analogue front end saturates below full scale, it is kept
 * out of reach from then on, or the gain would come back to it again and again.
 */
export function learntLimits(
  limits: ExposureLimits,
  halves: readonly Half[],
  exposure: Exposure,
): ExposureLimits {
  const reached = brightestOf(halves) / fullScaleOf(exposure)
  if (reached >= 1 || !halves.some((half) => half.analogue)) return limits
  const scale = Math.min(1, Math.max(LEAST_MOST, ANALOGUE_MARGIN * reached) / limits.most)
  return { ...limits, most: scale * limits.most, aim: scale * limits.aim, least: scale * limits.least }
}

/** The exposure for a look at light that saturates: all channels at once, connected as `PROBE`. */
export function probeExposure({ integrations }: ExposureLimits, { atime, astep }: Exposure): Exposure {
  return { atime, astep, ...integrations[0], gain: LOWEST_GAIN }
}

/**
 * The exposure for light that saturated. Two filters share a converter in the look, so the gain is rather too low; of
 * the dimmest channel it says nothing, so the integration is the longest.
 * @param look taken with `probeExposure`
 */
export function exposureAfterProbe(look: Half, exposure: Exposure, limits: ExposureLimits): Exposure {
  // A count of 3 is nearly 4.
  const brightest = brightestOf([look]) + 1
  const gain = highestGain(brightest / look.fullScale / exposure.gain, limits.aim)
  const rate = (brightest * gain) / exposure.gain / msOf(exposure)
  const fits = (one: Integration): boolean => rate * msOf(one) <= limits.most * fullScaleOf(one)
  const { atime, astep } = limits.integrations.findLast(fits) ?? exposure
  return { atime, astep, gain }
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
  return brightestOf(halvesOf(raw, integration))
}

function brightestOf(halves: readonly Half[]): number {
  return Math.max(0, ...halves.flatMap(({ counts }) => counts))
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
