import { setImmediate } from 'node:timers/promises'
import type { Statement } from '../database.ts'
import { StoreError } from '../error.ts'
import { type ChainTip, readLink, verifyChain } from '../log/chain.ts'
import type { History } from '../log/history.ts'
import type { LogEntry } from '../log/tail.ts'
import type { Writer } from '../writer.ts'
import { Ages } from './ages.ts'
import { type Anchor, readAnchors, SAVE_ANCHOR, tipAt } from './anchors.ts'
import type { Extent, Step } from './plan.ts'

/** The cursors that are not on disk yet: those of new sinks. */
export interface UnsavedCursors {
  /** The smallest of their positions; undefined where every cursor is on disk. */
  readonly leastUnsaved: number | undefined
}

interface Statements {
  readonly raw: Statement
  readonly inspections: Statement
  readonly anchor: Statement
  readonly cursors: Statement
}

/** What a stretch of the chain turned out to be, before it goes. */
interface Verified {
  readonly tip: ChainTip
  /** Absent: every link holds. */
  readonly broken?: string
}

// Rows that are verified before others have their turn: some milliseconds on a Pi.
const PAGE = 8

/** Removes rows of the log, a few at a time, and keeps the link that the chain goes on from. */
export class Sweeper {
  readonly #writer: Writer
  readonly #history: History
  readonly #unsaved: UnsavedCursors
  readonly #statements: Statements
  /** By epoch, as on disk. */
  readonly #anchors: Map<number, Anchor>
  /** One for each kind of row: they are looked at in different places of the log. */
  readonly #ages: Readonly<Record<Step['from'], Ages>>

  private constructor(
    { writer, history, unsaved }: SweeperParts,
    statements: Statements,
    anchors: readonly Anchor[],
  ) {
    this.#writer = writer
    this.#history = history
    this.#unsaved = unsaved
    this.#statements = statements
    this.#anchors = new Map(anchors.map((anchor) => [anchor.base, anchor]))
    this.#ages = { raw: new Ages(history.database), inspections: new Ages(history.database) }
  }

  static async over(parts: SweeperParts): Promise<Sweeper> {
    const { database } = parts.writer
    const statements = {
      raw: await database.prepare('DELETE FROM raw WHERE position BETWEEN ? AND ?'),
      inspections: await database.prepare('DELETE FROM inspections WHERE position BETWEEN ? AND ?'),
      anchor: await database.prepare(SAVE_ANCHOR),
      cursors: await database.prepare('SELECT min(position) AS least FROM cursors'),
    }
    return new Sweeper(parts, statements, (await readAnchors(database)) ?? [])
  }

