import type { Channel, Spectrum } from '../../../drivers/as7341/counts.ts'
import { zoneTangents } from '../../../drivers/vl53l8ch/optics.ts'
import type { RangeFrame } from '../../../drivers/vl53l8ch/ranges.ts'
import type { EmptyTray } from '../../../gateway/calibration.ts'
import type { MaterialRecipe, Recipe } from '../../../gateway/recipe.ts'
import { BUILT_IN_RECIPES } from '../../../gateway/recipes/built-in.ts'

/** Half an ellipsoid on the tray (semi-axes, mm), and what is put on top of it. */
export interface Body {
  readonly x: number
  readonly y: number
  readonly rotation: number
  readonly rx: number
  readonly ry: number
  readonly rz: number
  /** Round plateaus of extra height (negative: pits), in the tray's frame. */
  readonly bumps?: readonly {
    readonly x: number
    readonly y: number
    readonly r: number
    readonly mm: number
  }[]
}

export const STANDARD: Body = { x: 0, y: 0, rotation: 0.6, rx: 85, ry: 42.5, rz: 80 }

export function bodyVolume({ rx, ry, rz }: Body): number {
  return (2 / 3) * Math.PI * rx * ry * rz
}

export interface View {
  readonly zones?: 16 | 64
  readonly distanceMm?: number
  /** Tilt of the head about its x and y axis, radians. */
  readonly tilt?: readonly [number, number]
  /** Added to every range: drift of the head. */
  readonly offsetMm?: number
  /** Reflectance of the body over the tray's. */
  readonly contrast?: number
  readonly noise?: () => number
}

type Axis = readonly [number, number, number]
const dot = (a: Axis, b: Axis): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2]

/** Rays along each side of a zone: closed form up to this sum, and laid otherwise than the analysis lays its own. */
const DENSE = 17

/** What an ideal chip would report: the mean axial distance of each footprint, weighted with the light that returns. */
export function frameOf(body: Body | undefined, view: View = {}): RangeFrame {
  const { zones = 64, distanceMm = 320, tilt = [0, 0], offsetMm = 0, contrast = 0.8, noise = () => 0 } = view
  const side = Math.sqrt(zones)
  const tangents = zoneTangents(zones)
  const [across, down, up] = trayAxes(tilt)
  const frame = blankFrame(zones)
  const half = Math.tan(Math.PI / 8) / side
  for (let zone = 0; zone < zones; zone += 1) {
    const sums = { light: 0, range: 0, reflectance: 0 }
    for (let ray = 0; ray < DENSE * DENSE; ray += 1) {
      const u = (tangents.x[zone] ?? 0) + half * (((ray % DENSE) + 0.5) * (2 / DENSE) - 1)
      const v = (tangents.y[zone] ?? 0) + half * ((Math.floor(ray / DENSE) + 0.5) * (2 / DENSE) - 1)
      const hit = meet(body, [dot(across, [u, v, 1]), dot(down, [u, v, 1]), dot(up, [u, v, 1])], distanceMm)
      const light = ((hit.part ? contrast : 1) * hit.cosine) / ((1 + u * u + v * v) ** 3 * hit.z ** 2)
      sums.light += light
      sums.range += light * hit.z
    }
    const range = sums.range / sums.light
    frame.rangeMm[zone] = range + offsetMm + noise()
    frame.signalKcpsPerSpad[zone] = (sums.light / DENSE ** 2) * 1e8
    frame.reflectancePercent[zone] = (sums.light / DENSE ** 2) * range ** 2 * 70
  }
  return frame
}

function trayAxes([aboutX, aboutY]: readonly [number, number]): readonly [Axis, Axis, Axis] {
  const up: Axis = [
    Math.sin(aboutY),
    -Math.sin(aboutX) * Math.cos(aboutY),
    Math.cos(aboutX) * Math.cos(aboutY),
  ]
  const flat = Math.hypot(up[2], up[0])
  const across: Axis = [up[2] / flat, 0, -up[0] / flat]
  const down: Axis = [
    up[1] * across[2] - up[2] * across[1],
    up[2] * across[0] - up[0] * across[2],
    up[0] * across[1] - up[1] * across[0],
  ]
  return [across, down, up]
}

