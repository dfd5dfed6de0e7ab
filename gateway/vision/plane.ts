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

export function mapped(plane: Plane, change: (value: number, x: number, y: number) => number): Plane {
  const { width, height } = plane
  const values = new Float64Array(plane.values.length)
  for (let y = 0, index = 0; y < height; y++) {
    for (let x = 0; x < width; x++, index++) values[index] = change(at(plane.values, index), x, y)
  }
  return { values, width, height }
}

/** Every pixel of the new size is the exact mean of the area that it covers; rows first, then columns. */
export function areaResized(plane: Plane, width: number, height: number): Plane {
  const down = new Float64Array(plane.width * height)
  for (let x = 0; x < plane.width; x++) {
    meanAlong(plane.values, { from: x, step: plane.width, count: plane.height }, down, {
      from: x,
      step: plane.width,
      count: height,
    })
  }
  const values = new Float64Array(width * height)
  for (let y = 0; y < height; y++) {
    const source = { from: y * plane.width, step: 1, count: plane.width }
    meanAlong(down, source, values, { from: y * width, step: 1, count: width })
  }
  return { values, width, height }
}

/** A row or a column. */
interface Run {
  readonly from: number
  readonly step: number
  readonly count: number
}

function meanAlong(source: Float64Array, run: Run, target: Float64Array, into: Run): void {
  const covered = run.count / into.count
  let before = 0
  let whole = 0
  let sum = 0
  for (let out = 0; out < into.count; out++) {
    const edge = (out + 1) * covered
    const full = Math.min(Math.floor(edge), run.count - 1)
    for (; whole < full; whole++) sum += at(source, run.from + whole * run.step)
    const total = sum + (edge - full) * at(source, run.from + full * run.step)
    target[into.from + out * into.step] = (total - before) / covered
    before = total
  }
}

/** `rounds` times [1 2 1] / 4, down the columns, then along the rows; edges repeated. */
export function smoothed(plane: Plane, rounds: number): Plane {
  const { width, height } = plane
  let values = plane.values
  for (let round = 0; round < rounds; round++) {
    const down = new Float64Array(values.length)
    for (let y = 0; y < height; y++) {
      const above = Math.max(0, y - 1) * width
      const below = Math.min(height - 1, y + 1) * width
      for (let x = 0; x < width; x++) {
        const here = y * width + x
        down[here] = (at(values, above + x) + 2 * at(values, here) + at(values, below + x)) / 4
      }
    }
    const across = new Float64Array(values.length)
    for (let y = 0; y < height; y++) {
      const row = y * width
      for (let x = 0; x < width; x++) {
        const left = at(down, row + Math.max(0, x - 1))
        const right = at(down, row + Math.min(width - 1, x + 1))
        across[row + x] = (left + 2 * at(down, row + x) + right) / 4
      }
    }
    values = across
  }
  return { values, width, height }
}

/** Most values that `thinned` keeps, about. */
const KEPT = 1024

/** Every n-th row and column, from the middle of the first n, so that about a thousand values are left. */
export function thinned(plane: Plane): Float64Array {
  return Float64Array.from(thinnedPlaces(plane.width, plane.height), (index) => at(plane.values, index))
}

/** The indices that `thinned` keeps of a plane of this size. */
export function thinnedPlaces(width: number, height: number): readonly number[] {
  const step = Math.max(1, Math.ceil(Math.sqrt((width * height) / KEPT)))
  const first = Math.floor(step / 2)
  const places: number[] = []
  for (let y = first; y < height; y += step) {
    for (let x = first; x < width; x += step) places.push(y * width + x)
  }
  return places
}

/** The upper of the two middle values; `values` is reordered. */
export function medianOf(values: Float64Array): number {
  const middle = Math.floor(values.length / 2)
  partition(values, middle)
  return at(values, middle)
}

/** The mean of the `count` largest, or of all where there are fewer; `values` is left as it is. */
export function topMean(values: Float64Array, count: number): number {
  const copy = values.slice()
  const from = Math.max(0, copy.length - count)
  partition(copy, from)
  let sum = 0
  for (let index = from; index < copy.length; index++) sum += at(copy, index)
  return sum / (copy.length - from)
}

/** Puts the value at `index` that sorting would, smaller ones before it and larger ones behind (Hoare's selection). */
function partition(values: Float64Array, index: number): void {
  let low = 0
  let high = values.length - 1
  while (low < high) {
    const pivot = at(values, (low + high) >> 1)
    let left = low
    let right = high
    while (left <= right) {
      while (at(values, left) < pivot) left += 1
      while (at(values, right) > pivot) right -= 1
      if (left > right) break
      const held = at(values, left)
      values[left] = at(values, right)
      values[right] = held
      left += 1
      right -= 1
    }
    if (index <= right) high = right
    else if (index >= left) low = left
    else return
  }
}
