import { zoneTangents } from '../../drivers/vl53l8ch/optics.ts'
import type { EmptyTray } from '../calibration.ts'
import type { Recipe } from '../recipe.ts'
import { at, invertPositive, median } from './numbers.ts'

/** Rays along each side of a zone's footprint: few for zones that see one surface, more for those that see an edge. */
const RAYS_PER_SIDE = [2, 4] as const
/** Indices into `TrayPlan.rays`. */
export const COARSE = 0
export const FINE = 1
/** Residual of the tray's plane beyond which a zone loses weight (Huber), mm: of the order of the zones' own offsets. */
const PLANE_BEND_MM = 5
/** Zones on the tray's floor that are enough to say how far it is. */
const LEAST_FLOOR_ZONES = 6
/** Tilt between head and tray that is expected before anything is measured: a degree, standard deviation. */
const TILT_STD = Math.PI / 180
/** Fewer zones than this share with a valid range make no calibration. */
const LEAST_VALID = 0.75

/**
 * The field of a head in the tray's own frame: origin on the tray's plane below the head, X along the columns, h up
 * the plane's normal. A ray meets the depth s (the head's height less h) at X = p·s, Y = q·s, so that the head's tilt
 * is only another set of slopes, and the volume below a surface is a sum over slopes.
 */
export interface TrayPlan {
  readonly zones: 16 | 64
  readonly side: 4 | 8
  /** From the head to the tray's plane, mm, and its standard uncertainty. */
  readonly distanceMm: number
  readonly distanceStdMm: number
  /** Per zone, axial distance to the empty tray, mm; NaN for a zone that is blind. */
  readonly rangeMm: Float64Array
  /** Per zone, standard uncertainty of `rangeMm`. */
  readonly rangeStdMm: Float64Array
  /** Per zone, reflectance as the chip reports it of the empty tray, percent; NaN where that is not known. */
  readonly reflectancePercent: Float64Array
  /** Per zone, depth along the plane's normal of one millimetre of axial range. */
  readonly perRange: Float64Array
  /** Per zone, the up to eight zones around it. */
  readonly neighbours: readonly (readonly number[])[]
  /** Slopes of the zone's centre. */
  readonly p: Float64Array
  readonly q: Float64Array
  /** Per zone, dp·dq of its footprint: times s² it is an area. */
  readonly slopeArea: Float64Array
  readonly rays: readonly [coarse: Rays, fine: Rays]
  /** Largest slopes that the field covers along X and Y. */
  readonly edge: {
    readonly minP: number
    readonly maxP: number
    readonly minQ: number
    readonly maxQ: number
  }
}

/** Rays that stand for the footprints, zone by zone. */
export interface Rays {
  readonly perZone: number
  /** Slopes. */
  readonly p: Float64Array
  readonly q: Float64Array
  /** The light that a surface of unit reflectance at unit depth, square to the ray, returns, relative. */
  readonly light: Float64Array
  /** Cosine between the ray and the tray's normal. */
  readonly cosine: Float64Array
  /** What the bare tray returns over its depth, per ray; and per zone the sum of it, and over the depth once more. */
  readonly emptyN: Float64Array
  readonly zoneEmptyN: Float64Array
  readonly zoneEmptyW: Float64Array
}

/** The plane z = c + a·x + b·y, in the head's frame. */
interface Plane {
  readonly a: number
  readonly b: number
  readonly c: number
  readonly std: number
}

/**
 * Works out once per calibration what every frame needs.
 * @param size of the tray, so that zones which look past it do not move it; absent: the plane fills the field
 * @returns undefined where the calibration has too few valid zones or no plane
 */
export function trayPlan(tray: EmptyTray, size: Recipe['tray']): TrayPlan | undefined {
  const zones = tray.rangeMm.length
  if (zones !== 16 && zones !== 64) return undefined
  const tangents =
    tray.tangents === undefined
      ? zoneTangents(zones)
      : {
          x: Float64Array.from(tray.tangents.x),
          y: Float64Array.from(tray.tangents.y),
        }
  if (tangents.x.length !== zones || tangents.y.length !== zones) return undefined
  const valid = tray.rangeMm.filter((range) => range !== null && range > 0).length
  if (valid < LEAST_VALID * zones) return undefined
  const plane = fitPlane(trayPoints(truthOf(tray), tangents.x, tangents.y), size)
  if (plane === undefined) return undefined
  const frame = planeFrame(plane)
  const side = zones === 64 ? 8 : 4
  const maps = zoneMaps(side, tangents.x, tangents.y, frame)
  return {
    zones,
    side,
    distanceMm: frame.distance,
    distanceStdMm: plane.std,
    rangeMm: Float64Array.from(tray.rangeMm, (range) => (range !== null && range > 0 ? range : Number.NaN)),
    rangeStdMm: Float64Array.from(
      tray.sigmaMm,
      (sigma) => (sigma ?? 0) / Math.sqrt(Math.max(1, tray.frames)),
    ),
    reflectancePercent: Float64Array.from(
      { length: zones },
      (_, zone) => tray.reflectancePercent?.[zone] ?? Number.NaN,
    ),
    neighbours: Array.from({ length: zones }, (_, zone) => neighbours(zone, side)),
    ...maps,
  }
}

