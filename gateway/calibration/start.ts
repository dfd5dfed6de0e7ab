import { z } from 'zod'
import type { EmptyTray } from '../calibration.ts'
import { goldenOptions } from '../golden-options.ts'
import type { GoldenWatch } from '../golden-watch.ts'
import { oldDeviceOf } from '../old-subject.ts'
import { snakeKeys } from '../recipe-keys.ts'
import type { Bench } from './bench.ts'
import { checkGoldenPart, type GoldenBench } from './golden-workflow.ts'
import { newestValid } from './newest.ts'
import type { Taking } from './origin.ts'
import { CalibrationRefused } from './refused.ts'
import { type CalibrationRegistry, rowsOf, saveRow } from './register.ts'
import { type CalibrationRow, type GoldenCheckRow, STAGES } from './rows.ts'
import { evenTile } from './tile.ts'
import { takeDark, takeOffset, takeWhite } from './workflows.ts'

/** `cmd/calibration/start`. */
export const calibrationStartPayload = z.strictObject({
  kind: z
    .enum(['empty-tray', 'offset', 'crosstalk', 'dark', 'white', 'golden'])
    .default('empty-tray')
    .describe('What lies under the heads: nothing, a flat target, darkness, a white tile, the golden part.'),
  by: z.string().min(1).max(128).default('unnamed').describe('Who vouches for it.'),
  head: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe('Which head; default the first of its kind; `esp32:<device_id>`: one of the old system.'),
  stage: z.enum(STAGES).optional().describe('dark, white: what is measured under it; default the recipe’s.'),
  distance_mm: z.number().positive().max(10_000).optional().describe('offset: to the target, mm.'),
  reflectance: z.number().positive().max(1.2).optional().describe('white: of the tile, all channels alike.'),
  reflectance_std: z.number().min(0).max(1).default(0.01).describe('white: its relative uncertainty.'),
  looks: z.int().min(2).max(100).default(10).describe('golden: looks at the part.'),
  valid_days: z.number().positive().max(3660).optional().describe('How long it holds; absent: for ever.'),
})
export type CalibrationStart = z.infer<typeof calibrationStartPayload>

/** What a running station lends to a calibration. */
export interface RunningStation {
  /** Heads that no part waits for until `work` ends. @param lies what simulated heads shall see */
  readonly exclusively: <T>(lies: 'empty' | 'as-is', work: (bench: Bench) => Promise<T>) => Promise<T>
  /** Measures the empty tray and takes it into force. @param validDays absent: it holds for ever */
  readonly measureTray: (by: string, validDays: number | undefined) => Promise<EmptyTray>
  /** Takes the next samples of an old head for its empty tray, and keeps it. */
  readonly measureOldTray?: (device: string, by: string, validDays: number | undefined) => Promise<EmptyTray>
  readonly registry: CalibrationRegistry
  /** The recipe in force: its stage, its golden part. */
  readonly recipe: { readonly id: string; readonly stage: GoldenBench['recipe']['stage'] }
  /** One look, judged by the recipe in force; nothing of it is stored. */
  readonly look: GoldenBench['look']
  readonly watch?: GoldenWatch
}

/** What the command answers. */
export interface CalibrationStarted {
  readonly id: string
  readonly kind: string
  readonly at: string
  readonly valid_until?: string
  /** Of a golden check. */
  readonly decision?: GoldenCheckRow['decision']
  readonly findings?: GoldenCheckRow['findings']
  /** Of an empty tray. */
  readonly frames?: number
}

/**
 * Takes a calibration while the station runs, and keeps it.
 * @throws CalibrationRefused, CalibrationBusy, SensorError, StoreError: nothing is kept then
 */
