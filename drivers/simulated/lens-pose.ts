import type { Point } from './lens-glyphs.ts'

/**
 * How a lens lies before the camera. In the lens's plane u runs along its 0–180° line, v downwards, both mm from its
 * middle; in the picture x runs right, y down, px, the centre of the first pixel at (0.5, 0.5).
 */
export interface LensPose {
  /** Where the middle of the lens is seen, px. */
  readonly centreX: number
  readonly centreY: number
  /** At the middle of the lens. */
  readonly pxPerMm: number
  /** Of the 0–180° line, from x towards y. */
  readonly rotationDeg: number
  /** Where the nose is, before the lens is turned. */
  readonly nasal: 'left' | 'right'
  /** The lens falls away from the camera by so much, towards this direction of the picture (from x towards y). */
  readonly tiltDeg: number
  readonly tiltTowardsDeg: number
  /** Of the front surface; Infinity: flat. A base curve of B dioptres has 530 / B mm (index 1.53 of the tools). */
  readonly curveRadiusMm: number
  /** From the camera's entrance pupil to the middle of the lens. */
  readonly distanceMm: number
}

const RADIANS = Math.PI / 180

/** Alignment marks lie 34 mm apart on the horizontal line, equally far from the fitting point (after ISO 8980-2, permanent marking). */
export const MARK_DISTANCE_MM = 34

/** Signed: 1 where the nose is at positive u. */
export function noseSide({ nasal }: LensPose): 1 | -1 {
  return nasal === 'right' ? 1 : -1
}

/** Where a point of the front surface is seen, and how much farther than the middle of the lens it is, mm. */
export type Projector = (u: number, v: number) => readonly [x: number, y: number, depthMm: number]

/** Central projection of a paraboloid of the curve's radius (exact for a sphere to u⁴/8R³, 0.06 mm at 30 mm and R = 120). */
export function projectorOf(pose: LensPose): Projector {
  const m = motionOf(pose)
  return (u, v) => {
    const x = u * m.cos - v * m.sin
    const y = u * m.sin + v * m.cos
    const sag = (u * u + v * v) * m.halfCurve
    const along = x * m.towardsX + y * m.towardsY
    const moved = along * m.tiltCos - sag * m.tiltSin - along
    const depth = along * m.tiltSin + sag * m.tiltCos
    const scale = (pose.pxPerMm * pose.distanceMm) / (pose.distanceMm + depth)
    return [
      pose.centreX + scale * (x + moved * m.towardsX),
      pose.centreY + scale * (y + moved * m.towardsY),
      depth,
    ]
  }
}

/** A point of the front surface, and how much farther than the middle it is. */
export interface SurfacePoint {
  u: number
  v: number
  depthMm: number
}

/** @param rounds 1 where `to` holds what belongs to a pixel beside it, 5 where it is any point of the lens */
export type Unprojector = (x: number, y: number, to: SurfacePoint, rounds: 1 | 5) => void

/** The reverse of `projectorOf`, within 0.02 mm on a lens; begins with what `to` holds, and writes there. */
export function unprojectorOf(pose: LensPose): Unprojector {
  const m = motionOf(pose)
  return (px, py, to, rounds) => {
    const seenX = (px - pose.centreX) / pose.pxPerMm
    const seenY = (py - pose.centreY) / pose.pxPerMm
    let depth = to.depthMm
    // A round divides the error by 10 or more: the depth changes slowly, and the scale by 1/250 of it.
    for (let round = 0; round < rounds; round += 1) {
      const scale = 1 + depth / pose.distanceMm
      const alongSeen = (seenX * m.towardsX + seenY * m.towardsY) * scale
      const sag = (to.u * to.u + to.v * to.v) * m.halfCurve
      const along = (alongSeen + sag * m.tiltSin) / m.tiltCos
      const x = seenX * scale + (along - alongSeen) * m.towardsX
      const y = seenY * scale + (along - alongSeen) * m.towardsY
      to.u = x * m.cos + y * m.sin
      to.v = y * m.cos - x * m.sin
      depth = along * m.tiltSin + (to.u * to.u + to.v * to.v) * m.halfCurve * m.tiltCos
    }
    to.depthMm = depth
  }
}