function neighbours(zone: number, side: number): readonly number[] {
  const row = Math.floor(zone / side)
  const column = zone % side
  const found: number[] = []
  for (let r = Math.max(0, row - 1); r <= Math.min(side - 1, row + 1); r += 1) {
    for (let c = Math.max(0, column - 1); c <= Math.min(side - 1, column + 1); c += 1) {
      if (r !== row || c !== column) found.push(r * side + c)
    }
  }
  return found
}

/** Ranges without what the zones read too much, where that is known; a zone that nobody knows it of says nothing. */
function truthOf({ rangeMm, offsetMm }: EmptyTray): readonly (number | null)[] {
  if (offsetMm === undefined) return rangeMm
  return rangeMm.map((range, zone) => {
    const offset = offsetMm[zone] ?? null
    return range === null || !(range > 0) || offset === null ? null : range - offset
  })
}

type Point = readonly [x: number, y: number, z: number]

function trayPoints(
  ranges: readonly (number | null)[],
  tx: Float64Array,
  ty: Float64Array,
): readonly Point[] {
  return ranges.flatMap((z, zone): Point[] =>
    z !== null && z > 0 ? [[at(tx, zone) * z, at(ty, zone) * z, z]] : [],
  )
}

/**
 * The tilt comes from the whole field, for a long lever: each zone has an offset of its own of several millimetres.
 * The distance comes from the zones that see the tray's floor alone; beside it lies the bed, which may be lower.
 */
function fitPlane(points: readonly Point[], size: Recipe['tray']): Plane | undefined {
  let plane: Plane = { a: 0, b: 0, c: median(points.map(([, , z]) => z)), std: 0 }
  for (let pass = 0; pass < 12; pass += 1) {
    const next = reweighted(points, plane)
    if (next === undefined) return undefined
    plane = next
  }
  const inside = size === undefined ? [] : points.filter((point) => within(point, size, points.length))
  if (inside.length >= LEAST_FLOOR_ZONES) {
    const above = inside.map(([x, y, z]) => z - plane.a * x - plane.b * y)
    const mean = above.reduce((sum, value) => sum + value, 0) / above.length
    const squares = above.reduce((sum, value) => sum + (value - mean) ** 2, 0)
    plane = { ...plane, c: mean, std: Math.sqrt(squares / (above.length - 1) / above.length) }
  }
  return plane.c > 0 ? plane : undefined
}

function within([x, y, z]: Point, size: NonNullable<Recipe['tray']>, zones: number): boolean {
  const halfZone = (z * Math.tan(Math.PI / 8)) / Math.sqrt(zones)
  return Math.abs(x) + halfZone < size.lengthMm / 2 && Math.abs(y) + halfZone < size.widthMm / 2
}

function reweighted(points: readonly Point[], last: Plane): Plane | undefined {
  const matrix = new Float64Array(9)
  const vector = new Float64Array(3)
  let weights = 0
  let squares = 0
  for (const [x, y, z] of points) {
    const residual = z - last.c - last.a * x - last.b * y
    const weight = Math.min(1, PLANE_BEND_MM / Math.max(1e-9, Math.abs(residual)))
    weights += weight
    squares += weight * residual * residual
    const row = Float64Array.of(x, y, 1)
    for (let i = 0; i < 3; i += 1) {
      vector[i] = at(vector, i) + weight * at(row, i) * z
      for (let j = 0; j <= i; j += 1)
        matrix[3 * i + j] = at(matrix, 3 * i + j) + weight * at(row, i) * at(row, j)
    }
  }
  const variance = squares / Math.max(1, weights - 3)
  // A bracket is bolted on nearly square: the more the zones' offsets scatter, the less a tilt is believed.
  for (const slope of [0, 4]) matrix[slope] = at(matrix, slope) + variance / TILT_STD ** 2
  if (!invertPositive(matrix, 3)) return undefined
  const solve = (i: number): number =>
    [0, 1, 2].reduce((sum, j) => sum + at(matrix, 3 * i + j) * at(vector, j), 0)
  return { a: solve(0), b: solve(1), c: solve(2), std: Math.sqrt(variance / Math.max(1, weights)) }
}

type Axis = readonly [number, number, number]
interface PlaneFrame {
  readonly distance: number
  readonly across: Axis
  readonly down: Axis
  readonly normal: Axis
}

