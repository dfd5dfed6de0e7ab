import { zoneTangents } from '../vl53l8ch/optics.ts'
import { RANGING } from './optics.ts'

/** Where the head hangs and what it looks at when there is no part. */
export interface EmptyScene {
  readonly headHeightMm: number
  /** Rise of the tray plane in mm per mm along x and y, seen from the head. */
  readonly slopeX: number
  readonly slopeY: number
  /** Inner size, and how high the rim around it stands. Its floor and the bed beside it are one plane. */
  readonly tray?: { readonly lengthMm: number; readonly widthMm: number; readonly rimMm: number }
  /** Centre of the tray along x where it is not under the optical axis. */
  readonly trayXMm?: number
  /** Percent at 940 nm. */
  readonly trayReflectance: number
}

/** Signal in kcps/spad, and its first and second moment over the axial distance in mm. */
export interface Sums {
  readonly signal: Float64Array
  readonly first: Float64Array
  readonly second: Float64Array
}

/** Sub-rays of all 64 zones of 8×8, RAYS a zone, with what they meet on the empty tray. */
export interface RayFan {
  readonly scene: EmptyScene
  readonly x: Float64Array
  readonly y: Float64Array
  /** Signal in kcps/spad of a surface with reflectance 1 % and cosine 1 at 1 mm, this ray's share of its zone. */
  readonly gain: Float64Array
  /** Per ray. */
  readonly behind: Sums
  /** Per zone. */
  readonly empty: Sums
}

export const RAYS = RANGING.raysPerSide ** 2
/** The tray stands still and its rim is narrower than the rays are apart: each ray's share of it is sampled finer. */
const TRAY_SAMPLES = 7

/** Lays the rays through the zones' footprints and casts them at the empty tray. */
export function castEmpty(scene: EmptyScene): RayFan {
  const count = 64 * RAYS
  const fan: RayFan = {
    scene,
    x: new Float64Array(count),
    y: new Float64Array(count),
    gain: new Float64Array(count),
    behind: newSums(count),
    empty: newSums(64),
  }
  const cells = cellsOf()
  const share = footprint()
  for (let ray = 0; ray < count; ray += 1) {
    const column = ray % SIDE
    const row = Math.floor((ray % RAYS) / SIDE)
    const cellX = cells.x[ray] ?? 0
    const cellY = cells.y[ray] ?? 0
    // The grid is turned a little: no two rays of a zone share a row or a column, so an edge crosses them one by one.
    const x = cellX + ((row - MIDDLE) / SIDE) * STEP
    const y = cellY - ((column - MIDDLE) / SIDE) * STEP
    // The inverse square of the axial distance is short of the slant one by two more powers of the cosine.
    const dimming = (1 + x * x + y * y) ** (-(RANGING.vignettingPower + 2) / 2)
    fan.x[ray] = x
    fan.y[ray] = y
    fan.gain[ray] = (share[ray % RAYS] ?? 0) * (RANGING.signalAtOneMetre / 100) * 1e6 * dimming
    meetTray(fan, ray, cellX, cellY)
    addToZone(fan, ray)
  }
  return fan
}

/** Adds what a ray meets on the empty tray to its zone. */
export function addToZone({ empty, behind }: Pick<RayFan, 'empty' | 'behind'>, ray: number): void {
  const zone = Math.floor(ray / RAYS)
  empty.signal[zone] = (empty.signal[zone] ?? 0) + (behind.signal[ray] ?? 0)
  empty.first[zone] = (empty.first[zone] ?? 0) + (behind.first[ray] ?? 0)
  empty.second[zone] = (empty.second[zone] ?? 0) + (behind.second[ray] ?? 0)
}

/** Centres of the square cells, in tangents, that the rays stand for. */
export function cellsOf(): { readonly x: Float64Array; readonly y: Float64Array } {
  const centre = zoneTangents(64)
  const cells = { x: new Float64Array(64 * RAYS), y: new Float64Array(64 * RAYS) }
  for (let ray = 0; ray < 64 * RAYS; ray += 1) {
    const zone = Math.floor(ray / RAYS)
    const column = ray % SIDE
    const row = Math.floor((ray % RAYS) / SIDE)
    cells.x[ray] = (centre.x[zone] ?? 0) + (column - MIDDLE) * STEP
    cells.y[ray] = (centre.y[zone] ?? 0) + (row - MIDDLE) * STEP
  }
  return cells
}

const SIDE = RANGING.raysPerSide
const MIDDLE = (SIDE - 1) / 2
/** Tangent between neighbouring rays: a zone and its blur, cut evenly. */
export const STEP = (RANGING.zoneWidth * (1 + RANGING.blur)) / SIDE

/** What part of a zone's light each of its rays carries: full within its width, falling over `blur` at each edge. */
function footprint(): number[] {
  const along = Array.from({ length: SIDE }, (_, i) => {
    const inside = ((SIDE / 2 - Math.abs(i - MIDDLE)) * STEP) / (RANGING.zoneWidth * RANGING.blur)
    return Math.min(1, inside)
  })
  const total = along.reduce((sum, weight) => sum + weight, 0)
  return along.flatMap((down) => along.map((across) => (down * across) / total ** 2))
}

/** Meets the tray all over the cell that a ray stands for. */
export function meetTray(
  fan: Pick<RayFan, 'scene' | 'gain' | 'behind'>,
  ray: number,
  cellX: number,
  cellY: number,
): void {
  const gain = (fan.gain[ray] ?? 0) / TRAY_SAMPLES ** 2
  for (let sample = 0; sample < TRAY_SAMPLES ** 2; sample += 1) {
    const across = ((sample % TRAY_SAMPLES) + 0.5) / TRAY_SAMPLES - 0.5
    const down = (Math.floor(sample / TRAY_SAMPLES) + 0.5) / TRAY_SAMPLES - 0.5
    const x = cellX + across * STEP
    const y = cellY + down * STEP
    const { range, reflectance } = emptyAt(fan.scene, x, y)
    const signal = (gain * reflectance) / Math.sqrt(1 + x * x + y * y) / (range * range)
    add(fan.behind, ray, signal, range)
  }
}

function emptyAt(
  { headHeightMm, slopeX, slopeY, tray, trayReflectance, trayXMm = 0 }: EmptyScene,
  x: number,
  y: number,
): { range: number; reflectance: number } {
  const fall = 1 + slopeX * x + slopeY * y
  const floor = headHeightMm / fall
  if (tray === undefined) return { range: floor, reflectance: RANGING.bedReflectance }
  const beyond = (range: number): number =>
    Math.max(Math.abs(x * range - trayXMm) - tray.lengthMm / 2, Math.abs(y * range) - tray.widthMm / 2)
  const rim = (headHeightMm - tray.rimMm) / fall
  const onRim = beyond(rim) >= 0 && beyond(rim) <= RANGING.rimWidthMm
  if (onRim) return { range: rim, reflectance: trayReflectance }
  return { range: floor, reflectance: beyond(floor) <= 0 ? trayReflectance : RANGING.bedReflectance }
}

export function newSums(length: number): Sums {
  return {
    signal: new Float64Array(length),
    first: new Float64Array(length),
    second: new Float64Array(length),
  }
}

/** Adds light that comes back from one distance. */
export function add(sums: Sums, index: number, signal: number, rangeMm: number): void {
  sums.signal[index] = (sums.signal[index] ?? 0) + signal
  sums.first[index] = (sums.first[index] ?? 0) + signal * rangeMm
  sums.second[index] = (sums.second[index] ?? 0) + signal * rangeMm * rangeMm
}
