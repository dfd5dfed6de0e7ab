import type { Dome } from '../dome.ts'
import { at, median } from '../numbers.ts'
import type { ScanSight } from './sight.ts'

/** Cells of the rough map of the belt, mm: a zone's footprint covers two or three. */
const CELL_MM = 15
/** Of the height that makes a part, what its border needs. */
const GROWN_SHARE = 0.5
/** A part of less than this share of the recipe's volume is crumbs; from the second share on it is a part of its own. */
const LEAST_VOLUME = 0.05
const OTHER_PART = 0.25
/** A belt that reads this far from its calibration has moved, or is gone. */
const MOVED_MM = 6
/** Half the width of a footprint over its depth: 45° cut into eight; wider than that where zones are fewer. */
const HALF_FOOTPRINT = Math.tan(Math.PI / 8)

/** What was found on the stretch of belt that passed. */
export interface Located {
  readonly kind: 'found' | 'no-product' | 'out-of-view' | 'not-calibrated'
  /** Where the fit starts, in the place the part had at the trigger. */
  readonly start: Dome
  /** Per sighting, 1: it may see this part or the bare belt; 0: it sees something else. */
  readonly ours: Uint8Array
  /** Lies on the belt beside the part and is too small for a part: middle and height. */
  readonly strays: readonly Stray[]
}

export interface Stray {
  readonly xMm: number
  readonly yMm: number
  readonly heightMm: number
  readonly sizeMm: number
}

/**
 * Looks for parts in a rough map of the belt, and takes the one whose middle passed below the head during the look,
 * of several the one nearest the middle of the look.
 * @param leastMm the lowest part there is @param expectedMm3 the recipe's part
 */
export function locate(sight: ScanSight, leastMm: number, expectedMm3: number): Located {
  const map = mapOf(sight)
  const groups = groupsOf(map, leastMm)
  const parts = groups.filter(({ volumeMm3 }) => volumeMm3 >= LEAST_VOLUME * expectedMm3)
  const none = (kind: Located['kind']): Located => ({
    kind,
    start: { x: 0, y: 0, rotation: 0, rx: 1, ry: 1, rz: 1 },
    ours: new Uint8Array(0),
    strays: [],
  })
  if (Math.abs(bareRise(map, groups)) > MOVED_MM) return none('not-calibrated')
  if (parts.length === 0) return none('no-product')
  // A crumb is only measured where no part of its own passes.
  const [mine] = parts
    .map((group) => ({
      group,
      off: offMiddle(group, sight),
      crumb: group.volumeMm3 < OTHER_PART * expectedMm3 ? 1 : 0,
    }))
    .filter(({ off }) => off <= 1)
    .sort((one, other) => one.crumb - other.crumb || one.off - other.off)
  if (mine === undefined) return none('out-of-view')
  const others = groups.filter((group) => group !== mine.group)
  return {
    kind: 'found',
    start: mine.group.start,
    ours: oursOf(sight, map, mine.group, others),
    strays: others
      .filter(({ volumeMm3 }) => volumeMm3 < OTHER_PART * expectedMm3)
      .map(({ start: { x, y, rx, ry }, top }) => ({
        xMm: x,
        yMm: y,
        heightMm: top,
        sizeMm: 2 * Math.sqrt(rx * ry),
      })),
  }
}

/** Mean height of every cell of the belt, in the place it had at the trigger. */
interface BeltMap {
  readonly left: number
  readonly top: number
  readonly columns: number
  readonly rows: number
  /** NaN where nothing looked. */
  readonly heightMm: Float64Array
}

function mapOf(sight: ScanSight): BeltMap {
  const { tray, looks, shiftX, shiftY, depthMm } = sight
  const { minP, maxP, minQ, maxQ } = tray.edge
  const ends = (shift: Float64Array): readonly [number, number] => {
    const used = shift.subarray(0, looks)
    return [Math.min(...used), Math.max(...used)]
  }
  const [firstX, lastX] = ends(shiftX)
  const [firstY, lastY] = ends(shiftY)
  const left = minP * tray.distanceMm - lastX - CELL_MM
  const top = minQ * tray.distanceMm - lastY - CELL_MM
  const columns = Math.ceil((maxP * tray.distanceMm - firstX - left) / CELL_MM) + 1
  const rows = Math.ceil((maxQ * tray.distanceMm - firstY - top) / CELL_MM) + 1
  const sums = new Float64Array(columns * rows)
  const counts = new Float64Array(columns * rows)
  for (let i = 0; i < looks * tray.zones; i += 1) {
    const depth = at(depthMm, i)
    if (Number.isNaN(depth)) continue
    const look = Math.floor(i / tray.zones)
    const zone = i % tray.zones
    const x = at(tray.p, zone) * depth - at(shiftX, look) - left
    const y = at(tray.q, zone) * depth - at(shiftY, look) - top
    const half = (HALF_FOOTPRINT * depth) / tray.side
    const lastColumn = Math.min(columns - 1, Math.floor((x + half) / CELL_MM))
    const lastRow = Math.min(rows - 1, Math.floor((y + half) / CELL_MM))
    for (let row = Math.max(0, Math.ceil((y - half) / CELL_MM)); row <= lastRow; row += 1) {
      for (let column = Math.max(0, Math.ceil((x - half) / CELL_MM)); column <= lastColumn; column += 1) {
        const cell = row * columns + column
        sums[cell] = at(sums, cell) + tray.distanceMm - depth
        counts[cell] = at(counts, cell) + 1
      }
    }
  }
  for (let cell = 0; cell < sums.length; cell += 1) sums[cell] = at(sums, cell) / at(counts, cell)
  return { left, top, columns, rows, heightMm: sums }
}

