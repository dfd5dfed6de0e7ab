import { z } from 'zod'
import type { Verdict } from './inspection.ts'
import { countPart, countTime, type KpiState, kpiReportOf, kpiState, newKpiState } from './kpi.ts'
import type { KpiTargets } from './kpi-options.ts'
import type { KpiReport } from './kpi-report.ts'
import { plannedMs, type Shift, type ShiftCalendar } from './kpi-shifts.ts'

export interface KpiBoardOptions {
  readonly calendar: ShiftCalendar
  /** False: there is no calendar; all time is planned, and there are no shifts. */
  readonly shifts: boolean
  readonly lot: string
  readonly wallMs: number
}

const snapshotSchema = z.object({
  version: z.literal(1),
  atMs: z.number(),
  lot: kpiState,
  shift: z.object({ name: z.string(), date: z.string(), beginMs: z.number(), state: kpiState }).nullable(),
})

// Longer than this nobody watched: the station was off, or its clock was set. The caller ticks every minute at least.
const LONGEST_SPAN_MS = 10 * 60_000
const MINUTE_MS = 60_000
/** Shifts of a day and a half. */
const MOST_RECENT = 6

interface OpenShift {
  readonly shift: Pick<Shift, 'name' | 'date' | 'beginMs'>
  readonly state: KpiState
}

/** A shift that is over. */
export interface EndedShift {
  readonly state: KpiState
  /** ms since 1970 */
  readonly beginMs: number
}

/** The key figures of the running lot and of the running shift; constant memory. Wall-clock ms come in, in order. */
export class KpiBoard {
  readonly #options: KpiBoardOptions
  #lot: KpiState
  #shift: OpenShift | undefined
  #closed: EndedShift[] = []
  /** The newest that ended, and the one that runs: a clock that was set back takes one of them up again. */
  #recent: readonly OpenShift[] = []
  #lastMs: number
  #standing = false
  #updating = false

  constructor(options: KpiBoardOptions) {
    this.#options = options
    this.#lot = newKpiState(options.lot)
    this.#lastMs = options.wallMs
    this.#enter(options.shifts ? options.calendar.at(options.wallMs) : undefined)
  }

