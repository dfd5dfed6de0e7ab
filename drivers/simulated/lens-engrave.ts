import type { Engravable, InkMask, Point } from './lens-glyphs.ts'
import { boxOf, type Engraving, placerOf } from './lens-marks.ts'
import { type LensPose, projectorOf } from './lens-pose.ts'
import type { LensLamp } from './lens-scene.ts'
import { valueNoise } from './lens-texture.ts'

/** What an engraving does to the light of each pixel of a piece of the picture. */
export interface Relief {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
  /** Light scattered into the camera, about 1 on a groove that lies well. */
  readonly scatter: Float32Array
  /** Slope towards the lamp: bright where positive, dark where negative; about −1…1. */
  readonly slope: Float32Array
}

export interface EngraveOptions {
  readonly lamp: LensLamp
  /** Share of the ink that is gone. */
  readonly broken: number
  readonly seed: number
}

/** A pixel is cut into so many each way while grooves are drawn: they are hardly wider than one. */
const FINER = 2
/** px around the box, so that the foot of a groove lies inside. */
const BORDER = 5
/** Of what a groove scatters, what its rough floor sends everywhere; the rest comes from its walls. Assumed. */
const FLOOR = 0.35
/** Mean length of what is missing where strokes are broken, mm. Assumed. */
const BREAK_MM = 0.45

/**
 * The groove's depth as a map, and what its slopes do. Under grazing light brightness is linear in the slope towards
 * the lamp (Pentland 1984, linear shading): one wall bright, one dark. In dark field only scattered light arrives, whose
 * power goes with the square of that slope; a ring of lamps averages cos² over all directions, which is a half. So under
 * one lamp grooves along its light are dark but for their rough floor.
 */
export function engrave(pose: LensPose, engraving: Engraving, options: EngraveOptions): Relief {
  const patch = patchOf(pose, engraving)
  const linePx = Math.max(1, engraving.lineMm * pose.pxPerMm * FINER)
  if ('strokes' in engraving.what) drawStrokes(patch, pose, engraving, linePx)
  else drawMask(patch, pose, engraving, engraving.what.mask)
  if (options.broken > 0) breakUp(patch, BREAK_MM * pose.pxPerMm * FINER, options)
  return reliefOf(patch, linePx, options.lamp)
}

interface Patch {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
  readonly depth: Float32Array
  readonly label: Engravable['label']
}

function patchOf(pose: LensPose, engraving: Engraving): Patch {
  const { x, y, width, height, angleDeg } = boxOf(pose, engraving)
  const angle = (angleDeg * Math.PI) / 180
  const [cos, sin] = [Math.abs(Math.cos(angle)), Math.abs(Math.sin(angle))]
  const reachX = (width * cos + height * sin) / 2 + BORDER
  const reachY = (width * sin + height * cos) / 2 + BORDER
  const [left, top] = [Math.floor(x - reachX), Math.floor(y - reachY)]
  const columns = Math.ceil(x + reachX) - left
  const rows = Math.ceil(y + reachY) - top
  const depth = new Float32Array(columns * rows * FINER * FINER)
  return { left, top, width: columns, height: rows, depth, label: engraving.label }
}

function drawStrokes(patch: Patch, pose: LensPose, engraving: Engraving, linePx: number): void {
  if (!('strokes' in engraving.what)) return
  const project = projectorOf(pose)
  const place = placerOf(engraving)
  for (const stroke of engraving.what.strokes) {
    const way = stroke.map(([x, y]): Point => {
      const [px, py] = project(...place(x, y))
      return [(px - patch.left) * FINER, (py - patch.top) * FINER]
    })
    way.forEach((point, index) => {
      if (index > 0) drawLine(patch, way[index - 1] ?? point, point, linePx)
    })
  }
}

/** A groove with a raised cosine for its section, `linePx` wide at half its depth; crossings are no deeper. */
function drawLine(patch: Patch, from: Point, to: Point, linePx: number): void {
  const columns = patch.width * FINER
  const rows = patch.height * FINER
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]]
  const square = dx * dx + dy * dy || 1
  const left = Math.max(0, Math.floor(Math.min(from[0], to[0]) - linePx))
  const right = Math.min(columns - 1, Math.ceil(Math.max(from[0], to[0]) + linePx))
  const top = Math.max(0, Math.floor(Math.min(from[1], to[1]) - linePx))
  const bottom = Math.min(rows - 1, Math.ceil(Math.max(from[1], to[1]) + linePx))
  for (let y = top; y <= bottom; y += 1) {
    for (let x = left; x <= right; x += 1) {
      const [px, py] = [x + 0.5 - from[0], y + 0.5 - from[1]]
      const along = Math.min(1, Math.max(0, (px * dx + py * dy) / square))
      const distance = Math.sqrt((px - along * dx) ** 2 + (py - along * dy) ** 2)
      if (distance >= linePx) continue
      const depth = 0.5 + 0.5 * Math.cos((Math.PI * distance) / linePx)
      const index = y * columns + x
      if (depth > (patch.depth[index] ?? 0)) patch.depth[index] = depth
    }
  }
}

