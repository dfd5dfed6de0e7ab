import { SensorError } from '../drivers/sensor.ts'
import type { RangeFrame } from '../drivers/vl53l8ch/ranges.ts'
import type { MeasuringHead } from './inspect.ts'
import type { Measurement } from './inspection.ts'
import type { Look } from './look.ts'

/** How often a ranging head looks at one part. */
export interface LookPlan {
  /** Whether so many looks are enough; the last one is the newest. Called after each. */
  readonly enough: (looks: readonly Look[]) => boolean
  /** Whether another look that takes so long, ms, still ends in time. */
  readonly fits: (ms: number) => boolean
  /**
   * Belt travel since the trigger, mm, at a monotonic time, ms; undefined where nobody knows. Absent: the part stands
   * still.
   */
  readonly beltMm?: (at: number) => number | undefined
}

/** So many frames of a part that stands still. */
export function stillLooks(frames: number, fits: LookPlan['fits']): LookPlan {
  return { enough: (looks) => looks.length >= frames, fits }
}

/** Every frame of a part that passes, until the belt has travelled `travelMm` since the trigger. */
export function scanLooks(
  travelMm: number,
  beltMm: NonNullable<LookPlan['beltMm']>,
  fits: LookPlan['fits'],
): LookPlan {
  return { enough: (looks) => (looks.at(-1)?.beltMm ?? 0) >= travelMm, fits, beltMm }
}

/**
 * A head that looks at each part as `plan` says. A head that fails on the way, or time that runs out, ends the looks and
 * not the part: fewer of them are less sure.
 */
export function severalLooks(head: MeasuringHead, plan: LookPlan): MeasuringHead {
  return { ...headOf(head), looks: (since, signal) => takeLooks(head, plan, since, signal) }
}

function headOf(head: MeasuringHead): MeasuringHead {
  return { id: head.id, kind: head.kind, measure: (since, signal) => head.measure(since, signal) }
}

async function takeLooks(
  head: MeasuringHead,
  plan: LookPlan,
  since: number,
  signal: AbortSignal,
): Promise<readonly Look[]> {
  const looks: Look[] = []
  let before: number | undefined
  for (;;) {
    const frame = await nextFrame(head, looks.length === 0 ? since : undefined, signal)
    if (frame === undefined) return looks
    const took = before === undefined ? 0 : frame.takenAt - before
    before = frame.takenAt
    looks.push(lookOf(frame, took, plan))
    if (plan.enough(looks) || !plan.fits(took === 0 ? frame.takenAt - since : took)) return looks
  }
}

/** @returns undefined where the head failed after its first look */
async function nextFrame(
  head: MeasuringHead,
  since: number | undefined,
  signal: AbortSignal,
): Promise<RangeFrame | undefined> {
  if (since !== undefined) return ranging(head, await head.measure(since, signal))
  try {
    return ranging(head, await (head.next?.(signal) ?? Promise.resolve(undefined)))
  } catch (error) {
    if (error instanceof SensorError) return undefined
    throw error
  }
}

function ranging(head: MeasuringHead, measurement: Measurement): RangeFrame
function ranging(head: MeasuringHead, measurement: Measurement | undefined): RangeFrame | undefined
function ranging({ id }: MeasuringHead, measurement: Measurement | undefined): RangeFrame | undefined {
  if (measurement === undefined || measurement.kind === 'vl53l8ch') return measurement
  throw new TypeError(`head ${id}: expected ranges, got ${measurement.kind}`)
}

/** A frame gathers light for about a period before it is taken. */
function lookOf(frame: RangeFrame, periodMs: number, { beltMm }: LookPlan): Look {
  const travelled = beltMm?.(frame.takenAt - periodMs / 2)
  return travelled === undefined ? { frame } : { frame, beltMm: travelled }
}
