import { type CadenceProblem, cadenceProblem } from './analysis/scan/cadence.ts'
import { trayPlan } from './analysis/tray.ts'
import type { EmptyTray } from './calibration.ts'
import type { HeadOptions, RangingHead } from './head-options.ts'
import { describeProblem, type Recipe } from './recipe.ts'

/** What a scan is made with. */
export interface ScanStation {
  /** Of the configuration; the first ranging one is judged. */
  readonly heads: Readonly<Record<string, HeadOptions>>
  /** Of this head; absent: its distance is not known, and only the number of looks can be told. */
  readonly tray: EmptyTray | undefined
  /** A verdict that comes later than this after its trigger comes too late for the gate, ms; absent: none does. */
  readonly decideWithinMs?: number | undefined
}

type Scan = NonNullable<NonNullable<Recipe['shape']>['scan']>

/**
 * Why this station cannot scan as a recipe asks: too few frames a second for the belt, too short a way, or a gate that is
 * reached before the scan has ended. Pure.
 * @returns field, value and expectation in one line; undefined: it can, or the recipe does not scan
 */
export function scanProblem(
  { id, shape, tray: size }: Pick<Recipe, 'id' | 'shape' | 'tray'>,
  { heads, tray, decideWithinMs }: ScanStation,
): string | undefined {
  const [name, head] = Object.entries(heads).find(([, { kind }]) => kind === 'vl53l8ch') ?? []
  if (shape?.scan === undefined || head?.kind !== 'vl53l8ch') return undefined
  const { scan, product } = shape
  const distanceMm = tray === undefined ? undefined : trayPlan(tray, size)?.distanceMm
  const pace = cadenceProblem({
    mmPerS: scan.mmPerS,
    rateHz: head.rate_hz,
    travelMm: scan.travelMm,
    zones: head.zones,
    ...(distanceMm === undefined ? {} : { clearanceMm: distanceMm - product.heightMm }),
  })
  if (pace !== undefined) return described(id, pace, `heads.${name}.rate_hz`)
  const late = gateProblem(scan, head, decideWithinMs)
  return late === undefined ? undefined : described(id, late, 'gate.delay_ms')
}

function described(id: string, { field, value, expectation }: CadenceProblem, setting: string): string {
  return `recipe ${id}: ${describeProblem({ path: `shape.scan.${field}`, value, expectation })} (${setting})`
}

function gateProblem(
  { travelMm, mmPerS }: Scan,
  { rate_hz: rateHz }: RangingHead,
  withinMs: number | undefined,
): CadenceProblem | undefined {
  const neededMs = 1000 * (travelMm / mmPerS + 1 / rateHz)
  if (withinMs === undefined || withinMs >= neededMs) return undefined
  const expectation =
    `at ${mmPerS} mm/s it takes ${Math.ceil(neededMs)} ms to look, and the gate must be told within ${withinMs} ms; ` +
    'expected a gate further down the belt'
  return { field: 'travel_mm', value: travelMm, expectation }
}
