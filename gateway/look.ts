import type { RangeFrame } from '../drivers/vl53l8ch/ranges.ts'

/** One frame of a part that is looked at several times. */
export interface Look {
  readonly frame: RangeFrame
  /** Belt travel since the trigger, mm, at the middle of the exposure; absent: the part stood still. */
  readonly beltMm?: number
}
