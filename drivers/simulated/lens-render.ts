import { addDirt } from './lens-dirt.ts'
import { engrave } from './lens-engrave.ts'
import type { Point } from './lens-glyphs.ts'
import {
  defocused,
  defocusSigmaPx,
  exposed,
  FULL_WELL,
  type LightField,
  moved,
  type Region,
  SHARP_SIGMA_PX,
} from './lens-optics.ts'
import { edgeRadius, MARK_DISTANCE_MM, outlineOf, type SurfacePoint, unprojectorOf } from './lens-pose.ts'
import { rimPainterOf } from './lens-rim.ts'
import type { LensScene, Polarity, SceneLens } from './lens-scene.ts'
import { valueNoise } from './lens-texture.ts'
import { reflectionAt } from './lens-truth.ts'

export interface LensPicture {
  /** Row by row from the top left, 0 black … 255 white. */
  readonly pixels: Uint8Array
  readonly width: number
  readonly height: number
}

/** What each kind of light gives, in electrons: behind the lens, through a clean one, at its edge, from a groove. Assumed. */
const LIGHT: Readonly<Record<Polarity, { bed: number; stray: number; rim: number; scatter: number }>> = {
  bright: { bed: 140, stray: 700, rim: 14_000, scatter: 11_000 },
  dark: { bed: 6600, stray: 5600, rim: 500, scatter: 0 },
  relief: { bed: 200, stray: 2600, rim: 12_000, scatter: 5000 },
}
/** What a groove takes from a bright field, and what a slope adds or takes under grazing light, as shares. Assumed. */
const TAKEN = 0.75
const SHADED = 0.9
/** What a unit of haze adds to a lens's light: in dark field as much as a clean lens has; before other light, less. */
const HAZE: Readonly<Record<Polarity, number>> = { bright: 1, dark: -0.06, relief: 0.12 }
/** Cloudiness of what a lens scatters, as a share, and its size in mm. Assumed. */
const CLOUDS = 0.3
const CLOUD_MM = 9

/**
 * The picture that a camera takes of a scene: light on the lens, its engravings and dirt, the lamp's and the camera
 * lens's fall of light, mirrored lamps, defocus, motion, the sensor. Pure: the same scene, the same pixels.
 */
export function renderLens(scene: LensScene): LensPicture {
  const { width, height, faults, seed } = scene
  const field: LightField = { light: new Float32Array(width * height), width, height }
  if (scene.subject === 'black') return { pixels: exposed(field.light, faults.noise, seed), width, height }
  field.light.fill(LIGHT[scene.lamp.polarity].bed)
  const variance = new Float32Array(width * height).fill(SHARP_SIGMA_PX ** 2)
  scene.lenses.forEach((lens, which) => {
    addLens(field, variance, scene, lens)
    addEngravings(field, scene, lens)
    const dirt: LightField = { light: new Float32Array(width * height), width, height }
    addDirt(dirt, scene, lens, which)
    shine(field, dirt.light, scene.lamp.polarity)
  })
  fallOff(field, scene)
  addReflections(field, scene)
  const focused = defocused(field, variance, sharpRegion(scene))
  const still = faults.motionPx === 0
  const light = still ? focused : moved({ light: focused, width, height }, faults.motionPx, scene.motionDeg)
  return { pixels: exposed(light, faults.noise, seed), width, height }
}

/** px around what is seen of a lens: the light beyond is even. */
const EVEN_FROM = 40

function sharpRegion({ lenses, reflections, width, height }: LensScene): Region {
  const points = [
    ...lenses.flatMap(({ pose, edge }) => outlineOf(pose, edge)),
    ...reflections.map(({ x, y }): Point => [x, y]),
  ]
  if (points.length === 0) return { left: 0, top: 0, right: 0, bottom: 0 }
  const within = (value: number, end: number): number => Math.round(Math.min(end, Math.max(0, value)))
  const xs = points.map(([x]) => x)
  const ys = points.map(([, y]) => y)
  return {
    left: within(Math.min(width, ...xs) - EVEN_FROM, width),
    top: within(Math.min(height, ...ys) - EVEN_FROM, height),
    right: within(Math.max(0, ...xs) + EVEN_FROM, width),
    bottom: within(Math.max(0, ...ys) + EVEN_FROM, height),
  }
}

