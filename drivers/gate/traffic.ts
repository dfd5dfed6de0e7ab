import type { Clock } from '../clock.ts'
import type { BeltPosition } from '../trigger/position.ts'
import { type GateCounts, outcomeOf } from './counters.ts'
import type { GateAction } from './gate.ts'
import type { GateTiming } from './options.ts'
import { type Here, type Passage, Schedule } from './schedule.ts'

/** What the parts on the belt need of their gate. */
export interface TrafficNeeds {
  readonly timing: GateTiming
  readonly position: BeltPosition | undefined
  /** Kept up to date. */
  readonly counts: GateCounts
  /** Something is due: `advance` is wanted. */
  readonly due: () => void
}

/** The parts on the belt between trigger and gate, each counted once when it is past, and the timers of their windows. */
export class Traffic {
  readonly #clock: Clock
  readonly #needs: TrafficNeeds
  readonly #schedule: Schedule
  #cancelClock = (): void => {}
  #cancelBelt = (): void => {}

  constructor(clock: Clock, needs: TrafficNeeds) {
    this.#clock = clock
    this.#needs = needs
    this.#schedule = new Schedule(needs.timing.plan, needs.timing.waiting)
  }

  get size(): number {
    return this.#schedule.size
  }

  /** @param may whether parts may pass at all @param at monotonic ms at which it was seen */
  expect(trigger: number, at: number, may: boolean): void {
    const { counts, timing, position } = this.#needs
    counts.announced += 1
    const seen = timing.plan.delay.by === 'ms' ? at : position?.positionAt(at)
    if (may && seen !== undefined && !this.#schedule.full) {
      this.#schedule.expect(trigger, seen)
      return
    }
    this.#schedule.refuse(trigger)
    counts.rejected += 1
    counts.stranded += 1
  }

  decide(action: GateAction, trigger: number): 'in-time' | 'late' {
    const said = this.#schedule.decide(action, trigger, this.#here())
    if (said === 'in-time') return said
    this.#needs.counts[said] += 1
    return 'late'
  }

  /** Does whatever is due. @returns how many windows opened of which nothing was said */
  advance(): number {
    const { counts } = this.#needs
    const { opened, closed } = this.#schedule.advance(this.#here())
    const undecided = opened.filter(({ action }) => action === undefined).length
    counts.undecided += undecided
    counts.missed += opened.filter(({ missed }) => missed).length
    for (const passage of closed) {
      counts[outcomeOf(passage)] += 1
      if (passage.overlapped) counts.overlapped += 1
    }
    return undecided
  }

  wanted(): GateAction {
    return this.#schedule.wanted()
  }

  /** Rejects those that are not in front of the gate yet. */
  strandWaiting(): void {
    this.#strand(this.#schedule.dropWaiting())
  }

  strandAll(): void {
    this.#strand(this.#schedule.dropAll())
  }

  /** Sets the timers for what comes next. */
  wait(): void {
    this.#cancelClock()
    this.#cancelBelt()
    const { position, due, timing } = this.#needs
    const at = this.#schedule.next('ms')
    if (at !== undefined) this.#cancelClock = this.#clock.after(at - timing.leadMs - this.#clock.now(), due)
    const pulses = this.#schedule.next('pulses')
    if (pulses === undefined || position === undefined) return
    this.#cancelBelt = position.when(pulses, timing.leadMs, (reached) => {
      if (!reached) this.#strand(this.#schedule.dropByBelt())
      due()
    })
  }

  /** The present, as far ahead of now as the flap takes to move. */
  #here(): Here {
    const ms = this.#clock.now() + this.#needs.timing.leadMs
    return { ms, pulses: this.#needs.position?.positionAt(ms) }
  }

  #strand(passages: readonly Passage[]): void {
    this.#needs.counts.rejected += passages.length
    this.#needs.counts.stranded += passages.length
  }
}
