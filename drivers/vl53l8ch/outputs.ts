import * as reg from './registers.ts'

/**
 * How blocks are sized at one target a zone and 4×4: `uld` as ST's driver 2.0.16 does, which asks for 64 entries where
 * there are 16 (1060 bytes a frame), `compact` for what there is (532 bytes; facts §5). Otherwise they are the same.
 */
export type Layout = 'compact' | 'uld'

/** What the chip puts into a frame, and how long that makes it. */
export interface OutputPlan {
  /** Block headers, at most 32. */
  readonly list: readonly number[]
  /** Bit i enables entry i of the list. */
  readonly enables: number
  readonly frameBytes: number
}

// Stream count, flags, frame id before the list; end marks and frame id behind it.
const FRAME_OVERHEAD = 24
/** Entries of the list in the firmware; unused ones are zero. */
export const LIST_WORDS = 32

/** Every output of ST's default list, in its order. */
export function planOutputs(zones: 16 | 64, targetsPerZone: 1 | 2 | 3 | 4, layout: Layout): OutputPlan {
  const single = targetsPerZone === 1
  const which = single ? 'single' : 'several'
  const perZone = single && layout === 'uld' ? 64 : zones
  const perTarget = perZone * targetsPerZone
  const list = [
    reg.blockHeader(0, 0, 13),
    reg.blockHeader(reg.FRAME_METADATA, 12, 0),
    reg.blockHeader(reg.FRAME_COMMON, 4, 0),
    reg.blockHeader(reg.FRAME_AMBIENT, zones, 4),
    reg.blockHeader(reg.FRAME_SPADS, zones, 4),
    reg.blockHeader(reg.FRAME_TARGETS[which], perZone, 1),
    reg.blockHeader(reg.FRAME_SIGNAL[which], perTarget, 4),
    reg.blockHeader(reg.FRAME_SIGMA[which], perTarget, 2),
    reg.blockHeader(reg.FRAME_RANGE[which], perTarget, 2),
    reg.blockHeader(reg.FRAME_REFLECTANCE[which], perTarget, 1),
    reg.blockHeader(reg.FRAME_STATUS[which], perTarget, 1),
    reg.blockHeader(reg.FRAME_MOTION, 140, 0),
  ]
  return planOf(list, (1 << list.length) - 1)
}

/** @param list at most 32 block headers, the first three mandatory @param enables bit i for entry i */
export function planOf(list: readonly number[], enables: number): OutputPlan {
  let frameBytes = FRAME_OVERHEAD
  for (const [i, header] of list.entries()) {
    if ((enables >>> i) & 1) frameBytes += 4 + reg.payloadBytes(header)
  }
  return { list, enables, frameBytes }
}
