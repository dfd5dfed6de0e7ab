import { drawPart } from './draw.ts'
import type { Part, PartTruth } from './parts.ts'
import { type Profile, type ProfileName, profileNamed } from './profiles.ts'
import { Random } from './random.ts'
import { Scene, type SceneOptions, type View } from './scene.ts'

export interface LineOptions extends Omit<SceneOptions, 'tray'> {
  /** What the line makes; default the standard tray. @see PROFILES */
  readonly profile?: ProfileName
  /** Share of positions at which the tray comes empty; default 0.01. */
  readonly emptyRate?: number
}

/** The stream of random numbers that parts are drawn from; the scene's are 1 to 3. */
const PARTS = 4

interface Position {
  readonly truth: PartTruth
  readonly view: View | 'empty'
}

/**
 * A line that brings one part after another under the heads, and knows the truth of each. Part number n depends on
 * seed and profile alone, not on what was measured before.
 */
export class SimulatedLine {
  /** What the simulated chips look at. It starts with the empty tray. */
  readonly scene: Scene
  readonly #profile: Profile
  readonly #seed: number
  readonly #emptyRate: number
  #drawn = 0
  #pool: readonly Position[] = []
  #turn = 0

  /** @throws RangeError for a profile that does not exist */
  constructor(options: LineOptions) {
    const { profile = 'foiegras_standard_barquette', emptyRate = 0.01 } = options
    this.#profile = profileNamed(profile)
    this.#seed = options.seed
    this.#emptyRate = emptyRate
    const { tray } = this.#profile
    this.scene = new Scene(tray === undefined ? options : { ...options, tray })
  }

  /** Takes away what lies on the tray. */
  clear(): void {
    this.scene.show('empty')
  }

  /** Brings the next part, or now and then an empty tray. */
  next(): PartTruth {
    const position = this.#pool[this.#turn] ?? this.#draw()
    if (this.#pool.length > 0) this.#turn = (this.#turn + 1) % this.#pool.length
    this.scene.show(position.view)
    return position.truth
  }

  /** Puts a part of one's own under the heads. @throws RangeError when it would touch the head */
  place(part: Part): PartTruth {
    this.scene.show(this.scene.prepare(part))
    return part.truth
  }

  /**
   * From now on `next` goes round and round the following `count` positions, all drawn and prepared here, and costs
   * nothing. Their truths, numbers included, come again each round.
   * @throws RangeError when `count` is not an integer of at least 1
   */
  repeat(count: number): void {
    if (!(Number.isInteger(count) && count >= 1)) throw new RangeError(`cannot repeat ${count} positions`)
    this.#pool = Array.from({ length: count }, () => this.#draw())
    this.#turn = 0
  }

  #draw(): Position {
    this.#drawn += 1
    const number = this.#drawn
    const random = new Random(this.#seed, PARTS, number)
    if (random.chance(this.#emptyRate)) return { truth: { number, present: false }, view: 'empty' }
    const part = drawPart(this.#profile, random, number)
    return { truth: part.truth, view: this.scene.prepare(part) }
  }
}