/** The lens alone; where it lies, the variance of its defocus is added. */
function addLens(field: LightField, variance: Float32Array, scene: LensScene, lens: SceneLens): void {
  const { pose, edge } = lens
  const outline = outlineOf(pose, edge)
  const [xs, ys] = [outline.map(([x]) => x), outline.map(([, y]) => y)]
  const unproject = unprojectorOf(pose)
  const at: SurfacePoint = { u: 0, v: 0, depthMm: 0 }
  const place: Place = { outsideMm: 0, share: 0, cloud: 0 }
  const paint = painterOf(scene, lens)
  const focusMm = (MARK_DISTANCE_MM / 2) ** 2 / (2 * pose.curveRadiusMm) + scene.faults.defocusMm
  const border = 1.5 * pose.pxPerMm
  const left = Math.max(0, Math.floor(Math.min(...xs) - border))
  const right = Math.min(field.width, Math.max(...xs) + border)
  for (let y = Math.max(0, Math.floor(Math.min(...ys) - border)); y < field.height; y += 1) {
    if (y > Math.max(...ys) + border) break
    let cloud = 0
    for (let x = left; x < right; x += 1) {
      unproject(x + 0.5, y + 0.5, at, x === left ? 5 : 1)
      const radius = edgeRadius(edge, at.u, at.v)
      const length = Math.sqrt(at.u * at.u + at.v * at.v)
      const index = y * field.width + x
      if ((x & 3) === 0 || x === left) cloud = valueNoise(scene.seed + 2, at.u / CLOUD_MM, at.v / CLOUD_MM)
      place.outsideMm = length - radius
      place.share = length / radius
      place.cloud = cloud
      field.light[index] = paint(field.light[index] ?? 0, at, place)
      const off = Math.min(length, radius) === length ? at.depthMm - focusMm : 0
      const sigma = defocusSigmaPx(off, pose.distanceMm, pose.pxPerMm)
      variance[index] = SHARP_SIGMA_PX ** 2 + sigma * sigma
    }
  }
}

/** One for all pixels of a lens: they are too many for one each. */
interface Place {
  outsideMm: number
  /** Of the edge's radius. */
  share: number
  /** 0…1 */
  cloud: number
}

type Painter = (behind: number, at: SurfacePoint, place: Readonly<Place>) => number

/**
 * Inside, stray light that grows towards the edge on the lamp's side: a lens bends light by its distance from the middle
 * (Prentice's rule), and so the lamp's surroundings into the camera.
 */
function painterOf(scene: LensScene, lens: SceneLens): Painter {
  const { lamp, faults } = scene
  const { pose, rimMm } = lens
  const stray = LIGHT[lamp.polarity].stray * (1 + HAZE[lamp.polarity] * faults.haze)
  const clouds = lamp.polarity === 'dark' ? CLOUDS / 6 : CLOUDS
  const bends = lamp.polarity === 'dark' ? -0.15 : 0.5
  const towards = ((lamp.azimuthDeg - pose.rotationDeg) * Math.PI) / 180
  const [towardsU, towardsV] = [Math.cos(towards), Math.sin(towards)]
  const largest = Math.max(lens.edge.semiUMm, lens.edge.semiVMm)
  const edge = rimPainterOf(scene, lens, LIGHT[lamp.polarity].rim)
  return (behind, at, { outsideMm, share, cloud }) => {
    const inside = 0.5 - outsideMm * pose.pxPerMm
    let light = behind
    if (inside > 0) {
      const facing = (at.u * towardsU + at.v * towardsV) / largest
      const here =
        stray * (1 + clouds * (2 * cloud - 1)) * (0.85 + bends * share * (share + lamp.directed * facing))
      light += Math.min(1, inside) * (here - behind)
    }
    return outsideMm < -rimMm - 4 ? light : edge(light, at, outsideMm)
  }
}

