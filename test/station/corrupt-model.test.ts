import { createHash } from 'node:crypto'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Test, test } from 'tap'
import { stringify } from 'yaml'
import { recipeJson } from '../../gateway/recipe.ts'
import { BUILT_IN_RECIPES } from '../../gateway/recipes/built-in.ts'
import { poincon, QUIET, StationProcess, Watcher } from '../fakes/station-process.ts'

const SHIPPED = fileURLToPath(new URL('../../../models/engraving-embedder/', import.meta.url))

type Manifest = { sha256: string; input: { shape: (string | number)[] } }
/** What is done to a model on disk; what it gives is written. */
type Damage = (model: Buffer, manifest: Manifest) => void

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

const DAMAGES: Readonly<Record<string, { readonly done: Damage; readonly said: RegExp }>> = {
  'a bit is another': {
    done: (model) => model.writeUInt8(model.readUInt8(1000) ^ 1, 1000),
    said: /engraving-embedder\.onnx: sha256 [0-9a-f]{64}, expected [0-9a-f]{64} of .*manifest\.json/,
  },
  'the manifest names another hash': {
    done: (_model, manifest) => {
      manifest.sha256 = '0'.repeat(64)
    },
    said: /sha256 [0-9a-f]{64}, expected 0{64}/,
  },
  'it is of an operator set that nobody knows': {
    done: (model, manifest) => {
      // The last byte of the file: `opset_import.version` of the ONNX message.
      model.writeUInt8(99, model.length - 1)
      manifest.sha256 = sha256(model)
    },
    said: /Opset 99 is under development/,
  },
  'it has other inputs than its manifest says': {
    done: (_model, manifest) => {
      manifest.input.shape = ['batch', 1, 32, 32]
    },
    said: /has image: float32 \[batch 1 64 64\].*expected image: float32 \[batch 1 32 32\]/,
  },
}

/** Without a hold lane a held part would stop the line. */
function recipeWithoutHold() {
  const built = BUILT_IN_RECIPES.find(({ id }) => id === 'lens_engraving')
  if (built === undefined) throw new Error('not built in')
  return { ...recipeJson(built), id: 'lenses', deadline_ms: 20_000, actions: { ungraded: 'reject' } }
}

/** A station that was given this model by an update. */
async function stationWith(t: Test, damage: Damage): Promise<StationProcess> {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-corrupt-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const place = join(dir, 'update/content/model/engraving-embedder')
  await cp(SHIPPED, join(place, '1'), { recursive: true })
  await writeFile(join(place, '1/content.json'), '{}')
  await symlink('1', join(place, 'current'))
  const [file, described] = [join(place, '1/engraving-embedder.onnx'), join(place, '1/manifest.json')]
  const model = await readFile(file)
  const manifest = JSON.parse(await readFile(described, 'utf8'))
  damage(model, manifest)
  await writeFile(file, model)
  await writeFile(described, JSON.stringify(manifest))
  const env = {
    ...QUIET,
    POINCON_DATA_DIR: join(dir, 'data'),
    POINCON_UPDATE_DIR: join(dir, 'update'),
    POINCON_CAMERA: JSON.stringify({ kind: 'simulated', seed: 5, fps: 5 }),
    POINCON_TRIGGER_PERIOD_MS: '1500',
    POINCON_SIMULATION_EMPTY_RATE: '0',
  }
  const recipe = join(dir, 'lenses.yaml')
  await writeFile(recipe, stringify(recipeWithoutHold()))
  const imported = await poincon(['recipe', 'import', recipe, '--by', 'Ana'], { env })
  t.equal(imported.code, 0, imported.stderr)
  const station = await StationProcess.start([], { env: { ...env, POINCON_RECIPE: 'lenses' } })
  t.teardown(() => station.kill())
  return station
}

for (const [what, { done, said }] of Object.entries(DAMAGES)) {
  test(`a model that cannot be used stops no station: ${what}`, async (t) => {
    const station = await stationWith(t, done)
    const watcher = await Watcher.open(station.url)
    t.teardown(() => watcher.close())
    const verdicts = (await watcher.seen(2)).map(({ verdict }) => verdict)
    t.ok(
      verdicts.every(({ kind }) => kind === 'ungraded'),
      'parts go on, and none is guessed at',
    )
    t.ok(verdicts.some(({ reasons }) => reasons.includes('sensor-absent:camera')))
    const health = JSON.parse((await station.get('/healthz')).text)
    t.match(health, { status: 'degraded', reconciled: true })
    const vision = { name: 'vision', state: 'failed', detail: said }
    t.match(
      health.units.find(({ name }: { name: string }) => name === 'vision'),
      vision,
    )
    const shown = JSON.parse((await station.get('/api/v1/station')).text)
    t.match(
      shown.equipment.find(({ name }: { name: string }) => name === 'vision'),
      vision,
      'the page tells',
    )
    watcher.close()
    t.equal(await station.stop(), 0)
  })
}
