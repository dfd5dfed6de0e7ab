import type { Clock } from '../clock.ts'
import { drawPart } from './draw.ts'
import { LensPlace } from './lens-camera-place.ts'
import type { Part, PartTruth } from './parts.ts'
import { type Profile, type ProfileName, profileNamed } from './profiles.ts'
import { Random } from './random.ts'
import { Scene, type SceneOptions, type View } from './scene.ts'

export interface LineOptions extends Omit<SceneOptions, 'tray'> {
  /** What the line makes: one of PROFILES by its name, or one of one's own; default the standard tray. */
  readonly profile?: ProfileName | Profile
  /** Share of positions at which the tray comes empty; default 0.01. */
  readonly emptyRate?: number
  /** Absent: every part stands still under the heads until the next one comes. */
  readonly belt?: LineBelt
}

/** A belt that carries the trays under the heads, along +x of the head's frame. One tray at a time is seen. */
export interface LineBelt {
  readonly clock: Pick<Clock, 'now'>
  /** Default: the profile's; 0 or none: parts stand still. */
  readonly mmPerS?: number
  /** Where a tray's centre is when `next` brings it, mm from the optical axis; default −300, out of the field. */
  readonly fromMm?: number
}

/** Half a tray beyond the field's edge. */
const FROM_MM = -300

/** The stream of random numbers that parts are drawn from; the scene's are 1 to 3. */
const PARTS = 4

interface Position {
  readonly truth: PartTruth
  readonly part: Part | undefined
  /** Prepared where it stands still. */
  readonly view: View | 'empty' | undefined
}

interface Belt {
  readonly clock: Pick<Clock, 'now'>
  readonly mmPerS: number
  readonly fromMm: number
}

/**
 * A line that brings one part after another under the heads, and knows the truth of each. Part number n depends on
 * seed and profile alone, not on what was measured before.
 */
export class SimulatedLine {
  /** What the simulated chips look at. It starts with the empty tray. */
  readonly scene: Scene
  /** What a simulated camera looks at: with part number n lens number n lies there. */
  readonly lens = new LensPlace()
  readonly #profile: Profile
  readonly #seed: number
  readonly #emptyRate: number
  readonly #belt: Belt | undefined
  #drawn = 0
  #part: Part | undefined
  #broughtAt = 0
  #pool: readonly Position[] = []
  #turn = 0

  /** @throws RangeError for a profile that does not exist, or a belt that runs backwards */
  constructor(options: LineOptions) {
    const { profile = 'foiegras_standard_barquette', emptyRate = 0.01 } = options
    this.#profile = typeof profile === 'string' ? profileNamed(profile) : profile
    this.#seed = options.seed
    this.#emptyRate = emptyRate
    this.#belt = beltOf(options.belt, this.#profile)
    const { tray } = this.#profile
    this.scene = new Scene(tray === undefined ? options : { ...options, tray })
  }

  /** The part that was brought last; undefined: the tray is empty. */
  get part(): Part | undefined {
    return this.#part
  }

  /** Belt speed and where trays enter; undefined where parts stand still. */
  get belt(): { readonly mmPerS: number; readonly fromMm: number } | undefined {
    return this.#belt
  }

  /** Belt travel since the last tray came, mm; 0 where parts stand still. @param at ms of the belt's clock */
  travelMm(at: number): number {
    return this.#belt === undefined ? 0 : (this.#belt.mmPerS * (at - this.#broughtAt)) / 1000
  }

  /** Takes away what lies on the tray; a belt stands still with the empty tray under the heads. */
  clear(): void {
    this.#part = undefined
    this.scene.show('empty')
    this.lens.clear()
  }

  /** Brings the next part, or now and then an empty tray. */
  next(): PartTruth {
    const position = this.#pool[this.#turn] ?? this.#draw()
    if (this.#pool.length > 0) this.#turn = (this.#turn + 1) % this.#pool.length
    this.#bring(position)
    return position.truth
  }

  /** Brings a part of one's own, in or without a tray as the line's are. @throws RangeError when it would touch the head */
  place(part: Part): PartTruth {
    const truth = { ...part.truth, tray: this.#profile.tray !== undefined }
    this.#bring({ truth, part, view: this.#prepared(part) })
    return truth
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

  #bring({ truth, part, view }: Position): void {
    const belt = this.#belt
    if (view !== undefined) {
      this.scene.show(view)
    } else if (belt !== undefined) {
      this.scene.pass({ part, placeMm: (at) => belt.fromMm + this.travelMm(at) })
      this.#broughtAt = belt.clock.now()
    }
    this.#part = part
    if (part === undefined) this.lens.clear()
    else this.lens.lay(truth.number)
  }

  #prepared(part: Part): View | undefined {
    return this.#belt === undefined ? this.scene.prepare(part) : undefined
  }

  #draw(): Position {
    this.#drawn += 1
    const number = this.#drawn
    const random = new Random(this.#seed, PARTS, number)
    const tray = this.#profile.tray !== undefined
    if (random.chance(this.#emptyRate)) {
      const view = this.#belt === undefined ? 'empty' : undefined
      return { truth: { number, present: false, tray }, part: undefined, view }
    }
    const part = drawPart(this.#profile, random, number)
    return { truth: part.truth, part, view: this.#prepared(part) }
  }
}

function beltOf(belt: LineBelt | undefined, profile: Profile): Belt | undefined {
  if (belt === undefined) return undefined
  const { clock, mmPerS = profile.beltMmPerS ?? 0, fromMm = FROM_MM } = belt
  if (!(mmPerS >= 0 && Number.isFinite(mmPerS)))
    throw new RangeError(`belt.mmPerS: ${mmPerS}: expected at least 0`)
  if (!Number.isFinite(fromMm)) throw new RangeError(`belt.fromMm: ${fromMm}: expected millimetres`)
  return mmPerS === 0 ? undefined : { clock, mmPerS, fromMm }
}
