import { BusError, type I2cBus } from '../bus.ts'
import type { Clock } from '../clock.ts'
import { SensorError, type SensorFault } from '../sensor.ts'
import * as reg from './registers.ts'

export const SENSOR = 'vl53l8ch'

/** One chip as its driver reaches it. The signal ends every wait; a transfer under way is finished first. */
export interface Link {
  readonly bus: I2cBus
  readonly clock: Clock
  /** 7-bit. */
  readonly address: number
  readonly signal?: AbortSignal | undefined
}

/** What ST's driver returns for each status (facts §9); the chip's own error words use the same numbers. */
const STATUS_NAMES: ReadonlyMap<number, string> = new Map([
  [0, 'ok'],
  [1, 'timeout'],
  [2, 'corrupted frame'],
  [3, 'laser safety'],
  [4, 'unknown device'],
  [5, 'firmware checksum'],
  [66, 'MCU error'],
  [127, 'invalid parameter'],
  [254, 'not available'],
  [255, 'error'],
])

/** A status in words, such as `status 66 (MCU error)`; combinations have no name. */
export function statusName(status: number): string {
  const name = STATUS_NAMES.get(status)
  return name === undefined ? `status 0x${status.toString(16)}` : `status ${status} (${name})`
}

// Other heads of the bus get a turn between two pieces: longer ones, 92 ms for 4096 bytes at 400 kHz, would cost them
// frames. The limit of Linux' i2c-dev is 8192 bytes with the register address; a power of two keeps the firmware's
// pieces equal, so that none of them is the single byte at 0x7FFF that would select a page (facts §1).
const PIECE_BYTES = 512
const MAILBOX_MS = 2000
const MAILBOX_POLL_MS = 2
const STATE_DONE = 3
const MCU_ERRORS = 0x7f

/** One transfer. @throws SensorError `absent` when nothing acknowledges, `failed` for any other fault of the bus */
export async function transfer(link: Link, out: Uint8Array, length: number): Promise<Uint8Array> {
  link.signal?.throwIfAborted()
  try {
    return await link.bus.transfer(link.address, out, length)
  } catch (error) {
    if (!(error instanceof BusError)) throw error
    throw new SensorError(SENSOR, faultOf(error), error.message, { cause: error })
  }
}

function faultOf(error: BusError): SensorFault {
  return error.fault === 'no-acknowledge' || error.fault === 'no-bus' ? 'absent' : 'failed'
}

/** Reads `length` (at most 8192) bytes from a register of the selected page on. */
export function readBlock(link: Link, register: number, length: number): Promise<Uint8Array> {
  return transfer(link, Uint8Array.of(register >> 8, register & 0xff), length)
}

export async function readByte(link: Link, register: number): Promise<number> {
  const [value = 0] = await readBlock(link, register, 1)
  return value
}

/** Writes a block of any length, in pieces that the bus takes. */
export async function writeBlock(link: Link, register: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    const piece = bytes.subarray(at, at + PIECE_BYTES)
    const out = new Uint8Array(2 + piece.length)
    out[0] = (register + at) >> 8
    out[1] = (register + at) & 0xff
    out.set(piece, 2)
    await transfer(link, out, 0)
  }
}

export async function writeByte(link: Link, register: number, value: number): Promise<void> {
  await transfer(link, Uint8Array.of(register >> 8, register & 0xff, value), 0)
}

export function selectPage(link: Link, page: number): Promise<void> {
  return writeByte(link, reg.PAGE_SELECT, page)
}

/**
 * Asks until there is an answer.
 * @param what names the wait in the error
 * @param ask resolves to undefined while there is none
 * @throws SensorError `timeout` when `withinMs` have passed without one
 */
export async function poll<T>(
  link: Link,
  what: string,
  limits: { readonly withinMs: number; readonly everyMs: number },
  ask: () => Promise<T | undefined>,
): Promise<T> {
  const deadline = link.clock.now() + limits.withinMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (link.clock.now() >= deadline) {
      throw new SensorError(SENSOR, 'timeout', `${what} took longer than ${limits.withinMs} ms`)
    }
    await link.clock.sleep(limits.everyMs, link.signal)
  }
}

