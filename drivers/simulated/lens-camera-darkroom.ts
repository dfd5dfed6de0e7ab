import { turnOf } from './lens-camera.ts'

/** Makes the picture of a lens; undefined: of the empty field. */
export type Develop = (number: number | undefined) => Promise<Uint8Array>

/** Makes each of so many different lenses once, and remembers its picture. @param distinct absent: no two are alike */
export function remembering(develop: Develop, distinct: number | undefined): Develop {
  const made = new Map<number, Promise<Uint8Array>>()
  return (number) => {
    if (number === undefined || distinct === undefined) return develop(number)
    const turn = turnOf(number, distinct)
    const picture = made.get(turn) ?? develop(turn)
    made.set(turn, picture)
    return picture
  }
}

/** What the camera shows at a moment. */
export interface Shown {
  /** Of the lens that lies there; undefined: none. */
  readonly number: number | undefined
  readonly picture: Uint8Array
}

/** Lenses whose pictures are made before they come: one slow picture delays none of them. */
const AHEAD = 2
/** Lenses that are passed over at most where they come faster than pictures are made. */
const MOST_LEAD = 4

/**
 * Which picture a simulated camera shows, and which are made: one at a time, that of the lens which lies there first,
 * then those of the next two. No others are kept. Where one came too late, the lenses nearest to come are passed over
 * until the rest is made in time: some are then seen, in place of none.
 */
export class LensDarkroom {
  readonly #develop: Develop
  readonly #pictures = new Map<number, Uint8Array>()
  #empty: Uint8Array | undefined
  #present: number | undefined
  #next = 1
  #lead = 0
  #ready = false
  #working: Promise<void> = Promise.resolve()
  #busy = false

  constructor(develop: Develop) {
    this.#develop = develop
  }

  /**
   * Resolves when every picture that is wanted now is made.
   * @throws what `develop` threw
   */
  lay(number: number | undefined): Promise<void> {
    this.#present = number
    if (number !== undefined) this.#next = number + 1
    for (const kept of this.#pictures.keys()) if (!this.#isWanted(kept)) this.#pictures.delete(kept)
    if (!this.#busy) this.#working = this.#work()
    return this.#working
  }

  /**
   * Never the picture of another lens: the empty field until that of the present one is made. Undefined before the first
   * lens is made: a camera begins with something to show.
   */
  get shown(): Shown | undefined {
    if (!this.#ready || this.#empty === undefined) return undefined
    const number = this.#present
    const picture = number === undefined ? undefined : this.#pictures.get(number)
    return { number, picture: picture ?? this.#empty }
  }

  get #end(): number {
    return this.#next + this.#lead + AHEAD
  }

  #isWanted(number: number): boolean {
    return number === this.#present || (number >= this.#next && number < this.#end)
  }

  /** The next to be made of those that come from so many lenses on; undefined: all are. */
  #missing(lead: number): number | undefined {
    for (let number = (this.#present ?? this.#next) + lead; number < this.#end; number += 1) {
      if (!this.#pictures.has(number)) return number
    }
    return undefined
  }

  async #work(): Promise<void> {
    this.#busy = true
    try {
      this.#empty ??= await this.#develop(undefined)
      for (;;) {
        // With everything made that comes later there is time for what was passed over.
        const ahead = this.#missing(this.#lead)
        if (ahead === undefined) this.#lead = 0
        const number = ahead ?? this.#missing(0)
        if (number === undefined) return
        this.#keep(number, await this.#develop(number))
      }
    } finally {
      this.#busy = false
    }
  }

  #keep(number: number, picture: Uint8Array): void {
    this.#ready = true
    if (this.#isWanted(number)) this.#pictures.set(number, picture)
    const late = (this.#present ?? number) - number
    // Who comes from farther away was not overtaken: the line has jumped.
    if (late > 0 && late <= MOST_LEAD) this.#lead = Math.min(MOST_LEAD, this.#lead + 1)
  }
}
