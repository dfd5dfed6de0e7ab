import { setTimeout as delay } from 'node:timers/promises'
import { v7 as uuidv7 } from 'uuid'
import type { InspectionDraft } from '../../../gateway/message.ts'
import type { Store } from '../../../gateway/store/store.ts'
import { inspectionDraft, randomFrom, rawRecord } from '../../gateway/store/drafts.ts'

/** How often what is due is begun, ms. */
const TICK_MS = 10
/** More than this does not wait for the disk: a machine that cannot keep up makes fewer. */
const PENDING = 1000

/** Inspections of the real size. They are made once, but for what must differ: here the disk is to be the slow one. */
export class Supply {
  readonly raw: Uint8Array
  readonly #pattern: InspectionDraft

  constructor(seed: number) {
    const random = randomFrom(seed)
    this.#pattern = inspectionDraft(random)
    this.raw = rawRecord(random)
  }

  /** @param number of the part */
  draft(number: number): InspectionDraft {
    return { ...this.#pattern, id: uuidv7(), sample_id: `S-${number}` }
  }
}

/** A line that runs at a steady rate, and what of it was acknowledged. */
export class Flow {
  /** Ids by sequence. */
  readonly acknowledged = new Map<number, string>()
  readonly #store: Store
  readonly #supply: Supply
  readonly #perSecond: number
  readonly #over = new AbortController()
  readonly #running: Promise<void>
  readonly #refusals: unknown[] = []
  #begun = 0

  constructor(store: Store, supply: Supply, perSecond: number) {
    this.#store = store
    this.#supply = supply
    this.#perSecond = perSecond
    this.#running = this.#run()
  }

  /** Begins no more. Resolves when what was begun is acknowledged. @throws what the store said first */
  async stop(): Promise<void> {
    this.#over.abort()
    await this.#running
    if (this.#refusals.length > 0) throw this.#refusals[0]
  }

  async #run(): Promise<void> {
    const under: Promise<void>[] = []
    const beganAt = performance.now()
    for (let last = beganAt, owed = 0; !this.#over.signal.aborted; ) {
      const now = performance.now()
      owed = Math.min(owed + ((now - last) * this.#perSecond) / 1000, PENDING)
      last = now
      for (; owed >= 1 && this.#begun - this.acknowledged.size < PENDING; owed -= 1)
        under.push(this.#append())
      await delay(TICK_MS)
    }
    await Promise.all(under)
  }

  async #append(): Promise<void> {
    this.#begun += 1
    try {
      const { sequence, id } = await this.#store.append(this.#supply.draft(this.#begun), this.#supply.raw)
      this.acknowledged.set(sequence, id)
    } catch (error) {
      this.#refusals.push(error)
    }
  }
}
