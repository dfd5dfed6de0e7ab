import { setImmediate } from 'node:timers/promises'
import { z } from 'zod'
import type { OutboxEntry } from '../outbox.ts'
import { type ChainTip, GENESIS, readLink, sha256, verifyChain } from '../store/log/chain.ts'
import type { History } from '../store/log/history.ts'
import { BackupError } from './error.ts'

export interface WalkOptions {
  /** Inspections whose chain is followed, the newest; all for Infinity. */
  readonly newest: number
  readonly signal?: AbortSignal
  /** Inspections verified so far, and all of them. */
  readonly progress?: (done: number, total: number) => void
  /** Awaited now and then, with how long this has worked, ms: in a station other work goes first. */
  readonly rest?: (workedMs: number) => Promise<void>
}

// Entries that are verified before others have their turn: some milliseconds on a Pi.
const PAGE = 8

/** Follows the chain from one position to another, both included. @returns inspections that were verified */
export async function verifyStretch(
  history: History,
  { from, end }: { readonly from: number; readonly end: number },
  { signal, progress, rest = () => setImmediate() }: WalkOptions,
): Promise<number> {
  const walk = new Walk(history.database.file)
  for (let position = from - 1; position < end; ) {
    signal?.throwIfAborted()
    const page = await history.after(position, end, PAGE)
    const last = page.at(-1)
    if (last === undefined || page[0]?.position !== position + 1) {
      throw new BackupError('damaged', `${history.database.file}: row ${position + 1} is missing`)
    }
    const beganAt = performance.now()
    for (const entry of page) walk.follow(entry)
    await Promise.all(page.map((entry) => expectRaw(history, entry)))
    progress?.(walk.count, end - from + 1)
    position = last.position
    await rest(performance.now() - beganAt)
  }
  return walk.count
}

/** The chain through the epochs of a stretch. The first entry's word for the one before it is all there is. */
class Walk {
  readonly #file: string
  #epoch: string | undefined
  #tip: ChainTip = { sequence: 0, hash: GENESIS }
  count = 0

  constructor(file: string) {
    this.#file = file
  }

  follow(entry: OutboxEntry): void {
    if (entry.epoch !== this.#epoch) {
      const link = this.count === 0 && entry.sequence > 1 ? readLink(entry) : undefined
      const known =
        typeof link === 'object' ? { sequence: entry.sequence - 1, hash: link.previous } : undefined
      this.#tip = known ?? { sequence: 0, hash: GENESIS }
      this.#epoch = entry.epoch
    }
    const report = verifyChain([entry], this.#tip)
    if (!report.valid) {
      const place = `epoch ${entry.epoch}, sequence ${report.sequence}`
      throw new BackupError('damaged', `${this.#file}: the chain breaks at ${place}: ${report.reason}`)
    }
    this.#tip = report.tip
    this.count += 1
  }
}

const rawHash = z.object({ provenance: z.object({ raw_sha256: z.string() }) })

/** Retention may have taken a raw record; one that is there is the one that was hashed. */
async function expectRaw(
  history: History,
  entry: OutboxEntry & { readonly position: number },
): Promise<void> {
  const record = await history.raw(history.epochAt(entry.position), entry.sequence)
  if (record === undefined) return
  const { provenance } = rawHash.parse(JSON.parse(entry.payload))
  const found = sha256(record)
  if (found === provenance.raw_sha256) return
  throw new BackupError(
    'damaged',
    `${history.database.file}: the raw record of epoch ${entry.epoch}, sequence ${entry.sequence} ` +
      `has SHA-256 ${found}, expected ${provenance.raw_sha256}`,
  )
}
