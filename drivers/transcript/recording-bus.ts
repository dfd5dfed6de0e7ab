import { BusError, type I2cBus, serialize } from '../bus.ts'
import type { Clock } from '../clock.ts'
import { asked, type Entry, type RegisterBytes, type Transcript, type TransferEntry } from './entries.ts'

export interface RecordingOptions {
  /** The device that is listened to, 7-bit; what is said to others passes unrecorded. */
  readonly address: number
  readonly registerBytes: RegisterBytes
}

/** A call of the driver, as the index of transcripts tells it. */
export interface RecordedCall {
  readonly cmd: string
  /** 0: it returned; 255: it threw, as ST's driver numbers an error without a number of its own. */
  readonly status: 0 | 255
  readonly [output: string]: unknown
}

/** A transcript, and what an index says of it. */
export interface Recording extends Transcript {
  readonly calls: readonly RecordedCall[]
}

/** A pause that is shorter is the host's own time between two transfers, not a wait of the driver. */
const LEAST_WAIT_MS = 0.5

/**
 * Stands between a driver and its bus and keeps what they say to each other. It lets one transfer at a time through, so
 * that their times are those on the bus. Everything is held in memory until `recording` takes it: about 0.1 MB for an
 * initialisation of a VL53L8CH, 2 kB a frame.
 */
export class RecordingBus implements I2cBus {
  readonly #bus: I2cBus
  readonly #clock: Clock
  readonly #options: RecordingOptions
  readonly #serial: I2cBus
  readonly #entries: Entry[] = []
  readonly #calls: RecordedCall[] = []
  #origin: number | undefined
  /** When the last transfer with the device ended, or the last call began. */
  #quietSince: number | undefined
  /** Where the device's pointer was last put; it may have moved on since. */
  #pointer: number | undefined

  constructor(bus: I2cBus, clock: Clock, options: RecordingOptions) {
    this.#bus = bus
    this.#clock = clock
    this.#options = options
    this.#serial = serialize({ transfer: (address, out, length) => this.#move(address, out, length) })
  }

  transfer(address: number, out: Uint8Array, length: number): Promise<Uint8Array> {
    return this.#serial.transfer(address, out, length)
  }

  /**
   * Makes a call of the driver, and marks its beginning and what became of it.
   * @param outputs what of the result is to be kept, as JSON has it
   * @throws what the call throws
   */
  async call<T>(
    name: string,
    work: () => Promise<T>,
    outputs: (result: T) => Readonly<Record<string, unknown>> = () => ({}),
  ): Promise<T> {
    this.#mark((us) => ({ op: 'call', us, name }))
    try {
      const result = await work()
      const kept = outputs(result)
      this.#returned(Object.keys(kept).length === 0 ? null : kept)
      this.#calls.push({ ...kept, cmd: name, status: 0 })
      return result
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      this.#returned({ error: message })
      this.#calls.push({ cmd: name, status: 255, error: message })
      throw error
    }
  }

  /** What was said so far. */
  recording(name: string): Recording {
    const { registerBytes } = this.#options
    return { name, registerBytes, entries: [...this.#entries], calls: [...this.#calls] }
  }

  #returned(value: unknown): void {
    // With 2-byte registers transcripts have marks only, and results in the index.
    if (this.#options.registerBytes === 1) this.#mark((us) => ({ op: 'return', us, value }))
  }

  #mark(entry: (us: number) => Entry): void {
    const now = this.#clock.now()
    this.#pause(now)
    this.#entries.push(entry(this.#us(now)))
  }

  async #move(address: number, out: Uint8Array, length: number): Promise<Uint8Array> {
    if (address !== this.#options.address) return await this.#bus.transfer(address, out, length)
    const begun = this.#clock.now()
    const said = asked(out.slice(), length, this.#options.registerBytes)
    try {
      const answer = await this.#bus.transfer(address, out, length)
      this.#push(begun, said, said.op === 'read' ? { bytes: answer.slice() } : {})
      return answer
    } catch (error) {
      if (error instanceof BusError) this.#push(begun, said, { fault: error.fault })
      throw error
    } finally {
      this.#quietSince = this.#clock.now()
    }
  }

  #push(begun: number, said: TransferEntry, became: Pick<TransferEntry, 'bytes' | 'fault'>): void {
    this.#pause(begun)
    if (said.register !== undefined) this.#pointer = said.register
    const register = said.op === 'read' && said.pointed === false ? this.#pointer : said.register
    this.#entries.push({ ...said, register, us: this.#us(begun), ...became })
  }

  #pause(until: number): void {
    const from = this.#quietSince
    this.#quietSince = until
    if (from === undefined || until - from < LEAST_WAIT_MS) return
    this.#entries.push({ op: 'wait', us: this.#us(from), ms: until - from })
  }

  #us(at: number): number {
    this.#origin ??= at
    return (at - this.#origin) * 1000
  }
}
