import type { Heights } from './heights.ts'
import { at, median } from './numbers.ts'
import type { TrayPlan } from './tray.ts'

/** A zone belongs to a part when its height is this many standard deviations; its neighbours need fewer. */
const SEED_STDS = 5
const GROWN_STDS = 3
/** Of the height that makes a seed, what a neighbour needs. */
const GROWN_SHARE = 0.3
/** Drift of the head between two looks at the tray (temperature), standard deviation, mm. */
const DRIFT_STD_MM = 1
/** A tray that reads this far from its calibration has moved, or is gone. */
const MOVED_MM = 6
/** Zones of bare tray that are enough to say so. */
const LEAST_BARE_ZONES = 4

/** What stands on the tray. */
export interface Presence {
  /** Zones of the part itself: the connected group that holds the most volume. Empty: no part. */
  readonly part: readonly number[]
  /** Rough: the sum of the part's zones as prisms; 0 without a part. */
  readonly volumeMm3: number
  /** The part's zones and their neighbours: all that can see its edge. */
  readonly around: readonly number[]
  /** Groups beside the part, each with its highest zone first. */
  readonly strays: readonly (readonly number[])[]
  /** What the bare tray reads too high in this frame: drift of the head, taken out of `depthMm`. */
  readonly driftMm: number
  /** Standard uncertainty of what is left of the drift, mm. */
  readonly driftStdMm: number
  /** The bare tray is not where it was calibrated. */
  readonly moved: boolean
}

/**
 * Separates the part from the tray, and takes the head's drift out of `heights` by the tray that is still bare.
 * @param leastMm the lowest part there is
 */
export function findPart(heights: Heights, tray: TrayPlan, leastMm: number): Presence {
  const groups = groupsOf(heights, tray, leastMm)
  const { driftMm, driftStdMm, moved } = bareTray(heights, tray, occupied(groups, tray))
  const { depthMm } = heights
  for (let zone = 0; zone < tray.zones; zone += 1) depthMm[zone] = at(depthMm, zone) + driftMm
  const [part = { zones: [], volumeMm3: 0 }, ...strays] = groups
  const around: number[] = []
  const near = occupied([part], tray)
  for (let zone = 0; zone < tray.zones; zone += 1) {
    if (near[zone] === 1 && !Number.isNaN(at(depthMm, zone))) around.push(zone)
  }
  return {
    part: part.zones,
    volumeMm3: part.volumeMm3,
    around,
    strays: strays.map(({ zones }) => zones),
    driftMm,
    driftStdMm,
    moved,
  }
}

interface Group {
  readonly zones: readonly number[]
  readonly volumeMm3: number
}

/** Connected zones that stand out of the tray, the most volume first, in each the highest zone first. */
function groupsOf({ depthMm, stdMm }: Heights, tray: TrayPlan, leastMm: number): readonly Group[] {
  const height = (zone: number): number => tray.distanceMm - at(depthMm, zone)
  const above = (zone: number, stds: number, least: number): boolean =>
    height(zone) > Math.max(least, stds * at(stdMm, zone))
  const seen = new Uint8Array(tray.zones)
  const groups: Group[] = []
  for (let seed = 0; seed < tray.zones; seed += 1) {
    if (seen[seed] === 1 || !above(seed, SEED_STDS, leastMm)) continue
    const zones = [seed]
    seen[seed] = 1
    let volumeMm3 = 0
    for (const zone of zones) {
      volumeMm3 += height(zone) * at(tray.slopeArea, zone) * at(depthMm, zone) ** 2
      for (const next of tray.neighbours[zone] ?? []) {
        if (seen[next] === 1 || !above(next, GROWN_STDS, GROWN_SHARE * leastMm)) continue
        seen[next] = 1
        zones.push(next)
      }
    }
    sortByDepth(zones, depthMm)
    groups.push({ zones, volumeMm3 })
  }
  return groups.sort((a, b) => b.volumeMm3 - a.volumeMm3)
}

/** Nearest to the head first. By insertion: the zones of a part are few. */
function sortByDepth(zones: number[], depthMm: Float64Array): void {
  for (let next = 1; next < zones.length; next += 1) {
    const zone = zones[next] ?? 0
    let place = next
    for (; place > 0; place -= 1) {
      const before = zones[place - 1] ?? 0
      if (at(depthMm, before) <= at(depthMm, zone)) break
      zones[place] = before
    }
    zones[place] = zone
  }
}

/** 1 for the groups' zones and their neighbours, 0 for the others. */
function occupied(groups: readonly Group[], tray: TrayPlan): Uint8Array {
  const flags = new Uint8Array(tray.zones)
  for (const { zones } of groups) {
    for (const zone of zones) {
      flags[zone] = 1
      for (const next of tray.neighbours[zone] ?? []) flags[next] = 1
    }
  }
  return flags
}

function bareTray(
  { depthMm, stdMm }: Heights,
  tray: TrayPlan,
  taken: Uint8Array,
): Pick<Presence, 'driftMm' | 'driftStdMm' | 'moved'> {
  const rises: number[] = []
  let variance = 0
  for (let zone = 0; zone < tray.zones; zone += 1) {
    const rise = tray.distanceMm - at(depthMm, zone)
    if (taken[zone] === 1 || Number.isNaN(rise)) continue
    rises.push(rise)
    variance += at(stdMm, zone) ** 2
  }
  if (rises.length < LEAST_BARE_ZONES) return { driftMm: 0, driftStdMm: DRIFT_STD_MM, moved: false }
  const rise = median(rises)
  // The median of n scatters by √(π/2n); what the head is known to drift at most weighs against it.
  const measured = ((Math.PI / 2) * variance) / rises.length ** 2
  const believed = DRIFT_STD_MM ** 2 / (DRIFT_STD_MM ** 2 + measured)
  return {
    driftMm: believed * rise,
    driftStdMm: Math.sqrt(believed * measured),
    moved: Math.abs(rise) > MOVED_MM,
  }
}
