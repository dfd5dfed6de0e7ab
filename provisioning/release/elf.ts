import { open } from 'node:fs/promises'

/** What an ELF file says of itself (System V ABI, gABI 4.1). */
export interface Elf {
  /** `e_machine`. */
  readonly machine: number
  /** 2 for 64 bit. */
  readonly width: number
}

const MAGIC = Buffer.from([0x7f, 0x45, 0x4c, 0x46])

/** What a header says; nothing where it is no ELF file. */
export function elfOf(header: Uint8Array): Elf | undefined {
  const bytes = Buffer.from(header)
  if (bytes.length < 20 || !bytes.subarray(0, 4).equals(MAGIC)) return undefined
  const machine = bytes[5] === 2 ? bytes.readUInt16BE(18) : bytes.readUInt16LE(18)
  return { machine, width: bytes[4] ?? 0 }
}

/** Mach-O (both byte orders, and fat), PE, and WebAssembly: what may be among a package's files for other systems. */
const FOREIGN: readonly (readonly [name: string, magic: readonly number[]])[] = [
  ['Mach-O', [0xcf, 0xfa, 0xed, 0xfe]],
  ['Mach-O', [0xce, 0xfa, 0xed, 0xfe]],
  ['Mach-O', [0xfe, 0xed, 0xfa, 0xcf]],
  ['Mach-O', [0xca, 0xfe, 0xba, 0xbe]],
]

/** What kind of program a file is, if it is one that this platform cannot run. `machine` is the one it can. */
export function foreignKind(header: Uint8Array, machine: number): string | undefined {
  const elf = elfOf(header)
  if (elf !== undefined) {
    return elf.machine === machine && elf.width === 2 ? undefined : `ELF for machine ${elf.machine}`
  }
  const known = FOREIGN.find(([, magic]) => magic.every((byte, at) => header[at] === byte))
  if (known !== undefined) return known[0]
  return isPe(header) ? 'Windows' : undefined
}

/** `MZ`, and `PE` where the header says: text may begin with MZ as well. */
function isPe(header: Uint8Array): boolean {
  const bytes = Buffer.from(header)
  if (bytes.length < 64 || bytes.toString('latin1', 0, 2) !== 'MZ') return false
  const at = bytes.readUInt32LE(0x3c)
  return at + 4 <= bytes.length && bytes.toString('latin1', at, at + 4) === 'PE\0\0'
}

/** Enough of a file for `elfOf` and `foreignKind`. */
export async function headerOf(path: string): Promise<Uint8Array> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(1024), 0, 1024, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

/**
 * The newest `GLIBC_` (or other `set`) version that a file asks for, found among its version names.
 * @returns such as `2.34`; nothing where it asks for none
 */
export function newestVersion(content: Uint8Array, set: 'GLIBC' | 'GLIBCXX'): string | undefined {
  const text = Buffer.from(content).toString('latin1')
  const versions = [...text.matchAll(new RegExp(`\\0${set}_(\\d+(?:\\.\\d+)+)(?=\\0)`, 'g'))]
  return versions
    .map(([, version = '']) => version)
    .sort(byNumbers)
    .at(-1)
}

/** Orders `2.4` before `2.34`. */
export function byNumbers(a: string, b: string): number {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)]
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
