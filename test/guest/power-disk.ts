import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, writeSync } from 'node:fs'

/** What the file system has of its disk; behind it lies what was acknowledged. */
export const FILE_SYSTEM_BYTES = 31 * 2 ** 20
export const DISK_BYTES = 32 * 2 ** 20
const SECTOR = 512

/** Where the last acknowledgement is written down. */
export const NOTE_AT = FILE_SYSTEM_BYTES

/** Runs lines of shell to their end. @throws Error with what it said */
export function shell(lines: string): void {
  // In the guest there is no udev that would make names and wait to be told.
  execFileSync('sh', ['-ec', lines], {
    stdio: 'pipe',
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin`, DM_DISABLE_UDEV: '1' },
  })
}

declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer }
}

/**
 * Notes what was acknowledged, on the disk whose writes are logged, past all caches and without a flush: so it stands in
 * the log where it came about, between the writes that were done before it and those that came after, and takes nothing
 * else along to the medium.
 */
export class Notes {
  readonly #disk: number
  // Only what begins at a page goes past the caches, and this is what begins at one.
  readonly #sector = Buffer.from(new WebAssembly.Memory({ initial: 1 }).buffer, 0, SECTOR)

  constructor(device: string) {
    this.#disk = openSync(device, constants.O_WRONLY | constants.O_DIRECT)
  }

  /** Returns when it is done. */
  note(sequence: number): void {
    this.#sector.writeBigUInt64LE(BigInt(sequence))
    writeSync(this.#disk, this.#sector, 0, SECTOR, NOTE_AT)
  }

  close(): void {
    closeSync(this.#disk)
  }
}

/** What a note says. @param bytes as the log has them */
export function noted(bytes: Buffer): number {
  return Number(bytes.readBigUInt64LE())
}
