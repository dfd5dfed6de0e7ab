import { at } from '../numbers.ts'
import type { Rays, TrayPlan } from '../tray.ts'

/** Share of a zone's width over which its sensitivity falls at each edge: a lens is not sharp. Assumed, a fifth. */
const BLUR = 0.2
/** Rays along each side of a footprint where it sees an edge. */
const SIDE = 5

/**
 * The zones' footprints as a scan sees them. Beside the still part's (`TrayPlan.rays`) they are as wide as a blurred zone
 * is: a scan sees each place dozens of times, and what a footprint too narrow makes of a curved flank, half a
 * millimetre, no longer hides in the noise.
 */
export interface Footprints {
  /** For zones that see one surface: two rays a side, as far out as the others in the mean square. */
  readonly coarse: Rays
  /** For zones that see an edge. */
  readonly fine: Rays
}

export function footprintsOf(tray: TrayPlan): Footprints {
  const middle = (SIDE - 1) / 2
  const step = (1 + BLUR) / SIDE
  const places = Float64Array.from({ length: SIDE }, (_, i) => (i - middle) * step)
  const shares = places.map((place) => Math.min(1, (SIDE * step - 2 * Math.abs(place)) / (2 * BLUR)))
  const fine = layRays(tray, places, shares)
  const total = shares.reduce((sum, share) => sum + share, 0)
  // Turned by one step in SIDE steps, each ray moves by its neighbour's place over SIDE as well.
  const turned = 1 + SIDE ** -2
  const spread = Math.sqrt(
    (turned * places.reduce((sum, place, i) => sum + at(shares, i) * place ** 2, 0)) / total / (1 + 1 / 4),
  )
  return { fine, coarse: layRays(tray, Float64Array.of(-spread, spread), Float64Array.of(1, 1)) }
}

/**
 * @param places of the rays along a side, in widths of a zone from its middle
 * @param shares of the zone's light that they carry, relative
 */
function layRays(tray: TrayPlan, places: Float64Array, shares: Float64Array): Rays {
  const { zones, side, p, q, distanceMm } = tray
  const count = places.length
  const perZone = count * count
  const per = (): Float64Array => new Float64Array(zones * perZone)
  const zoneEmptyN = new Float64Array(zones)
  const zoneEmptyW = new Float64Array(zones)
  const rays = { p: per(), q: per(), light: per(), cosine: per(), emptyN: per() }
  for (let zone = 0; zone < zones; zone += 1) {
    const width = pitchOf(p, zone, zone % side, { side, step: 1 })
    const height = pitchOf(q, zone, Math.floor(zone / side), { side, step: side })
    for (let index = 0; index < perZone; index += 1) {
      const across = at(places, index % count)
      const down = at(places, Math.floor(index / count))
      // A slightly turned grid: no two rays share a row or a column, so an edge crosses them one by one.
      const rayP = at(p, zone) + width * (across + down / count)
      const rayQ = at(q, zone) + height * (down - across / count)
      const slant = 1 + rayP ** 2 + rayQ ** 2
      const ray = zone * perZone + index
      rays.p[ray] = rayP
      rays.q[ray] = rayQ
      rays.cosine[ray] = 1 / Math.sqrt(slant)
      // Natural vignetting, the fourth power of the cosine, and the slanted way's square; the head's tilt is small.
      const light = (at(shares, index % count) * at(shares, Math.floor(index / count))) / slant ** 3
      const empty = (light * at(rays.cosine, ray)) / distanceMm
      rays.light[ray] = light
      rays.emptyN[ray] = empty
      zoneEmptyN[zone] = at(zoneEmptyN, zone) + empty
      zoneEmptyW[zone] = at(zoneEmptyW, zone) + empty / distanceMm
    }
  }
  return { perZone, zoneEmptyN, zoneEmptyW, ...rays }
}

/** Slope from one zone to the next around this one. */
function pitchOf(
  slopes: Float64Array,
  zone: number,
  place: number,
  { side, step }: { readonly side: number; readonly step: number },
): number {
  const before = place > 0 ? zone - step : zone
  const after = place < side - 1 ? zone + step : zone
  return (at(slopes, after) - at(slopes, before)) / ((after - before) / step)
}