/**
 * Gives the firmware one command (facts §4) and waits until it is done. Page 2 must be selected.
 * @param command with its footer; its last byte lands at 0x2FFF, which starts it
 * @param what names the command in an error
 * @throws SensorError `failed` when the firmware refuses it, `timeout` after 2 s
 */
export async function execute(link: Link, command: Uint8Array, what: string): Promise<void> {
  await writeBlock(link, reg.MAILBOX_END - command.length, command)
  await poll(link, what, { withinMs: MAILBOX_MS, everyMs: MAILBOX_POLL_MS }, async () => {
    const [, state = 0, size = 0] = await readBlock(link, reg.MAILBOX_STATUS, 4)
    if (size >= MCU_ERRORS) {
      throw new SensorError(SENSOR, 'failed', `${what}: ${statusName(66)}, code 0x${size.toString(16)}`)
    }
    return state === STATE_DONE ? true : undefined
  })
}

/** Groups and kinds of a command, as they stand in its footer. */
const DCI_READ = [0x00, 0x02] as const
const DCI_WRITE = [0x05, 0x01] as const

/**
 * Reads one of the firmware's objects, in host (little-endian) byte order.
 * @param index its DCI address
 * @param length bytes, a multiple of 4
 */
export async function readDci(link: Link, index: number, length: number): Promise<Uint8Array> {
  const header = reg.blockHeader(index, length, 0)
  const what = `reading DCI 0x${index.toString(16)}`
  await execute(link, bigEndianWords(header, reg.END_OF_BLOCKS, footer(DCI_READ, 8)), what)
  const answer = await readBlock(link, reg.MAILBOX_ANSWER, length + 12)
  const echoed = new DataView(answer.buffer, answer.byteOffset).getUint32(0)
  if (echoed !== header) {
    throw new SensorError(SENSOR, 'corrupt', `${what}: the answer is headed 0x${echoed.toString(16)}`)
  }
  return swapWords(answer.subarray(4, 4 + length))
}

/** Writes one of the firmware's objects, given in host (little-endian) byte order; its length is a multiple of 4. */
export async function writeDci(link: Link, index: number, value: Uint8Array): Promise<void> {
  const command = new Uint8Array(value.length + 12)
  const head = bigEndianWords(reg.blockHeader(index, value.length, 0))
  command.set(head, 0)
  command.set(swapWords(value), 4)
  command.set(bigEndianWords(reg.END_OF_BLOCKS, footer(DCI_WRITE, value.length + 8)), 4 + value.length)
  await execute(link, command, `writing DCI 0x${index.toString(16)}`)
}

/** Reads an object, lets `change` alter it in place (host byte order), and writes it back. */
export async function modifyDci(
  link: Link,
  index: number,
  length: number,
  change: (value: DataView) => void,
): Promise<void> {
  const value = await readDci(link, index, length)
  change(new DataView(value.buffer, value.byteOffset, value.byteLength))
  await writeDci(link, index, value)
}

function footer(command: readonly [group: number, kind: number], size: number): number {
  return ((command[0] << 24) | (command[1] << 16) | size) >>> 0
}

/** Words as they cross the bus. */
export function bigEndianWords(...words: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * words.length)
  const view = new DataView(bytes.buffer)
  for (const [i, word] of words.entries()) view.setUint32(4 * i, word)
  return bytes
}

/** Words as the firmware's objects hold them in host byte order. */
export function littleEndianWords(...words: number[]): Uint8Array {
  return swapWords(bigEndianWords(...words))
}

/** A copy with every group of four bytes reversed: host byte order to bus and back. The length is a multiple of 4. */
export function swapWords(bytes: Uint8Array): Uint8Array {
  const swapped = new Uint8Array(bytes.length)
  for (let i = 0; i < bytes.length; i += 1) swapped[i ^ 3] = bytes[i] ?? 0
  return swapped
}
