/** Numbers in rows from the top left: a picture that is being worked on. */
export interface Plane {
  readonly values: Float64Array
  readonly width: number
  readonly height: number
}

/** The value at an index that is known to be inside. */
export function at(values: ArrayLike<number>, index: number): number {
  return values[index] ?? 0
}

/** Every pixel of the new size is the exact mean of the area that it covers; rows first, then columns. */
export function areaResized(plane: Plane, width: number, height: number): Plane {
  const down = new Float64Array(plane.width * height)
  const rows = { from: 0, step: plane.width, count: plane.height, beside: 1, lines: plane.width }
  meansAlong(plane.values, rows, down, height)
  const values = new Float64Array(width * height)
  for (let y = 0; y < height; y++) {
    const columns = { from: y * plane.width, step: 1, count: plane.width, beside: 0, lines: 1 }
    meansAlong(down, columns, values.subarray(y * width, (y + 1) * width), width)
  }
  return { values, width, height }
}

/** Columns side by side, or one row. */
interface Runs {
  readonly from: number
  /** From a value to the next. */
  readonly step: number
  readonly count: number
  /** From a run to the next. */
  readonly beside: number
  readonly lines: number
}

/** `into` means of each run, all runs at once: the runs of a picture lie side by side in memory. */
function meansAlong(source: Float64Array, runs: Runs, target: Float64Array, into: number): void {
  const { from, step, count, beside, lines } = runs
  const covered = count / into
  const sums = new Float64Array(lines)
  const before = new Float64Array(lines)
  for (let out = 0, whole = 0, to = 0; out < into; out++) {
    const edge = (out + 1) * covered
    const full = Math.min(Math.floor(edge), count - 1)
    for (; whole < full; whole++) {
      for (let line = 0, place = from + whole * step; line < lines; line++, place += beside) {
        sums[line] = (sums[line] ?? 0) + (source[place] ?? 0)
      }
    }
    const part = edge - full
    for (let line = 0, place = from + full * step; line < lines; line++, place += beside, to++) {
      const total = (sums[line] ?? 0) + part * (source[place] ?? 0)
      target[to] = (total - (before[line] ?? 0)) / covered
      before[line] = total
    }
  }
}

/** `rounds` times [1 2 1] / 4, down the columns, then along the rows; edges repeated. */
export function smoothed(plane: Plane, rounds: number): Plane {
  const { width, height } = plane
  const down = new Float64Array(width * height)
  const values = plane.values.slice()
  for (let round = 0; round < rounds; round++) {
    for (let y = 0, here = 0; y < height; y++) {
      let above = Math.max(0, y - 1) * width
      let below = Math.min(height - 1, y + 1) * width
      for (const end = here + width; here < end; here++, above++, below++) {
        down[here] = ((values[above] ?? 0) + 2 * (values[here] ?? 0) + (values[below] ?? 0)) / 4
      }
    }
    for (let y = 0, here = 0; y < height; y++) {
      let left = down[here] ?? 0
      let middle = left
      for (const last = here + width - 1; here <= last; here++) {
        const right = here < last ? (down[here + 1] ?? 0) : middle
        values[here] = (left + 2 * middle + right) / 4
        left = middle
        middle = right
      }
    }
  }
  return { values, width, height }
}

/** Most values that `thinned` keeps, about. */
const KEPT = 1024

/** Every n-th row and column, from the middle of the first n, so that about a thousand values are left. */
export function thinned({ values, width, height }: Plane): Float64Array {
  const places = thinnedPlaces(width, height)
  const kept = new Float64Array(places.length)
  for (let index = 0; index < kept.length; index++) kept[index] = values[places[index] ?? 0] ?? 0
  return kept
}

/** The indices that `thinned` keeps of a plane of this size. */
export function thinnedPlaces(width: number, height: number): Int32Array {
  const step = Math.max(1, Math.ceil(Math.sqrt((width * height) / KEPT)))
  const first = Math.floor(step / 2)
  const kept = (side: number): number => Math.max(0, Math.ceil((side - first) / step))
  const places = new Int32Array(kept(width) * kept(height))
  let index = 0
  for (let y = first; y < height; y += step) {
    for (let x = first; x < width; x += step) places[index++] = y * width + x
  }
  return places
}

/** The upper of the two middle values; `values` is reordered. */
export function medianOf(values: Float64Array): number {
  const middle = Math.floor(values.length / 2)
  partition(values, middle)
  return values[middle] ?? 0
}

/** The mean of the `count` largest, or of all where there are fewer; `values` is left as it is. */
export function topMean(values: Float64Array, count: number): number {
  const copy = values.slice()
  const from = Math.max(0, copy.length - count)
  partition(copy, from)
  let sum = 0
  for (let index = from; index < copy.length; index++) sum += copy[index] ?? 0
  return sum / (copy.length - from)
}

/** Puts the value at `index` that sorting would, smaller ones before it and larger ones behind (Hoare's selection). */
function partition(values: Float64Array, index: number): void {
  let low = 0
  let high = values.length - 1
  while (low < high) {
    const pivot = values[(low + high) >> 1] ?? 0
    let left = low
    let right = high
    while (left <= right) {
      while ((values[left] ?? 0) < pivot) left += 1
      while ((values[right] ?? 0) > pivot) right -= 1
      if (left > right) break
      const held = values[left] ?? 0
      values[left] = values[right] ?? 0
      values[right] = held
      left += 1
      right -= 1
    }
    if (index <= right) high = right
    else if (index >= left) low = left
    else return
  }
}
