import type { OutboxEntry } from '../outbox.ts'
import { GENESIS } from '../store/log/chain.ts'
import { type Checkpoint, checkpointRecord, digestOf, signatureProblem } from './checkpoint.ts'
import type { TrustedKeys } from './device-key.ts'

/** Where the log is first not what was signed. */
export interface AuditBreak {
  readonly epoch: string
  /** Of the first inspection that is not proven; 0: of none. */
  readonly sequence: number
  readonly reason: string
}

export interface AuditedLog {
  /** Stored checkpoints in the order of their ids, as JSON gave them. */
  readonly checkpoints: readonly unknown[]
  /** Of these, counted from the first, the log has to reach; behind them it may have grown while it was read. */
  readonly required: number
  /** Checkpoints that somebody else kept: they have to be among the stored ones. */
  readonly published: readonly unknown[]
  /** Undefined: nobody said whose signature to trust, and signatures are not checked. */
  readonly keys: TrustedKeys | undefined
  /** Position of the oldest inspection that is there, and of the newest. */
  readonly begin: number
  readonly end: number
  /** Oldest first. */
  readonly epochs: readonly { readonly epoch: string; readonly base: number }[]
  /** The last position that retention says it took, also while the log was read; 0: none. */
  readonly taken: number
}

/**
 * Compares a log with its signed checkpoints, entry by entry: what nobody without the key can have written. Behind the
 * newest checkpoint nothing is proven.
 */
export class CheckpointAudit {
  readonly #log: AuditedLog
  readonly #genuine: readonly Checkpoint[]
  /** Still to be met, by position. */
  readonly #expected = new Map<number, Checkpoint>()
  #met: Checkpoint | undefined
  /** Checkpoints that agree with the log. */
  checked = 0
  /** The first; of a smaller position than any other that was found. */
  broken: AuditBreak | undefined
  #brokenAt = Number.POSITIVE_INFINITY

  constructor(log: AuditedLog) {
    this.#log = log
    this.#genuine = this.#examine(log.checkpoints)
    for (const checkpoint of this.#genuine) {
      const { count } = checkpoint
      if (count >= log.begin && count <= log.end && checkpoint.sequence > 0) this.#expect(checkpoint)
    }
    this.#expectPublished()
    this.#expectQuietStops()
    this.#expectEnds()
  }

  /** The newest genuine one. */
  get newest(): Checkpoint | undefined {
    return this.#genuine.at(-1)
  }

  /** Whether signatures were checked. */
  get keyed(): boolean {
    return this.#log.keys !== undefined
  }

