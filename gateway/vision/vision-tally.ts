import type { FrameReading } from './lens-view.ts'

/** Frames over which times are told. */
const TOLD = 100
const STAGES = ['decode', 'locate', 'symbols', 'texts', 'whole'] as const
type Stage = (typeof STAGES)[number]
/** What became of a picture of the line. */
export type Outcome = 'read' | 'replaced' | 'late' | 'failed'

/** What the networks did so far, for health. */
export class VisionTally {
  readonly #counts: Record<Outcome, number> = { read: 0, replaced: 0, late: 0, failed: 0 }
  readonly #times: Record<Stage, number[]> = { decode: [], locate: [], symbols: [], texts: [], whole: [] }
  #queries = 0

  count(outcome: Outcome): void {
    this.#counts[outcome] += 1
  }

  query(): void {
    this.#queries += 1
  }

  /** @param wholeMs from the picture's arrival, waiting included, to its reading */
  took(decodeMs: number, { locate, symbols, texts }: FrameReading['timing'], wholeMs: number): void {
    const times = { decode: decodeMs, locate, symbols, texts, whole: wholeMs }
    for (const stage of STAGES) {
      const kept = this.#times[stage]
      kept.push(times[stage])
      if (kept.length > TOLD) kept.shift()
    }
  }

  /** `frames_…`: since the start; `…_ms_p50`, `…_ms_p99`: over the last 100 that were read. */
  facts(): Readonly<Record<string, number>> {
    const { read, replaced, late, failed } = this.#counts
    const counts = {
      ...{ frames_read: read, frames_replaced: replaced, frames_late: late, frames_failed: failed },
      queries: this.#queries,
    }
    if (this.#times.whole.length === 0) return counts
    const times = STAGES.flatMap((stage) => {
      const sorted = this.#times[stage].toSorted((a, b) => a - b)
      return ([50, 99] as const).map((percent) => {
        const place = Math.floor(((sorted.length - 1) * percent) / 100)
        return [`${stage}_ms_p${percent}`, Math.round((sorted[place] ?? 0) * 10) / 10]
      })
    })
    return { ...counts, ...Object.fromEntries(times) }
  }
}