interface Motion {
  readonly cos: number
  readonly sin: number
  readonly tiltCos: number
  readonly tiltSin: number
  readonly towardsX: number
  readonly towardsY: number
  readonly halfCurve: number
}

function motionOf(pose: LensPose): Motion {
  return {
    cos: Math.cos(pose.rotationDeg * RADIANS),
    sin: Math.sin(pose.rotationDeg * RADIANS),
    tiltCos: Math.cos(pose.tiltDeg * RADIANS),
    tiltSin: Math.sin(pose.tiltDeg * RADIANS),
    towardsX: Math.cos(pose.tiltTowardsDeg * RADIANS),
    towardsY: Math.sin(pose.tiltTowardsDeg * RADIANS),
    halfCurve: 1 / (2 * pose.curveRadiusMm),
  }
}

/** The edge of a lens: a superellipse |u/a|ⁿ + |v/b|ⁿ = 1; n = 2 and a = b for an uncut lens, which is round. */
export interface LensEdge {
  readonly semiUMm: number
  readonly semiVMm: number
  readonly power: number
}

/** Radius of the edge in the direction of (u, v), mm. */
export function edgeRadius({ semiUMm, semiVMm, power }: LensEdge, u: number, v: number): number {
  const length = Math.sqrt(u * u + v * v)
  if (length === 0) return Math.min(semiUMm, semiVMm)
  if (power === 2) return length / Math.sqrt((u / semiUMm) ** 2 + (v / semiVMm) ** 2)
  return length / (Math.abs(u / semiUMm) ** power + Math.abs(v / semiVMm) ** power) ** (1 / power)
}

/** The edge as it is seen: a closed polygon of so many corners, px. */
export function outlineOf(pose: LensPose, edge: LensEdge, corners = 72): Point[] {
  const project = projectorOf(pose)
  return Array.from({ length: corners }, (_, corner) => {
    const angle = (2 * Math.PI * corner) / corners
    const [u, v] = [Math.cos(angle), Math.sin(angle)]
    const radius = edgeRadius(edge, u, v)
    const [x, y] = project(radius * u, radius * v)
    return [x, y]
  })
}

/** A rectangle that may be turned: `width` runs along `angleDeg`, from x towards y; px. */
export interface OrientedBox {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly angleDeg: number
}

/** The smallest box in that direction that holds the points, `margin` px wider on each side. */
export function boxAround(points: readonly Point[], angleDeg: number, margin: number): OrientedBox {
  const cos = Math.cos(angleDeg * RADIANS)
  const sin = Math.sin(angleDeg * RADIANS)
  const along = points.map(([x, y]) => x * cos + y * sin)
  const across = points.map(([x, y]) => y * cos - x * sin)
  const [left, right] = [Math.min(...along), Math.max(...along)]
  const [top, bottom] = [Math.min(...across), Math.max(...across)]
  const [p, q] = [(left + right) / 2, (top + bottom) / 2]
  return {
    x: p * cos - q * sin,
    y: p * sin + q * cos,
    width: right - left + 2 * margin,
    height: bottom - top + 2 * margin,
    angleDeg,
  }
}

/** Whether a point lies in the box, made `margin` px wider on each side. */
export function inBox(box: OrientedBox, x: number, y: number, margin = 0): boolean {
  const cos = Math.cos(box.angleDeg * RADIANS)
  const sin = Math.sin(box.angleDeg * RADIANS)
  const [dx, dy] = [x - box.x, y - box.y]
  return (
    Math.abs(dx * cos + dy * sin) <= box.width / 2 + margin &&
    Math.abs(dy * cos - dx * sin) <= box.height / 2 + margin
  )
}
