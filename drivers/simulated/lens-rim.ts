import type { SurfacePoint } from './lens-pose.ts'
import type { LensScene, SceneLens } from './lens-scene.ts'
import { valueNoise } from './lens-texture.ts'

/** So far from a corner its glint is less than 1e-24, far below what a number beside the glow can hold. */
const GLINTS_MM = 0.75

/** What the light at a point becomes, so far outside of the lens (negative: inside it), mm. */
export type RimPainter = (light: number, at: SurfacePoint, outsideMm: number) => number

/**
 * The ground edge scatters towards all sides and glints at both of its corners; where it turns to the lamp, most.
 * @param level light of a glint, electrons
 */
export function rimPainterOf(
  { lamp, seed }: LensScene,
  { pose, rimMm }: SceneLens,
  level: number,
): RimPainter {
  const towards = ((lamp.azimuthDeg - pose.rotationDeg) * Math.PI) / 180
  return (light, at, outsideMm) => {
    const azimuth = Math.atan2(at.v, at.u)
    const cos = Math.cos(azimuth - towards)
    const deep = -outsideMm
    const lit = 1 - lamp.directed + lamp.directed * (0.1 + 0.5 * cos * cos + 0.4 * Math.max(0, cos))
    const glow =
      deep > rimMm ? 0.03 * Math.exp((rimMm - deep) / 1.1) : 0.015 * Math.exp(-Math.abs(outsideMm) / 0.4)
    if (deep < -GLINTS_MM || deep > rimMm + GLINTS_MM)
      return light + Math.min(1, lit * glow) * (level - light)
    const grain =
      0.35 + 1.3 * valueNoise(seed, azimuth * 70, deep * 5) * valueNoise(seed + 1, azimuth * 5, deep)
    const band = deep > 0 && deep < rimMm ? 0.16 * grain : 0
    const corners = glint(outsideMm, 0.1) + 0.5 * glint(deep - rimMm, 0.08) * grain
    return light + Math.min(1, lit * (band + 0.9 * corners * (0.5 + grain) + glow)) * (level - light)
  }
}

function glint(distanceMm: number, breadthMm: number): number {
  return Math.exp(-((distanceMm / breadthMm) ** 2))
}
