import { RANGING } from './optics.ts'
import {
  heightAt,
  type LocalChange,
  localChange,
  reliefAt,
  type Surface,
  type Wave,
} from './scene-surface.ts'
import { add, type EmptyScene, RAYS, type RayFan, type Sums } from './scene-tray.ts'

/** A body under the head. x grows with the zones' columns, y with their rows, from the optical axis. */
export interface Pose {
  readonly surface: Surface
  readonly xMm: number
  readonly yMm: number
  /** From x towards y, of the body's long axis. */
  readonly rotationDeg: number
  /** Percent at 940 nm, and what varies it over the body. */
  readonly reflectancePercent: number
  readonly grain: Wave
  readonly blemishes: readonly LocalChange[]
}

/**
 * Casts the rays at a body that stands on the tray; what it hides of the tray is gone.
 * @throws RangeError when it touches the head
 */
export function castPart(fan: RayFan, pose: Pose): Sums {
  const sums: Sums = {
    signal: fan.empty.signal.slice(),
    first: fan.empty.first.slice(),
    second: fan.empty.second.slice(),
  }
  const body = bodyOf(fan.scene, pose)
  for (let ray = 0; ray < fan.x.length; ray += 1) {
    const x = fan.x[ray] ?? 0
    const y = fan.y[ray] ?? 0
    if (x < body.left || x > body.right || y < body.top || y > body.bottom) continue
    const range = meetBody(body, x, y)
    if (range === 0) continue
    const zone = Math.floor(ray / RAYS)
    const signal = ((fan.gain[ray] ?? 0) * returned(body, x, y, range)) / (range * range)
    sums.signal[zone] = (sums.signal[zone] ?? 0) - (fan.behind.signal[ray] ?? 0)
    sums.first[zone] = (sums.first[zone] ?? 0) - (fan.behind.first[ray] ?? 0)
    sums.second[zone] = (sums.second[zone] ?? 0) - (fan.behind.second[ray] ?? 0)
    add(sums, zone, signal, range)
  }
  return sums
}

