const SLOT_MS = 1000
const SLOTS = 10

/** The last ten seconds, the running one included, in slots of one: what falls out of it costs nothing to forget. */
export class Occupancy {
  readonly #startedAt: number
  readonly #busyMs = new Float64Array(SLOTS)
  readonly #wireMs = new Float64Array(SLOTS)
  /** The running slot, counted from time 0. */
  #slot: number

  constructor(now: number) {
    this.#startedAt = now
    this.#slot = Math.floor(now / SLOT_MS)
  }

  /** The bus was busy from one time to another, which is now. */
  busy(from: number, now: number): void {
    this.#turn(now)
    let at = Math.max(from, this.#begin())
    while (at < now) {
      const slot = Math.floor(at / SLOT_MS)
      const end = Math.min(now, (slot + 1) * SLOT_MS)
      const index = slot % SLOTS
      this.#busyMs[index] = (this.#busyMs[index] ?? 0) + end - at
      at = end
    }
  }

  /** Of the transfer that was just told of. */
  wire(ms: number): void {
    const index = this.#slot % SLOTS
    this.#wireMs[index] = (this.#wireMs[index] ?? 0) + ms
  }

  until(now: number): { readonly ms: number; readonly busyMs: number; readonly wireMs: number } {
    this.#turn(now)
    const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0)
    return { ms: now - this.#begin(), busyMs: sum(this.#busyMs), wireMs: sum(this.#wireMs) }
  }

  #begin(): number {
    return Math.max(this.#startedAt, (this.#slot - SLOTS + 1) * SLOT_MS)
  }

  #turn(now: number): void {
    const slot = Math.floor(now / SLOT_MS)
    const from = Math.max(this.#slot + 1, slot - SLOTS + 1)
    for (let next = from; next <= slot; next += 1) {
      this.#busyMs[next % SLOTS] = 0
      this.#wireMs[next % SLOTS] = 0
    }
    this.#slot = slot
  }
}
