import type { Compute } from './embedder.ts'
import { type HeatMaps, heatMapsOf } from './locate-maps.ts'
import { fillPlanes, PLANES, type Reduced } from './locate-planes.ts'

/** As the network was trained: pixels each way, pixels to a millimetre, and where the mark's middle lies. */
const SIDE = 96
const PX_PER_MM = 6.4
const MARK_AT = [48, 22] as const

/** Of a look, px to a millimetre. */
export const LOOK_PX_PER_MM = PX_PER_MM

/** Where to look again: about an alignment mark, turned so that the lens can be read. */
export interface Look {
  /** Of the mark's middle, px of the picture. */
  readonly x: number
  readonly y: number
  /** Direction of reading, clockwise on the picture from its x axis, degrees. */
  readonly readingDeg: number
  readonly pxPerMm: number
}

/** What a look showed; the maps' cells are of the look, and `place` says where on the picture a place of them is. */
export interface Looked {
  readonly look: Look
  readonly heat: HeatMaps
  readonly place: (x: number, y: number) => readonly [x: number, y: number]
  /** Column and row of the maps in which the mark's middle lies. */
  readonly markCell: readonly [column: number, row: number]
  /** Pixels of the picture to one of the look. */
  readonly scale: number
}

/**
 * The network's second look: each mark with what is engraved by it, upright and at one scale, all in one run.
 * @throws ModelError when the network gives no maps
 */
export async function lookAgain(
  picture: Reduced,
  looks: readonly Look[],
  compute: Compute,
): Promise<readonly Looked[]> {
  const size = SIDE * SIDE
  const data = new Float32Array(looks.length * PLANES * size)
  for (const [index, look] of looks.entries()) {
    const to = data.subarray(index * PLANES * size, (index + 1) * PLANES * size)
    fillPlanes(turned(picture, look), { width: SIDE, height: SIDE }, 1, to)
  }
  const output = await compute({ data, shape: [looks.length, PLANES, SIDE, SIDE] })
  return looks.map((look, index) => {
    const scale = look.pxPerMm / PX_PER_MM
    const frame = { width: SIDE, height: SIDE, scaleX: 1, scaleY: 1 }
    const heat = heatMapsOf(output, frame, index, looks.length)
    const markCell = [MARK_AT[0] / heat.cellX, MARK_AT[1] / heat.cellY] as const
    return { look, heat, scale, markCell, place: placer(look, scale) }
  })
}

function placer({ x, y, readingDeg }: Look, scale: number): Looked['place'] {
  const turn = (readingDeg * Math.PI) / 180
  const [cos, sin] = [scale * Math.cos(turn), scale * Math.sin(turn)]
  return (column, row) => {
    const [u, v] = [column - MARK_AT[0], row - MARK_AT[1]]
    return [x + u * cos - v * sin, y + u * sin + v * cos]
  }
}

/** Bilinear; beyond the picture its border goes on. */
function turned({ levels, width, height, scaleX, scaleY }: Reduced, look: Look): Float32Array {
  const place = placer(look, look.pxPerMm / PX_PER_MM)
  const [x0, y0] = place(0.5, 0.5)
  const [x1, y1] = place(1.5, 0.5)
  const [x2, y2] = place(0.5, 1.5)
  const stepX = { along: (x1 - x0) / scaleX, down: (x2 - x0) / scaleX, from: x0 / scaleX - 0.5 }
  const stepY = { along: (y1 - y0) / scaleY, down: (y2 - y0) / scaleY, from: y0 / scaleY - 0.5 }
  const [right, bottom] = [width - 1, height - 1]
  const seen = new Float32Array(SIDE * SIDE)
  for (let row = 0, index = 0; row < SIDE; row++) {
    for (let column = 0; column < SIDE; column++, index++) {
      const inX = Math.min(right, Math.max(0, stepX.from + column * stepX.along + row * stepX.down))
      const inY = Math.min(bottom, Math.max(0, stepY.from + column * stepY.along + row * stepY.down))
      const left = Math.min(right - 1, Math.floor(inX))
      const top = Math.min(bottom - 1, Math.floor(inY))
      const u = inX - left
      const v = inY - top
      const from = top * width + left
      const upper = (levels[from] ?? 0) * (1 - u) + (levels[from + 1] ?? 0) * u
      const lower = (levels[from + width] ?? 0) * (1 - u) + (levels[from + width + 1] ?? 0) * u
      seen[index] = upper * (1 - v) + lower * v
    }
  }
  return seen
}