function addEngravings(field: LightField, scene: LensScene, lens: SceneLens): void {
  const { lamp, faults, seed } = scene
  const contrast = 1 - faults.faint
  lens.engravings.forEach((engraving, index) => {
    const relief = engrave(lens.pose, engraving, { lamp, broken: faults.broken, seed: seed + index })
    for (let y = Math.max(0, -relief.top); y < Math.min(relief.height, field.height - relief.top); y += 1) {
      for (let x = Math.max(0, -relief.left); x < Math.min(relief.width, field.width - relief.left); x += 1) {
        const from = y * relief.width + x
        const to = (y + relief.top) * field.width + x + relief.left
        const scatter = contrast * (relief.scatter[from] ?? 0)
        const before = field.light[to] ?? 0
        if (lamp.polarity === 'bright') field.light[to] = before + LIGHT.bright.scatter * scatter
        else if (lamp.polarity === 'dark') field.light[to] = before * Math.max(0, 1 - TAKEN * scatter)
        else field.light[to] = before * (1 + SHADED * contrast * (relief.slope[from] ?? 0))
      }
    }
  })
}

function shine(field: LightField, dirt: Float32Array, polarity: Polarity): void {
  const { scatter } = LIGHT[polarity]
  for (let index = 0; index < dirt.length; index += 1) {
    const amount = dirt[index] ?? 0
    if (amount === 0) continue
    const before = field.light[index] ?? 0
    field.light[index] =
      polarity === 'dark' ? before * Math.max(0.05, 1 - TAKEN * amount) : before + scatter * amount
  }
}

/**
 * Over the picture the lamp's light falls evenly away from it (the first order of 1 / distance²), and the camera's with
 * the fourth power of the cosine of the field's angle (natural vignetting), each by its share at the end.
 */
function fallOff({ light, width, height }: LightField, { lamp, faults }: LensScene): void {
  if (faults.gradient === 0 && faults.vignetting === 0) return
  const half = Math.sqrt(width * width + height * height) / 2
  const towards = (lamp.azimuthDeg * Math.PI) / 180
  const [towardsX, towardsY] = [Math.cos(towards) / half, Math.sin(towards) / half]
  const tangent2 = ((1 - faults.vignetting) ** -0.5 - 1) / (half * half)
  for (let row = 0; row < height; row += 1) {
    const y = row + 0.5 - height / 2
    for (let column = 0; column < width; column += 1) {
      const x = column + 0.5 - width / 2
      const index = row * width + column
      const lit = 1 - (faults.gradient * (1 - (x * towardsX + y * towardsY))) / 2
      const spread = 1 + (x * x + y * y) * tangent2
      light[index] = ((light[index] ?? 0) * lit) / (spread * spread)
    }
  }
}

/** Of its glow, what is farther than this many times its size is less than the noise. */
const GLOW = 7

function addReflections({ light, width, height }: LightField, { reflections }: LensScene): void {
  for (const spot of reflections) {
    const reach = Math.ceil(GLOW * Math.max(spot.semiX, spot.semiY))
    for (let y = Math.max(0, Math.floor(spot.y) - reach); y < Math.min(height, spot.y + reach); y += 1) {
      for (let x = Math.max(0, Math.floor(spot.x) - reach); x < Math.min(width, spot.x + reach); x += 1) {
        const index = y * width + x
        light[index] = (light[index] ?? 0) + FULL_WELL * spot.level * reflectionAt(spot, x + 0.5, y + 0.5)
      }
    }
  }
}
