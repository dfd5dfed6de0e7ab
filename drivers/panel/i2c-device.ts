import { BusError, type I2cBus } from '../bus.ts'
import type { Clock } from '../clock.ts'

/** Between two reads of an input behind a bus, ms. */
const POLL_MS = 20
/** A disturbance is short: after so many failed reads in a row nothing is known any more, and the bus is spared. */
const FAILURES = 3
const FAULT_POLL_MS = 1000

interface Poll {
  readonly out: readonly number[]
  readonly length: number
  readonly listeners: ((bytes: number[]) => void)[]
  /** Failed reads since the last good one; from `FAILURES` on, and at first, what it reads is news. */
  failures: number
  reading: Promise<void>
}

/**
 * A chip of level registers, as johnny-five's expanders talk to it: they write without waiting and never hear of a
 * fault. Here only the last value of each register counts: what waits for the bus is replaced by what is newer, so
 * that at most one write a register waits; and a fault is a state until a transfer succeeds.
 */
export class I2cDevice {
  readonly #bus: I2cBus
  readonly #address: number
  readonly #clock: Clock
  /** In the order of the last write; by register, or '' for a chip without any. */
  readonly #waiting = new Map<string, readonly number[]>()
  readonly #polls: Poll[] = []
  readonly #timers = new Set<() => void>()
  #writing: Promise<void> | undefined
  #fault: BusError | undefined
  #polledAt: number | undefined
  #closed = false

  /** @param address 7 bits */
  constructor(bus: I2cBus, address: number, clock: Clock) {
    this.#bus = bus
    this.#address = address
    this.#clock = clock
  }

  /** Why the last transfer failed; undefined when it did not. */
  get fault(): BusError | undefined {
    return this.#fault
  }

  /** While a poll is told: monotonic ms of that read; undefined at the first one, and at the first after a long fault. */
  get polledAt(): number | undefined {
    return this.#polledAt
  }

  /** What is written in one turn of the program goes out together, as its last state. */
  write(bytes: readonly number[]): void {
    if (this.#closed) return
    const register = bytes.length > 1 ? String(bytes[0]) : ''
    this.#waiting.delete(register)
    this.#waiting.set(register, bytes)
    this.#writing ??= this.#write()
  }

  /** Reads again and again, until `close`. Equal polls share one read. */
  poll(out: readonly number[], length: number, told: (bytes: number[]) => void): void {
    const key = out.join()
    const same = this.#polls.find((poll) => poll.out.join() === key && poll.length === length)
    if (same !== undefined) {
      same.listeners.push(told)
      return
    }
    const poll: Poll = { out, length, listeners: [told], failures: FAILURES, reading: Promise.resolve() }
    this.#polls.push(poll)
    this.#pollOnce(poll)
  }

  /** @throws BusError */
  async read(out: readonly number[], length: number): Promise<number[]> {
    return [...(await this.#transfer(out, length))]
  }

  /** Resolves when nothing waits or moves any more, whether it succeeded or not. */
  async idle(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing
    await Promise.all(this.#polls.map(({ reading }) => reading))
  }

  /** Reads and writes no more. What moves at this moment ends by itself. */
  close(): void {
    this.#closed = true
    this.#waiting.clear()
    for (const forget of this.#timers) forget()
    this.#timers.clear()
  }

  async #write(): Promise<void> {
    // One turn later: the rest of what is written now replaces what is here already.
    await Promise.resolve()
    for (const [register, bytes] of this.#waiting) {
      this.#waiting.delete(register)
      const rest = [...this.#waiting]
      await this.#transfer(bytes, 0).catch(() => this.#forget(rest))
    }
    this.#writing = undefined
  }

  /** After a fault what waited meanwhile is as lost, so as not to burden the bus: who wants it written writes it again. */
  #forget(rest: readonly (readonly [string, readonly number[]])[]): void {
    for (const [register, bytes] of rest) {
      if (this.#waiting.get(register) === bytes) this.#waiting.delete(register)
    }
  }

  #pollOnce(poll: Poll): void {
    if (this.#closed) return
    poll.reading = this.#transfer(poll.out, poll.length).then(
      (bytes) => {
        if (this.#closed) return
        this.#again(poll, POLL_MS)
        this.#polledAt = poll.failures < FAILURES ? this.#clock.now() : undefined
        poll.failures = 0
        for (const told of poll.listeners) told([...bytes])
      },
      () => {
        poll.failures += 1
        this.#again(poll, poll.failures < FAILURES ? POLL_MS : FAULT_POLL_MS)
      },
    )
  }

  #again(poll: Poll, ms: number): void {
    if (this.#closed) return
    const forget = this.#clock.after(ms, () => {
      this.#timers.delete(forget)
      this.#pollOnce(poll)
    })
    this.#timers.add(forget)
  }

  async #transfer(out: readonly number[], length: number): Promise<Uint8Array> {
    try {
      const bytes = await this.#bus.transfer(this.#address, Uint8Array.from(out), length)
      this.#fault = undefined
      return bytes
    } catch (error) {
      this.#fault = asBusError(error)
      throw this.#fault
    }
  }
}

function asBusError(error: unknown): BusError {
  if (error instanceof BusError) return error
  const detail = error instanceof Error ? error.message : String(error)
  return new BusError('bus-stuck', detail, { cause: error })
}
