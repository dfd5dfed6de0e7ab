import { at } from '../numbers.ts'
import type { ScanFit } from './fit.ts'
import type { Stray } from './locate.ts'
import type { ScanSight } from './sight.ts'

/** Sightings that belong to the highest of them, mm around it. */
const AROUND_MM = 35
/** So many sightings must agree that something lies there. */
const LEAST_SIGHTINGS = 4
const MOST_STRAYS = 4

/** What stands on the belt so near the part that the rough map took both for one: sightings that the body leaves bare. */
export function besideBody(
  { tray, depthMm, shiftX, shiftY }: ScanSight,
  ours: Uint8Array,
  { share, driftMm }: ScanFit,
  leastMm: number,
): readonly Stray[] {
  let left: { readonly x: number; readonly y: number; readonly height: number }[] = []
  for (let i = 0; i < ours.length; i += 1) {
    const height = tray.distanceMm + driftMm - at(depthMm, i)
    if (ours[i] === 0 || at(share, i) > 0 || !(height > leastMm)) continue
    const look = Math.floor(i / tray.zones)
    const depth = tray.distanceMm - height
    const x = at(tray.p, i % tray.zones) * depth - at(shiftX, look)
    const y = at(tray.q, i % tray.zones) * depth - at(shiftY, look)
    left.push({ x, y, height })
  }
  left.sort((a, b) => b.height - a.height)
  const strays: Stray[] = []
  while (left.length > 0 && strays.length < MOST_STRAYS) {
    const [top] = left
    if (top === undefined) break
    const near = left.filter(({ x, y }) => Math.hypot(x - top.x, y - top.y) <= AROUND_MM)
    left = left.filter(({ x, y }) => Math.hypot(x - top.x, y - top.y) > AROUND_MM)
    if (near.length < LEAST_SIGHTINGS) continue
    const sum = near.reduce((total, { height }) => total + height, 0)
    const xMm = near.reduce((total, { x, height }) => total + x * height, 0) / sum
    const yMm = near.reduce((total, { y, height }) => total + y * height, 0) / sum
    const spread = near.reduce(
      (total, { x, y, height }) => total + height * ((x - xMm) ** 2 + (y - yMm) ** 2),
      0,
    )
    strays.push({ xMm, yMm, heightMm: top.height, sizeMm: 2 * Math.sqrt(spread / sum) })
  }
  return strays
}
