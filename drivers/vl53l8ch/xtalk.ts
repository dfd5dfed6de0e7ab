import { swapWords } from './mailbox.ts'
import { reduceUnsigned } from './offset.ts'

// Offsets within the crosstalk command and what 4×4 needs there (facts §6).
const GEOMETRY = 0x08
const GEOMETRY_4X4 = [0x0f, 0x04, 0x04, 0x17, 0x08, 0x10, 0x10, 0x07] as const
const SCALE = 0x20
const SCALE_4X4 = [0x00, 0x78, 0x00, 0x08, 0x00, 0x00, 0x00, 0x08] as const
const SIGNAL_GRID = 0x34
const CLEARED = 0x78
const SHAPE = 0x134
const SHAPE_4X4 = [0xa0, 0xfc, 0x01, 0x00] as const

/**
 * The command that gives the firmware the crosstalk of the cover glass for a resolution.
 * @param xtalk 776 bytes for 8×8: ST's default or a calibration; not changed
 * @returns 776 bytes for the mailbox
 */
export function xtalkCommand(xtalk: Uint8Array, zones: 16 | 64): Uint8Array {
  if (zones === 64) return xtalk.slice()
  const image = xtalk.slice()
  image.set(GEOMETRY_4X4, GEOMETRY)
  image.set(SCALE_4X4, SCALE)
  const host = swapWords(image)
  reduceUnsigned(new DataView(host.buffer), SIGNAL_GRID)
  const command = swapWords(host)
  command.set(SHAPE_4X4, SHAPE)
  command.fill(0, CLEARED, CLEARED + 4)
  return command
}
