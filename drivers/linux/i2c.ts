import { BusError, type BusFault, type I2cBus } from '../bus.ts'

/** i2c-dev clamps longer reads and writes without a word (drivers/i2c/i2c-dev.c). */
export const MAX_TRANSFER = 8192

/** What is needed of the i2c-bus package: plain reads and writes of one bus. */
export interface I2cAdapter {
  i2cWrite(address: number, length: number, buffer: Buffer): Promise<{ readonly bytesWritten: number }>
  i2cRead(address: number, length: number, buffer: Buffer): Promise<{ readonly bytesRead: number }>
  close(): Promise<void>
}

/** What is needed of the package itself. */
export interface I2cPackage {
  openPromisified(busNumber: number): Promise<I2cAdapter & { i2cFuncs(): Promise<{ readonly i2c: boolean }> }>
}

/** A bus of this machine; whoever opened it closes it. */
export interface LinuxI2cBus extends I2cBus {
  /** Waits for the transfer under way, then gives the descriptors back; later transfers fail with `no-bus`. */
  close(): Promise<void>
}

/**
 * Opens a bus of the kernel, e.g. `/dev/i2c-1`. Transfers are serialized; how long one may take is the adapter's
 * timeout (1 s by default), after which it fails with `timeout`.
 * @param bus device path or its number
 * @param load imports i2c-bus; it is optional, because it compiles on Linux only
 * @throws BusError `no-bus`, with what to do about it: package or device missing, no permission, SMBus-only adapter
 */
export async function openI2cBus(
  bus: string | number,
  load: () => Promise<I2cPackage> = () => import('i2c-bus'),
): Promise<LinuxI2cBus> {
  const number = busNumber(bus)
  return await busOver(() => openAdapter(number, load))
}

/**
 * The same over any adapter.
 * @param open called now, and again after a fault that leaves the adapter's descriptors useless
 */
export async function busOver(open: () => Promise<I2cAdapter>): Promise<LinuxI2cBus> {
  return new AdapterBus(open, await open())
}

class AdapterBus implements LinuxI2cBus {
  readonly #open: () => Promise<I2cAdapter>
  #adapter: I2cAdapter | undefined
  #closed = false
  #last: Promise<unknown> = Promise.resolve()

