import type { Dome, DomeFit } from './dome.ts'
import { Memory } from './memory.ts'
import { at } from './numbers.ts'
import { LEAST_COSINE } from './shape-quadric.ts'
import { FINE, type Rays, type TrayPlan } from './tray.ts'

/** Where the rays of some zones meet a body, in its own axes (u along rx, v along ry, from its centre), mm. */
export interface Hits {
  readonly zones: readonly number[]
  /** Index of the first hit of each of `zones`, and past the last. */
  readonly first: Int32Array
  readonly u: Float64Array
  readonly v: Float64Array
  /** Millimetres that the zone reads less for each millimetre that the surface stands higher there. */
  readonly weight: Float64Array
  /** Per place in `zones`: sum of its weights and their mean place. */
  readonly response: Float64Array
  /** The same for relief, which fades out where the body meets the tray. */
  readonly relief: Float64Array
  readonly meanU: Float64Array
  readonly meanV: Float64Array
}

/** A flank that a ray grazes moves the meeting point by more than it is lifted, but the surface does not go on for ever. */
const MOST_LEVER = 2
/** A zone that answers a raised surface by less than this says nothing about it. */
const LEAST_RESPONSE = 0.15

/** Relief fades over this share of the base, counted from its edge: a wave does not stand on the tray like a wall. */
const FADE = 0.3

/** Follows the fine rays of the part's zones to the body, with the light that each brings back. */
export function hitsOf(
  body: Pick<DomeFit, 'share' | 'contrast'> & { readonly dome: Dome },
  seen: readonly number[],
  tray: TrayPlan,
): Hits {
  const caster = new Caster(body.dome, body.contrast, tray, seen.length)
  const zones: number[] = []
  const first = new Int32Array(seen.length + 1)
  const memory = new Memory(4 * seen.length)
  const response = memory.take(seen.length)
  const relief = memory.take(seen.length)
  const meanU = memory.take(seen.length)
  const meanV = memory.take(seen.length)
  const { u, v, weight } = caster
  for (const zone of seen) {
    if (at(body.share, zone) < LEAST_RESPONSE) continue
    const from = caster.used
    caster.cast(zone)
    let [sum, sumU, sumV, faded] = [0, 0, 0, 0]
    for (let hit = from; hit < caster.used; hit += 1) {
      sum += at(weight, hit)
      sumU += at(weight, hit) * at(u, hit)
      sumV += at(weight, hit) * at(v, hit)
      faded += at(weight, hit) * Math.min(1, caster.inside(at(u, hit), at(v, hit)) / FADE)
    }
    if (sum < LEAST_RESPONSE) {
      caster.used = from
      continue
    }
    const place = zones.push(zone) - 1
    response[place] = sum
    relief[place] = faded
    meanU[place] = sumU / sum
    meanV[place] = sumV / sum
    first[place + 1] = caster.used
  }
  return { zones, first, u, v, weight, response, relief, meanU, meanV }
}

/** A dome, ready to be met by rays: the fit's quadric, in its own axes. */
class Caster {
  readonly #rays: Rays
  readonly #distance: number
  readonly #contrast: number
  readonly #cos: number
  readonly #sin: number
  /** Inverse squares of the semi-axes; the head's place in the body's axes; the quadric there, less its distance. */
  readonly #iu: number
  readonly #iv: number
  readonly #iz: number
  readonly #u0: number
  readonly #v0: number
  readonly #c: number
  readonly #nearness: Float64Array
  readonly u: Float64Array
  readonly v: Float64Array
  readonly weight: Float64Array
  used = 0

  constructor({ x, y, rotation, rx, ry, rz }: Dome, contrast: number, tray: TrayPlan, zones: number) {
    this.#rays = tray.rays[FINE]
    this.#distance = tray.distanceMm
    this.#contrast = contrast
    this.#cos = Math.cos(rotation)
    this.#sin = Math.sin(rotation)
    this.#iu = rx ** -2
    this.#iv = ry ** -2
    this.#iz = rz ** -2
    this.#u0 = this.#cos * x + this.#sin * y
    this.#v0 = this.#cos * y - this.#sin * x
    this.#c = this.#u0 ** 2 * this.#iu + this.#v0 ** 2 * this.#iv + tray.distanceMm ** 2 * this.#iz - 1
    const most = zones * this.#rays.perZone
    const memory = new Memory(4 * most)
    this.#nearness = memory.take(most)
    this.u = memory.take(most)
    this.v = memory.take(most)
    this.weight = memory.take(most)
  }

  /** 1 at the middle of the base, 0 at its edge. */
  inside(u: number, v: number): number {
    return Math.max(0, 1 - u * u * this.#iu - v * v * this.#iv)
  }

  /** Adds the hits of a zone. */
  cast(zone: number): void {
    const rays = this.#rays
    const from = this.used
    let n = at(rays.zoneEmptyN, zone)
    let w = at(rays.zoneEmptyW, zone)
    for (let ray = zone * rays.perZone; ray < (zone + 1) * rays.perZone; ray += 1) {
      const light = this.#meet(ray)
      if (light === 0) continue
      n += light - at(rays.emptyN, ray)
      w += light * at(this.#nearness, this.used) - at(rays.emptyN, ray) / this.#distance
      this.weight[this.used] = light * at(this.weight, this.used)
      this.used += 1
    }
    // The slope of N/W, N = Σ light/s and W = Σ light/s², by one ray's s.
    const depth = n / w
    for (let hit = from; hit < this.used; hit += 1) {
      const nearness = at(this.#nearness, hit)
      this.weight[hit] = (at(this.weight, hit) * nearness * (2 * depth * nearness - 1)) / w
    }
  }

  /** Writes where a ray meets the body, with its lever as weight. @returns light over depth; 0: it passes */
  #meet(ray: number): number {
    const rays = this.#rays
    const a = this.#cos * at(rays.p, ray) + this.#sin * at(rays.q, ray)
    const b = this.#cos * at(rays.q, ray) - this.#sin * at(rays.p, ray)
    const square = a * a * this.#iu + b * b * this.#iv + this.#iz
    const half = a * this.#u0 * this.#iu + b * this.#v0 * this.#iv + this.#distance * this.#iz
    const rest = half * half - square * this.#c
    if (!(rest > 0)) return 0
    const root = Math.sqrt(rest)
    const s = (half - root) / square
    if (s >= this.#distance) return 0
    const u = a * s - this.#u0
    const v = b * s - this.#v0
    const up = (this.#distance - s) * this.#iz
    const steep = Math.sqrt((u * this.#iu) ** 2 + (v * this.#iv) ** 2 + up * up)
    this.u[this.used] = u
    this.v[this.used] = v
    this.#nearness[this.used] = 1 / s
    this.weight[this.used] = Math.min(MOST_LEVER, up / root)
    return (
      (at(rays.light, ray) * this.#contrast * Math.max(LEAST_COSINE, (root * at(rays.cosine, ray)) / steep)) /
      s
    )
  }
}
