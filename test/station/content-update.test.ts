import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import tap, { type Test, test } from 'tap'
import { z } from 'zod'
import { recipeText } from '../../gateway/recipe-text.ts'
import { BUILT_IN_RECIPES } from '../../gateway/recipes/built-in.ts'
import { Publisher } from '../fakes/publisher.ts'
import { storedIn } from '../fakes/stored.ts'
import { RealStation } from '../provisioning/real-station.ts'

// Against hanging, on a machine that does other things as well.
tap.setTimeout(230_000)

const RECIPE = 'foiegras_standard_barquette'

/** Publishes a file for everybody. */
async function published(publisher: Publisher, kind: string, base: string, text: string): Promise<void> {
  const file = join(publisher.folder, base)
  await writeFile(file, text)
  await publisher.must('add', file, '--channel', 'stable', '--kind', kind)
  await publisher.release('root')
  const key = `${kind}/${base.replace(/-(\d+\.\d+\.\d+)\.\w+$/, '/$1')}`
  const online = ['--channel', 'stable', '--online-key', publisher.path('online.key')]
  await publisher.must('rollout', key, '--percent', '100', ...online)
}

/** The recipe that the station has, changed. */
function recipeWith(change: (text: string) => string): string {
  const recipe = BUILT_IN_RECIPES.find(({ id }) => id === RECIPE)
  if (recipe === undefined) throw new Error(`${RECIPE} is not built in`)
  return change(recipeText(recipe))
}

/** What comes while an update has the line is rejected and counted; nothing that was answered is lost. */
async function expectGapless(t: Test, station: RealStation): Promise<void> {
  const stored = await storedIn(station.dataDir)
  t.same(
    stored.map(({ sequence }) => sequence),
    stored.map((_, index) => index + 1),
    'sequence numbers go on, gap-free',
  )
  const ids = new Set(stored.map(({ id }) => id))
  t.ok(
    station.parts.every(({ part }) => ids.has(part.id)),
    'all that was answered is stored',
  )
}

test('a station takes configurations and recipes that are published, and goes back from bad ones', async (t) => {
  const publisher = await Publisher.published()
  t.teardown(() => publisher.close())
  const station = await RealStation.install('0.1.0', join(publisher.dir, 'public/metadata/1.root.json'))
  t.teardown(() => station.close())
  const url = `${publisher.url}/repo/public`
  await station.configure({ enabled: true, url, ready_s: 40 })
  await station.boot()
  station.feed()
  await station.inspects()
  await station.stop()
  await station.idle()

  await t.test('a configuration: what it changes is shown, somebody agrees, it is in force', async (t) => {
    const fleet = 'limits:\n  waiting_triggers: 20\nflows:\n  enabled: true\n'
    await published(publisher, 'configuration', 'fleet-1.0.0.yaml', fleet)
    const pass = station.update('run', '--now')
    t.match((await station.waiting()).join(), /consent of the operator for configuration fleet 1\.0\.0/)
    const { status } = await station.report()
    t.match(status, {
      ...{ kind: 'configuration', to: '1.0.0' },
      changes: [
        { key: 'limits.waiting_triggers', before: '16', after: '20' },
        { key: 'flows.enabled', after: 'false', kept: true },
      ],
    })
    t.match(await station.updated('consent', '1.0.0'), { code: 0, said: /agrees to configuration 1\.0\.0/ })
    t.match(await pass.said, /configuration fleet none → 1\.0\.0: committed/)
    t.match(await station.report(), { content: { 'configuration/fleet': '1.0.0' }, lock: null, trial: false })
    t.match(await station.updated('status'), { said: /configuration\/fleet 1\.0\.0/ })
    t.match(await station.said('check'), /over fleet 1\.0\.0.*waiting_triggers: 20/s)
    station.feed()
    await station.inspects()
    await station.stop()
    await station.idle()
  })

  await t.test('a recipe: the next revision, in force at once, without a restart', async (t) => {
    const before = await recipeNow(station)
    await published(publisher, 'recipe', `${RECIPE}-2.0.0.yaml`, recipeWith(renamed))
    const { code, said } = await station.updated('run', '--now')
    t.equal(code, 0, said)
    await station.state('committed')
    t.match((await station.report()).status, {
      ...{ kind: 'recipe', to: '2.0.0', state: 'committed' },
      changes: [{ key: 'title', after: 'renamed' }],
    })
    t.same(await recipeNow(station), { id: RECIPE, revision: before.revision + 1 })
  })

  await t.test('a recipe that is none is refused, and the station keeps its own', async (t) => {
    const before = await recipeNow(station)
    await published(publisher, 'recipe', `${RECIPE}-2.0.1.yaml`, 'id: nothing\n')
    const { code, said } = await station.updated('run', '--now')
    t.equal(code, 1, said)
    t.match(said, new RegExp(`${RECIPE}: grading: missing`), 'it says what is wrong')
    t.same(await recipeNow(station), before)
  })

  await t.test('a configuration that cannot be is refused before anything is touched', async (t) => {
    await published(
      publisher,
      'configuration',
      'fleet-1.0.1.yaml',
      'heads:\n  far:\n    kind: as7341\n    bus: no\n',
    )
    t.match(await station.updated('run', '--now'), { code: 1, said: /fleet-?.*1\.0\.1.*heads\.far\.bus/ })
    await published(publisher, 'configuration', 'fleet-1.0.2.yaml', 'update:\n  enabled: false\n')
    t.match(await station.updated('run', '--now'), {
      code: 1,
      said: /update: only the device itself says that/,
    })
    t.match(await station.report(), { content: { 'configuration/fleet': '1.0.0' } })
  })

  await t.test(
    'a configuration that the station does not become ready with goes back by itself',
    async (t) => {
      await station.configure({ enabled: true, url, ready_s: 10 })
      await published(publisher, 'configuration', 'fleet-1.1.0.yaml', 'mqtt:\n  users_file: /nowhere/users\n')
      const pass = station.update('run', '--now')
      t.match((await station.waiting()).join(), /consent of the operator for configuration fleet 1\.1\.0/)
      await station.updated('consent', '1.1.0')
      await station.locked()
      station.feed()
      const said = await pass.said
      t.equal(pass.exitCode, 1, said)
      await station.state('rolled_back')
      t.match((await station.report()).status, { to: '1.1.0', from: '1.0.0' })
      t.match(await station.report(), {
        content: { 'configuration/fleet': '1.0.0' },
        lock: null,
        trial: false,
      })
      await station.inspects()
      await station.stop()
    },
  )

  await station.supervisor.cut()
  await expectGapless(t, station)
})

function renamed(text: string): string {
  return text.replace(/^title: .*$/m, 'title: renamed')
}

async function recipeNow(station: RealStation): Promise<{ id: string; revision: number }> {
  const schema = z.object({ recipe: z.object({ id: z.string(), revision: z.int() }) })
  return schema.parse(await station.asked('/api/v1/station')).recipe
}
