import type { OutboxEntry } from '../outbox.ts'
import { type ChainTip, GENESIS, readLink, verifyChain } from '../store/log/chain.ts'
import { tipAt } from '../store/retention/anchors.ts'
import type { Archive } from './archive.ts'

/** Where the chain of hashes breaks first. */
export interface Break {
  readonly epoch: string
  readonly sequence: number
  readonly reason: string
}

/** Follows the chain of hashes over a stretch of the log, entry by entry, through its epochs. */
export class ChainWalk {
  readonly #archive: Archive
  #epoch: string | undefined
  #tip: ChainTip = { sequence: 0, hash: GENESIS }
  count = 0
  /** The first; behind it nothing is said. */
  broken: Break | undefined

  constructor(archive: Archive) {
    this.#archive = archive
  }

  /** Of the entry that was followed last. */
  get tip(): ChainTip {
    return this.#tip
  }

  /** An entry that is not asked about: the next one is followed from the one before it. */
  skip(): void {
    this.#epoch = undefined
  }

  async follow(entry: OutboxEntry & { readonly position: number }): Promise<void> {
    if (this.broken !== undefined) return
    if (entry.epoch !== this.#epoch) {
      this.broken = await this.#cutOff(entry)
      if (this.broken !== undefined) return
      this.#epoch = entry.epoch
      this.#tip = await this.#tipBefore(entry)
    }
    const { sequence } = this.#tip
    if (entry.sequence > sequence + 1) {
      const others = entry.sequence - sequence - 2
      const reason = others === 0 ? 'it is not there' : `it is not there, nor are the ${others} behind it`
      this.broken = { epoch: entry.epoch, sequence: sequence + 1, reason }
      return
    }
    const report = verifyChain([entry], this.#tip)
    if (report.valid) {
      this.#tip = report.tip
      this.count += 1
    } else {
      this.broken = { epoch: entry.epoch, sequence: entry.sequence, reason: report.reason }
    }
  }

  /** Where an epoch begins behind one whose last inspections are gone: the first of those. */
  async #cutOff({
    position,
    sequence,
  }: OutboxEntry & { readonly position: number }): Promise<Break | undefined> {
    const { begin, epochs } = this.#archive
    if (sequence !== 1 || position <= begin) return undefined
    if ((await this.#archive.at(position - 1)) !== undefined) return undefined
    const before = epochs.findLast(({ base }) => base < position - 1)
    if (before === undefined) return undefined
    const last = this.#epoch === before.epoch ? this.#tip.sequence : position - 2 - before.base
    return {
      epoch: before.epoch,
      sequence: last + 1,
      reason: 'it is not there, and its epoch ended behind it',
    }
  }

  /**
   * The link that the first entry of a stretch has to follow: the one before it, where that is there; behind what
   * retention has taken the anchor that it kept, or of a log from before anchors the first entry's own word.
   */
  async #tipBefore(entry: OutboxEntry & { readonly position: number }): Promise<ChainTip> {
    const { sequence } = entry
    const before = await this.#archive.at(entry.position - 1)
    // Retention takes the oldest: a hole behind something older is none of its doing.
    const hole = before === undefined && this.#archive.begin < entry.position
    if (sequence === 1) return { sequence: 0, hash: GENESIS }
    if (hole) return { sequence: sequence - 2, hash: '' }
    const { anchors } = this.#archive
    if (before === undefined && anchors !== undefined) return tipAt(entry.position - sequence, anchors)
    const link = readLink(before ?? entry)
    if (typeof link === 'string') return { sequence: sequence - 1, hash: '' }
    return { sequence: sequence - 1, hash: before === undefined ? link.previous : link.hash }
  }
}
