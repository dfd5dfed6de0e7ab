import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { v7 as uuid } from 'uuid'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import { saveRow } from '../../gateway/calibration/register.ts'
import type { CalibrationRow, OffsetRow, WhiteRow } from '../../gateway/calibration/rows.ts'
import type { EmptyTray } from '../../gateway/calibration.ts'
import { calibrationUnits } from '../../gateway/calibration-units.ts'
import { ConfigError } from '../../gateway/config.ts'
import { silentLog } from '../../gateway/log.ts'
import { type RecipeInput, recipeJson } from '../../gateway/recipe.ts'
import { BUILT_IN_RECIPES } from '../../gateway/recipes/built-in.ts'
import { scanProblem } from '../../gateway/scan-problem.ts'
import { Setup } from '../../gateway/setup.ts'
import { openStore } from '../../gateway/store/open.ts'
import type { Store } from '../../gateway/store/store.ts'

const CHIP = 'aaaabbbbccccdddd0123456789'
const CHIPS = `tof=vl53l8ch@${CHIP.slice(0, 16)} spectral=as7341`
const DAY_MS = 86_400_000

async function shelf(t: Test): Promise<{ readonly store: Store; readonly clock: VirtualClock }> {
  const clock = new VirtualClock()
  const dir = await mkdtemp(join(tmpdir(), 'poincon-setup-'))
  const store = await openStore({ dir, deviceId: 'press-4', clock, log: silentLog })
  t.teardown(async () => {
    await store.close()
    await rm(dir, { recursive: true })
  })
  return { store, clock }
}

function load(
  { store, clock }: Awaited<ReturnType<typeof shelf>>,
  recipeId: string,
  gate: { readonly decideWithinMs?: number } = {},
): Promise<Setup> {
  const heads = { tof: { kind: 'vl53l8ch', bus: 'tof', address: 0x29, zones: 64, rate_hz: 15 } } as const
  return Setup.load(store, {
    recipeId,
    wallMs: clock.wall(),
    wall: () => clock.wall(),
    refusal: (recipe, tray) =>
      scanProblem(recipe, { heads: { tof: { ...heads.tof, targets_per_zone: 1 } }, tray, ...gate }),
  })
}

/** A recipe like a built-in one. */
async function save(
  store: Store,
  like: string,
  change: Partial<RecipeInput> & { id: string },
): Promise<void> {
  const base = BUILT_IN_RECIPES.find(({ id }) => id === like)
  if (base === undefined) throw new Error(`no recipe ${like}`)
  await store.recipes.save(change.id, { ...recipeJson(base), ...change, revision: 1 }, 'test')
}

function fast(mmPerS: number): Partial<RecipeInput> {
  const json = recipeJson(BUILT_IN_RECIPES.find(({ id }) => id === 'foiegras_haute_resolution') ?? fail())
  const { shape } = json
  return shape?.scan === undefined
    ? fail()
    : { shape: { ...shape, scan: { ...shape.scan, mm_per_s: mmPerS } } }
}

function fail(): never {
  throw new Error('no such recipe')
}

function trayAt(clock: VirtualClock, rangeMm: number, validDays?: number): EmptyTray {
  return {
    kind: 'empty-tray',
    id: uuid(),
    at: new Date(clock.wall()).toISOString(),
    by: 'anna',
    heads: ['tof'],
    rangeMm: Array.from({ length: 64 }, () => rangeMm),
    sigmaMm: Array.from({ length: 64 }, () => 1),
    frames: 12,
    ...(validDays === undefined
      ? {}
      : { validUntil: new Date(clock.wall() + validDays * DAY_MS).toISOString() }),
  }
}

function origin(clock: VirtualClock, head: string, validDays?: number) {
  const until =
    validDays === undefined ? undefined : new Date(clock.wall() + validDays * DAY_MS).toISOString()
  return {
    id: uuid(),
    at: new Date(clock.wall()).toISOString(),
    by: 'anna',
    heads: [head],
    ...(until === undefined ? {} : { valid_until: until }),
  }
}

function offsetRow(clock: VirtualClock, subject: string, offset: number, validDays?: number): OffsetRow {
  return {
    kind: 'offset',
    ...origin(clock, 'tof', validDays),
    subject,
    distance_mm: 320,
    offset_mm: Array.from({ length: 64 }, () => offset),
    noise_mm: 0.2,
    tilt_deg: { x: 0, y: 0 },
    frames: 16,
  }
}

function whiteRow(clock: VirtualClock, validDays?: number): WhiteRow {
  const value = { value: 83, std: 0.1 }
  return {
    kind: 'white',
    ...origin(clock, 'spectral', validDays),
    subject: 'spectral',
    stage: 'raw',
    light: { channels: { Clear: value }, gains: [4] },
    spectra: 8,
    tile: { Clear: 0.98 },
    tile_std: 0.01,
  }
}

async function keep(store: Store, setup: Setup, row: CalibrationRow): Promise<void> {
  await saveRow(store.calibrations, row)
  await setup.useReferences()
}

