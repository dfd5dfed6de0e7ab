import type { LightField } from './lens-optics.ts'
import { edgeRadius, type Projector, projectorOf, type SurfacePoint, unprojectorOf } from './lens-pose.ts'
import type { LensScene, SceneLens } from './lens-scene.ts'
import { valueNoise } from './lens-texture.ts'
import { Random } from './random.ts'

const STREAM = { dust: 11, scratches: 12, fingerprints: 13 } as const
/** Radii of grains are log-normal (as in the cleanliness classes of IEST-STD-CC1246): median, mm, and deviation of ln. */
const GRAIN = { medianMm: 0.035, deviation: 0.7, mostMm: 0.4 } as const
const FIBRES = 1 / 12
/** From ridge to ridge of a finger: 0.4 to 0.6 mm in adults (Ashbaugh 1999, "Quantitative-qualitative friction ridge analysis"). */
const RIDGE_MM = [0.42, 0.56] as const
/** Half of what a finger leaves, mm: along it and across. */
const FINGER_MM = [10, 7.5] as const

/** Adds what lies on a lens: `scatter` is 1 where it scatters as much as a well-lit groove. */
export function addDirt(scatter: LightField, scene: LensScene, lens: SceneLens, which: number): void {
  addDust(scatter, scene, lens, new Random(scene.seed, STREAM.dust, which))
  addScratches(scatter, scene, lens, new Random(scene.seed, STREAM.scratches, which))
  const fingers = new Random(scene.seed, STREAM.fingerprints, which)
  for (let print = 0; print < scene.faults.fingerprints; print += 1) addFingerprint(scatter, lens, fingers)
}

/** A point of the lens, evenly over its area, mm. */
function somewhere({ edge }: SceneLens, random: Random): readonly [u: number, v: number] {
  const angle = random.between(0, 2 * Math.PI)
  const [u, v] = [Math.cos(angle), Math.sin(angle)]
  const radius = 0.97 * edgeRadius(edge, u, v) * Math.sqrt(random.uniform())
  return [radius * u, radius * v]
}

function addDust(scatter: LightField, { faults }: LensScene, lens: SceneLens, random: Random): void {
  const areaCm2 = (Math.PI * lens.edge.semiUMm * lens.edge.semiVMm) / 100
  const count = Math.round(faults.dust * areaCm2)
  const project = projectorOf(lens.pose)
  for (let grain = 0; grain < count; grain += 1) {
    const [u, v] = somewhere(lens, random)
    if (random.chance(FIBRES)) {
      addFibre(scatter, lens, [u, v], random)
      continue
    }
    const radiusMm = Math.min(GRAIN.mostMm, GRAIN.medianMm * Math.exp(GRAIN.deviation * random.normal()))
    const radius = radiusMm * lens.pose.pxPerMm
    const level = random.between(0.2, 1)
    // Three lumps: no grain is round.
    for (let lump = 0; lump < 3; lump += 1) {
      const [x, y] = project(u + radiusMm * random.normal() * 0.6, v + radiusMm * random.normal() * 0.6)
      spot(
        scatter,
        x,
        y,
        Math.max(0.45, radius * random.between(0.4, 0.8)),
        level * Math.min(1, radius * radius),
      )
    }
  }
}

function addFibre(
  scatter: LightField,
  lens: SceneLens,
  [u, v]: readonly [u: number, v: number],
  random: Random,
): void {
  const project = projectorOf(lens.pose)
  const level = random.between(0.08, 0.3)
  const lengthMm = random.between(0.6, 3.5)
  let heading = random.between(0, 2 * Math.PI)
  let turn = random.between(-0.6, 0.6)
  const stepMm = 0.6 / lens.pose.pxPerMm
  let [atU, atV] = [u, v]
  for (let done = 0; done < lengthMm; done += stepMm) {
    turn += 0.15 * random.normal() * Math.sqrt(stepMm)
    heading += turn * stepMm
    atU += stepMm * Math.cos(heading)
    atV += stepMm * Math.sin(heading)
    const [x, y] = project(atU, atV)
    spot(scatter, x, y, 0.6, level)
  }
}

