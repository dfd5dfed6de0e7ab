/**
 * The part of FUSE's protocol that a character device of ours speaks (include/uapi/linux/fuse.h, version 7.31, x86-64).
 * Pure: bytes of `/dev/cuse` to requests, replies to bytes.
 */

/** What the kernel asks. `handle` is the open file that it comes through. */
export type Request =
  | { readonly kind: 'init' | 'open' | 'flush'; readonly unique: bigint }
  | { readonly kind: 'release'; readonly unique: bigint; readonly handle: bigint }
  | { readonly kind: 'read'; readonly unique: bigint; readonly handle: bigint; readonly length: number }
  | { readonly kind: 'write'; readonly unique: bigint; readonly handle: bigint; readonly bytes: Uint8Array }
  | ({ readonly kind: 'ioctl'; readonly unique: bigint; readonly handle: bigint } & Ioctl)
  | { readonly kind: 'interrupt' }
  | { readonly kind: 'other'; readonly unique: bigint; readonly opcode: number }

/** One ioctl(2). */
export interface Ioctl {
  readonly command: number
  /** The third argument: a number, or an address in the caller's memory. */
  readonly argument: bigint
  /** Bytes that the caller's memory has room for: none until they were asked for by `ioctlRoom`. */
  readonly room: number
}

/** Bytes of the largest read and write, and of the buffer that every request fits in. */
export const MAX_BYTES = 65536
export const REQUEST_BYTES = MAX_BYTES + 4096

const IN_HEADER = 40
const OUT_HEADER = 16
const PAYLOAD_OF_WRITE = IN_HEADER + 40

/** @param bytes one read of `/dev/cuse` */
export function requestOf(bytes: Buffer): Request {
  const opcode = bytes.readUInt32LE(4)
  const unique = bytes.readBigUInt64LE(8)
  const handle = (): bigint => bytes.readBigUInt64LE(IN_HEADER)
  switch (opcode) {
    case 4096:
      return { kind: 'init', unique }
    case 14:
      return { kind: 'open', unique }
    case 15:
      return { kind: 'read', unique, handle: handle(), length: bytes.readUInt32LE(IN_HEADER + 16) }
    case 16:
      return {
        kind: 'write',
        unique,
        handle: handle(),
        bytes: Uint8Array.from(bytes.subarray(PAYLOAD_OF_WRITE)),
      }
    case 18:
      return { kind: 'release', unique, handle: handle() }
    case 25:
      return { kind: 'flush', unique }
    case 36:
      return { kind: 'interrupt' }
    case 39:
      return { kind: 'ioctl', unique, handle: handle(), ...ioctlOf(bytes.subarray(IN_HEADER)) }
    default:
      return { kind: 'other', unique, opcode }
  }
}

function ioctlOf(body: Buffer): Ioctl {
  return { command: body.readUInt32LE(12), argument: body.readBigUInt64LE(16), room: body.readUInt32LE(28) }
}

/** The answer to a request; `payload` is what its kind demands. */
export function reply(unique: bigint, payload: Uint8Array = new Uint8Array()): Buffer {
  return Buffer.concat([outHeader(OUT_HEADER + payload.length, 0, unique), payload])
}

/** @param errno positive, as in errno.h */
export function failure(unique: bigint, errno: number): Buffer {
  return outHeader(OUT_HEADER, -errno, unique)
}

function outHeader(length: number, error: number, unique: bigint): Buffer {
  const header = Buffer.alloc(OUT_HEADER)
  header.writeUInt32LE(length, 0)
  header.writeInt32LE(error, 4)
  header.writeBigUInt64LE(unique, 8)
  return header
}

/** Makes the device `/dev/<name>`; its ioctls may say which of the caller's memory they touch (unrestricted). */
export function initPayload(name: string): Buffer {
  const init = Buffer.alloc(72)
  for (const [at, value] of [7, 31, 0, 1, MAX_BYTES, MAX_BYTES].entries()) init.writeUInt32LE(value, at * 4)
  return Buffer.concat([init, Buffer.from(`DEVNAME=${name}\0`)])
}

/** @param handle what later requests through this open file bear */
export function openPayload(handle: bigint): Buffer {
  const open = Buffer.alloc(16)
  open.writeBigUInt64LE(handle, 0)
  return open
}

/** @param written bytes that went through */
export function writePayload(written: number): Buffer {
  const write = Buffer.alloc(8)
  write.writeUInt32LE(written, 0)
  return write
}

/** An ioctl that went well, and what is to be copied to the caller's memory. */
export function ioctlPayload(answer: Uint8Array = new Uint8Array()): Buffer {
  return Buffer.concat([Buffer.alloc(16), answer])
}

/** Asks to be asked again, with room for `length` bytes in the caller's memory at `address`. */
export function ioctlRoom(address: bigint, length: number): Buffer {
  const retry = Buffer.alloc(32)
  const FUSE_IOCTL_RETRY = 4
  retry.writeUInt32LE(FUSE_IOCTL_RETRY, 4)
  retry.writeUInt32LE(1, 12)
  retry.writeBigUInt64LE(address, 16)
  retry.writeBigUInt64LE(BigInt(length), 24)
  return retry
}