interface Group {
  readonly cells: readonly number[]
  readonly volumeMm3: number
  readonly top: number
  readonly start: Dome
}

/** Connected cells that stand out of the belt, the most volume first. */
function groupsOf(map: BeltMap, leastMm: number): readonly Group[] {
  const { heightMm } = map
  const seen = new Uint8Array(heightMm.length)
  const groups: Group[] = []
  for (let seed = 0; seed < heightMm.length; seed += 1) {
    if (seen[seed] === 1 || !(at(heightMm, seed) > leastMm)) continue
    const cells = [seed]
    seen[seed] = 1
    for (const cell of cells) {
      for (const next of around(cell, map)) {
        if (seen[next] === 1 || !(at(heightMm, next) > GROWN_SHARE * leastMm)) continue
        seen[next] = 1
        cells.push(next)
      }
    }
    groups.push(grouped(cells, map))
  }
  return groups.sort((a, b) => b.volumeMm3 - a.volumeMm3)
}

function around(cell: number, { columns, rows }: BeltMap): readonly number[] {
  const column = cell % columns
  const row = Math.floor(cell / columns)
  const found: number[] = []
  for (let r = Math.max(0, row - 1); r <= Math.min(rows - 1, row + 1); r += 1) {
    for (let c = Math.max(0, column - 1); c <= Math.min(columns - 1, column + 1); c += 1) {
      if (r !== row || c !== column) found.push(r * columns + c)
    }
  }
  return found
}

/** Of half an ellipsoid, the variance of its volume along an axis is r²/5. */
function grouped(cells: readonly number[], { columns, left, top, heightMm }: BeltMap): Group {
  let [sum, sumX, sumY, sumXX, sumYY, sumXY, highest] = [0, 0, 0, 0, 0, 0, 0]
  for (const cell of cells) {
    const height = at(heightMm, cell)
    const x = left + (cell % columns) * CELL_MM
    const y = top + Math.floor(cell / columns) * CELL_MM
    sum += height
    sumX += height * x
    sumY += height * y
    sumXX += height * x * x
    sumYY += height * y * y
    sumXY += height * x * y
    highest = Math.max(highest, height)
  }
  const x = sumX / sum
  const y = sumY / sum
  const xx = sumXX / sum - x * x
  const yy = sumYY / sum - y * y
  const xy = sumXY / sum - x * y
  const spread = Math.hypot((xx - yy) / 2, xy)
  const radius = (variance: number): number => Math.sqrt(5 * Math.max(CELL_MM ** 2 / 12, variance))
  return {
    cells,
    volumeMm3: sum * CELL_MM ** 2,
    top: highest,
    start: {
      x,
      y,
      rotation: 0.5 * Math.atan2(2 * xy, xx - yy),
      rx: radius((xx + yy) / 2 + spread),
      ry: radius((xx + yy) / 2 - spread),
      rz: highest,
    },
  }
}

/** 0: its middle was below the head in the middle of the look; 1: at one of the look's ends. */
function offMiddle({ start }: Group, { looks, shiftX, shiftY }: ScanSight): number {
  const endX = at(shiftX, looks - 1) - at(shiftX, 0)
  const endY = at(shiftY, looks - 1) - at(shiftY, 0)
  const travel = Math.hypot(endX, endY)
  if (travel === 0) return 0
  const passed = ((start.x + at(shiftX, 0)) * endX + (start.y + at(shiftY, 0)) * endY) / travel
  return Math.abs((2 * -passed) / travel - 1)
}

function bareRise({ heightMm, ...map }: BeltMap, groups: readonly Group[]): number {
  const taken = new Uint8Array(heightMm.length)
  for (const { cells } of groups) {
    for (const cell of cells) {
      taken[cell] = 1
      for (const next of around(cell, { heightMm, ...map })) taken[next] = 1
    }
  }
  const bare: number[] = []
  heightMm.forEach((height, cell) => {
    if (taken[cell] === 0 && !Number.isNaN(height)) bare.push(height)
  })
  return bare.length === 0 ? 0 : median(bare)
}

/** Leaves out what sees another group, or the belt right beside it, unless it is nearer to ours. */
function oursOf(sight: ScanSight, map: BeltMap, mine: Group, others: readonly Group[]): Uint8Array {
  const { tray, looks, shiftX, shiftY, depthMm } = sight
  const owner = new Uint8Array(map.heightMm.length)
  for (const { cells } of others) {
    for (const cell of cells) {
      owner[cell] = 2
      for (const next of around(cell, map)) if (owner[next] === 0) owner[next] = 2
    }
  }
  for (const cell of mine.cells) owner[cell] = 1
  const ours = new Uint8Array(looks * tray.zones)
  for (let i = 0; i < ours.length; i += 1) {
    const look = Math.floor(i / tray.zones)
    const depth = at(depthMm, i)
    if (Number.isNaN(depth)) continue
    const column = Math.round((at(tray.p, i % tray.zones) * depth - at(shiftX, look) - map.left) / CELL_MM)
    const row = Math.round((at(tray.q, i % tray.zones) * depth - at(shiftY, look) - map.top) / CELL_MM)
    const cell =
      Math.min(map.rows - 1, Math.max(0, row)) * map.columns + Math.min(map.columns - 1, Math.max(0, column))
    ours[i] = owner[cell] === 2 ? 0 : 1
  }
  return ours
}
