import type { Action } from '../inspection.ts'

/** How the parts divide, of one lot or since start. Every number counts parts. */
export interface Counters {
  readonly triggers: number
  readonly accepted: number
  readonly rejected: number
  readonly held: number
  /** Seen, and not yet decided. */
  readonly inFlight: number
  readonly decided: number
  /** On disk. */
  readonly stored: number
  /** Decided, and on their way to the disk. */
  readonly appending: number
  /** Among the rejected: past their deadline. */
  readonly late: number
  /** Among the rejected: came while the heads still measured the part before. */
  readonly busy: number
  /** Decided, and never stored: lost by a crash, or refused by the disk. */
  readonly unrecorded: number
}

/** How the stored parts divide for one sink. Every number counts log entries of the present epoch. */
export interface SinkCounters {
  readonly name: string
  readonly stored: number
  readonly delivered: number
  readonly backlog: number
  /** Set aside because the far end refuses them. */
  readonly quarantined: number
}

type Tally = { -readonly [Name in keyof Counters]: number }

function emptyTally(): Tally {
  return {
    triggers: 0,
    accepted: 0,
    rejected: 0,
    held: 0,
    inFlight: 0,
    decided: 0,
    stored: 0,
    appending: 0,
    late: 0,
    busy: 0,
    unrecorded: 0,
  }
}

const COUNTER_OF = { accept: 'accepted', reject: 'rejected', hold: 'held' } as const

/**
 * One part on its way from trigger to disk. Call `decide` once, then `stored` or `lost` once; anything else is
 * an error of the caller and throws, because it would make the counters lie.
 */
export class CountedPart {
  readonly #tallies: readonly Tally[]
  #stage: 'in-flight' | 'appending' | 'done' = 'in-flight'

  constructor(tallies: readonly Tally[]) {
    this.#tallies = tallies
    for (const tally of tallies) {
      tally.triggers += 1
      tally.inFlight += 1
    }
  }

  /**
   * The gate has its command.
   * @param reasons the verdict's; `late` and `busy` are counted
   */
  decide(action: Action, reasons: readonly string[] = []): void {
    this.#leave('in-flight', 'appending')
    for (const tally of this.#tallies) {
      tally.inFlight -= 1
      tally[COUNTER_OF[action]] += 1
      tally.decided += 1
      tally.appending += 1
      if (reasons.includes('late')) tally.late += 1
      if (reasons.includes('busy')) tally.busy += 1
    }
  }

  /** The inspection is on disk. */
  stored(): void {
    this.#leave('appending', 'done')
    for (const tally of this.#tallies) {
      tally.appending -= 1
      tally.stored += 1
    }
  }

  /** The disk refused the inspection for good: from now on the counters do not reconcile, and say so. */
  lost(): void {
    this.#leave('appending', 'done')
    for (const tally of this.#tallies) {
      tally.appending -= 1
      tally.unrecorded += 1
    }
  }

  #leave(stage: 'in-flight' | 'appending', next: 'appending' | 'done'): void {
    if (this.#stage !== stage) throw new Error(`a part that is ${this.#stage} cannot leave ${stage}`)
    this.#stage = next
  }
}

/** The counters since start and of the present lot. A part counts in the lot in which it was seen. */
export class PartCounters {
  readonly #sinceStart: Tally = emptyTally()
  #lot: Tally = emptyTally()

  /** Counts a part that was just seen. */
  triggered(): CountedPart {
    return new CountedPart([this.#sinceStart, this.#lot])
  }

  /** The lot's counters begin again; parts still in flight end in the lot before. */
  beginLot(): void {
    this.#lot = emptyTally()
  }

  /** Counts parts that were decided before a crash and never stored. They belong to no trigger of this run. */
  foundUnrecorded(parts: number): void {
    this.#sinceStart.unrecorded += parts
  }

  /** A copy, since start. */
  sinceStart(): Counters {
    return { ...this.#sinceStart }
  }

  /** A copy, of the present lot. */
  lot(): Counters {
    return { ...this.#lot }
  }
}

/** The counters as they travel: CONTRACTS has JSON in snake_case. */
export function countersOnWire({ inFlight, ...others }: Counters): Omit<Counters, 'inFlight'> & {
  readonly in_flight: number
} {
  return { ...others, in_flight: inFlight }
}

/** An equation of CONTRACTS that does not hold. */
export interface Violation {
  readonly scope: string
  readonly equation: string
  /** Every quantity of the equation, by name. */
  readonly numbers: Readonly<Record<string, number>>
}

/** @returns the equations that one set of counters violates; none when all is well */
export function reconcile(counters: Counters, scope = 'since_start'): readonly Violation[] {
  const { triggers, accepted, rejected, held, inFlight, decided, stored, appending } = counters
  return [
    violation(scope, 'triggers', triggers, { accepted, rejected, held, in_flight: inFlight }),
    violation(scope, 'decided', decided, { stored, appending }),
  ].flat()
}

/** @returns the equation of a sink where it does not hold; none when all is well */
export function reconcileSink({
  name,
  stored,
  delivered,
  backlog,
  quarantined,
}: SinkCounters): readonly Violation[] {
  return violation(`sink ${name}`, 'stored', stored, { delivered, backlog, quarantined })
}

function violation(
  scope: string,
  name: string,
  whole: number,
  parts: Readonly<Record<string, number>>,
): readonly Violation[] {
  const values = Object.values(parts)
  const sum = values.reduce((total, value) => total + value, 0)
  const sound = [whole, ...values].every((value) => Number.isInteger(value) && value >= 0)
  if (sound && sum === whole) return []
  return [
    { scope, equation: `${name} = ${Object.keys(parts).join(' + ')}`, numbers: { [name]: whole, ...parts } },
  ]
}
