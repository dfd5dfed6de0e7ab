import type { Plane } from './plane.ts'

/** Pixels of a picture that touch each other, corners too. */
export interface Regions {
  readonly width: number
  readonly height: number
  /** Indices of the pixels, region after region. */
  readonly places: Int32Array
  /** Where in `places` each region ends. */
  readonly ends: readonly number[]
}

/** Of the weight of all regions: a region with less is a speck. */
const LEAST_SHARE = 0.02

/** Regions above `low` that reach `high` and weigh enough, in the order of their first pixels. */
export function weighty(soft: Plane, low: number, high: number): Regions {
  const { places, ends } = regionsOf(soft, low)
  let from = 0
  let total = 0
  const weighed = ends.map((end) => {
    const region = places.subarray(from, end)
    from = end
    let tallest = 0
    let weight = 0
    for (const place of region) {
      const value = soft.values[place] ?? 0
      tallest = Math.max(tallest, value)
      weight += value
    }
    total += weight
    return { region, tallest, weight }
  })
  const kept = weighed.filter(({ tallest, weight }) => tallest > high && weight > LEAST_SHARE * total)
  return joined(
    kept.map(({ region }) => region),
    soft.width,
    soft.height,
  )
}

/** Regions of a picture of that size, one after the other. */
export function joined(regions: readonly Int32Array[], width: number, height: number): Regions {
  const places = new Int32Array(regions.reduce((sum, region) => sum + region.length, 0))
  let end = 0
  const ends = regions.map((region) => {
    places.set(region, end)
    end += region.length
    return end
  })
  return { width, height, places, ends }
}

/** The regions one by one. */
export function apart({ places, ends }: Regions): readonly Int32Array[] {
  return ends.map((end, index) => places.subarray(ends[index - 1] ?? 0, end))
}

function regionsOf({ values, width, height }: Plane, low: number): Pick<Regions, 'places' | 'ends'> {
  // A margin all around, so that every pixel has eight neighbours.
  const stride = width + 2
  const waiting = new Uint8Array(stride * (height + 2))
  let above = 0
  for (let y = 0, index = 0; y < height; y++) {
    for (let x = 0, place = (y + 1) * stride + 1; x < width; x++, place++, index++) {
      if ((values[index] ?? 0) <= low) continue
      waiting[place] = 1
      above += 1
    }
  }
  const steps = [-stride - 1, -stride, -stride + 1, -1, 1, stride - 1, stride, stride + 1]
  const places = new Int32Array(above)
  const ends: number[] = []
  let found = 0
  for (let start = 0; start < waiting.length; start++) {
    if (waiting[start] === 0) continue
    waiting[start] = 0
    let next = found
    places[found++] = start
    for (; next < found; next++) {
      for (const step of steps) {
        const place = (places[next] ?? 0) + step
        if (waiting[place] === 0) continue
        waiting[place] = 0
        places[found++] = place
      }
    }
    ends.push(found)
  }
  for (let index = 0; index < found; index++) {
    const place = places[index] ?? 0
    places[index] = (Math.floor(place / stride) - 1) * width + (place % stride) - 1
  }
  return { places, ends }
}
