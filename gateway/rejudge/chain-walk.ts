import type { OutboxEntry } from '../outbox.ts'
import { type ChainTip, GENESIS, readLink, verifyChain } from '../store/log/chain.ts'
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

  async follow(entry: OutboxEntry & { readonly position: number }): Promise<void> {
    if (this.broken !== undefined) return
    if (entry.epoch !== this.#epoch) {
      this.#epoch = entry.epoch
      this.#tip = await this.#tipBefore(entry)
    }
    const report = verifyChain([entry], this.#tip)
    if (report.valid) {
      this.#tip = report.tip
      this.count += 1
    } else {
      this.broken = { epoch: entry.epoch, sequence: entry.sequence, reason: report.reason }
    }
  }

  /**
   * The link that the first entry of a stretch has to follow: the one before it, where that is there. Behind what
   * retention has taken the first entry's own word for it is all there is.
   */
  async #tipBefore(entry: OutboxEntry & { readonly position: number }): Promise<ChainTip> {
    const { sequence } = entry
    const before = await this.#archive.at(entry.position - 1)
    // Retention takes the oldest: a hole behind something older is none of its doing.
    const hole = before === undefined && this.#archive.begin < entry.position
    if (sequence === 1 || hole) return { sequence: 0, hash: GENESIS }
    const link = readLink(before ?? entry)
    if (typeof link === 'string') return { sequence: sequence - 1, hash: '' }
    return { sequence: sequence - 1, hash: before === undefined ? link.previous : link.hash }
  }
}
