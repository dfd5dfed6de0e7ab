import type { Estimate } from '../inspection.ts'
import type { DomeFit } from './dome.ts'
import type { Heights } from './heights.ts'
import type { Arrays } from './memory.ts'
import { at } from './numbers.ts'
import type { Presence } from './presence.ts'
import type { TrayPlan } from './tray.ts'

/** A zone that sees this share of part or more says something about its surface, less only about its edge. */
const SURFACE_SHARE = 0.9
/** The fit follows the surface with about four of its six parameters; the other two only place it. */
const SURFACE_PARAMETERS = 4

/** What is left of the surface when the smooth body is taken away. */
export interface Relief {
  /** Per zone, height above the body as the zone sees it, mm; NaN outside the part. */
  readonly residualMm: Float64Array
  readonly share: Float64Array
  /** Standard deviation of the surface about the body, the sensor's noise taken out. */
  readonly roughnessMm: Estimate
  /** What the relief adds to the body's volume: each residual as far as it is relief and not noise. */
  readonly volumeMm3: number
  readonly volumeStdMm3: number
  /** Mean squared score of the residuals, at least 1: how much wider than stated the fit's covariance is. */
  readonly misfit: number
  /** The highest zone that sees nothing but part. */
  readonly highestMm: number
}

interface ReliefInput {
  readonly tray: TrayPlan
  readonly textureMm: number
  /** To keep the relief in; absent: its own. */
  readonly memory?: Arrays | undefined
}

export function reliefOf(
  heights: Heights,
  presence: Presence,
  fit: DomeFit,
  { tray, textureMm, memory }: ReliefInput,
): Relief {
  const residualMm = (memory?.take(tray.zones) ?? new Float64Array(tray.zones)).fill(Number.NaN)
  const sums = { zones: 0, squares: 0, noise: 0, scores: 0, highest: 0 }
  for (const zone of presence.around) {
    const share = at(fit.share, zone)
    if (share <= 0) continue
    const residual = at(fit.modelMm, zone) - at(heights.depthMm, zone)
    residualMm[zone] = residual
    const noise = at(heights.stdMm, zone) ** 2
    sums.scores += residual ** 2 / (noise + textureMm ** 2)
    if (share < SURFACE_SHARE) continue
    sums.zones += 1
    sums.squares += residual ** 2
    sums.noise += noise
    sums.highest = Math.max(sums.highest, tray.distanceMm - at(heights.depthMm, zone))
  }
  const roughnessMm = roughnessOf(sums)
  const relief = Math.max(textureMm, roughnessMm.estimate)
  const { volumeMm3, volumeStdMm3 } = volumeOf(residualMm, heights, fit, tray, relief)
  return {
    residualMm,
    share: fit.share,
    roughnessMm,
    volumeMm3,
    volumeStdMm3,
    misfit: Math.max(1, sums.scores / Math.max(1, presence.around.length - SURFACE_PARAMETERS)),
    highestMm: sums.highest,
  }
}

function roughnessOf(sums: { zones: number; squares: number; noise: number }): Estimate {
  const free = sums.zones - SURFACE_PARAMETERS
  if (free < 1) return { estimate: 0, std: Math.sqrt(sums.noise / Math.max(1, sums.zones)) }
  const noise = sums.noise / sums.zones
  const total = sums.squares / free
  const estimate = Math.sqrt(Math.max(0, total - noise))
  // The variance of a variance of n values is 2σ⁴/n; its root's by the derivative, blunted near zero.
  const std = (total * Math.sqrt(2 / free)) / (2 * Math.max(estimate, Math.sqrt(noise)))
  return { estimate, std }
}

function volumeOf(
  residualMm: Float64Array,
  heights: Heights,
  fit: DomeFit,
  tray: TrayPlan,
  relief: number,
): Pick<Relief, 'volumeMm3' | 'volumeStdMm3'> {
  let volume = 0
  let variance = 0
  for (let zone = 0; zone < tray.zones; zone += 1) {
    const residual = at(residualMm, zone)
    if (Number.isNaN(residual)) continue
    const area = at(tray.slopeArea, zone) * at(fit.modelMm, zone) ** 2
    const noise = at(heights.stdMm, zone) ** 2
    const believed = relief ** 2 / (relief ** 2 + noise)
    volume += believed * residual * area
    variance += believed * noise * area * area * at(fit.share, zone)
  }
  return { volumeMm3: volume, volumeStdMm3: Math.sqrt(variance) }
}