  /** Inspections behind the newest checkpoint. */
  get unproven(): number {
    return Math.max(0, this.#log.end - (this.newest?.count ?? 0))
  }

  /** @param hash of the entry, as it was computed anew */
  follow(entry: OutboxEntry & { readonly position: number }, hash: string): void {
    const checkpoint = this.#expected.get(entry.position)
    if (checkpoint === undefined) return
    this.#expected.delete(entry.position)
    const same =
      checkpoint.epoch === entry.epoch && checkpoint.sequence === entry.sequence && checkpoint.hash === hash
    if (same) {
      this.#met = checkpoint
      this.checked += 1
    } else {
      const from = this.#behind(this.#met, checkpoint)
      this.#found(entry.position - (checkpoint.sequence - from), {
        epoch: checkpoint.epoch,
        sequence: from,
        reason: `inspections ${from} to ${checkpoint.sequence} are not those that checkpoint ${checkpoint.number} signed`,
      })
    }
  }

  /** Every entry from position `first` to `last` was followed that is there. */
  finish(first: number, last: number): void {
    for (const [position, { epoch, sequence, number }] of this.#expected) {
      if (position < first || position > last || position <= this.#log.taken) continue
      this.#found(position, { epoch, sequence, reason: `it is not there; checkpoint ${number} signed it` })
    }
  }

  /** An entry that is there and is not asked about. */
  skip({ position }: { readonly position: number }): void {
    this.#expected.delete(position)
  }

  /** Numbers without a gap, each naming the one before, each with the key's signature. */
  #examine(stored: readonly unknown[]): readonly Checkpoint[] {
    const { keys } = this.#log
    let before: Checkpoint | undefined
    const genuine: Checkpoint[] = []
    for (const [index, value] of stored.entries()) {
      const parsed = checkpointRecord.safeParse(value)
      if (!parsed.success) {
        this.#suspect(before, index + 1, 'it is no checkpoint')
        continue
      }
      const checkpoint = parsed.data
      const { number, previous } = checkpoint
      const expected = (before?.number ?? 0) + 1
      const problem = keys === undefined ? undefined : signatureProblem(checkpoint, keys)
      if (problem !== undefined) this.#suspect(before, number, problem)
      else genuine.push(checkpoint)
      if (number !== expected) this.#suspect(before, expected, 'it is missing')
      else if (previous !== (before === undefined ? GENESIS : digestOf(before))) {
        this.#suspect(before, number, 'it does not follow the one before it')
      }
      before = checkpoint
    }
    if (stored.length === 0 && keys !== undefined && this.#log.end > 0)
      this.#suspect(undefined, 1, 'it is missing')
    return genuine
  }

  #expect(checkpoint: Checkpoint): void {
    const { count, number } = checkpoint
    const other = this.#expected.get(count)
    if (other !== undefined && other.hash !== checkpoint.hash) {
      this.#suspect(other, number, `it contradicts checkpoint ${other.number}`)
    }
    this.#expected.set(count, checkpoint)
  }

  #expectPublished(): void {
    const byNumber = new Map(this.#genuine.map((one) => [one.number, one]))
    for (const value of this.#log.published) {
      const kept = checkpointRecord.safeParse(value)
      if (!kept.success) {
        this.#suspect(undefined, 0, 'what was given as a published checkpoint is none')
        continue
      }
      const own = byNumber.get(kept.data.number)
      if (own !== undefined && digestOf(own) === digestOf(kept.data)) continue
      this.#suspect(
        byNumber.get(kept.data.number - 1),
        kept.data.number,
        'it is not the one that was published',
      )
    }
  }

  /** Nothing is appended between a stop and the start behind it. */
  #expectQuietStops(): void {
    for (const [index, stop] of this.#genuine.entries()) {
      const next = this.#genuine[index + 1]
      if (stop.reason !== 'stop') continue
      const countThen = next === undefined ? this.#log.end : next.count
      if (countThen <= stop.count) continue
      this.#found(stop.count + 1, {
        epoch: stop.epoch,
        sequence: stop.sequence + 1,
        reason: `the station stopped at checkpoint ${stop.number} (sequence ${stop.sequence}): no run of it wrote what follows`,
      })
    }
  }

  /** The log reaches as far back, and as far forward, as was signed. */
  #expectEnds(): void {
    const { begin, end, required, taken } = this.#log
    const beyond = this.#genuine.find(({ number, count }) => number <= required && count > end)
    if (beyond !== undefined) {
      const { count, sequence, epoch, number } = beyond
      const first = sequence - (count - end) + 1
      const place = first >= 1 ? { epoch, sequence: first } : this.#placeOf(end + 1)
      const reason = `the log ends before it; checkpoint ${number} signed up to sequence ${sequence} of epoch ${epoch}`
      this.#found(end + 1, { ...place, reason })
    }
    const newest = this.newest
    if (newest === undefined || end === 0 || begin <= newest.oldest || begin - 1 <= taken) return
    this.#found(newest.oldest, {
      ...this.#placeOf(newest.oldest),
      reason: `the oldest inspections are gone (${begin - newest.oldest}), and nothing says that retention took them`,
    })
  }

  #placeOf(position: number): { readonly epoch: string; readonly sequence: number } {
    const { epoch, base } = this.#log.epochs.findLast((one) => one.base < position) ?? { epoch: '', base: 0 }
    return { epoch, sequence: position - base }
  }

  #behind(met: Checkpoint | undefined, failed: Checkpoint): number {
    const begun = Math.max(1, failed.sequence - (failed.count - this.#log.begin))
    return met?.epoch === failed.epoch ? Math.max(begun, met.sequence + 1) : begun
  }

  /** What is wrong with a checkpoint itself: from the one before it on nothing is proven. */
  #suspect(before: Checkpoint | undefined, number: number, problem: string): void {
    const sequence = (before?.sequence ?? 0) + 1
    const epoch = before?.epoch ?? ''
    this.#found((before?.count ?? 0) + 1, { epoch, sequence, reason: `checkpoint ${number}: ${problem}` })
  }

  #found(position: number, broken: AuditBreak): void {
    if (position >= this.#brokenAt) return
    this.#brokenAt = position
    this.broken = broken
  }
}