test('the offsets of the chip that measures are in force, and the inspection names them', async (t) => {
  const { store, clock } = await shelf(t)
  const setup = await load({ store, clock }, 'foiegras_standard_barquette')
  await setup.useChips(CHIPS)
  const tray = trayAt(clock, 330)
  await setup.calibrated(tray)
  t.equal(setup.inForce.plan.tray?.distanceMm, 330)
  t.strictSame(setup.inForce.references, [])

  await keep(store, setup, offsetRow(clock, 'ffff000011112222', 99))
  t.strictSame(setup.inForce.references, [], 'another chip has other offsets')
  const row = offsetRow(clock, CHIP, 10, 30)
  await keep(store, setup, row)
  t.equal(setup.inForce.plan.tray?.distanceMm, 320, 'where the tray really is')
  t.strictSame(setup.inForce.references, [row.id])
  t.equal(setup.inForceOver(trayAt(clock, 300)).plan.tray?.distanceMm, 300, 'recorded by another chip')

  clock.spend(30 * DAY_MS)
  t.equal(setup.inForce.plan.tray?.distanceMm, 330, 'it ran out while the station ran')
  t.strictSame(setup.inForce.references, [])
  t.match(setup.standings.offset, {
    state: 'expired',
    detail: /^offset, head tof: 30\.0 days old, 30\.0 allowed: it ran out at /,
  })
  const shown = calibrationUnits(setup).map(({ name, status }) => [name, status().state])
  t.strictSame(Object.fromEntries(shown), {
    'calibration offset': 'degraded',
    'calibration crosstalk': 'ok',
    'calibration dark': 'ok',
    'calibration white': 'ok',
  })
  t.equal(setup.obstacle, undefined, 'the recipe does not hold for it')
})

test('what a recipe needs must be there, and hold: else it holds the parts', async (t) => {
  const { store, clock } = await shelf(t)
  await save(store, 'foiegras_standard_barquette', {
    id: 'strict',
    calibrations: { needs: ['white'], hold: true },
  })
  const setup = await load({ store, clock }, 'strict')
  t.equal(setup.obstacle, 'not-calibrated')
  const [, , , white] = calibrationUnits(setup)
  t.strictSame(white?.status(), {
    state: 'failed',
    detail: 'white raw: never taken, and the recipe needs it',
  })
  await keep(store, setup, whiteRow(clock, 1))
  t.equal(setup.obstacle, undefined)
  t.match(white?.status(), { state: 'ok', facts: { by: 'anna' } })
  clock.spend(DAY_MS - 1)
  t.equal(setup.obstacle, undefined)
  clock.spend(1)
  t.equal(setup.obstacle, 'not-calibrated')
  t.match(white?.status(), {
    state: 'failed',
    detail: /^white raw, head spectral: 1\.0 days old, 1\.0 allowed/,
  })
})

test('an empty tray that runs out is in force no more, and is found again by nobody', async (t) => {
  const { store, clock } = await shelf(t)
  const setup = await load({ store, clock }, 'foiegras_standard_barquette')
  await setup.useChips(CHIPS)
  const tray = trayAt(clock, 330, 7)
  await setup.calibrated(tray)
  clock.spend(7 * DAY_MS)
  t.equal(setup.inForce.tray, undefined)
  t.equal(setup.inForce.plan.tray, undefined)
  t.equal(setup.trayThatRanOut?.id, tray.id)
  await setup.useReferences()
  await setup.useChips(CHIPS)
  t.equal(setup.tray, undefined)
  t.equal(setup.trayThatRanOut?.id, tray.id)
})

test('a recipe that scans faster than the head looks is refused at the start and when it is selected', async (t) => {
  const { store, clock } = await shelf(t)
  const setup = await load({ store, clock }, 'foiegras_standard_barquette')
  await save(store, 'foiegras_haute_resolution', { id: 'fast', ...fast(500) })
  await save(store, 'foiegras_haute_resolution', { id: 'faster', ...fast(3000) })
  await t.rejects(setup.selectRecipe('faster'), {
    message:
      'recipe faster: shape.scan.travel_mm: 600: at 3000 mm/s and 15 Hz it is 4 looks; expected at least 6: 1000 mm (heads.tof.rate_hz)',
  })
  // As long as nobody knows how far the tray is, a step may be a zone wide; then it is known.
  await setup.useChips(CHIPS)
  await setup.calibrated(trayAt(clock, 320))
  const refused =
    /^recipe fast: shape\.scan\.mm_per_s: 500: at 15 Hz it is a look every 33\.3 mm; expected .* 372 mm\/s/
  await t.rejects(setup.selectRecipe('fast'), { message: refused })
  t.equal(setup.recipe.recipe.id, 'foiegras_standard_barquette', 'what was in force stays')
  await t.rejects(load({ store, clock }, 'fast'), ConfigError)
  const early = load({ store, clock }, 'foiegras_haute_resolution', { decideWithinMs: 600 })
  await t.rejects(early, {
    message:
      'recipe foiegras_haute_resolution: shape.scan.travel_mm: 600: at 100 mm/s it takes 6067 ms to look, and the gate must be told within 600 ms; expected a gate further down the belt (gate.delay_ms)',
  })
  await setup.selectRecipe('foiegras_haute_resolution')
  t.equal(setup.refused, undefined)
  // A head that was hung lower since: what was well is well no more.
  await setup.calibrated(trayAt(clock, 100))
  t.match(setup.refused, /^recipe foiegras_haute_resolution: shape\.scan\.mm_per_s: 100/)
})
