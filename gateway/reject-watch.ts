import { z } from 'zod'
import type { Verdict } from './inspection.ts'
import { isEmptyPlace, isForUpdate } from './kpi.ts'
import type { RejectWatchOptions } from './reject-watch-options.ts'

/** Why the line must stop. */
export interface RejectStop {
  readonly reason: 'rejects_in_a_row' | 'reject_share'
  /** Rejected parts, in a row or in the window. */
  readonly value: number
  /** As many stop the line. */
  readonly limit: number
}

const snapshotSchema = z.object({
  version: z.literal(1),
  row: z.int().min(0),
  window: z.array(z.union([z.literal(0), z.literal(1)])).max(10_000),
  stopped: z.boolean(),
})

/**
 * Watches for too many rejects. It says so once, then is silent until it is reset: by the person who lets the line go
 * on, by a new lot, by another recipe. An accepted part ends a row (a held one too, unless it counts); an empty place
 * neither counts nor ends one.
 */
export class RejectWatch {
  readonly #options: RejectWatchOptions
  /** The last parts, 1 for a rejected one, as a ring. */
  readonly #ring: Uint8Array
  /** Rejects that reach the share, were the window full: then more parts can only confirm it. */
  readonly #shareLimit: number
  #next = 0
  #filled = 0
  #rejected = 0
  #row = 0
  #stopped = false

  constructor(options: RejectWatchOptions) {
    this.#options = options
    this.#ring = new Uint8Array(options.share?.window ?? 0)
    const share = ((options.share?.percent ?? 0) * this.#ring.length) / 100
    // 10 % of 30 parts is 3 parts, not 4 for the last bit of a product.
    this.#shareLimit = Math.max(1, Math.ceil(share - 1e-9))
  }

  /** It stopped the line, and nobody has reset it. */
  get stopped(): boolean {
    return this.#stopped
  }

  /** Takes in one decided part. @returns why the line must stop, once */
  see(verdict: Verdict): RejectStop | undefined {
    if (isEmptyPlace(verdict) || isForUpdate(verdict)) return undefined
    const rejected = verdict.action === 'reject' || (this.#options.count_held && verdict.action === 'hold')
    this.#row = rejected ? this.#row + 1 : 0
    if (this.#ring.length > 0) this.#push(rejected ? 1 : 0)
    if (this.#stopped) return undefined
    const stop = this.#reason()
    this.#stopped = stop !== undefined
    return stop
  }

  /** The line goes on: what was counted is forgotten. */
  reset(): void {
    this.#row = 0
    this.#next = 0
    this.#filled = 0
    this.#rejected = 0
    this.#stopped = false
  }

  snapshot(): unknown {
    const { length } = this.#ring
    const first = this.#filled < length ? 0 : this.#next
    const window = Array.from(
      { length: this.#filled },
      (_, index) => this.#ring[(first + index) % length] ?? 0,
    )
    return { version: 1, row: this.#row, window, stopped: this.#stopped }
  }

  /** @returns false where the snapshot is none: then it begins anew */
  restore(snapshot: unknown): boolean {
    const parsed = snapshotSchema.safeParse(snapshot)
    if (!parsed.success) return false
    this.reset()
    const { length } = this.#ring
    if (length > 0) for (const rejected of parsed.data.window.slice(-length)) this.#push(rejected)
    this.#row = parsed.data.row
    this.#stopped = parsed.data.stopped
    return true
  }

  #push(rejected: 0 | 1): void {
    const { length } = this.#ring
    if (this.#filled === length) this.#rejected -= this.#ring[this.#next] ?? 0
    else this.#filled += 1
    this.#ring[this.#next] = rejected
    this.#rejected += rejected
    this.#next = (this.#next + 1) % length
  }

  #reason(): RejectStop | undefined {
    const { in_a_row, share } = this.#options
    if (in_a_row !== undefined && this.#row >= in_a_row) {
      return { reason: 'rejects_in_a_row', value: this.#row, limit: in_a_row }
    }
    if (share === undefined || this.#rejected < this.#shareLimit) return undefined
    return { reason: 'reject_share', value: this.#rejected, limit: this.#shareLimit }
  }
}
