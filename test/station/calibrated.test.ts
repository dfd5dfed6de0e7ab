import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { stringify } from 'yaml'
import { alertMessage } from '../../gateway/alerts/message.ts'
import { inspectionMessage } from '../../gateway/message.ts'
import { parseRecipe, type RecipeJson, recipeJson } from '../../gateway/recipe.ts'
import { writeRecipes } from '../../gateway/recipe-shelf.ts'
import { BUILT_IN_RECIPES } from '../../gateway/recipes/built-in.ts'
import { command } from '../fakes/station-command.ts'
import { poincon, StationProcess } from '../fakes/station-process.ts'
import { Subscriber } from '../fakes/subscriber.ts'

const BASE = 'poincon/site/line/station'

interface Folder {
  readonly dir: string
  readonly env: Readonly<Record<string, string>>
}

async function folder(t: Test, config: object): Promise<Folder> {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-calibrated-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  await writeFile(join(dir, 'poincon.yaml'), stringify({ data_dir: join(dir, 'data'), ...config }))
  return { dir, env: { POINCON_SIMULATION_EMPTY_RATE: '0', POINCON_TRIGGER_PERIOD_MS: '500' } }
}

/** Saves a recipe that is a built-in one but for some keys. */
async function save({ dir }: Folder, like: string, id: string, change: Partial<RecipeJson>): Promise<void> {
  const base = BUILT_IN_RECIPES.find((one) => one.id === like)
  if (base === undefined) throw new Error(`no recipe ${like}`)
  const recipe = { ...recipeJson(base), ...change, id }
  await writeRecipes(join(dir, 'data'), (recipes) => recipes.save(id, recipe, 'test'))
}

test('a recipe that needs a white tile holds the parts, says so, and grades once it is there; offsets count too', async (t) => {
  const one = await folder(t, {
    recipe: 'strict',
    // What its own lamp gave must be known again when the verdict is derived anew.
    heads: {
      tof: { kind: 'vl53l8ch', bus: 'tof' },
      spectral: { kind: 'as7341', bus: 'spectral', lamp_ma: 20 },
    },
    alerts: {
      rules: [{ name: 'not_well', kind: 'state', severity: 'warning', for: { seconds: 3 } }],
    },
  })
  await save(one, 'foiegras_standard_barquette', 'strict', {
    calibrations: { needs: ['white'], hold: true },
  })
  const doctor = await poincon(['doctor'], { cwd: one.dir })
  t.match(doctor.stdout, /FAILED {3}calibration white: white raw: never taken, and the recipe needs it\n/)

  const station = await StationProcess.start([], { cwd: one.dir, env: one.env })
  t.teardown(() => station.kill())
  const subscriber = await Subscriber.open(station.broker, `${BASE}/#`, 4)
  t.teardown(() => subscriber.close())
  const held = await subscriber.packet(`${BASE}/inspection`, () => true)
  t.match(JSON.parse(held.payload.toString()), {
    verdict: { kind: 'ungraded', reasons: ['not-calibrated'] },
  })
  const raised = await subscriber.packet(`${BASE}/alert`, (text) => text.includes('calibration white'))
  t.match(alertMessage.parse(JSON.parse(raised.payload.toString())), {
    subject: 'calibration white',
    kind: 'state',
    value: 'failed',
    detail: 'white raw: never taken, and the recipe needs it',
  })

  const white = { kind: 'white', by: 'Anne', reflectance: 0.75, valid_days: 30 }
  t.match(await command(subscriber, BASE, 'calibration/start', white), {
    ok: true,
    result: { kind: 'white', valid_until: /Z$/ },
  })
  const offset = await command(subscriber, BASE, 'calibration/start', {
    kind: 'offset',
    by: 'Anne',
    distance_mm: 320,
  })
  t.match(offset, { ok: true, result: { kind: 'offset' } })
  const offsetId = String(Reflect.get(Object(offset.result), 'id'))
  const graded = await subscriber.packet(`${BASE}/inspection`, (text) => text.includes(offsetId))
  const message = inspectionMessage.parse(JSON.parse(graded.payload.toString()))
  t.equal(message.verdict.kind, 'graded')
  t.equal(message.provenance.calibration.length, 3, 'empty tray, white tile, offsets')
  t.equal(await station.stop(), 0, station.output)

  const verified = await poincon(['verify', '--json'], { cwd: one.dir })
  t.equal(verified.code, 0, verified.stdout)
  t.match(JSON.parse(verified.stdout.trimEnd().split('\n').at(-1) ?? ''), {
    differing: 0,
    not_verifiable: {},
  })
})

test('a recipe that scans faster than the head looks: check, start and select refuse it', async (t) => {
  const one = await folder(t, { recipe: 'fast' })
  const { shape } = recipeJson(
    BUILT_IN_RECIPES.find(({ id }) => id === 'foiegras_haute_resolution') ?? parseRecipe({}),
  )
  if (shape?.scan === undefined) throw new Error('it does not scan')
  await save(one, 'foiegras_haute_resolution', 'fast', {
    shape: { ...shape, scan: { ...shape.scan, mm_per_s: 3000 } },
  })
  const refusal = /recipe fast: shape\.scan\.travel_mm: 600: at 3000 mm\/s and 15 Hz it is 4 looks; expected/
  const checked = await poincon(['check'], { cwd: one.dir })
  t.match(checked, { code: 78, stderr: refusal })
  const station = StationProcess.launch([], { cwd: one.dir, env: one.env })
  t.equal(await station.ended(), 78)
  t.match(station.output, refusal)

  const running = await StationProcess.start([], {
    cwd: one.dir,
    env: { ...one.env, POINCON_RECIPE: 'foiegras_standard_barquette' },
  })
  t.teardown(() => running.kill())
  const subscriber = await Subscriber.open(running.broker, `${BASE}/#`, 4)
  t.teardown(() => subscriber.close())
  t.match(await command(subscriber, BASE, 'recipe/select', { id: 'fast' }), {
    ok: false,
    // By now it has measured how far the tray is.
    error: { detail: /recipe fast: shape\.scan\.mm_per_s: 3000: .* a look every 200\.0 mm; expected/ },
  })
  t.equal(await running.stop(), 0, running.output)
})
