/** A place on the drawing; its sides are 1 long. */
export interface Place {
  readonly x: number
  readonly y: number
}
export type Stroke = readonly Place[]

/** Nearer than this a hand did not move: a thousandth of the drawing's side. */
const STILL = 0.001

/** What a line is drawn with: a canvas is one. */
export interface Pen {
  beginPath(): void
  moveTo(x: number, y: number): void
  lineTo(x: number, y: number): void
  quadraticCurveTo(cx: number, cy: number, x: number, y: number): void
  stroke(): void
}

/** The stroke with more of its way; places that are not apart are one. */
export function extended(stroke: Stroke, places: readonly Place[]): Stroke {
  const longer = [...stroke]
  for (const place of places) {
    const last = longer.at(-1)
    if (last === undefined || Math.hypot(place.x - last.x, place.y - last.y) > STILL) longer.push(place)
  }
  return longer
}

/**
 * Draws a stroke as a smooth line: curves from middle to middle of what the hand touched, each bent to the place between.
 * @param side of the drawing, in the pen's own measure
 */
export function drawStroke(pen: Pen, stroke: Stroke, side: number): void {
  const [first, ...rest] = stroke
  if (first === undefined) return
  pen.beginPath()
  pen.moveTo(first.x * side, first.y * side)
  // A touch is a dot: a line without length has round ends all the same.
  if (rest.length === 0) pen.lineTo(first.x * side, first.y * side)
  for (const [index, place] of rest.entries()) {
    const next = rest[index + 1]
    if (next === undefined) pen.lineTo(place.x * side, place.y * side)
    else {
      const [x, y] = [(place.x + next.x) / 2, (place.y + next.y) / 2]
      pen.quadraticCurveTo(place.x * side, place.y * side, x * side, y * side)
    }
  }
  pen.stroke()
}

/** Where a picture lies in a square, whole and in its middle. */
export function fitted(
  width: number,
  height: number,
  side: number,
): { readonly x: number; readonly y: number; readonly width: number; readonly height: number } {
  const scale = side / Math.max(width, height)
  const [w, h] = [width * scale, height * scale]
  return { x: (side - w) / 2, y: (side - h) / 2, width: w, height: h }
}