  /** Takes in one decided part. */
  see(verdict: Verdict, wallMs: number): void {
    this.advance(wallMs)
    countPart(this.#lot, verdict)
    if (this.#shift !== undefined) countPart(this.#shift.state, verdict)
  }

  /** The line stands, or runs again; saying so twice changes nothing. */
  line(standing: boolean, wallMs: number): void {
    this.advance(wallMs)
    this.#standing = standing
  }

  /** An update has the line, or has given it back: that time is not planned, whoever waits for a part. */
  update(hasLine: boolean, wallMs: number): void {
    this.advance(wallMs)
    this.#updating = hasLine
  }

  /** @returns the state of the lot that ends; `kpiReportOf` makes figures of it */
  beginLot(lot: string, wallMs: number): KpiState {
    this.advance(wallMs)
    const ended = this.#lot
    this.#lot = newKpiState(lot)
    return ended
  }

  /** Lets time pass: call it every minute at least. A clock that goes back stands still here. */
  advance(wallMs: number): void {
    const spanMs = wallMs - this.#lastMs
    if (spanMs <= 0) {
      if (spanMs >= -LONGEST_SPAN_MS) return
      this.#lastMs = wallMs
      if (this.#options.shifts) this.#enter(this.#options.calendar.at(wallMs))
      return
    }
    if (this.#updating || spanMs > LONGEST_SPAN_MS) this.#skip(spanMs, wallMs)
    while (this.#lastMs < wallMs) this.#step(wallMs)
    if (this.#options.shifts) this.#enter(this.#options.calendar.at(wallMs))
  }

  /** Shifts that ended since this was last asked; at most the last 32 are kept. */
  takeEndedShifts(): readonly EndedShift[] {
    return this.#closed.splice(0)
  }

  lotReport(targets: KpiTargets): KpiReport {
    return kpiReportOf(this.#lot, targets)
  }

  /** @returns undefined between shifts */
  shiftReport(targets: KpiTargets): KpiReport | undefined {
    return this.#shift === undefined ? undefined : kpiReportOf(this.#shift.state, targets)
  }

  /** All it remembers, as JSON. Shifts that ended and were not taken are not part of it. */
  snapshot(): unknown {
    const open = this.#shift
    const shift = open === undefined ? null : { ...open.shift, state: kept(open.state) }
    return { version: 1, atMs: this.#lastMs, lot: kept(this.#lot), shift }
  }

  /**
   * Takes up what another process left; call it before the first part. Nobody watched the time between.
   * @returns false where the snapshot is none, or of another lot: that begins anew, and only the shift goes on
   */
  restore(snapshot: unknown): boolean {
    const parsed = snapshotSchema.safeParse(snapshot)
    if (!parsed.success) return false
    const { lot, shift, atMs } = parsed.data
    const awayMs = Math.max(0, this.#lastMs - atMs)
    const same = lot.name === this.#lot.name
    if (same) this.#lot = { ...lot, uncountedMs: lot.uncountedMs + awayMs }
    if (shift === null) return same
    const open = this.#shift
    if (open !== undefined && open.shift.name === shift.name && open.shift.beginMs === shift.beginMs) {
      const uncountedMs = shift.state.uncountedMs + awayMs
      this.#shift = { shift: open.shift, state: { ...shift.state, uncountedMs } }
      this.#recent = [this.#shift]
    } else this.#close(shift)
    return same
  }

  #skip(spanMs: number, wallMs: number): void {
    this.#lot.uncountedMs += spanMs
    if (this.#shift !== undefined) this.#shift.state.uncountedMs += spanMs
    this.#lastMs = wallMs
  }

  /** To the end of the shift, or between shifts to the next minute: shifts begin on one. */
  #step(wallMs: number): void {
    const { shifts, calendar } = this.#options
    const beginMs = this.#lastMs
    const shift = shifts ? calendar.at(beginMs) : undefined
    const nextMs = shift?.endMs ?? Math.floor(beginMs / MINUTE_MS + 1) * MINUTE_MS
    const endMs = shifts ? Math.min(wallMs, nextMs) : wallMs
    const span = { beginMs, endMs }
    const planned = shift === undefined ? (shifts ? 0 : endMs - beginMs) : plannedMs(span, shift)
    this.#enter(shift)
    countTime(this.#lot, planned, this.#standing)
    if (this.#shift !== undefined) countTime(this.#shift.state, planned, this.#standing)
    this.#lastMs = endMs
  }

  #enter(shift: Shift | undefined): void {
    const open = this.#shift?.shift
    if (open?.name === shift?.name && open?.beginMs === shift?.beginMs) return
    if (this.#shift !== undefined) this.#close({ ...this.#shift.shift, state: this.#shift.state })
    this.#shift = shift === undefined ? undefined : this.#begun(shift)
  }

  /** One that is over already goes on as it was: it ends once more, with more parts than before. */
  #begun(shift: Shift): OpenShift {
    const known = this.#recent.find(
      ({ shift: one }) => one.name === shift.name && one.beginMs === shift.beginMs,
    )
    const begun = known ?? { shift: pick(shift), state: newKpiState(`${shift.name} ${shift.date}`) }
    this.#recent = [begun, ...this.#recent.filter((one) => one !== begun)].slice(0, MOST_RECENT)
    return begun
  }

  #close({ state, beginMs }: EndedShift): void {
    this.#closed.push({ state: { ...state }, beginMs })
    if (this.#closed.length > 32) this.#closed.shift()
  }
}

function pick({ name, date, beginMs }: Shift): OpenShift['shift'] {
  return { name, date, beginMs }
}

/** A release of before updates were counted, to which one on trial may go back, takes up no state that has them. */
function kept({ updating, ...state }: KpiState): Omit<KpiState, 'updating'> & { updating?: number } {
  return updating === 0 ? state : { ...state, updating }
}
