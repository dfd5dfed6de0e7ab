import { writeSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import * as wire from './fuse-wire.ts'

/** Error numbers of Linux that an adapter's driver may return, as Node calls them: 95 is EOPNOTSUPP to the kernel. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EIO: 5,
  ENXIO: 6,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  ENODEV: 19,
  EINVAL: 22,
  ENOTTY: 25,
  ENOSYS: 38,
  EPROTO: 71,
  ENOTSUP: 95,
  ESHUTDOWN: 108,
  ETIMEDOUT: 110,
  EREMOTEIO: 121,
} as const
export type Errno = keyof typeof ERRNO

/** What a driver of an I²C adapter does, behind `/dev/i2c-N`. */
export interface FarEnd {
  /** I2C_FUNC_… bits. */
  readonly functions: number
  /** I2C_SLAVE: an open file wants to talk to this 7-bit address. */
  select(address: number): Errno | undefined
  /** @returns bytes that went through */
  write(address: number, bytes: Uint8Array): number | Errno
  read(address: number, length: number): Uint8Array | Errno
  /** A file was opened (1) or given back (-1). */
  opened(change: 1 | -1): void
}

/** i2c-dev clamps reads and writes without a word (drivers/i2c/i2c-dev.c). */
const CLAMP = 8192

const I2C_SLAVE = 0x0703
const I2C_SLAVE_FORCE = 0x0706
const I2C_FUNCS = 0x0705

/**
 * Makes the character device `/dev/i2c-N` and serves it as Linux' i2c-dev would: plain reads and writes, I2C_SLAVE,
 * I2C_FUNCS. It exists when this resolves, and until this process ends. Whoever opens it must be another process: a
 * close there waits for this one.
 * @throws where there is no `/dev/cuse` (module cuse)
 */
export async function serveI2cBus(number: number, farEnd: FarEnd): Promise<void> {
  const cuse = await open('/dev/cuse', 'r+')
  const buffer = Buffer.alloc(wire.REQUEST_BYTES)
  const first = await nextRequest(cuse, buffer)
  if (first?.kind !== 'init') throw new Error('/dev/cuse does not begin with CUSE_INIT')
  writeSync(cuse.fd, wire.reply(first.unique, wire.initPayload(`i2c-${number}`)))
  // Not awaited: it ends with the process, or by an error that nobody expects.
  void serve(cuse, buffer, new OpenFiles(farEnd))
}

async function serve(cuse: FileHandle, buffer: Buffer, files: OpenFiles): Promise<void> {
  for (;;) {
    const request = await nextRequest(cuse, buffer)
    if (request === undefined) return
    const answer = files.answer(request)
    if (answer !== undefined) writeSync(cuse.fd, answer)
  }
}

/** @returns undefined when the kernel took the device away */
async function nextRequest(cuse: FileHandle, buffer: Buffer): Promise<wire.Request | undefined> {
  try {
    const { bytesRead } = await cuse.read(buffer, 0, buffer.length, null)
    return wire.requestOf(buffer.subarray(0, bytesRead))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENODEV') return undefined
    throw error
  }
}

/** The open files of one device, each with the address that it selected. */
class OpenFiles {
  readonly #farEnd: FarEnd
  readonly #addresses = new Map<bigint, number>()
  #lastHandle = 0n

  constructor(farEnd: FarEnd) {
    this.#farEnd = farEnd
  }

  /** @returns what to write back; undefined where no answer is due */
  answer(request: wire.Request): Buffer | undefined {
    switch (request.kind) {
      case 'open':
        return wire.reply(request.unique, wire.openPayload(this.#open()))
      case 'read':
        return this.#read(request.unique, this.#addressOf(request.handle), Math.min(request.length, CLAMP))
      case 'write':
        return this.#write(request.unique, this.#addressOf(request.handle), request.bytes.subarray(0, CLAMP))
      case 'ioctl':
        return this.#ioctl(request.unique, request.handle, request)
      case 'release':
        this.#addresses.delete(request.handle)
        this.#farEnd.opened(-1)
        return wire.reply(request.unique)
      case 'flush':
        return wire.reply(request.unique)
      case 'interrupt':
        // Every request is answered before the next is read: there is nothing to interrupt.
        return undefined
      default:
        return wire.failure(request.unique, ERRNO.ENOSYS)
    }
  }

  #open(): bigint {
    this.#lastHandle += 1n
    // Until it selects one, a file of i2c-dev has address 0.
    this.#addresses.set(this.#lastHandle, 0)
    this.#farEnd.opened(1)
    return this.#lastHandle
  }

  #addressOf(handle: bigint): number {
    return this.#addresses.get(handle) ?? 0
  }

  #read(unique: bigint, address: number, length: number): Buffer {
    const answer = this.#farEnd.read(address, length)
    return typeof answer === 'string' ? wire.failure(unique, ERRNO[answer]) : wire.reply(unique, answer)
  }

  #write(unique: bigint, address: number, bytes: Uint8Array): Buffer {
    const written = this.#farEnd.write(address, bytes)
    return typeof written === 'string'
      ? wire.failure(unique, ERRNO[written])
      : wire.reply(unique, wire.writePayload(written))
  }

  #ioctl(unique: bigint, handle: bigint, { command, argument, room }: wire.Ioctl): Buffer {
    if (command === I2C_SLAVE || command === I2C_SLAVE_FORCE) {
      const fault = argument > 0x7fn ? 'EINVAL' : this.#farEnd.select(Number(argument))
      if (fault !== undefined) return wire.failure(unique, ERRNO[fault])
      this.#addresses.set(handle, Number(argument))
      return wire.reply(unique, wire.ioctlPayload())
    }
    if (command !== I2C_FUNCS) return wire.failure(unique, ERRNO.ENOTTY)
    const funcs = Buffer.alloc(8)
    funcs.writeUInt32LE(this.#farEnd.functions, 0)
    if (room < funcs.length) return wire.reply(unique, wire.ioctlRoom(argument, funcs.length))
    return wire.reply(unique, wire.ioctlPayload(funcs))
  }
}
