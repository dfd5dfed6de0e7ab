import { RANGING } from './optics.ts'
import type { Random } from './random.ts'
import type { Sums } from './scene-tray.ts'

/** What one head has of its own: offsets and ambient light per zone of 8×8. */
export interface HeadErrors {
  readonly offsetMm: Float64Array
  readonly ambientKcps: Float64Array
}

/**
 * @param size 1 for a head as in RANGING, 0 for one without offsets
 * @param ambientKcps mean of all zones, kcps/spad
 */
export function drawHeadErrors(
  random: Random,
  size: number,
  ambientKcps: number = RANGING.ambientKcps,
): HeadErrors {
  const { zoneOffsetMm, zoneOffsetLimitMm, ambientSpread } = RANGING
  return {
    offsetMm: Float64Array.from(
      { length: 64 },
      () => size * random.clippedNormal(0, zoneOffsetMm, -zoneOffsetLimitMm, zoneOffsetLimitMm),
    ),
    ambientKcps: Float64Array.from(
      { length: 64 },
      () => ambientKcps * Math.max(0.1, 1 + ambientSpread * random.normal()),
    ),
  }
}

/** What the zones of one still scene read on average, and how they scatter. */
export interface ZoneMeans {
  /** Axial distance with the head's offset. */
  readonly rangeMm: Float64Array
  readonly signalKcps: Float64Array
  readonly ambientKcps: Float64Array
  /** In the chip's unit, 1/256. */
  readonly spads: Float64Array
  /** Standard deviations of one frame; the signal's is relative. */
  readonly rangeNoiseMm: Float64Array
  readonly signalNoise: Float64Array
  readonly ambientNoiseKcps: Float64Array
  /** The chip's own estimate of the range's standard deviation. */
  readonly sigmaMm: Float64Array
  /** ST's target status; 255: nothing there. */
  readonly status: Uint8Array
}

/**
 * Joins the sub-rays' sums into zones; a zone of 4×4 is 2×2 zones of 8×8, with all their SPADs.
 * @param shotNoise factor on the shot noise of ranges
 */
export function zoneMeans(sums: Sums, head: HeadErrors, zones: 16 | 64, shotNoise = 1): ZoneMeans {
  const means: ZoneMeans = {
    rangeMm: new Float64Array(zones),
    signalKcps: new Float64Array(zones),
    ambientKcps: new Float64Array(zones),
    spads: new Float64Array(zones),
    rangeNoiseMm: new Float64Array(zones),
    signalNoise: new Float64Array(zones),
    ambientNoiseKcps: new Float64Array(zones),
    sigmaMm: new Float64Array(zones),
    status: new Uint8Array(zones),
  }
  for (let zone = 0; zone < zones; zone += 1) {
    setZone(means, zone, sums, head)
    means.rangeNoiseMm[zone] = quadrature(RANGING.rangeFloorMm, shotNoise * (means.rangeNoiseMm[zone] ?? 0))
  }
  return means
}

const SINGLE = [0] as const
const POOLED = [0, 1, 8, 9] as const

function setZone(means: ZoneMeans, zone: number, sums: Sums, head: HeadErrors): void {
  const pooled = means.rangeMm.length === 16
  const origin = pooled ? 16 * Math.floor(zone / 4) + 2 * (zone % 4) : zone
  const members = pooled ? POOLED : SINGLE
  let total = 0
  let first = 0
  let second = 0
  let offset = 0
  let ambient = 0
  for (const step of members) {
    total += sums.signal[origin + step] ?? 0
    first += sums.first[origin + step] ?? 0
    second += sums.second[origin + step] ?? 0
    offset += (head.offsetMm[origin + step] ?? 0) / members.length
    ambient += (head.ambientKcps[origin + step] ?? 0) / members.length
  }
  const signal = total / members.length
  const range = first / total
  const spreadMm = Math.sqrt(Math.max(0, second / total - range * range))
  // Dynamic SPAD selection: fewer SPADs where the light is strong.
  const limit = RANGING.spadsPerZone * members.length
  const spads = Math.min(limit, Math.max(1, Math.floor(RANGING.spadBudgetKcps / signal)))
  const shot = Math.sqrt((signal + ambient) / (signal * signal * spads))
  const perCount = 1 / Math.sqrt(RANGING.countingMs)
  means.rangeMm[zone] = range + offset
  means.signalKcps[zone] = signal
  means.ambientKcps[zone] = ambient
  means.spads[zone] = spads * RANGING.spadUnit
  means.rangeNoiseMm[zone] = RANGING.pulseRmsMm * perCount * shot
  means.signalNoise[zone] = quadrature(RANGING.signalFloor, perCount * shot)
  means.ambientNoiseKcps[zone] = perCount * Math.sqrt(ambient / spads)
  means.sigmaMm[zone] = quadrature(RANGING.sigmaFloorMm, RANGING.sigmaShotMm * shot)
  means.status[zone] = statusOf(signal, spads, means.sigmaMm[zone] ?? 0, spreadMm)
}

function quadrature(one: number, other: number): number {
  return Math.sqrt(one * one + other * other)
}

function statusOf(signal: number, spads: number, sigmaMm: number, spreadMm: number): number {
  if (signal * spads * RANGING.countingMs < RANGING.leastCounts) return 255
  if (signal < RANGING.weakKcps) return 1
  if (sigmaMm > RANGING.wideSigmaMm) return 3
  return spreadMm > RANGING.mergedSpreadMm ? 9 : 5
}