export async function startCalibration(
  order: CalibrationStart,
  station: RunningStation,
): Promise<CalibrationStarted> {
  if (order.kind === 'empty-tray') {
    const { id, kind, at, frames, validUntil } = await emptyTray(order, station)
    return { id, kind, at, frames, ...(validUntil === undefined ? {} : { valid_until: validUntil }) }
  }
  const row = await taken(order, station)
  await saveRow(station.registry, row)
  if (row.kind === 'golden-check') station.watch?.checked(row)
  const { id, kind, at, valid_until: until } = row
  return {
    id,
    kind,
    at,
    ...(until === undefined ? {} : { valid_until: until }),
    ...(row.kind === 'golden-check' ? { decision: row.decision, findings: row.findings } : {}),
  }
}

function emptyTray(
  { by, head, valid_days: validDays }: CalibrationStart,
  station: RunningStation,
): Promise<EmptyTray> {
  const device = oldDeviceOf(head ?? '')
  if (device !== undefined && station.measureOldTray !== undefined) {
    return station.measureOldTray(device, by, validDays)
  }
  return station.measureTray(by, validDays)
}

async function taken(order: CalibrationStart, station: RunningStation): Promise<CalibrationRow> {
  const { by, head, valid_days: validDays, distance_mm: distanceMm, reflectance } = order
  const taking: Taking = {
    by,
    ...(validDays === undefined ? {} : { validDays }),
    ...(head === undefined ? {} : { head }),
  }
  const stage = order.stage ?? station.recipe.stage
  switch (order.kind) {
    case 'offset': {
      if (distanceMm === undefined) throw new CalibrationRefused('distance_mm: missing: expected millimetres')
      return await station.exclusively('empty', (bench) => takeOffset(bench, { ...taking, distanceMm }))
    }
    case 'dark':
      return await station.exclusively('empty', async (bench) => {
        const lit = await litBy(station.registry)
        return takeDark(bench, { ...taking, stage, ...(lit === undefined ? {} : { lit }) })
      })
    case 'white': {
      if (reflectance === undefined) throw new CalibrationRefused('reflectance: missing: expected 0 to 1')
      const tile = evenTile(reflectance, order.reflectance_std)
      return await station.exclusively('empty', (bench) => takeWhite(bench, { ...taking, stage, tile }))
    }
    case 'golden':
      return await station.exclusively('as-is', (bench) => goldenCheck(order, taking, bench, station))
    default:
      throw new CalibrationRefused(
        'crosstalk is measured by a chip that does not range: stop the station, then `poincon calibrate crosstalk`',
      )
  }
}

async function goldenCheck(
  { looks }: CalibrationStart,
  taking: Taking,
  bench: Bench,
  { registry, recipe, look }: RunningStation,
): Promise<GoldenCheckRow> {
  const options = goldenOf(recipe)
  if (options === undefined) throw new CalibrationRefused(`recipe ${recipe.id} names no golden part`)
  const { part, tolerances } = options
  const wanted = { kind: 'golden', part } as const
  const found = newestValid(await rowsOf(registry, 'golden'), wanted, bench.clock.wall())
  if (found.state !== 'valid') {
    throw new CalibrationRefused(
      `golden part ${part}: ${found.state}: expected one of \`poincon calibrate golden define\``,
    )
  }
  const golden: GoldenBench = { bench, look, recipe, placed: () => Promise.resolve(true) }
  const order = { ...taking, part, looks, placements: 1 }
  return await checkGoldenPart(golden, order, { reference: found.row, tolerances })
}

/**
 * The golden part that a recipe names.
 * @throws ZodError for one that is none
 */
export function goldenOf(recipe: object): z.infer<typeof goldenOptions> | undefined {
  const golden: unknown = 'golden' in recipe ? recipe.golden : undefined
  return golden === undefined ? undefined : goldenOptions.parse(snakeKeys(golden))
}

/** What the lamp gives on the tray of this station, whichever heads saw it last: what darkness is compared with. */
export async function litBy(
  registry: Pick<CalibrationRegistry, 'all'>,
): Promise<Readonly<Record<string, number>> | undefined> {
  const rows = await rowsOf(registry, 'empty-tray')
  const newest = rows.find(({ subject }) => oldDeviceOf(subject ?? '') === undefined)
  return newest?.kind === 'empty-tray' ? newest.basic_counts : undefined
}
