/** How pulses become a position. */
export interface TrackOptions {
  /** The counter runs from 0 to below this. */
  readonly modulus: bigint
  /** The counter falls while the belt moves forward. Default false. */
  readonly reversed?: boolean
  /** No belt is faster, pulses a second; what seems to be is a counter that was reset. */
  readonly maxPulsesPerS: number
  /** Without a pulse for this long the belt stands, ms. */
  readonly standstillMs: number
}

/** A position, and from when to when it was seen. */
interface Seen {
  readonly position: number
  readonly from: number
  to: number
}

/** Speed is taken over at least this time and this way: a single pulse says little. */
const SPEED_OVER_MS = 50
const SPEED_OVER_PULSES = 8
/** Newest positions that are remembered one by one, for questions about the past. */
const REMEMBERED = 512
/** Older ones are as good so far apart, ms: a belt changes its speed slowly. */
const THINNED_MS = 20
/** So many of those: more than the minute that a part may take. */
const MOST_THINNED = 4096
/** A counter may be read this much later than its time says, ms: a jump is judged with it. */
const READ_JITTER_MS = 5

/**
 * The way of a belt, from readings of a counter that runs over, in pulses from where it was first read. Between
 * readings it is interpolated; after the last it goes on at its speed, but not past the next pulse, which would have
 * been seen.
 */
export class Track {
  readonly #options: TrackOptions
  #last: bigint | undefined
  #seen: Seen[] = []
  /** How many of them, the oldest, are thinned out; and whether there were older ones. */
  #thinned = 0
  #forgot = false
  #position = 0

  constructor(options: TrackOptions) {
    this.#options = options
  }

  /** Where it was at the last reading. */
  get position(): number {
    return this.#position
  }

  /**
   * Takes a reading.
   * @returns false for one that no belt could have made: the track then begins anew there
   */
  sample(count: bigint, at: number): boolean {
    const delta = this.#last === undefined ? 0 : this.#difference(count, this.#last)
    const before = this.#seen.at(-1)
    this.#last = count
    if (before !== undefined && this.#jumped(delta, at - before.to)) {
      this.restart()
      this.#last = count
      this.#seen = [{ position: this.#position, from: at, to: at }]
      return false
    }
    this.#position += delta
    this.#remember(at)
    return true
  }

  /** The next reading has nothing to do with the last one. */
  restart(): void {
    this.#last = undefined
    this.#seen = []
    this.#thinned = 0
    this.#forgot = false
  }

  /**
   * @param now of the question; what lies after it is foretold
   * @returns undefined before the first reading, and of what is so long ago that it is forgotten
   */
  positionAt(at: number, now: number): number | undefined {
    const last = this.#seen.at(-1)
    if (last === undefined) return undefined
    if (at < last.to) return this.#between(at)
    const speed = this.speed(now)
    // Reckoned from the pulse, not from the last look at it; the next one would have been seen.
    const unseen = within(speed * (Math.min(at, now) - last.from), this.#step())
    return last.position + unseen + speed * Math.max(0, at - now)
  }

  /** Pulses a ms, forward positive; 0 while it stands. */
  speed(now: number): number {
    const last = this.#seen.at(-1)
    const from = this.#speedFrom()
    if (last === undefined || from === undefined || now - last.from > this.#options.standstillMs) return 0
    const speed = (last.position - from.position) / (last.from - from.from)
    // A pulse that is overdue: the belt has slowed down at least so much.
    return within(speed, this.#step() / Math.max(now - last.from, Number.MIN_VALUE))
  }

  /** When it passed a position on the way to the last reading, monotonic ms. */
  passedAt(position: number): number {
    const last = this.#seen.at(-1)
    const before = this.#seen.at(-2)
    if (last === undefined || before === undefined) return last?.from ?? 0
    const share = (position - before.position) / (last.position - before.position)
    const setOffAt = this.#setOffAt(before, last)
    return setOffAt + Math.min(1, Math.max(0, share)) * (last.from - setOffAt)
  }

  #difference(count: bigint, last: bigint): number {
    const { modulus, reversed = false } = this.#options
    const up = (((count - last) % modulus) + modulus) % modulus
    const signed = Number(up > modulus / 2n ? up - modulus : up)
    return reversed ? -signed : signed
  }

  /** Pulses that came at once: one where each is seen, more where a fast counter is read now and then. */
  #step(): number {
    const last = this.#seen.at(-1)?.position ?? 0
    return Math.max(1, Math.abs(last - (this.#seen.at(-2)?.position ?? last)))
  }

  #jumped(delta: number, elapsedMs: number): boolean {
    return Math.abs(delta) > 1 + (this.#options.maxPulsesPerS * (elapsedMs + READ_JITTER_MS)) / 1000
  }

  /** A belt that stands is one entry that grows, so that the memory reaches far back. */
  #remember(at: number): void {
    const last = this.#seen.at(-1)
    const then = Math.max(at, last?.to ?? at)
    if (last?.position === this.#position) last.to = then
    else this.#seen.push({ position: this.#position, from: then, to: then })
    if (this.#seen.length - this.#thinned > 2 * REMEMBERED) this.#thin()
  }

  /** A fine encoder makes thousands of pulses while a part passes: all of them would be too many to keep. */
  #thin(): void {
    const { standstillMs } = this.#options
    const step = Math.min(THINNED_MS, standstillMs / 2)
    const kept = this.#seen.slice(0, this.#thinned)
    const end = this.#seen.length - REMEMBERED
    for (let place = this.#thinned; place < end; place += 1) {
      const [seen, next] = [this.#seen[place], this.#seen[place + 1]]
      if (seen === undefined || next === undefined) break
      // Where it stood, it is known when it set off.
      const stood = next.from - seen.from > standstillMs
      if (stood || next.from - (kept.at(-1)?.from ?? Number.NEGATIVE_INFINITY) > step) kept.push(seen)
    }
    this.#forgot ||= kept.length > MOST_THINNED
    const old = kept.slice(-MOST_THINNED)
    this.#thinned = old.length
    this.#seen = [...old, ...this.#seen.slice(end)]
  }

  /** The pulse to reckon the speed from: far enough back, but not from before the belt stood still. */
  #speedFrom(): Seen | undefined {
    const last = this.#seen.at(-1)
    let from: Seen | undefined
    let next = last
    for (let place = this.#seen.length - 2; place >= 0 && last !== undefined; place -= 1) {
      const seen = this.#seen[place]
      if (seen === undefined || next === undefined) break
      if (next.from - seen.from > this.#options.standstillMs) break
      if (seen.from < last.from) from = seen
      const far = Math.abs(last.position - seen.position) >= SPEED_OVER_PULSES
      if (far && last.from - seen.from >= SPEED_OVER_MS) break
      next = seen
    }
    return from
  }

  #between(at: number): number | undefined {
    let [low, high] = [0, this.#seen.length]
    // The first that began after it.
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#seen[middle]?.from ?? at) > at) high = middle
      else low = middle + 1
    }
    const [before, after] = [this.#seen[low - 1], this.#seen[low]]
    if (before === undefined) return this.#forgot ? undefined : after?.position
    if (after === undefined) return before.position
    const setOffAt = this.#setOffAt(before, after)
    const share = Math.max(0, at - setOffAt) / (after.from - setOffAt)
    return before.position + (after.position - before.position) * share
  }

  /** When it left a position: at once, unless it stood there. */
  #setOffAt(before: Seen, after: Seen): number {
    return after.from - before.from > this.#options.standstillMs ? before.to : before.from
  }
}

function within(value: number, limit: number): number {
  return Math.min(limit, Math.max(-limit, value))
}