  /** The last links that were removed, by epoch. */
  get anchors(): readonly Anchor[] {
    return [...this.#anchors.values()]
  }

  /** What there is. @param end last position of the log */
  async extent(end: number): Promise<Extent> {
    const { database } = this.#history
    const row = await database.get<{ oldest: number | null; raw: number | null }>(
      'SELECT (SELECT min(position) FROM inspections) AS oldest, (SELECT min(position) FROM raw) AS raw',
    )
    const least = await database.get<{ least: number | null }>('SELECT min(position) AS least FROM cursors')
    return {
      oldest: row?.oldest ?? end + 1,
      oldestRaw: row?.raw ?? end + 1,
      end,
      delivered: this.#floor(least?.least ?? null) ?? end,
    }
  }

  /** The newest of the step's positions whose part came before `beforeMs`; 0 for none. @throws StoreError */
  olderThan({ from, first, last }: Step, beforeMs: number): Promise<number> {
    return this.#ages[from].olderThan(first, last - first + 1, beforeMs)
  }

  /**
   * Takes one step, or as much of it as stands in one epoch.
   * @param at RFC 3339
   * @returns the last position that went; undefined where somebody turned out not to have got it
   * @throws StoreError
   */
  async take(step: Step, at: string): Promise<number | undefined> {
    if (step.from === 'raw') {
      const done = await this.#inTransaction(step.last, () =>
        this.#statements.raw.run([step.first, step.last]),
      )
      return done ? step.last : undefined
    }
    const { base } = this.#history.epochAt(step.first)
    const entries = await this.#read(step)
    const last = entries.at(-1)
    if (last === undefined) throw new StoreError('corrupt', `row ${step.first} is missing`)
    const { tip, broken } = await this.#verify(base, entries)
    const done = await this.#inTransaction(last.position, async () => {
      await this.#statements.inspections.run([step.first, last.position])
      await this.#statements.anchor.run([base, last.position, tip.hash, at, broken ?? null])
    })
    if (!done) return undefined
    const before = this.#anchors.get(base)?.broken ?? broken
    this.#anchors.set(base, {
      ...{ base, position: last.position, hash: tip.hash, removedAt: at },
      ...(before === undefined ? {} : { broken: before }),
    })
    return last.position
  }

  /** Removes the oldest hour of sums, if it is older. @returns whether it was @throws StoreError */
  async dropHour(beforeMs: number): Promise<boolean> {
    const row = await this.#history.database.get<{ oldest: string | null }>(
      "SELECT min(starts_at) AS oldest FROM aggregates WHERE period = 'hour'",
    )
    const oldest = row?.oldest ?? undefined
    if (oldest === undefined || Date.parse(oldest) >= beforeMs) return false
    await this.#writer.transaction(() =>
      this.#writer.database.run("DELETE FROM aggregates WHERE period = 'hour' AND starts_at = ?", [oldest]),
    )
    return true
  }

  /** Gives up to `pages` free pages back to the disk. @throws StoreError */
  giveBack(pages: number): Promise<void> {
    return this.#writer.transaction(() =>
      this.#writer.database.exec(`PRAGMA incremental_vacuum(${Math.floor(pages)})`),
    )
  }

  /** @returns false where a cursor stands before `last`: a sink was registered meanwhile, or went on from an old place */
  #inTransaction(last: number, work: () => Promise<void>): Promise<boolean> {
    return this.#writer.transaction(async () => {
      const [row] = await this.#statements.cursors.all<{ least: number | null }>()
      const floor = this.#floor(row?.least ?? null)
      if (floor !== undefined && floor < last) return false
      await work()
      return true
    })
  }

  #floor(saved: number | null): number | undefined {
    const { leastUnsaved } = this.#unsaved
    if (saved === null) return leastUnsaved
    return leastUnsaved === undefined ? saved : Math.min(saved, leastUnsaved)
  }

  async #read({ first, last }: Step): Promise<LogEntry[]> {
    return await this.#history.after(first - 1, last, last - first + 1)
  }

  /** What goes was looked at a last time: what it said wrong must not go with it unheard. */
  async #verify(base: number, entries: readonly LogEntry[]): Promise<Verified> {
    let tip = tipAt(base, this.anchors)
    let broken: string | undefined
    for (let from = 0; from < entries.length; from += PAGE) {
      const page = entries.slice(from, from + PAGE)
      const report = verifyChain(page, tip)
      if (report.valid) {
        tip = report.tip
      } else {
        broken ??= `sequence ${report.sequence}: ${report.reason}`
        tip = claimed(page, tip)
      }
      await setImmediate()
    }
    return broken === undefined ? { tip } : { tip, broken }
  }
}

export interface SweeperParts {
  readonly writer: Writer
  readonly history: History
  readonly unsaved: UnsavedCursors
}

/** Where the chain does not hold, the last row's own word is what the next one can be held against. */
function claimed(page: readonly LogEntry[], before: ChainTip): ChainTip {
  const last = page.at(-1)
  const link = last === undefined ? undefined : readLink(last)
  if (last === undefined) return before
  return { sequence: last.sequence, hash: typeof link === 'object' ? link.hash : '' }
}
