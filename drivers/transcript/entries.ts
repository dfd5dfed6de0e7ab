import type { BusFault } from '../bus.ts'

/** Bytes of a register address: 1 as the AS7341 has them, 2 as the VL53L8CH. */
export type RegisterBytes = 1 | 2

/** One transfer with one device, in the order in which it happened. */
export interface TransferEntry {
  readonly op: 'write' | 'read'
  /** Microseconds since the recording began; absent where the layout does not keep them. */
  readonly us?: number
  /** Where it begins; undefined where nothing was said: a probe, or a read from wherever the pointer stands. */
  readonly register: number | undefined
  /** Bytes of a read: false where the register was not written in the same transfer. Default true. */
  readonly pointed?: boolean
  /** What was written behind the register before a read, where something was. */
  readonly argument?: Uint8Array
  /** Bytes behind the register that were written, or read. */
  readonly length: number
  /** Those bytes; absent where only their hash is kept, or neither. A read that failed has none. */
  readonly bytes?: Uint8Array
  /** Hexadecimal. */
  readonly sha256?: string
  /** Where it failed. */
  readonly fault?: BusFault
}

/** One line of a transcript. */
export type Entry =
  | TransferEntry
  /** The driver did nothing on the bus. */
  | { readonly op: 'wait'; readonly us?: number; readonly ms: number }
  /** A function of the driver was called, and returned. */
  | { readonly op: 'call'; readonly us?: number; readonly name: string }
  | { readonly op: 'return'; readonly us?: number; readonly value: unknown }

/** What was said to one device, in one scenario. */
export interface Transcript {
  readonly name: string
  readonly registerBytes: RegisterBytes
  /** As many as the file has lines. */
  readonly entries: readonly Entry[]
}

export function isTransfer(entry: Entry): entry is TransferEntry {
  return entry.op === 'write' || entry.op === 'read'
}

/** A transfer as it is asked of a bus, in the words of a transcript. */
export function asked(
  out: Uint8Array,
  length: number,
  registerBytes: RegisterBytes,
): TransferEntry & { readonly bytes?: Uint8Array } {
  const addressed = out.length >= registerBytes
  const register = addressed ? registerAt(out, registerBytes) : undefined
  const behind = addressed ? out.subarray(registerBytes) : out
  if (length === 0) return { op: 'write', register, length: behind.length, bytes: behind }
  const argument = behind.length === 0 ? {} : { argument: behind }
  return { op: 'read', register, pointed: out.length > 0, ...argument, length }
}

function registerAt(out: Uint8Array, registerBytes: RegisterBytes): number {
  const [first = 0, second = 0] = out
  return registerBytes === 1 ? first : (first << 8) | second
}

/** `0x80`, `0x7fff`. */
export function registerName(register: number, registerBytes: RegisterBytes): string {
  return `0x${register.toString(16).padStart(2 * registerBytes, '0')}`
}