/** A scratch is a groove: under one lamp it shines where it lies across the light (see `engrave`). */
function addScratches(scatter: LightField, scene: LensScene, lens: SceneLens, random: Random): void {
  const { lamp, faults } = scene
  const azimuth = (lamp.azimuthDeg * Math.PI) / 180
  const project = projectorOf(lens.pose)
  for (let scratch = 0; scratch < faults.scratches; scratch += 1) {
    let [u, v] = somewhere(lens, random)
    let heading = random.between(0, 2 * Math.PI)
    const bend = 0.03 * random.normal()
    const lengthMm = 1 + 6 * -Math.log(1 - random.uniform())
    const level = 0.5 * 10 ** random.between(-1.1, 0)
    const flicker = Math.floor(random.uniform() * 2 ** 31)
    const stepMm = 0.5 / lens.pose.pxPerMm
    for (let done = 0; done < Math.min(30, lengthMm); done += stepMm) {
      heading += bend * stepMm
      const [nextU, nextV] = [u + stepMm * Math.cos(heading), v + stepMm * Math.sin(heading)]
      if (nextU ** 2 + nextV ** 2 > (0.98 * edgeRadius(lens.edge, nextU, nextV)) ** 2) break
      const across = acrossLight(project, [u, v], [nextU, nextV], azimuth)
      const lit = 0.25 + 0.75 * ((1 - lamp.directed) * 0.5 + lamp.directed * across)
      const shown = Math.max(0, valueNoise(flicker, done / 1.2, 0) - 0.15)
      const [x, y] = project(nextU, nextV)
      spot(scatter, x, y, 0.5, level * lit * shown)
      u = nextU
      v = nextV
    }
  }
}

type Spot = readonly [u: number, v: number]

/** cos² between the light and what stands across a line, as seen. */
function acrossLight(project: Projector, from: Spot, to: Spot, azimuth: number): number {
  const [x0, y0] = project(...from)
  const [x1, y1] = project(...to)
  return Math.sin(Math.atan2(y1 - y0, x1 - x0) - azimuth) ** 2
}

function addFingerprint(scatter: LightField, lens: SceneLens, random: Random): void {
  const [u0, v0] = somewhere(lens, random)
  const angle = random.between(0, 2 * Math.PI)
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const [alongMm, acrossMm] = [FINGER_MM[0] * random.between(0.7, 1), FINGER_MM[1] * random.between(0.7, 1)]
  const ridgeMm = random.between(...RIDGE_MM)
  const level = 0.3 * 10 ** random.between(-0.7, 0)
  const whorl = random.between(0.5, 1.6)
  const seed = Math.floor(random.uniform() * 2 ** 31)
  const unproject = unprojectorOf(lens.pose)
  const [x0, y0] = projectorOf(lens.pose)(u0, v0)
  const at: SurfacePoint = { u: u0, v: v0, depthMm: 0 }
  const reach = Math.ceil(alongMm * lens.pose.pxPerMm * 1.1)
  for (let y = Math.max(0, Math.floor(y0) - reach); y < Math.min(scatter.height, y0 + reach); y += 1) {
    const left = Math.max(0, Math.floor(x0) - reach)
    for (let x = left; x < Math.min(scatter.width, x0 + reach); x += 1) {
      unproject(x + 0.5, y + 0.5, at, x === left ? 5 : 1)
      const p = (at.u - u0) * cos + (at.v - v0) * sin
      const q = (at.v - v0) * cos - (at.u - u0) * sin
      const rim = 1 - (p / alongMm) ** 2 - (q / acrossMm) ** 2
      if (rim <= 0 || at.u ** 2 + at.v ** 2 > edgeRadius(lens.edge, at.u, at.v) ** 2) continue
      // Loops about a core a little off the middle, their way bent by a slow field.
      const way = Math.sqrt((p - 1.5) ** 2 + (whorl * q) ** 2) + 0.9 * valueNoise(seed, p / 3, q / 3)
      const ridge = Math.max(0, Math.cos((2 * Math.PI * way) / ridgeMm))
      const grease = valueNoise(seed + 1, p / 2.2, q / 2.2) * valueNoise(seed + 2, p / 0.22, q / 0.22)
      const index = y * scatter.width + x
      scatter.light[index] =
        (scatter.light[index] ?? 0) + level * Math.min(1, 3 * rim) * (0.1 + 1.6 * ridge) * grease
    }
  }
}

/** A Gaussian of this height and standard deviation, px. */
function spot(scatter: LightField, x: number, y: number, sigma: number, height: number): void {
  const reach = Math.ceil(3 * sigma)
  const [left, right] = [
    Math.max(0, Math.floor(x) - reach),
    Math.min(scatter.width - 1, Math.floor(x) + reach),
  ]
  const [top, bottom] = [
    Math.max(0, Math.floor(y) - reach),
    Math.min(scatter.height - 1, Math.floor(y) + reach),
  ]
  for (let row = top; row <= bottom; row += 1) {
    for (let column = left; column <= right; column += 1) {
      const square = (column + 0.5 - x) ** 2 + (row + 0.5 - y) ** 2
      const index = row * scatter.width + column
      scatter.light[index] = (scatter.light[index] ?? 0) + height * Math.exp(-square / (2 * sigma * sigma))
    }
  }
}
