import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { stringify } from 'yaml'
import { lensOf } from '../../drivers/simulated/lens-camera.ts'
import { recipeJson } from '../../gateway/recipe.ts'
import { BUILT_IN_RECIPES } from '../../gateway/recipes/built-in.ts'
import { poincon, QUIET, StationProcess, Watcher } from '../fakes/station-process.ts'

const CAMERA = { kind: 'simulated', seed: 5, expected: 'heart', wrong_share: 0.5, distinct: 4, fps: 15 }
/** The same lenses, as the camera draws them. */
const LENSES = { seed: 5, expected: 'heart', wrongShare: 0.5, distinct: 4 }
const PARTS = 8

function truth(number: number): string | undefined {
  return lensOf(LENSES, number).truth.lenses[0]?.engravings.find(({ kind }) => kind === 'symbol')?.label
}

test('a lens line: what is engraved decides, with the picture as evidence', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-lens-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const built = BUILT_IN_RECIPES.find(({ id }) => id === 'lens_engraving')
  if (built === undefined) throw new Error('not built in')
  const recipe = {
    ...recipeJson(built),
    ...{ id: 'hearts', deadline_ms: 20_000, camera: { symbols: ['heart'] } },
    // Without a hold lane a held part would stop the line.
    actions: { ungraded: 'reject' },
  }
  const file = join(dir, 'hearts.yaml')
  await writeFile(file, stringify(recipe))
  const env = {
    ...QUIET,
    POINCON_DATA_DIR: dir,
    POINCON_CAMERA: JSON.stringify(CAMERA),
    POINCON_TRIGGER_PERIOD_MS: '1200',
    POINCON_SIMULATION_EMPTY_RATE: '0',
  }
  const imported = await poincon(['recipe', 'import', file, '--by', 'Ana'], { env })
  t.equal(imported.code, 0, imported.stderr)
  const station = await StationProcess.start([], { env: { ...env, POINCON_RECIPE: 'hearts' } })
  t.teardown(() => station.kill())
  const watcher = await Watcher.open(station.url)
  t.teardown(() => watcher.close())
  const watched = await watcher.seen(PARTS)

  let graded = 0
  const actions: string[] = []
  for (const { sequence, verdict, camera } of watched) {
    const engraved = truth(sequence)
    // Never the wrong way round, whatever could not be read.
    if (verdict.action === 'accept') t.equal(engraved, 'heart', `part ${sequence} was accepted`)
    if (verdict.kind === 'graded') {
      graded += 1
      actions.push(verdict.action)
      t.equal(verdict.grade === 'REJECT', engraved !== 'heart', `part ${sequence}: ${verdict.grade}`)
      t.match(camera, { expected: { symbols: ['heart'] }, lens_candidates: [{ supplier: 'Demo' }] })
    }
  }
  t.ok(graded >= PARTS / 2, `${graded} of ${PARTS} graded`)
  t.same(new Set(actions), new Set(['accept', 'reject']), 'right ones and wrong ones came')

  // The first part may have come before the first picture.
  const one = watched.find(({ camera }) => camera !== undefined)
  const hash = one?.camera?.evidence.replace('sha256:', '') ?? ''
  t.match(one?.provenance.models, { 'engraving-embedder': /^[0-9a-f]{64}$/ })
  const picture = await fetch(`${station.url}/api/v1/evidence/${hash}`)
  t.equal(picture.headers.get('content-type'), 'image/jpeg')
  t.equal(
    createHash('sha256')
      .update(Buffer.from(await picture.arrayBuffer()))
      .digest('hex'),
    hash,
  )
  t.equal((await station.get('/healthz')).status, 200, 'its counters reconcile')
  watcher.close()
  t.equal(await station.stop(), 0)

  const verified = await poincon(['verify'], { env: { POINCON_DATA_DIR: dir } })
  t.equal(verified.code, 0, `every verdict follows from its record: ${verified.stdout}${verified.stderr}`)
})
