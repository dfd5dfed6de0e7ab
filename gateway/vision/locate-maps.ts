import type { Reduced } from './locate-planes.ts'
import { ModelError } from './model.ts'
import type { Floats } from './onnx.ts'

/** What the network says, in this order. Marks are peaks; the others are 1 where a box, the lens, a mirrored lamp lies. */
export const MAP_NAMES = ['nasal', 'temporal', 'symbol', 'text', 'lens', 'glare'] as const
export type MapName = (typeof MAP_NAMES)[number]

/** One map of the network: its cells in rows from the top left, each 0 to 1. */
export type HeatMap = Float32Array

export interface HeatMaps {
  readonly maps: Readonly<Record<MapName, HeatMap>>
  /** Cells. */
  readonly width: number
  readonly height: number
  /** Pixels of the picture to a cell. */
  readonly cellX: number
  readonly cellY: number
}

/** Each cell of the network's output holds its four quarters: left above, right above, left below, right below. */
const QUARTERS = 4
/** Pixels of the planes to a cell of the output. */
const STRIDE = 4

/** What the planes were made of. */
type Frame = Pick<Reduced, 'width' | 'height' | 'scaleX' | 'scaleY'>

/**
 * The maps of one picture of a batch.
 * @throws ModelError `shape` when the output is not that of a locator for such pictures
 */
export function heatMapsOf(output: Floats, frame: Frame, which = 0, batch = 1): HeatMaps {
  const [columns, rows] = [frame.width / STRIDE, frame.height / STRIDE]
  const expected = [batch, MAP_NAMES.length * QUARTERS, rows, columns]
  if (output.shape.join() !== expected.join()) {
    throw new ModelError('shape', `maps of [${output.shape.join(' ')}], expected [${expected.join(' ')}]`)
  }
  const size = columns * rows
  const own = which * MAP_NAMES.length * QUARTERS * size
  const map = (name: MapName): HeatMap => {
    const from = own + MAP_NAMES.indexOf(name) * QUARTERS * size
    const heat = new Float32Array(QUARTERS * size)
    for (let quarter = 0; quarter < QUARTERS; quarter++) {
      const plane = output.data.subarray(from + quarter * size, from + (quarter + 1) * size)
      spread(plane, heat, columns, (quarter >> 1) * 2 * columns + (quarter & 1))
    }
    return heat
  }
  return {
    maps: {
      nasal: map('nasal'),
      temporal: map('temporal'),
      symbol: map('symbol'),
      text: map('text'),
      lens: map('lens'),
      glare: map('glare'),
    },
    width: 2 * columns,
    height: 2 * rows,
    cellX: (frame.scaleX * STRIDE) / 2,
    cellY: (frame.scaleY * STRIDE) / 2,
  }
}

/** Every second cell of every second row. */
function spread(plane: Float32Array, heat: HeatMap, columns: number, first: number): void {
  for (let index = 0, to = first; index < plane.length; to += 2 * columns) {
    for (const end = index + columns; index < end; index++, to += 2) heat[to] = plane[index] ?? 0
  }
}
