import type { GateAction } from './gate.ts'

/** A moment by the clock (monotonic ms) or by the belt (pulses of its encoder). */
export interface Moment {
  readonly by: 'ms' | 'pulses'
  readonly at: number
}

/** Now, by both; by the belt undefined where there is no encoder, or it is lost. */
export interface Here {
  readonly ms: number
  readonly pulses: number | undefined
}

/** When a part is in front of the gate, counted from its trigger; its length from the moment it opens. */
export interface WindowPlan {
  readonly delay: Moment
  readonly length: Moment
  /** A window that would open later than this is not opened any more, ms: half a window would split a part. */
  readonly openWithinMs: number
}

/** One part on its way through the gate. */
export interface Passage {
  readonly trigger: number
  readonly opens: Moment
  closes: Moment | undefined
  /** What was said of it before its window opened; undefined means reject. */
  action: GateAction | undefined
  state: 'waiting' | 'open'
  /** Its window opened too late to be used. */
  missed: boolean
  /** A neighbour of another verdict was in front of the gate with it, so it was rejected. */
  overlapped: boolean
}

/** What changed. A passage may be in both: its window came and went unseen. */
export interface Steps {
  readonly opened: readonly Passage[]
  readonly closed: readonly Passage[]
}

/** Timers fire this much early: what is due within it is due. A belt is only asked where it really is. */
const SLACK = { ms: 0.5, pulses: 1e-6 } as const

/**
 * The parts between trigger and gate, and what the gate must do for them. It knows no timers: it is asked with a
 * present, which only grows by the clock, and says when to be asked again.
 *
 * Parts whose windows overlap are in front of the gate together. If all have the same verdict, that is done; if not,
 * all are rejected while they overlap, because neither may go where the other does.
 */
export class Schedule {
  readonly #plan: WindowPlan
  readonly #limit: number
  #passages: Passage[] = []
  #newest = Number.NEGATIVE_INFINITY

  /** @param limit parts that it keeps; those beyond it are refused */
  constructor(plan: WindowPlan, limit: number) {
    this.#plan = plan
    this.#limit = limit
  }

  get size(): number {
    return this.#passages.length
  }

  get full(): boolean {
    return this.size >= this.#limit
  }

  /** A part was seen, and will be rejected without a window: verdicts about it are late. */
  refuse(trigger: number): void {
    this.#newest = Math.max(this.#newest, trigger)
  }

  /** @param seen when, by the unit of the plan's delay */
  expect(trigger: number, seen: number): void {
    this.refuse(trigger)
    const { delay } = this.#plan
    const opens = { by: delay.by, at: seen + delay.at }
    const nothingYet = { closes: undefined, action: undefined, missed: false, overlapped: false }
    this.#passages.push({ trigger, opens, state: 'waiting', ...nothingYet })
  }

  /** The last word before the window opens counts. */
  decide(action: GateAction, trigger: number, here: Here): 'in-time' | 'late' | 'unannounced' {
    const passage = this.#passages.find((one) => one.trigger === trigger)
    if (passage === undefined) return trigger <= this.#newest ? 'late' : 'unannounced'
    if (passage.state === 'open' || isDue(passage.opens, here)) return 'late'
    passage.action = action
    return 'in-time'
  }

  /** Opens, then closes, whatever is due: windows that touch leave no gap. */
  advance(here: Here): Steps {
    const opened = this.#passages.filter(({ state, opens }) => state === 'waiting' && isDue(opens, here))
    for (const passage of opened) this.#begin(passage, here)
    const closed = this.#passages.filter(({ closes }) => closes !== undefined && isDue(closes, here))
    if (closed.length > 0) this.#passages = this.#passages.filter((passage) => !closed.includes(passage))
    this.#findOverlaps()
    return { opened, closed }
  }

  /** What the gate must do now. */
  wanted(): GateAction {
    return agreed(this.#inFront()) ?? 'reject'
  }

  /** The next moment, by the clock or by the belt, at which something changes. */
  next(by: Moment['by']): number | undefined {
    let soonest: number | undefined
    for (const { state, opens, closes } of this.#passages) {
      const moment = state === 'waiting' ? opens : closes
      if (moment?.by === by && (soonest === undefined || moment.at < soonest)) soonest = moment.at
    }
    return soonest
  }

  /** Takes out what waits. */
  dropWaiting(): readonly Passage[] {
    return this.#drop(({ state }) => state === 'waiting')
  }

  /** Takes out what hangs on a belt whose position is not known any more. */
  dropByBelt(): readonly Passage[] {
    return this.#drop(({ state, opens, closes }) => (state === 'waiting' ? opens : closes)?.by === 'pulses')
  }

  dropAll(): readonly Passage[] {
    return this.#drop(() => true)
  }

  #begin(passage: Passage, here: Here): void {
    const { length, openWithinMs } = this.#plan
    passage.state = 'open'
    const byClock = length.by === 'ms'
    const from = passage.opens.by === length.by ? passage.opens.at : byClock ? here.ms : here.pulses
    passage.closes = { by: length.by, at: (from ?? 0) + length.at }
    const overdue = passage.opens.by === 'ms' && here.ms - passage.opens.at > openWithinMs
    if (!overdue && !isDue(passage.closes, here)) return
    passage.missed = passage.action === 'accept' || passage.action === 'hold'
    if (passage.missed) passage.action = 'reject'
  }

  #inFront(): readonly Passage[] {
    return this.#passages.filter(({ state }) => state === 'open')
  }

  #findOverlaps(): void {
    const open = this.#inFront()
    if (agreed(open) !== undefined) return
    for (const passage of open) passage.overlapped = true
  }

  #drop(which: (passage: Passage) => boolean): readonly Passage[] {
    const dropped = this.#passages.filter(which)
    this.#passages = this.#passages.filter((passage) => !dropped.includes(passage))
    return dropped
  }
}

/** What all of them are to have; undefined where they differ. None at all are rejected. */
function agreed(passages: readonly Passage[]): GateAction | undefined {
  const action = passages[0]?.action ?? 'reject'
  return passages.every((passage) => (passage.action ?? 'reject') === action) ? action : undefined
}

function isDue({ by, at }: Moment, here: Here): boolean {
  const now = here[by]
  return now !== undefined && at <= now + SLACK[by]
}
