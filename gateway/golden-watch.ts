import { z } from 'zod'
import type { GoldenOptions } from './golden-options.ts'

/** What a golden check came to. */
export const GOLDEN_DECISIONS = ['passed', 'failed', 'inconclusive'] as const
export type GoldenDecision = (typeof GOLDEN_DECISIONS)[number]

/** What must outlive a restart: state `golden` of the store. */
export const goldenSnapshot = z.strictObject({
  part: z.string(),
  /** RFC 3339 of the last check that decided something. */
  checked_at: z.iso.datetime().optional(),
  decision: z.enum(['passed', 'failed']).optional(),
  /** Its calibration row. */
  check_id: z.uuid().optional(),
  /** Parts since then. */
  parts: z.int().min(0),
})
export type GoldenSnapshot = Readonly<z.infer<typeof goldenSnapshot>>

export const GOLDEN_STATES = ['off', 'passed', 'due', 'overdue', 'failed'] as const
export type GoldenState = (typeof GOLDEN_STATES)[number]

/** How the station stands with its golden part. */
export interface GoldenStanding {
  readonly state: GoldenState
  /** For people; absent while all is well. */
  readonly detail?: string
  /** Why no part is graded until a golden part passes; absent where the recipe does not hold. */
  readonly obstacle?: 'golden-due' | 'golden-failed'
  readonly parts: number
  /** Since the last check; absent before the first. */
  readonly hours?: number
}

/** The last tenth of an interval is there to fetch the golden part in. */
const DUE_FROM = 0.9
const MS_PER_HOUR = 3_600_000

/**
 * Whether the golden part is due. Pure: it knows no clock, and what it must remember is its snapshot. Not the same as a
 * calibration's validity: a check says that the whole chain still measures what it did.
 */
export class GoldenWatch {
  readonly #options: GoldenOptions | undefined
  #snapshot: GoldenSnapshot

  /**
   * @param options of the recipe in force; undefined: nothing is ever due
   * @param snapshot of before the restart; one of another golden part counts for nothing
   */
  constructor(options: GoldenOptions | undefined, snapshot?: GoldenSnapshot) {
    const part = options?.part ?? ''
    this.#options = options
    this.#snapshot = snapshot?.part === part ? snapshot : { part, parts: 0 }
  }

  /** What to keep. */
  get snapshot(): GoldenSnapshot {
    return this.#snapshot
  }

  /** A part was inspected. */
  inspected(parts = 1): void {
    this.#snapshot = { ...this.#snapshot, parts: this.#snapshot.parts + parts }
  }

  /**
   * A golden part was checked. An inconclusive check changes nothing: it is to be repeated.
   * @returns false for a check of another golden part than the recipe's, which says nothing of it
   */
  checked({ part, decision, at, id }: GoldenChecked): boolean {
    if (this.#options === undefined || part !== this.#options.part) return false
    if (decision === 'inconclusive') return true
    this.#snapshot = { part, checked_at: at, decision, check_id: id, parts: 0 }
    return true
  }

  /** @param wallMs now, ms since 1970 */
  standing(wallMs: number): GoldenStanding {
    const options = this.#options
    const { parts, checked_at: checkedAt, decision } = this.#snapshot
    if (options === undefined) return { state: 'off', parts }
    if (checkedAt === undefined || decision === undefined) {
      return this.#standing('overdue', `golden part ${options.part} was never checked`, { parts })
    }
    const hours = (wallMs - Date.parse(checkedAt)) / MS_PER_HOUR
    const counts = { parts, hours }
    if (decision === 'failed') {
      return this.#standing('failed', `golden part ${options.part} failed at ${checkedAt}`, counts)
    }
    const used = usedOf(options, parts, hours)
    if (used >= 1) return this.#standing('overdue', overdueText(options, counts), counts)
    // A clock that went back makes a check of the future: how old it really is nobody knows.
    if (hours < 0) return this.#standing('due', `last checked at ${checkedAt}, which is to come`, counts)
    if (used >= DUE_FROM) return this.#standing('due', `golden part ${options.part} is due soon`, counts)
    return { state: 'passed', ...counts }
  }

  #standing(
    state: GoldenState,
    detail: string,
    counts: { readonly parts: number; readonly hours?: number },
  ): GoldenStanding {
    const stops = this.#options?.hold === true && (state === 'overdue' || state === 'failed')
    const obstacle = state === 'failed' ? 'golden-failed' : 'golden-due'
    return { state, detail, ...(stops ? { obstacle } : {}), ...counts }
  }
}

/** A check, as far as the watch is concerned. */
export interface GoldenChecked {
  readonly part: string
  readonly decision: GoldenDecision
  /** RFC 3339 */
  readonly at: string
  readonly id: string
}

/** How much of the interval is used, 1 is all of it: of hours or parts, whichever is further. */
function usedOf({ every_h: hours, every_parts: most }: GoldenOptions, parts: number, past: number): number {
  return Math.max(hours === undefined ? 0 : past / hours, most === undefined ? 0 : parts / most)
}

function overdueText(
  { part, every_h: most, every_parts: mostParts }: GoldenOptions,
  { parts, hours }: { readonly parts: number; readonly hours: number },
): string {
  const since = [
    ...(most === undefined ? [] : [`${hours.toFixed(1)} of ${most} h`]),
    ...(mostParts === undefined ? [] : [`${parts} of ${mostParts} parts`]),
  ]
  return `golden part ${part} is overdue: ${since.join(', ')}`
}
