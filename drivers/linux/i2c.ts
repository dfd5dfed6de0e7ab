import { BusError, type I2cBus } from '../bus.ts'
import { type Clock, systemClock } from '../clock.ts'
import { busNumber, type I2cAdapter, type I2cPackage, openAdapter } from './i2c-adapter.ts'
import { busError, stuck, whole } from './i2c-errors.ts'

/** i2c-dev clamps longer reads and writes without a word (drivers/i2c/i2c-dev.c); a register address is part of it. */
export const MAX_TRANSFER = 8192

/**
 * How long the kernel may keep a transfer before it is given up: for a write and a read each the adapter's timeout
 * (1 s by default) twice over, because a lost arbitration is tried again for as long; and the bytes at 10 kHz, the
 * slowest bus that is configured anywhere.
 */
const PATIENCE_MS = 4000
const PATIENCE_MS_PER_BYTE = 0.9

/** A bus of this machine; whoever opened it closes it. */
export interface LinuxI2cBus extends I2cBus {
  /**
   * Waits for the transfers that were asked for before, then gives the descriptors back; later ones fail with `no-bus`.
   * It does not wait for a transfer that the kernel has not returned: that one's descriptors go when it does.
   */
  close(): Promise<void>
}

/**
 * Opens a bus of the kernel, e.g. `/dev/i2c-1`. Transfers are serialized; how long one may take is the adapter's
 * timeout (1 s by default), after which it fails with `timeout`. Open a bus once: two of these know nothing of each other.
 * @param bus device path or its number
 * @param load imports i2c-bus; it is optional, because it compiles on Linux only
 * @param clock ends transfers that an adapter never returns
 * @throws BusError `no-bus`, with what to do about it: package or device missing, no permission, SMBus-only adapter
 */
export async function openI2cBus(
  bus: string | number,
  load: () => Promise<I2cPackage> = () => import('i2c-bus'),
  clock: Clock = systemClock,
): Promise<LinuxI2cBus> {
  const number = busNumber(bus)
  return await busOver(() => openAdapter(number, load), clock)
}

/**
 * The same over any adapter.
 * @param open called now, and again after a fault that leaves the adapter's descriptors useless
 * @param clock ends transfers that the adapter never returns
 */
export async function busOver(
  open: () => Promise<I2cAdapter>,
  clock: Clock = systemClock,
): Promise<LinuxI2cBus> {
  return new AdapterBus(open, await open(), clock)
}

class AdapterBus implements LinuxI2cBus {
  readonly #open: () => Promise<I2cAdapter>
  readonly #clock: Clock
  #adapter: I2cAdapter | undefined
  #closed = false
  /** Whether the kernel still has a transfer that was given up. */
  #hung = false
  #last: Promise<unknown> = Promise.resolve()

  constructor(open: () => Promise<I2cAdapter>, adapter: I2cAdapter, clock: Clock) {
    this.#open = open
    this.#adapter = adapter
    this.#clock = clock
  }

  /**
   * One at a time, and the first one to an address too: i2c-bus publishes a new descriptor before its address is
   * set, so a second transfer started meanwhile would go to the wrong place.
   */
  transfer(address: number, out: Uint8Array, length: number): Promise<Uint8Array> {
    return this.#enqueue(() => this.#transfer(address, out, length))
  }

  close(): Promise<void> {
    return this.#enqueue(async () => {
      this.#closed = true
      // A descriptor that a thread still reads from must stay open: its number may be another file's the next moment.
      if (this.#hung) return
      const adapter = this.#adapter
      this.#adapter = undefined
      await adapter?.close()
    })
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.then(work)
    this.#last = next.catch(() => {})
    return next
  }

  async #transfer(address: number, out: Uint8Array, length: number): Promise<Uint8Array> {
    const most = Math.max(out.length, length)
    if (most > MAX_TRANSFER)
      throw new RangeError(`a transfer moves at most ${MAX_TRANSFER} bytes, not ${most}`)
    if (this.#closed) throw new BusError('no-bus', 'the bus is closed')
    // Each hung call keeps one of the few threads that all files of the process share: one is enough.
    if (this.#hung) throw stuck(address, 'a transfer before it has not come back from the kernel')
    const patienceMs = PATIENCE_MS + PATIENCE_MS_PER_BYTE * (out.length + length)
    return await this.#within(patienceMs, address, this.#exchange(address, out, length))
  }

  /**
   * Write, STOP, read: i2c-dev's plain calls know no repeated start. Both chips keep their register pointer across
   * STOP, and with one master and one queue nothing else moves it in between.
   */
  async #exchange(address: number, out: Uint8Array, length: number): Promise<Uint8Array> {
    try {
      this.#adapter ??= await this.#open()
      const adapter = this.#adapter
      this.#goOn(address)
      await write(adapter, address, out)
      this.#goOn(address)
      return await read(adapter, address, length, out.length === 0)
    } catch (error) {
      const fault = busError(error, address)
      if (fault instanceof BusError && fault.fault === 'no-bus') await this.#drop()
      throw fault
    }
  }

  /** An adapter's driver may never return; then the bus is stuck until it does, and is opened anew. */
  async #within<T>(ms: number, address: number, work: Promise<T>): Promise<T> {
    let cancel = (): void => {}
    const late = new Promise<never>((_, reject) => {
      cancel = this.#clock.after(ms, () => {
        this.#hung = true
        const returned = (): Promise<void> => this.#returned()
        work.then(returned, returned)
        reject(stuck(address, `the kernel kept a transfer for more than ${Math.round(ms)} ms`))
      })
    })
    try {
      return await Promise.race([work, late])
    } finally {
      cancel()
    }
  }

  /** What comes back after it was given up goes no further: nobody waits for what a read would take from the chip. */
  #goOn(address: number): void {
    if (this.#hung) throw stuck(address, 'given up')
  }

  async #returned(): Promise<void> {
    await this.#drop()
    this.#hung = false
  }

  /** Its descriptor belongs to a device that went away, or to no address at all: the next transfer gets another. */
  async #drop(): Promise<void> {
    const adapter = this.#adapter
    this.#adapter = undefined
    // Closing what is already gone may fail; the fault that led here is the one to tell.
    await adapter?.close().catch(() => {})
  }
}

async function write(adapter: I2cAdapter, address: number, out: Uint8Array): Promise<void> {
  if (out.length === 0) return
  const buffer = Buffer.from(out.buffer, out.byteOffset, out.length)
  const { bytesWritten } = await adapter.i2cWrite(address, out.length, buffer)
  whole(bytesWritten, out.length, 'wrote', address)
}

/** @param probe a read of nothing is one of a byte that nobody keeps: not every adapter takes an empty message */
async function read(
  adapter: I2cAdapter,
  address: number,
  length: number,
  probe: boolean,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  const buffer = length === 0 && probe ? Buffer.alloc(1) : Buffer.from(bytes.buffer)
  if (buffer.length === 0) return bytes
  const { bytesRead } = await adapter.i2cRead(address, buffer.length, buffer)
  whole(bytesRead, buffer.length, 'read', address)
  return bytes
}
