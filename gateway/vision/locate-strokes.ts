import type { OrientedBox } from './lens-view.ts'
import type { Grey } from './picture.ts'

/** Pixels of strokes that hang together, in a picture about a box that lies upright in its middle. */
export interface Stroke {
  /** Sum of its levels, and of those within the box. */
  readonly weight: number
  readonly inside: number
  readonly tallest: number
  /** Of its middle by weight, px. */
  readonly x: number
  readonly y: number
  /** What it covers, px; `right` and `bottom` are behind its last pixels. */
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
  /** From the box to the nearest of its pixels, px; 0 inside. */
  readonly away: number
  /** It reaches the picture's edge: where it ends is not seen. */
  readonly isCut: boolean
}

/** Broken strokes hang together across gaps of a pixel. */
const GAP = 2

/** What is higher than `from`, piece by piece. */
export function strokesOf(
  { pixels, width, height }: Grey,
  box: OrientedBox,
  from: number,
): readonly Stroke[] {
  const waiting = pixels.map((level) => (level > from ? 1 : 0))
  const strokes: Stroke[] = []
  for (let start = 0; start < waiting.length; start++) {
    if (waiting[start] === 0) continue
    strokes.push(measured(flooded(waiting, start, width, height), pixels, { width, height, box }))
  }
  return strokes
}

function flooded(waiting: Uint8Array, start: number, width: number, height: number): readonly number[] {
  const places = [start]
  waiting[start] = 0
  for (let next = 0; next < places.length; next++) {
    const place = places[next] ?? 0
    const [x, y] = [place % width, Math.floor(place / width)]
    for (let row = Math.max(0, y - GAP); row <= Math.min(height - 1, y + GAP); row++) {
      const end = row * width + Math.min(width - 1, x + GAP)
      for (let beside = row * width + Math.max(0, x - GAP); beside <= end; beside++) {
        if (waiting[beside] === 0) continue
        waiting[beside] = 0
        places.push(beside)
      }
    }
  }
  return places
}

function measured(
  places: readonly number[],
  pixels: Uint8Array,
  { width, height, box }: { readonly width: number; readonly height: number; readonly box: OrientedBox },
): Stroke {
  let [weight, inside, tallest, sumX, sumY, away] = [0, 0, 0, 0, 0, Infinity]
  let [left, right, top, bottom] = [width, 0, height, 0]
  const upright = { ...box, x: width / 2, y: height / 2, angleDeg: 0 }
  for (const place of places) {
    const [x, y] = [place % width, Math.floor(place / width)]
    const level = pixels[place] ?? 0
    const off = apartFrom(upright, x + 0.5, y + 0.5)
    weight += level
    if (off === 0) inside += level
    away = Math.min(away, off)
    tallest = Math.max(tallest, level)
    sumX += level * (x + 0.5)
    sumY += level * (y + 0.5)
    left = Math.min(left, x)
    right = Math.max(right, x + 1)
    top = Math.min(top, y)
    bottom = Math.max(bottom, y + 1)
  }
  const isCut = left === 0 || top === 0 || right === width || bottom === height
  const middle = { x: sumX / weight, y: sumY / weight }
  return { weight, inside, tallest, ...middle, left, right, top, bottom, away, isCut }
}

/** From a box to a place, px; 0 inside. */
export function apartFrom(box: OrientedBox, x: number, y: number): number {
  const turn = (box.angleDeg * Math.PI) / 180
  const [dx, dy] = [x - box.x, y - box.y]
  const along = Math.abs(dx * Math.cos(turn) + dy * Math.sin(turn)) - box.width / 2
  const across = Math.abs(dy * Math.cos(turn) - dx * Math.sin(turn)) - box.height / 2
  return Math.sqrt(Math.max(0, along) ** 2 + Math.max(0, across) ** 2)
}
