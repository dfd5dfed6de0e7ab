import * as reg from './registers.ts'

/**
 * How blocks are sized at one target a zone and 4×4: `uld` as ST's driver 2.0.16 does, which asks for 64 entries where
 * there are 16 (1060 bytes a frame), `compact` for what there is (532 bytes; facts §5). Otherwise they are the same.
 */
export type Layout = 'compact' | 'uld'

/** What a frame can carry beside its metadata, in the order of ST's default list. */
export const OUTPUTS = [
  'ambient',
  'spads',
  'targets',
  'signal',
  'sigma',
  'range',
  'reflectance',
  'status',
  'motion',
] as const
export type Output = (typeof OUTPUTS)[number]

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
const FRAME_HEAD = 12
/** Entries of the list in the firmware; unused ones are zero. */
export const LIST_WORDS = 32
/** Start, metadata and common: every frame has them. */
const MANDATORY = 3

/**
 * The list of ST's driver, in its order.
 * @param wanted what of it is switched on; default: everything
 */
export function planOutputs(
  zones: 16 | 64,
  targetsPerZone: 1 | 2 | 3 | 4,
  layout: Layout,
  wanted: readonly Output[] = OUTPUTS,
): OutputPlan {
  const single = targetsPerZone === 1
  const which = single ? 'single' : 'several'
  const perZone = single && layout === 'uld' ? 64 : zones
  const perTarget = perZone * targetsPerZone
  const headers: Record<Output, number> = {
    ambient: reg.blockHeader(reg.FRAME_AMBIENT, zones, 4),
    spads: reg.blockHeader(reg.FRAME_SPADS, zones, 4),
    targets: reg.blockHeader(reg.FRAME_TARGETS[which], perZone, 1),
    signal: reg.blockHeader(reg.FRAME_SIGNAL[which], perTarget, 4),
    sigma: reg.blockHeader(reg.FRAME_SIGMA[which], perTarget, 2),
    range: reg.blockHeader(reg.FRAME_RANGE[which], perTarget, 2),
    reflectance: reg.blockHeader(reg.FRAME_REFLECTANCE[which], perTarget, 1),
    status: reg.blockHeader(reg.FRAME_STATUS[which], perTarget, 1),
    motion: reg.blockHeader(reg.FRAME_MOTION, 140, 0),
  }
  const list = [
    reg.blockHeader(0, 0, 13),
    reg.blockHeader(reg.FRAME_METADATA, 12, 0),
    reg.blockHeader(reg.FRAME_COMMON, 4, 0),
    ...OUTPUTS.map((output) => headers[output]),
  ]
  let enables = (1 << MANDATORY) - 1
  for (const output of wanted) enables |= 1 << (MANDATORY + OUTPUTS.indexOf(output))
  return planOf(list, enables)
}

/** A plan with one more block, switched on, behind the others. */
export function withBlock({ list, enables }: OutputPlan, header: number): OutputPlan {
  return planOf([...list, header], enables | (1 << list.length))
}

/** @param list at most 32 block headers, the first three mandatory @param enables bit i for entry i */
export function planOf(list: readonly number[], enables: number): OutputPlan {
  let frameBytes = FRAME_OVERHEAD
  for (const [i, header] of list.entries()) {
    if ((enables >>> i) & 1) frameBytes += 4 + reg.payloadBytes(header)
  }
  return { list, enables, frameBytes }
}

/**
 * Whether a frame carries the blocks of a plan and no others: a header that was disturbed on the wire would else make
 * its block vanish. Pure.
 */
export function carries(raw: Uint8Array, { list, enables }: OutputPlan): boolean {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength)
  let at = FRAME_HEAD
  for (const [i, header] of list.entries()) {
    if (((enables >>> i) & 1) === 0) continue
    if (at + 4 > raw.length || view.getUint32(at) !== header) return false
    at += 4 + reg.payloadBytes(header)
  }
  return true
}
