import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { stringify } from 'yaml'
import { recipeJson } from '../../gateway/recipe.ts'
import { writeRecipes } from '../../gateway/recipe-shelf.ts'
import { BUILT_IN_RECIPES } from '../../gateway/recipes/built-in.ts'
import { StationProcess, Watcher } from '../fakes/station-process.ts'

/** A busy machine decides later: that is another test's subject. */
const PATIENT_MS = 30_000

test('a part that rides past the heads is scanned by light barrier and encoder', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-scanned-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const base = BUILT_IN_RECIPES.find(({ id }) => id === 'foiegras_haute_resolution')
  if (base === undefined) throw new Error('no such recipe')
  const recipe = { ...recipeJson(base), id: 'patient', deadline_ms: PATIENT_MS }
  await writeRecipes(join(dir, 'data'), (recipes) => recipes.save(recipe.id, recipe, 'test'))
  const config = {
    data_dir: join(dir, 'data'),
    recipe: recipe.id,
    simulation: { profile: base.id, empty_rate: 0 },
    trigger: { kind: 'light-barrier', line: { chip: 'simulated', line: 10 } },
    encoder: { kind: 'line', line: { chip: 'simulated', line: 11 }, mm_per_pulse: 0.5 },
    gate: { delay_ms: PATIENT_MS },
  }
  await writeFile(join(dir, 'poincon.yaml'), stringify(config))
  const station = await StationProcess.start([], { cwd: dir })
  t.teardown(() => station.kill())
  const watcher = await Watcher.open(station.url)
  t.teardown(() => watcher.close())
  const [first] = await watcher.seen(1)
  const { scan, volume_mm3: volume = 0 } = first?.vl53l8ch ?? {}
  t.ok((scan?.looks ?? 0) > 20, `${scan?.looks} looks`)
  t.ok(
    Math.abs((scan?.travel_scale ?? 0) - 1) < 0.03,
    `the encoder says what the belt does: ${scan?.travel_scale}`,
  )
  t.ok(volume > 300_000 && volume < 1_000_000, `${volume} mm³`)
  t.equal(await station.stop(), 0, station.output)
})