  constructor(open: () => Promise<I2cAdapter>, adapter: I2cAdapter) {
    this.#open = open
    this.#adapter = adapter
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
    if (out.length > MAX_TRANSFER || length > MAX_TRANSFER) {
      throw new RangeError(
        `a transfer moves at most ${MAX_TRANSFER} bytes, not ${Math.max(out.length, length)}`,
      )
    }
    if (this.#closed) throw new BusError('no-bus', 'the bus is closed')
    try {
      this.#adapter ??= await this.#open()
      return await exchange(this.#adapter, address, out, length)
    } catch (error) {
      const fault = busError(error, address)
      if (fault instanceof BusError && fault.fault === 'no-bus') await this.#drop()
      throw fault
    }
  }

  /** Its descriptor belongs to a device that went away, or to no address at all: the next transfer gets another. */
  async #drop(): Promise<void> {
    const adapter = this.#adapter
    this.#adapter = undefined
    // Closing what is already gone may fail; the fault that led here is the one to tell.
    await adapter?.close().catch(() => {})
  }
}

/**
 * Write, STOP, read: i2c-dev's plain calls know no repeated start. Both chips keep their register pointer across
 * STOP, and with one master and one queue nothing else moves it in between.
 */
async function exchange(
  adapter: I2cAdapter,
  address: number,
  out: Uint8Array,
  length: number,
): Promise<Uint8Array> {
  if (out.length > 0) {
    const buffer = Buffer.from(out.buffer, out.byteOffset, out.length)
    const { bytesWritten } = await adapter.i2cWrite(address, out.length, buffer)
    whole(bytesWritten, out.length, 'wrote')
  }
  const bytes = new Uint8Array(length)
  if (length > 0) {
    const { bytesRead } = await adapter.i2cRead(address, length, Buffer.from(bytes.buffer))
    whole(bytesRead, length, 'read')
  } else if (out.length === 0) {
    // A probe. Not every adapter takes an empty message, so it is a byte that nobody keeps.
    const { bytesRead } = await adapter.i2cRead(address, 1, Buffer.alloc(1))
    whole(bytesRead, 1, 'read')
  }
  return bytes
}

function whole(moved: number, asked: number, verb: string): void {
  if (moved !== asked) throw new BusError('short-transfer', `${verb} ${moved} of ${asked} bytes`)
}

/** What the kernel's error codes mean on an I²C bus (Documentation/i2c/fault-codes.rst, and what drivers really do). */
const FAULTS: Readonly<Record<string, readonly [BusFault, string]>> = {
  ENXIO: ['no-acknowledge', 'no acknowledge'],
  EREMOTEIO: ['no-acknowledge', 'no acknowledge'],
  EAGAIN: ['arbitration-lost', 'arbitration lost to another master, or to a line held low'],
  ETIMEDOUT: ['timeout', 'the transfer timed out: clock held low, or no pull-ups'],
  EBUSY: ['bus-stuck', 'the bus is busy: SDA or SCL is held low'],
  EIO: ['bus-stuck', 'the adapter reports an error that it does not name'],
  EPROTO: ['bus-stuck', 'the adapter reports a protocol error'],
  ENODEV: ['no-bus', 'the adapter is gone'],
  ENOENT: ['no-bus', 'the bus device is gone'],
  EBADF: ['no-bus', 'the bus device is not open'],
  ESHUTDOWN: ['no-bus', 'the adapter is suspended'],
  EACCES: ['no-bus', 'no permission for the bus device'],
  EPERM: ['no-bus', 'no permission for the bus device'],
  EOPNOTSUPP: ['no-bus', 'the adapter knows SMBus commands only'],
}

/** The BusError for a system error that an adapter threw at a transfer; any other error as it is. */
export function busError(error: unknown, address: number): unknown {
  const { code, syscall } = errnoOf(error)
  if (error instanceof BusError || code === undefined) return error
  const at = `0x${address.toString(16).padStart(2, '0')}`
  if (code === 'EBUSY' && syscall === 'setAddr') {
    const detail = `${at} is in use by a kernel driver: unbind it, or keep it from being loaded`
    return new BusError('no-bus', detail, { cause: error })
  }
  const [fault, meaning] = FAULTS[code] ?? ['bus-stuck', 'the transfer failed']
  return new BusError(fault, `${at}: ${meaning} (${code})`, { cause: error })
}

function errnoOf(error: unknown): { readonly code?: string; readonly syscall?: string } {
  if (!(error instanceof Error)) return {}
  return {
    ...('code' in error && typeof error.code === 'string' ? { code: error.code } : {}),
    ...('syscall' in error && typeof error.syscall === 'string' ? { syscall: error.syscall } : {}),
  }
}

function busNumber(bus: string | number): number {
  const number = typeof bus === 'number' ? bus : Number(/^\/dev\/i2c-(\d+)$/.exec(bus)?.[1])
  if (!Number.isInteger(number) || number < 0) throw new BusError('no-bus', `expected /dev/i2c-N, not ${bus}`)
  return number
}

async function openAdapter(number: number, load: () => Promise<I2cPackage>): Promise<I2cAdapter> {
  const { openPromisified } = await load().catch((error: unknown) => {
    const advice = 'install the optional package i2c-bus, or npm rebuild i2c-bus after a change of Node'
    throw new BusError('no-bus', `I²C is not available: ${advice}`, { cause: error })
  })
  const adapter = await openPromisified(number)
  try {
    // The package opens the device at its first use, which is here.
    const { i2c } = await adapter.i2cFuncs()
    if (!i2c)
      throw new BusError('no-bus', `/dev/i2c-${number} has SMBus commands only, the chips need plain I²C`)
    return adapter
  } catch (error) {
    await adapter.close()
    throw error instanceof BusError ? error : cannotOpen(number, error)
  }
}

function cannotOpen(number: number, error: unknown): BusError {
  const { code = 'unknown' } = errnoOf(error)
  const advice = ADVICE[code] ?? 'look at the kernel log'
  return new BusError('no-bus', `cannot open /dev/i2c-${number} (${code}): ${advice}`, { cause: error })
}

const ADVICE: Readonly<Record<string, string>> = {
  ENOENT: 'enable I²C (raspi-config, or dtparam=i2c_arm=on) and load the module i2c-dev',
  ENODEV: 'the device node has no adapter behind it',
  EACCES: 'give the user the group that owns it (usually i2c)',
  EPERM: 'give the user the group that owns it (usually i2c), and the service access to the device',
}
