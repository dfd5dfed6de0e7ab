/** How the shadow of a part looks in time. */
export interface BeamOptions {
  /** A shorter shadow is dust or chatter, ms. */
  readonly minBlockedMs: number
  /** Light for less than this is a hole in a part, or chatter at its edge, ms. */
  readonly minGapMs: number
  /** A longer shadow is a jam, ms. */
  readonly maxBlockedMs: number
}

/** What the beam says: a part whose leading edge came at `part`; a jam that begins or ends. */
export interface BeamNews {
  readonly part?: number
  readonly jammed?: boolean
}

/**
 * The end of a short shadow may still be on its way when its time is over: a shadow is only believed this long after,
 * ms. The part's time is that of its leading edge all the same.
 */
export const EDGE_DELAY_MS = 3

const NOTHING: BeamNews = {}

/** Edges of a light barrier in, parts out. Pure but for its own state: times are the caller's, monotonic ms. */
export class Beam {
  readonly #options: BeamOptions
  #blockedAt: number | undefined
  /** The part in the beam was told, or must not be. */
  #told = false
  /** When the part in the beam came; a part may be several shadows. */
  #partAt = 0
  /** When the last part left. */
  #leftAt = Number.NEGATIVE_INFINITY
  #jammed = false

  constructor(options: BeamOptions) {
    this.#options = options
  }

  /** Watching begins. Nobody saw when a part that is in the beam already came: it is none. */
  begin(blocked: boolean, at: number): void {
    this.#blockedAt = blocked ? at : undefined
    this.#told = blocked
    this.#partAt = at
    this.#leftAt = Number.NEGATIVE_INFINITY
    this.#jammed = false
  }

  /** An edge that repeats the last one says nothing: the one between was lost, and so short that it was no part. */
  edge(blocked: boolean, at: number): BeamNews {
    if (blocked === (this.#blockedAt !== undefined)) return NOTHING
    return blocked ? this.#cameIn(at) : this.#wentOut(at)
  }

  /** What time alone tells. */
  look(now: number): BeamNews {
    if (this.#blockedAt === undefined) return NOTHING
    const { minBlockedMs, maxBlockedMs } = this.#options
    const part = !this.#told && now - this.#blockedAt >= minBlockedMs + EDGE_DELAY_MS
    const jammed = !this.#jammed && now - this.#partAt >= maxBlockedMs
    this.#jammed ||= jammed
    this.#told ||= part
    return { ...(part ? { part: this.#blockedAt } : {}), ...(jammed ? { jammed } : {}) }
  }

  /** When to look again, if no edge comes before. */
  get lookAt(): number | undefined {
    if (this.#blockedAt === undefined) return undefined
    if (!this.#told) return this.#blockedAt + this.#options.minBlockedMs + EDGE_DELAY_MS
    return this.#jammed ? undefined : this.#partAt + this.#options.maxBlockedMs
  }

  #cameIn(at: number): BeamNews {
    this.#blockedAt = at
    this.#told = at - this.#leftAt < this.#options.minGapMs
    if (!this.#told) this.#partAt = at
    if (this.#told || this.#options.minBlockedMs > 0) return NOTHING
    this.#told = true
    return { part: at }
  }

  #wentOut(at: number): BeamNews {
    const cameAt = this.#blockedAt ?? at
    const part = !this.#told && at - cameAt >= this.#options.minBlockedMs
    if (this.#told || part) this.#leftAt = at
    const news = { ...(part ? { part: cameAt } : {}), ...(this.#jammed ? { jammed: false } : {}) }
    this.#blockedAt = undefined
    this.#jammed = false
    return news
  }
}