function meet(
  body: Body | undefined,
  [dx, dy, dz]: Axis,
  distance: number,
): { z: number; cosine: number; part: boolean } {
  const slant = Math.hypot(dx, dy, dz)
  const empty = { z: distance / dz, cosine: dz / slant, part: false }
  if (body === undefined) return empty
  const [cos, sin] = [Math.cos(body.rotation), Math.sin(body.rotation)]
  let lift = 0
  let hit = empty
  for (let round = 0; round < 4; round += 1) {
    const [u1, v1] = [(cos * dx + sin * dy) / body.rx, (cos * dy - sin * dx) / body.ry]
    const [u0, v0] = [(cos * body.x + sin * body.y) / body.rx, (cos * body.y - sin * body.x) / body.ry]
    const h1 = dz / body.rz
    const h0 = (distance - lift) / body.rz
    const a = u1 * u1 + v1 * v1 + h1 * h1
    const b = u1 * u0 + v1 * v0 + h1 * h0
    const root = b * b - a * (u0 * u0 + v0 * v0 + h0 * h0 - 1)
    const z = (b - Math.sqrt(Math.max(0, root))) / a
    if (root <= 0 || z * dz >= distance) return empty
    const [n1, n2, n3] = [(u1 * z - u0) / body.rx, (v1 * z - v0) / body.ry, (h0 - h1 * z) / body.rz]
    const facing = (n3 * dz - n1 * (cos * dx + sin * dy) - n2 * (cos * dy - sin * dx)) / slant
    hit = { z, cosine: Math.max(0.05, facing / Math.hypot(n1, n2, n3)), part: true }
    const next = (body.bumps ?? []).reduce(
      (sum, { x, y, r, mm }) => (Math.hypot(dx * z - x, dy * z - y) < r ? sum + mm : sum),
      0,
    )
    if (next === lift) break
    lift = next
  }
  return hit
}

export function blankFrame(zones: 16 | 64): RangeFrame {
  const per = (value: number): Float64Array => new Float64Array(zones).fill(value)
  return {
    kind: 'vl53l8ch',
    takenAt: 0,
    zones,
    targetsPerZone: 1,
    streamCount: 1,
    siliconTemperatureC: 39,
    ambientKcpsPerSpad: per(5),
    spads: per(4096),
    targetsDetected: per(1),
    signalKcpsPerSpad: per(1000),
    sigmaMm: per(2),
    rangeMm: per(0),
    reflectancePercent: per(60),
    status: per(5),
    raw: new Uint8Array(0),
  }
}

/** Calibration of a noiseless look at the empty tray. */
export function trayOf(view: View = {}, basicCounts?: Readonly<Record<string, number>>): EmptyTray {
  const frame = frameOf(undefined, { ...view, noise: () => 0, offsetMm: 0 })
  return {
    kind: 'empty-tray',
    id: '018f0000-0000-7000-8000-000000000000',
    at: '2026-01-01T00:00:00.000Z',
    by: 'test',
    heads: ['tof', 'spectral'],
    rangeMm: [...frame.rangeMm],
    sigmaMm: Array.from(frame.rangeMm, () => 1),
    reflectancePercent: [...frame.reflectancePercent],
    frames: 32,
    ...(basicCounts === undefined ? {} : { basicCounts }),
  }
}

export function recipeNamed(id: string): Recipe {
  const found = BUILT_IN_RECIPES.find((recipe) => recipe.id === id)
  if (found === undefined) throw new Error(`no recipe ${id}`)
  return found
}

export const RECIPE = recipeNamed('foiegras_standard_barquette')

export function materialOf({ material }: Recipe): MaterialRecipe {
  if (material === undefined) throw new Error('the recipe judges no material')
  return material
}

/** State of a product. */
export interface State {
  readonly freshness: number
  readonly fat: number
  readonly oxidation: number
}

/** Counts that the recipe's channel model gives at gain 4 in 100 ms, times `light` per channel. */
export function spectrumOf(
  { freshness, fat, oxidation }: State,
  light: (channel: Channel, index: number) => number = () => 1,
): Spectrum {
  const counts: Partial<Record<Channel, number>> = {}
  Object.entries(materialOf(RECIPE).channels).forEach(([name, row], index) => {
    const channel = name as Channel
    const factor =
      (1 + (1 - freshness) * row.ageing) * (1 + oxidation * row.oxidation) * (1 + (1 - fat) * row.fat)
    counts[channel] = row.reference * 400 * factor * light(channel, index)
  })
  return { kind: 'as7341', takenAt: 0, counts, gain: 4, integrationMs: 100, fullScale: 65535, saturated: [] }
}

/** The tray under the lamp that the recipe knows. */
export function trayCounts(): Readonly<Record<string, number>> {
  return { ...materialOf(RECIPE).trayCounts }
}
