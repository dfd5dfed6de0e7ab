import type { Dome } from './dome.ts'
import { at } from './numbers.ts'
import { type Field, multiply, reliefStep, withRelief } from './shape-field.ts'
import type { Hits } from './shape-hits.ts'

/** A round change of the surface that falls from its centre to its rim, in the body's own axes, mm. */
export interface Dent {
  readonly u: number
  readonly v: number
  readonly radius: number
  /** At the centre, mm, up positive, and its standard deviation when place and radius are known. */
  readonly change: number
  readonly std: number
  /** Change over its standard deviation: the square is twice the logarithm of the likelihood ratio. */
  readonly score: number
}

/** Radii that are tried, mm: from a third of a footprint, which is all one to it, to half the body. */
export const RADII = [12, 18, 26, 36] as const
/** The one that finds the place: nearest to a footprint, it answers to all the others. */
const SCAN_RADIUS = 24
/** Places are scanned so far apart, mm: less than half a footprint. */
const STEP_MM = 12
/** Around the strongest of them so finely, and so many steps each way. */
const FINE_STEP_MM = 6
const FINE_STEPS = 2
/** A place is tried where a zone near it stands out of its neighbours' prediction by so many standard deviations. */
const SCREEN = 1.6
/** Farthest that a place is from the mean place of a zone that makes it worth a try, mm. */
const REACH_MM = 22
/** A dent's share of the residuals that the null hypothesis could not explain anyway: no answer, no question. */
const LEAST_INFORMATION = 1e-9

/**
 * The change of the surface, at most one, that explains the residuals best: the matched filter of every place and
 * radius against noise, relief and the body's own freedom (generalised likelihood ratio; Kay, Detection Theory,
 * 1998, §4.4 and §6.4).
 * @param least score of the scan below which the place is not looked at closer
 * @param tried receives every dent that was compared closely
 * @returns undefined where nothing stands out enough
 */
export function strongestDent(field: Field, dome: Dome, least: number, tried: Dent[]): Dent | undefined {
  const filter = new DentFilter(field)
  const scanned = scanDents(field, dome, filter)
  if (scanned === undefined || Math.abs(scanned.score) < least) return undefined
  let best: Dent | undefined
  for (let i = -FINE_STEPS; i <= FINE_STEPS; i += 1) {
    for (let k = -FINE_STEPS; k <= FINE_STEPS; k += 1) {
      const u = scanned.u + i * FINE_STEP_MM
      const v = scanned.v + k * FINE_STEP_MM
      if ((u / dome.rx) ** 2 + (v / dome.ry) ** 2 >= 1) continue
      for (const radius of RADII) {
        const dent = filter.at(u, v, radius)
        if (dent === undefined) continue
        tried.push(dent)
        if (Math.abs(dent.score) > Math.abs(best?.score ?? 0)) best = dent
      }
    }
  }
  return best
}

function scanDents(field: Field, dome: Dome, filter: DentFilter): Dent | undefined {
  const worth = promising(field)
  if (worth.length === 0) return undefined
  let best: Dent | undefined
  for (const { u, v } of placesOn(dome)) {
    if (!isNear(field.hits, worth, u, v)) continue
    const dent = filter.at(u, v, SCAN_RADIUS)
    if (dent !== undefined && Math.abs(dent.score) > Math.abs(best?.score ?? 0)) best = dent
  }
  return best
}

/** A grid of places on the body's base. */
export function placesOn({ rx, ry }: Dome): readonly { readonly u: number; readonly v: number }[] {
  const places: { u: number; v: number }[] = []
  for (let u = -Math.floor(rx / STEP_MM) * STEP_MM; u < rx; u += STEP_MM) {
    for (let v = -Math.floor(ry / STEP_MM) * STEP_MM; v < ry; v += STEP_MM) {
      if ((u / rx) ** 2 + (v / ry) ** 2 < 1) places.push({ u, v })
    }
  }
  return places
}

/** Rounds of telling a dent from relief. */
const ROUNDS = 2
/** A part whose strongest dent scores less under the recipe's relief has no defect under its own. */
const SOUND_SCORE = 2.2

/**
 * Estimates the relief's variance beside the strongest dent, which would otherwise count as relief and hide itself.
 * @returns the field with that variance; undefined where nothing stands out that could be a defect
 */
