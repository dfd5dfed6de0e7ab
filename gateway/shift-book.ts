import { z } from 'zod'
import { type KpiReport, kpiReport } from './kpi-report.ts'
import type { Log } from './log.ts'

/** The key figures of a shift that ended, as it is kept: `poincon.shift/1`. */
export const shiftRecord = z.object({
  schema: z.literal('poincon.shift/1'),
  began_at: z.iso.datetime(),
  kpi: kpiReport,
})
export type ShiftRecord = Readonly<z.infer<typeof shiftRecord>>

/** Where shifts are kept. */
export interface ShiftDocuments {
  save(
    kind: 'shift',
    document: { readonly id: string; readonly at: string; readonly open: boolean; readonly value: unknown },
  ): Promise<void>
  newest(kind: 'shift', limit: number): Promise<readonly { readonly value: unknown }[]>
}

/** Shown: a week of three shifts a day. All of them are in the store. */
const SHOWN = 21
/** Shifts that may wait for a store that takes nothing; beyond, the oldest go. */
const MOST_WAITING = 32

/** Keeps the key figures of every shift that ended, as soon as the store takes them. */
export class ShiftBook {
  readonly #documents: ShiftDocuments
  readonly #log: Log
  #waiting: readonly ShiftRecord[] = []
  #recent: readonly ShiftRecord[] = []
  #refused = false

  constructor(documents: ShiftDocuments, log: Log) {
    this.#documents = documents
    this.#log = log
  }

  /**
   * Takes up what is in the store. What cannot be read is not shown.
   * @param waiting what a process before could not write
   */
  async load(waiting: unknown): Promise<void> {
    const stored = await this.#documents.newest('shift', SHOWN).catch((err: unknown) => {
      this.#log.warn({ err }, 'shifts that ended cannot be read')
      return []
    })
    this.#recent = stored.flatMap(({ value }) => {
      const record = shiftRecord.safeParse(value)
      return record.success ? [record.data] : []
    })
    for (const record of z.array(shiftRecord).catch([]).parse(waiting)) this.#take(record)
  }

  /** A shift ended. @param beganMs ms since 1970 */
  ended(kpi: KpiReport, beganMs: number): void {
    this.#log.info({ shift: kpi.name, parts: kpi.parts }, 'shift ended')
    this.#take({ schema: 'poincon.shift/1', began_at: new Date(beganMs).toISOString(), kpi })
  }

  /** Newest first, those that wait for the store too. */
  get recent(): readonly ShiftRecord[] {
    return this.#recent
  }

  /** What is not in the store yet: for whoever remembers it over a restart. */
  get waiting(): readonly ShiftRecord[] {
    return this.#waiting
  }

  /** Writes what waits. Never rejects: what the store refuses waits for the next call. */
  async settle(): Promise<void> {
    for (const record of this.#waiting) {
      const { kpi, began_at: at } = record
      try {
        await this.#documents.save('shift', { id: kpi.name, at, open: false, value: record })
        this.#waiting = this.#waiting.filter((one) => one !== record)
        this.#refused = false
      } catch (err) {
        if (!this.#refused) this.#log.warn({ err, shift: kpi.name }, 'a shift that ended waits for the store')
        this.#refused = true
        return
      }
    }
  }

  /** Of one that is there already (a crash let it end twice) the one that saw more parts counts. */
  #take(record: ShiftRecord): void {
    const { name, parts } = record.kpi
    const known = this.#recent.find(({ kpi }) => kpi.name === name)
    if (known !== undefined && known.kpi.parts >= parts) return
    const others = this.#recent.filter((one) => one !== known)
    this.#recent = [record, ...others]
      .sort((one, other) => other.began_at.localeCompare(one.began_at))
      .slice(0, SHOWN)
    this.#waiting = [...this.#waiting.filter(({ kpi }) => kpi.name !== name), record].slice(-MOST_WAITING)
  }
}
