import type { Dome } from './dome.ts'
import { at } from './numbers.ts'
import { Answers, squareOf } from './shape-answers.ts'
import { type Field, multiply, reliefStep, withRelief } from './shape-field.ts'
import { DentFilter } from './shape-filter.ts'

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
const WIDEST = Math.max(...RADII)
/** The one that finds the place: nearest to a footprint, it answers to all the others. */
const SCAN_RADIUS = 24
/** Places are scanned so far apart, mm: less than half a footprint. */
const STEP_MM = 12
/** Around the strongest of them so finely, and so many steps each way. */
const FINE_STEP_MM = 6
const FINE_STEPS = 2
const FINE_SIDE = 2 * FINE_STEPS + 1
/** A place is tried where a zone near it stands out of its neighbours' prediction by so many standard deviations. */
const SCREEN = 1.6
/** Farthest that a place is from the mean place of a zone that makes it worth a try, mm. */
const REACH_MM = 22

/** Looks for dents on one body, under whatever relief it is taken to have. */
export class DentSearch {
  readonly #dome: Dome
  readonly #grid: readonly Place[]
  readonly #answers: Answers
  /** What the slots behind those of the grid are about. */
  #middle: Place | undefined

  /** @param field of the body: others that are asked about see the same zones */
  constructor(field: Field, dome: Dome) {
    this.#dome = dome
    this.#grid = placesOn(dome)
    this.#answers = new Answers(field, this.#grid.length + FINE_SIDE * FINE_SIDE * RADII.length)
  }

  /**
   * The change of the surface, at most one, that explains the residuals best: the matched filter of every place and
   * radius against noise, relief and the body's own freedom (generalised likelihood ratio; Kay, Detection Theory,
   * 1998, §4.4 and §6.4).
   * @param least score of the scan below which the place is not looked at closer
   * @param tried receives every dent that was compared closely
   * @returns undefined where nothing stands out enough
   */
  strongest(field: Field, least: number, tried?: Dent[]): Dent | undefined {
    const middle = this.#scan(field, least)
    if (middle === undefined) return undefined
    const filter = new DentFilter(field, this.#answers)
    if (middle !== this.#middle) this.#answers.forget(this.#grid.length)
    this.#middle = middle
    let slot = this.#grid.length - 1
    let best: Dent | undefined
    let most = 0
    for (let i = -FINE_STEPS; i <= FINE_STEPS; i += 1) {
      for (let k = -FINE_STEPS; k <= FINE_STEPS; k += 1) {
        const u = middle.u + i * FINE_STEP_MM
        const v = middle.v + k * FINE_STEP_MM
        const isOff = !isOn(this.#dome, u, v)
        for (const radius of RADII) {
          slot += 1
          if (isOff) continue
          if (filter.lacks(slot)) filter.fill(slot, { u, v, radius }, WIDEST)
          const score = Math.abs(filter.score(slot))
          if (score === 0 || (score <= most && tried === undefined)) continue
          const dent = filter.dent({ u, v, radius })
          tried?.push(dent)
          if (score > most) best = dent
          most = Math.max(most, score)
        }
      }
    }
    return best
  }

  /** The strongest place of the grid for a dent that answers to all radii. */
  #scan(field: Field, least: number): Place | undefined {
    const worth = promising(field)
    const filter = new DentFilter(field, this.#answers)
    let best: Place | undefined
    let most = 0
    let slot = -1
    for (const place of this.#grid) {
      slot += 1
      if (!isNear(field, worth, place)) continue
      if (filter.lacks(slot)) filter.fill(slot, { ...place, radius: SCAN_RADIUS }, SCAN_RADIUS)
      const score = Math.abs(filter.score(slot))
      if (score <= most) continue
      most = score
      best = place
    }
    return most < least ? undefined : best
  }
}

interface Place {
  readonly u: number
  readonly v: number
}

/** A grid of places on the body's base. */
export function placesOn(dome: Dome): readonly Place[] {
  const { rx, ry } = dome
  const places: Place[] = []
  for (let u = -Math.floor(rx / STEP_MM) * STEP_MM; u < rx; u += STEP_MM) {
    for (let v = -Math.floor(ry / STEP_MM) * STEP_MM; v < ry; v += STEP_MM) {
      if (isOn(dome, u, v)) places.push({ u, v })
    }
  }
  return places
}

function isOn({ rx, ry }: Dome, u: number, v: number): boolean {
  return (u / rx) ** 2 + (v / ry) ** 2 < 1
}

/** Rounds of telling a dent from relief. */
const ROUNDS = 2
/** A part whose strongest dent scores less under the recipe's relief has no defect under its own. */
const SOUND_SCORE = 2.2

/**
 * Estimates the relief's variance beside the strongest dent, which would otherwise count as relief and hide itself.
 * @returns the field with that variance; undefined where nothing stands out that could be a defect
 */
export function withOwnRelief(field: Field, search: DentSearch): Field | undefined {
  let settled = field
  for (let round = 0; round < ROUNDS; round += 1) {
    const dent = search.strongest(settled, SOUND_SCORE)
    if (dent === undefined) return undefined
    settled = withRelief(settled, reliefStep(settled, answerTo(dent, settled))) ?? settled
  }
  return settled
}

/** Takes a dent out of a field's residuals. */
export function withoutDent(field: Field, dent: Dent): Field {
  const answer = answerTo(dent, field)
  const residual = field.residual.map((value, place) => value - at(answer, place) * dent.change)
  const scores = new Float64Array(field.size)
  multiply(field.inverse, residual, scores)
  return { ...field, residual, scores }
}

/** Per place, by how much its zone reads less for a dent of 1 mm upwards. */
function answerTo({ u, v, radius }: Dent, field: Field): Float64Array {
  const answers = new Answers(field, 1)
  answers.aim(u, v, radius)
  answers.fill(0, radius)
  const answer = new Float64Array(field.size)
  for (let i = 0; i < answers.count(0); i += 1) answer[answers.places[i] ?? 0] = at(answers.values, i)
  return answer
}

/** Places of zones that their neighbours, the noise and the body do not predict. */
function promising({ size, scores, inverse }: Field): readonly number[] {
  const found: number[] = []
  for (let place = 0; place < size; place += 1) {
    if (at(scores, place) ** 2 > SCREEN ** 2 * at(inverse, place * size + place)) found.push(place)
  }
  return found
}

function isNear({ hits }: Field, places: readonly number[], { u, v }: Place): boolean {
  for (const place of places) {
    if (squareOf(at(hits.meanU, place) - u, at(hits.meanV, place) - v) < REACH_MM ** 2) return true
  }
  return false
}