/** The picture of a symbol laid into its box, each point the mean of the ink that it covers. */
function drawMask(patch: Patch, pose: LensPose, engraving: Engraving, mask: InkMask): void {
  const box = boxOf(pose, engraving)
  const angle = (box.angleDeg * Math.PI) / 180
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const columns = patch.width * FINER
  const [perX, perY] = [mask.width / (box.width - 1), mask.height / (box.height - 1)]
  for (let index = 0; index < patch.depth.length; index += 1) {
    const dx = patch.left + ((index % columns) + 0.5) / FINER - box.x
    const dy = patch.top + (Math.floor(index / columns) + 0.5) / FINER - box.y
    const column = (dx * cos + dy * sin) * perX + mask.width / 2
    const row = (dy * cos - dx * sin) * perY + mask.height / 2
    patch.depth[index] = meanInk(mask, column, row, Math.max(1, perX / FINER, perY / FINER))
  }
}

/** Mean of the ink, 0…1, over a square of this side about a point, from samples a pixel apart or closer. */
function meanInk(mask: InkMask, column: number, row: number, side: number): number {
  if (column < -side || row < -side || column > mask.width + side || row > mask.height + side) return 0
  const samples = Math.ceil(side) + 1
  let sum = 0
  for (let sample = 0; sample < samples * samples; sample += 1) {
    const x = Math.floor(column + side * (((sample % samples) + 0.5) / samples - 0.5))
    const y = Math.floor(row + side * ((Math.floor(sample / samples) + 0.5) / samples - 0.5))
    if (x >= 0 && y >= 0 && x < mask.width && y < mask.height) sum += mask.ink[y * mask.width + x] ?? 0
  }
  return sum / (255 * samples * samples)
}

/** Takes away the asked share of the ink, where a random field is lowest. */
function breakUp(patch: Patch, lengthPx: number, { broken, seed }: EngraveOptions): void {
  const columns = patch.width * FINER
  const field = patch.depth.map((_, index) =>
    valueNoise(seed, (index % columns) / lengthPx, Math.floor(index / columns) / lengthPx),
  )
  const inked = field.filter((_, index) => (patch.depth[index] ?? 0) > 0.3).sort()
  const limit = inked[Math.floor(broken * inked.length)] ?? 0
  for (let index = 0; index < patch.depth.length; index += 1) {
    // A break has soft ends: 0.06 of the field's 0…1 on either side.
    const left = ((field[index] ?? 0) - limit) / 0.12 + 0.5
    patch.depth[index] = (patch.depth[index] ?? 0) * Math.min(1, Math.max(0, left))
  }
}

function reliefOf({ depth, left, top, width, height }: Patch, linePx: number, lamp: LensLamp): Relief {
  const scatter = new Float32Array(width * height)
  const slope = new Float32Array(width * height)
  const angle = (lamp.azimuthDeg * Math.PI) / 180
  const [lightX, lightY] = [Math.cos(angle), Math.sin(angle)]
  const columns = width * FINER
  // The steepest slope of the section is π / (2 linePx): 1 stands for it.
  const perSlope = linePx / Math.PI
  for (let y = 1; y < height * FINER - 1; y += 1) {
    for (let x = 1; x < columns - 1; x += 1) {
      const index = y * columns + x
      const slopeX = ((depth[index + 1] ?? 0) - (depth[index - 1] ?? 0)) * perSlope
      const slopeY = ((depth[index + columns] ?? 0) - (depth[index - columns] ?? 0)) * perSlope
      const towards = slopeX * lightX + slopeY * lightY
      const ring = (slopeX * slopeX + slopeY * slopeY) / 2
      const walls = (1 - lamp.directed) * ring + lamp.directed * towards * towards
      const to = Math.floor(y / FINER) * width + Math.floor(x / FINER)
      const share = 1 / (FINER * FINER)
      scatter[to] = (scatter[to] ?? 0) + share * (FLOOR * (depth[index] ?? 0) + 2 * (1 - FLOOR) * walls)
      slope[to] = (slope[to] ?? 0) + share * towards
    }
  }
  return { left, top, width, height, scatter, slope }
}
