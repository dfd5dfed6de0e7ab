import { swapWords } from './mailbox.ts'

/** Answer to the command that reads the calibration memory. */
export const NVM_ANSWER_BYTES = 492
const COMMAND_BYTES = 488

// Offsets within the memory image (facts §6).
const GEOMETRY = 0x10
const SIGNAL_GRID = 0x3c
const RANGE_GRID = 0x140
const FOOTER = 0x1e0
const GEOMETRY_4X4 = [0x0f, 0x04, 0x04, 0x00, 0x08, 0x10, 0x10, 0x07] as const
const OFFSET_FOOTER = [0x00, 0x00, 0x00, 0x0f, 0x03, 0x01, 0x01, 0xe4] as const

/**
 * The command that gives the firmware its offsets for a resolution.
 * @param nvm 492 bytes as read from the calibration memory; not changed
 * @returns 488 bytes for the mailbox
 */
export function offsetCommand(nvm: Uint8Array, zones: 16 | 64): Uint8Array {
  const image = nvm.subarray(0, COMMAND_BYTES)
  const command = new Uint8Array(COMMAND_BYTES)
  // The first block of the memory image (8 bytes) is not part of the command.
  command.set((zones === 16 ? reduced(image) : image).subarray(8), 0)
  command.set(OFFSET_FOOTER, FOOTER)
  return command
}

function reduced(image: Uint8Array): Uint8Array {
  const copy = image.slice()
  copy.set(GEOMETRY_4X4, GEOMETRY)
  const host = swapWords(copy)
  const view = new DataView(host.buffer)
  reduceUnsigned(view, SIGNAL_GRID)
  reduceRanges(view)
  return swapWords(host)
}

/**
 * Halves an 8×8 grid of 32-bit words to 4×4 in place: entries 0…15 get the truncated mean of 2×2 zones, the rest
 * zero. The sum wraps at 32 bits, as in ST's code.
 */
export function reduceUnsigned(view: DataView, grid: number): void {
  const at = (zone: number): number => view.getUint32(grid + 4 * zone, true)
  const means = quarters((a, b, c, d) => Math.floor(((at(a) + at(b) + at(c) + at(d)) >>> 0) / 4))
  for (let zone = 0; zone < 64; zone += 1) view.setUint32(grid + 4 * zone, means[zone] ?? 0, true)
}

// Toward zero, as C divides: the driver that floors instead sends values one unit lower (facts §6).
function reduceRanges(view: DataView): void {
  const at = (zone: number): number => view.getInt16(RANGE_GRID + 2 * zone, true)
  const means = quarters((a, b, c, d) => Math.trunc((at(a) + at(b) + at(c) + at(d)) / 4))
  for (let zone = 0; zone < 64; zone += 1) view.setInt16(RANGE_GRID + 2 * zone, means[zone] ?? 0, true)
}

function quarters(mean: (a: number, b: number, c: number, d: number) => number): number[] {
  const means: number[] = []
  for (let row = 0; row < 8; row += 2) {
    for (let column = 0; column < 8; column += 2) {
      const first = 8 * row + column
      means.push(mean(first, first + 1, first + 8, first + 9))
    }
  }
  return means
}
