import type { Clock } from '../drivers/clock.ts'
import { SensorError } from '../drivers/sensor.ts'
import type { LookTime } from './acquisition.ts'
import type { MeasuringHead } from './inspect.ts'
import { type LookPlan, scanLooks, severalLooks, stillLooks } from './looking.ts'
import type { ShapeRecipe } from './recipe.ts'

/** Belt travel, mm, between two monotonic times, ms, by the station's encoder; undefined while it is lost. */
export type BeltTravel = (from: number, to: number) => number | undefined

/** Kept of a part's time for the analysis of its looks, ms: on a Raspberry Pi a scan takes tens of them. */
const ANALYSIS_MS = 60

/** How a part is looked at. */
export interface LookingAt {
  readonly shape: ShapeRecipe | undefined
  /** Monotonic ms of its trigger. */
  readonly at: number
  readonly time: LookTime
  readonly clock: Clock
  /** Where the station has an encoder; else the recipe's speed is believed. */
  readonly travel: BeltTravel | undefined
}

/**
 * The heads, the judged ranging head as one that looks as often as the recipe asks, and the others of a part that passes
 * half-way, when its middle is below them. Replayed heads look as they did.
 */
export function lookingHeads(heads: readonly MeasuringHead[], part: LookingAt): readonly MeasuringHead[] {
  const plan = planOf(part)
  const judged = heads.find(({ kind }) => kind === 'vl53l8ch')
  if (plan === undefined || judged?.looks !== undefined) return heads
  const way = wayOf(part.shape)
  return heads.map((head) => {
    if (head === judged) return severalLooks(head, plan)
    return way === undefined ? head : halfWay(head, way, part)
  })
}

type Scan = NonNullable<ShapeRecipe['scan']>

/** However the part lies, its middle is half its shorter side away from its edge. */
function wayOf(
  shape: ShapeRecipe | undefined,
): { readonly scan: Scan; readonly reachMm: number } | undefined {
  if (shape?.scan === undefined) return undefined
  const { lengthMm, widthMm } = shape.product
  return { scan: shape.scan, reachMm: Math.min(lengthMm, widthMm) / 2 }
}

/** How often the encoder is asked, ms: at 1 m/s a step of 10 mm. */
const STEP_MS = 10

/** @param reachMm how far behind the part's middle a measurement may end and still have seen nothing but the part */
function halfWay(
  head: MeasuringHead,
  { scan, reachMm }: { readonly scan: Scan; readonly reachMm: number },
  { at, clock, travel }: LookingAt,
): MeasuringHead {
  return {
    id: head.id,
    kind: head.kind,
    measure: async (_since, signal) => {
      for (;;) {
        const now = clock.now()
        const nominal = nominalTravel(scan, at, now)
        // While an encoder is lost, nobody knows better than the recipe.
        const left = scan.travelMm / 2 - (travel?.(at, now) ?? nominal)
        if (left <= 0) break
        // At least a millisecond: what rounding leaves of the way is less than a clock can sleep.
        const leftMs = Math.max(1, (1000 * left) / scan.mmPerS)
        await clock.sleep(travel === undefined ? leftMs : STEP_MS, signal)
      }
      const measurement = await head.measure(clock.now(), signal)
      const now = clock.now()
      const pastMm = (travel?.(at, now) ?? nominalTravel(scan, at, now)) - scan.travelMm / 2
      if (pastMm <= reachMm) return measurement
      const late = `${pastMm.toFixed(0)} mm behind the part's middle, at most ${reachMm.toFixed(0)} mm expected`
      throw new SensorError(head.id, 'timeout', late)
    },
  }
}

function nominalTravel({ mmPerS }: Scan, from: number, to: number): number {
  return ((to - from) * mmPerS) / 1000
}

function planOf({ shape, at, time, travel }: LookingAt): LookPlan | undefined {
  if (shape === undefined) return undefined
  const inTime = (ms: number): boolean => ms + ANALYSIS_MS < time.leftMs()
  const { scan, frames } = shape
  // When the next part comes, one that stood still has gone.
  if (scan === undefined) {
    return stillLooks(frames, (ms) => {
      time.enough()
      return inTime(ms) && !time.nextWaits()
    })
  }
  const beltMm = (to: number): number | undefined =>
    travel === undefined ? nominalTravel(scan, at, to) : travel(at, to)
  return scanLooks(scan.travelMm, beltMm, inTime)
}