/** The body in its own axes: u = a·z − u0, v = b·z − v0 along a ray, z the axial distance. */
interface Body {
  readonly pose: Pose
  readonly scene: EmptyScene
  readonly cos: number
  readonly sin: number
  readonly u0: number
  readonly v0: number
  /** Squares of the inverse semi-axes. */
  readonly iu: number
  readonly iv: number
  readonly iz: number
  /** Tangents between which the body is seen. */
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

/** @throws RangeError when the body touches the head */
export function checkClearance({ headHeightMm }: EmptyScene, { surface }: Pose): void {
  if (surface.maxHeightMm < headHeightMm) return
  throw new RangeError(`a part ${surface.maxHeightMm.toFixed(0)} mm high under a head at ${headHeightMm} mm`)
}

/** What a tilt of a degree can add to the tangents between which a body is seen. */
const TILT_MARGIN = 0.02

function bodyOf(scene: EmptyScene, pose: Pose): Body {
  const { semiU, semiV, height } = pose.surface.shape
  checkClearance(scene, pose)
  const angle = (pose.rotationDeg * Math.PI) / 180
  const cos = Math.cos(angle)
  const sin = Math.sin(angle)
  const reachX = Math.sqrt((semiU * cos) ** 2 + (semiV * sin) ** 2)
  const reachY = Math.sqrt((semiU * sin) ** 2 + (semiV * cos) ** 2)
  // The box that holds the body, as wide as its base up to its top, seen from the head.
  const nearest = 1 / (scene.headHeightMm - pose.surface.maxHeightMm)
  const farthest = 1 / scene.headHeightMm
  const least = (edge: number): number => Math.min(edge * nearest, edge * farthest) - TILT_MARGIN
  const most = (edge: number): number => Math.max(edge * nearest, edge * farthest) + TILT_MARGIN
  return {
    pose,
    scene,
    cos,
    sin,
    u0: pose.xMm * cos + pose.yMm * sin,
    v0: pose.yMm * cos - pose.xMm * sin,
    iu: semiU ** -2,
    iv: semiV ** -2,
    iz: height ** -2,
    left: least(pose.xMm - reachX),
    right: most(pose.xMm + reachX),
    top: least(pose.yMm - reachY),
    bottom: most(pose.yMm + reachY),
  }
}

/** A gap to the body that is worth closing: the chip's step. */
const LEAST_GAP_MM = 0.25
const DESCENT_MM = 1

/** Axial distance at which a ray meets the body; 0 when it passes. */
function meetBody(body: Body, x: number, y: number): number {
  const { scene, cos, sin, u0, v0 } = body
  const a = x * cos + y * sin
  const b = y * cos - x * sin
  const fall = 1 + scene.slopeX * x + scene.slopeY * y
  let range = meetEllipsoid(body, a, b, fall, scene.headHeightMm)
  if (range === 0) return 0
  // Relief lifts the ellipsoid by a few millimetres that change slowly along the ray: each round takes the lift where
  // the round before met the body, and three leave less than the sensor's 0.25 mm.
  for (let round = 0; round < 3; round += 1) {
    const lift = reliefAt(body.pose.surface, a * range - u0, b * range - v0)
    const next = meetEllipsoid(body, a, b, fall, scene.headHeightMm - lift)
    if (next === 0) break
    range = next
  }
  const gap = gapAt(body, a, b, fall, range)
  if (gap > LEAST_GAP_MM) range = descend(body, a, b, fall, range)
  return fall * range < scene.headHeightMm ? range : 0
}

/** Height of a ray over the body's surface. */
function gapAt({ scene, pose, u0, v0 }: Body, a: number, b: number, fall: number, range: number): number {
  return scene.headHeightMm - fall * range - heightAt(pose.surface, a * range - u0, b * range - v0)
}

/** Follows a ray that the rounds left over a steep pit down to the surface. */
function descend(body: Body, a: number, b: number, fall: number, from: number): number {
  const end = body.scene.headHeightMm / fall
  let range = from
  while (range < end && gapAt(body, a, b, fall, range) > 0) range += DESCENT_MM
  let over = range - DESCENT_MM
  for (let halving = 0; halving < 4; halving += 1) {
    const middle = (over + range) / 2
    if (gapAt(body, a, b, fall, middle) > 0) over = middle
    else range = middle
  }
  return range
}

function meetEllipsoid(body: Body, a: number, b: number, fall: number, top: number): number {
  const { u0, v0, iu, iv, iz } = body
  const square = a * a * iu + b * b * iv + fall * fall * iz
  const half = a * u0 * iu + b * v0 * iv + fall * top * iz
  const rest = u0 * u0 * iu + v0 * v0 * iv + top * top * iz - 1
  const discriminant = half * half - square * rest
  if (!(discriminant > 0)) return 0
  const range = (half - Math.sqrt(discriminant)) / square
  // A ray that meets the lower half has met the tray before.
  return fall * range <= top ? range : 0
}

/** Reflectance in percent times the cosine of incidence, where the ray meets the body. */
function returned(body: Body, x: number, y: number, range: number): number {
  const { pose, scene, cos, sin, u0, v0, iu, iv, iz } = body
  const { surface, grain } = pose
  const a = x * cos + y * sin
  const b = y * cos - x * sin
  const u = a * range - u0
  const v = b * range - v0
  const height = scene.headHeightMm - (1 + scene.slopeX * x + scene.slopeY * y) * range
  const relief = reliefAt(surface, u, v)
  const up = Math.max(0, height - relief) * iz
  const across = u * iu - (up * (reliefAt(surface, u + surface.stepU, v) - relief)) / surface.stepU
  const along = v * iv - (up * (reliefAt(surface, u, v + surface.stepV) - relief)) / surface.stepV
  const normal = Math.sqrt(across * across + along * along + up * up)
  const ray = Math.sqrt(1 + a * a + b * b)
  const cosine = (up - across * a - along * b) / (normal * ray)
  let reflectance =
    pose.reflectancePercent + grain.amplitude * Math.sin(grain.perMmU * u + grain.perMmV * v + grain.phase)
  for (const blemish of pose.blemishes) reflectance += localChange(blemish, u, v)
  return Math.max(1, reflectance) * Math.max(RANGING.leastCosine, cosine)
}