function planeFrame({ a, b, c }: Plane): PlaneFrame {
  const length = Math.hypot(a, b, 1)
  const normal: Axis = [-a / length, -b / length, 1 / length]
  const flat = Math.hypot(1, a)
  const across: Axis = [1 / flat, 0, a / flat]
  const down: Axis = [
    normal[1] * across[2] - normal[2] * across[1],
    normal[2] * across[0] - normal[0] * across[2],
    normal[0] * across[1] - normal[1] * across[0],
  ]
  return { distance: c / length, across, down, normal }
}

function dot(axis: Axis, tangentX: number, tangentY: number): number {
  return axis[0] * tangentX + axis[1] * tangentY + axis[2]
}
type ZoneMaps = Pick<TrayPlan, 'perRange' | 'p' | 'q' | 'slopeArea' | 'rays' | 'edge'>

function zoneMaps(side: 4 | 8, tx: Float64Array, ty: Float64Array, frame: PlaneFrame): ZoneMaps {
  const zones = side * side
  const per = (): Float64Array => new Float64Array(zones)
  const [perRange, p, q, slopeArea] = [per(), per(), per(), per()]
  const footprints: Footprint[] = []
  for (let zone = 0; zone < zones; zone += 1) {
    const gamma = dot(frame.normal, at(tx, zone), at(ty, zone))
    perRange[zone] = gamma
    p[zone] = dot(frame.across, at(tx, zone), at(ty, zone)) / gamma
    q[zone] = dot(frame.down, at(tx, zone), at(ty, zone)) / gamma
    const footprint = {
      x: bounds(tx, side, zone, zone % side, 1),
      y: bounds(ty, side, zone, Math.floor(zone / side), side),
    }
    footprints.push(footprint)
    // The projection from one plane to the other shrinks areas by the cube of the depth ratio.
    slopeArea[zone] = Math.abs(width(footprint.x) * width(footprint.y)) / gamma ** 3
  }
  const [coarse, fine] = RAYS_PER_SIDE.map((side) => layRays(footprints, side, frame))
  if (coarse === undefined || fine === undefined) throw new Error('two sets of rays')
  const edge = {
    minP: Math.min(...fine.p),
    maxP: Math.max(...fine.p),
    minQ: Math.min(...fine.q),
    maxQ: Math.max(...fine.q),
  }
  return { perRange, p, q, slopeArea, rays: [coarse, fine], edge }
}

type Bounds = readonly [low: number, high: number]
interface Footprint {
  readonly x: Bounds
  readonly y: Bounds
}

function width([low, high]: Bounds): number {
  return high - low
}

function layRays(
  footprints: readonly Footprint[],
  perSide: number,
  { across, down, normal, distance }: PlaneFrame,
): Rays {
  const perZone = perSide * perSide
  const per = (): Float64Array => new Float64Array(footprints.length * perZone)
  const zoneEmptyN = new Float64Array(footprints.length)
  const zoneEmptyW = new Float64Array(footprints.length)
  const rays = {
    perZone,
    p: per(),
    q: per(),
    light: per(),
    cosine: per(),
    emptyN: per(),
    zoneEmptyN,
    zoneEmptyW,
  }
  footprints.forEach(({ x, y }, zone) => {
    for (let index = 0; index < perZone; index += 1) {
      const column = (index % perSide) + 0.5
      const row = Math.floor(index / perSide) + 0.5
      // A slightly turned grid: no two rays share a row or a column, so an edge crosses them one by one.
      const u = x[0] + (width(x) * (column + row / perSide - 0.5)) / perSide
      const v = y[0] + (width(y) * (row - column / perSide + 0.5)) / perSide
      const gamma = dot(normal, u, v)
      const [p, q] = [dot(across, u, v) / gamma, dot(down, u, v) / gamma]
      const ray = zone * perZone + index
      rays.p[ray] = p
      rays.q[ray] = q
      rays.cosine[ray] = 1 / Math.sqrt(1 + p * p + q * q)
      // Natural vignetting, the fourth power of the cosine to the optical axis, and the slanted way's square.
      const light = 1 / ((1 + u * u + v * v) ** 2 * (1 + p * p + q * q))
      const empty = (light * at(rays.cosine, ray)) / distance
      rays.light[ray] = light
      rays.emptyN[ray] = empty
      zoneEmptyN[zone] = at(zoneEmptyN, zone) + empty
      zoneEmptyW[zone] = at(zoneEmptyW, zone) + empty / distance
    }
  })
  return rays
}

/** Where a zone ends along its row or column: half-way to its neighbours, the outermost as far out as in. */
function bounds(tangents: Float64Array, side: number, zone: number, place: number, step: number): Bounds {
  const here = at(tangents, zone)
  const before = place > 0 ? here - at(tangents, zone - step) : at(tangents, zone + step) - here
  const after = place < side - 1 ? at(tangents, zone + step) - here : before
  return [here - before / 2, here + after / 2]
}