export function withOwnRelief(field: Field, dome: Dome): Field | undefined {
  let settled = field
  for (let round = 0; round < ROUNDS; round += 1) {
    const filter = new DentFilter(settled)
    const dent = strongestDent(settled, dome, SOUND_SCORE, [])
    if (dent === undefined) return undefined
    settled = withRelief(settled, reliefStep(settled, filter.answer(dent))) ?? settled
  }
  return settled
}

/** Takes a dent out of a field's residuals. */
export function withoutDent(field: Field, dent: Dent): Field {
  const answer = new DentFilter(field).answer(dent)
  const residual = field.residual.map((value, place) => value - at(answer, place) * dent.change)
  const scores = new Float64Array(field.size)
  multiply(field.inverse, residual, scores)
  return { ...field, residual, scores }
}

/** Places of zones that their neighbours, the noise and the body do not predict. */
function promising({ size, scores, inverse }: Field): readonly number[] {
  const found: number[] = []
  for (let place = 0; place < size; place += 1) {
    if (at(scores, place) ** 2 > SCREEN ** 2 * at(inverse, place * size + place)) found.push(place)
  }
  return found
}

function isNear({ meanU, meanV }: Hits, places: readonly number[], u: number, v: number): boolean {
  return places.some((place) => (at(meanU, place) - u) ** 2 + (at(meanV, place) - v) ** 2 < REACH_MM ** 2)
}

/** Asks one field about many dents; its arrays are reused. */
export class DentFilter {
  readonly #field: Field
  readonly #answer: Float64Array
  /** Places that answer, the first `#count` of them. */
  readonly #places: Int32Array
  #count = 0
  readonly #reach: number

  constructor(field: Field) {
    this.#field = field
    this.#answer = new Float64Array(field.size)
    this.#places = new Int32Array(field.size)
    this.#reach = 0.8 * field.footprintMm
  }

  /** Per place, by how much its zone reads less for a dent of 1 mm upwards. The array is reused. */
  answer({ u, v, radius }: Pick<Dent, 'u' | 'v' | 'radius'>): Float64Array {
    const { hits, size } = this.#field
    this.#answer.fill(0)
    this.#count = 0
    const farthest = (radius + this.#reach) ** 2
    for (let place = 0; place < size; place += 1) {
      if ((at(hits.meanU, place) - u) ** 2 + (at(hits.meanV, place) - v) ** 2 > farthest) continue
      let sum = 0
      for (let hit = hits.first[place] ?? 0; hit < (hits.first[place + 1] ?? 0); hit += 1) {
        const du = at(hits.u, hit) - u
        const dv = at(hits.v, hit) - v
        const square = du * du + dv * dv
        if (square < radius * radius) sum += at(hits.weight, hit) * (1 - Math.sqrt(square) / radius)
      }
      if (sum === 0) continue
      this.#answer[place] = sum
      this.#places[this.#count] = place
      this.#count += 1
    }
    return this.#answer
  }

  /** Information on the change of a dent, 1/mm²: its inverse square root is the standard deviation. */
  information(dent: Pick<Dent, 'u' | 'v' | 'radius'>): number {
    const answer = this.answer(dent)
    const { inverse, size } = this.#field
    let sum = 0
    for (let i = 0; i < this.#count; i += 1) {
      const row = this.#places[i] ?? 0
      let half = at(inverse, row * size + row) * at(answer, row) * 0.5
      for (let j = 0; j < i; j += 1) {
        const column = this.#places[j] ?? 0
        half += at(inverse, row * size + column) * at(answer, column)
      }
      sum += 2 * half * at(answer, row)
    }
    return sum
  }

  /** @returns undefined where no zone sees it */
  at(u: number, v: number, radius: number): Dent | undefined {
    const information = this.information({ u, v, radius })
    if (information < LEAST_INFORMATION) return undefined
    const { scores } = this.#field
    let matched = 0
    for (let i = 0; i < this.#count; i += 1) {
      const place = this.#places[i] ?? 0
      matched += at(this.#answer, place) * at(scores, place)
    }
    const std = 1 / Math.sqrt(information)
    return { u, v, radius, change: matched / information, std, score: matched * std }
  }
}
