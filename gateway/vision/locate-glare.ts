import type { OrientedBox, Point } from './lens-view.ts'
import { type Area, areasOf } from './locate-areas.ts'
import type { HeatMaps } from './locate-maps.ts'
import type { Mark } from './locate-marks.ts'
import type { SeenLens } from './locate-outline.ts'
import { MARK_DISTANCE_MM } from './locate-pair.ts'
import type { Reduced } from './locate-planes.ts'

/** From this heat on a cell lies under a mirrored lamp. */
const GLARE = 0.5
/** Grey levels: a mirrored lamp saturates, its soft edge aside. */
const BRIGHT = 150
/** How much what is seen must look like a mark, and how far from the lens's middle that of the two may lie, in radii. */
const LEAST_MARK = 0.3
const BETWEEN = 0.2
/** Steps each way over a box in which it is looked for. */
const GRID = 10
/** A lamp's mirror image that can hide a maker's mark, mm². */
const HIDING_MM2 = 4
/** Scales that one mark leaves open, px of the planes to a millimetre. */
const SCALES = [3.8, 7.2] as const

/** Mirrored lamps that are large enough to hide a maker's mark, and as bright as such are. */
export function lampsOf(heat: HeatMaps, picture: Reduced, pxPerMm?: number): readonly Area[] {
  const scale = pxPerMm ?? SCALES[0] * (heat.cellX / 2)
  const areas = areasOf(heat.maps.glare, heat, { from: GLARE, size: HIDING_MM2 * scale * scale })
  return areas.filter((area) => brightnessOf(area, heat, picture) >= BRIGHT)
}

/** Mean of one pixel of each cell, grey levels. */
function brightnessOf({ cells }: Area, heat: HeatMaps, { levels, width, height }: Reduced): number {
  const [perX, perY] = [width / heat.width, height / heat.height]
  let sum = 0
  for (const cell of cells) {
    const [x, y] = [cell % heat.width, Math.floor(cell / heat.width)]
    sum += levels[Math.floor((y + 0.5) * perY) * width + Math.floor((x + 0.5) * perX)] ?? 0
  }
  return sum / cells.length
}

/** Share of a box that lies under mirrored lamps, 0 to 1. */
export function glareOver(box: OrientedBox, { maps, width, height, cellX, cellY }: HeatMaps): number {
  const turn = (box.angleDeg * Math.PI) / 180
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)]
  let hidden = 0
  for (let step = 0; step < GRID * GRID; step++) {
    const along = (((step % GRID) + 0.5) / GRID - 0.5) * box.width
    const across = ((Math.floor(step / GRID) + 0.5) / GRID - 0.5) * box.height
    const x = Math.floor((box.x + along * cos - across * sin) / cellX)
    const y = Math.floor((box.y + along * sin + across * cos) / cellY)
    if (x < 0 || y < 0 || x >= width || y >= height) continue
    if ((maps.glare[y * width + x] ?? 0) >= GLARE) hidden += 1
  }
  return hidden / (GRID * GRID)
}

/**
 * The lamp that hides a mark, where one mark is seen and a lamp is mirrored as far away as the other must be, so that the
 * lens's middle lies between the two.
 */
export function lampInPlaceOf(
  marks: readonly Mark[],
  lamps: readonly Area[],
  lens: Pick<SeenLens, 'middle' | 'radius'>,
  planePx: number,
): Area | undefined {
  const [least, most] = SCALES.map((perMm) => perMm * planePx * MARK_DISTANCE_MM)
  return lamps.find((lamp) =>
    marks.some(({ x, y, heat }) => {
      const apart = Math.hypot(lamp.x - x, lamp.y - y)
      const [dx, dy] = [(lamp.x + x) / 2 - lens.middle[0], (lamp.y + y) / 2 - lens.middle[1]]
      const isBetween = Math.hypot(dx, dy) < BETWEEN * lens.radius
      return heat >= LEAST_MARK && isBetween && apart >= (least ?? 0) && apart <= (most ?? 0)
    }),
  )
}

/** The lamps within `reach` px of a place. */
export function lampsNear([x, y]: Point, lamps: readonly Area[], reach: number): readonly Area[] {
  return lamps.filter((lamp) => Math.hypot(lamp.x - x, lamp.y - y) <= reach)
}
