import { z } from 'zod'
import type { Clock } from '../../../drivers/clock.ts'
import type { StationState } from '../registry/station-state.ts'
import type { Wear } from './budget.ts'

const KEY = 'store_wear'

const kept = z.object({
  written_bytes: z.number().min(0),
  parts: z.number().min(0),
  run_ms: z.number().min(0),
})

/** What all runs up to now have written, as the last one left it. @throws StoreError */
export async function readWear(state: Pick<StationState, 'get'>): Promise<Wear> {
  const found = kept.safeParse(await state.get(KEY))
  if (!found.success) return { writtenBytes: 0, parts: 0, runMs: 0 }
  const { written_bytes: writtenBytes, parts, run_ms: runMs } = found.data
  return { writtenBytes, parts, runMs }
}

/** What all runs of this station have written to the flash, over how many parts. */
export class WearBook {
  readonly #state: Pick<StationState, 'get' | 'set'>
  readonly #clock: Clock
  readonly #written: () => Promise<number | undefined>
  #before: Wear = { writtenBytes: 0, parts: 0, runMs: 0 }
  #start = { writtenBytes: 0, end: 0, atMs: 0 }
  #wear: Wear = this.#before

  /** @param written bytes that this process has written since it began; undefined where nobody counts */
  constructor(
    state: Pick<StationState, 'get' | 'set'>,
    clock: Clock,
    written: () => Promise<number | undefined>,
  ) {
    this.#state = state
    this.#clock = clock
    this.#written = written
  }

  get total(): Wear {
    return this.#wear
  }

  /** @param end position of the newest part @throws StoreError */
  async open(end: number): Promise<void> {
    this.#before = await readWear(this.#state)
    this.#start = { writtenBytes: (await this.#written()) ?? 0, end, atMs: this.#clock.now() }
    this.#wear = this.#before
  }

  async note(end: number): Promise<Wear> {
    const written = await this.#written()
    // Parts and time without what they cost would make the flash look better than it is.
    if (written === undefined) return this.#wear
    const { writtenBytes, parts, runMs } = this.#before
    this.#wear = {
      writtenBytes: writtenBytes + Math.max(0, written - this.#start.writtenBytes),
      parts: parts + Math.max(0, end - this.#start.end),
      runMs: runMs + (this.#clock.now() - this.#start.atMs),
    }
    return this.#wear
  }

  /** @throws StoreError */
  save(): Promise<void> {
    const { writtenBytes, parts, runMs } = this.#wear
    return this.#state.set(KEY, { written_bytes: writtenBytes, parts, run_ms: Math.round(runMs) })
  }
}
