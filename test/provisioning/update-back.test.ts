import { existsSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import tap, { type Test, test } from 'tap'
import { Updater } from '../../provisioning/update.ts'
import type { UpdateRecord } from '../../provisioning/update-machine.ts'
import { readStatus } from '../../provisioning/update-status.ts'
import type { ReleaseFaults } from '../fakes/release-gateway.ts'
import { type ToolOptions, toolsOf } from './kills/tools.ts'
import { World, type WorldOptions } from './kills/world.ts'

const OLD = { version: '1.0.0', storeSchema: 1 }
const NEVER = new AbortController().signal
// Against hanging, on a machine that does other things as well.
tap.setTimeout(230_000)

async function device(t: Test, options: Partial<WorldOptions> = {}): Promise<World> {
  const world = await World.make({ installed: OLD, offered: [], ...options })
  t.teardown(() => world.close())
  world.supervisor.boot()
  await world.ready('1.0.0')
  return world
}

/** One pass of the updater. */
async function pass(world: World, options: ToolOptions = {}): Promise<UpdateRecord | undefined> {
  const updater = await Updater.open(toolsOf(world, options), world.offers())
  try {
    return await updater.run({ by: 'schedule' }, NEVER)
  } finally {
    await updater.close()
  }
}

async function parts(world: World): Promise<unknown> {
  return await world.ask('/parts')
}

const TAKEN_BACK: readonly (readonly [string, ReleaseFaults, RegExp, Partial<ToolOptions['pace']>])[] = [
  ['crashes at once', { start: 'crash' }, /1\.1\.0 was not ready within 2 s/, { readyMs: 2000 }],
  [
    'hangs before READY',
    { start: 'hang' },
    /1\.1\.0 was not ready within 2 s: nothing answers/,
    { readyMs: 2000 },
  ],
  ['breaks its migration', { migration: 'breaks' }, /1\.1\.0 was not ready within 2 s/, { readyMs: 2000 }],
  ['leaks', { leak_mb: 500 }, /it uses \d+ MB: expected at most 400/, {}],
  ['loses a head', { head: 'absent' }, /not as before: tof is degraded/, {}],
  [
    'dies on trial',
    { dies_after_ms: 300 },
    /it started anew by itself on trial|nothing answers/,
    { trialMs: 2500 },
  ],
]

for (const [name, faults, why, pace] of TAKEN_BACK) {
  test(`a release that ${name} is taken back, with the store as it was`, async (t) => {
    const offered = [{ version: '1.1.0', storeSchema: 2, faults }]
    const world = await device(t, { offered, startMs: 5000 })
    for (let part = 0; part < 3; part += 1) await world.ask('/trigger', 'POST')
    const update = await pass(world, pace === undefined ? {} : { pace })
    t.match(update, { phase: 'rolled_back', failure: why, refused: true })
    t.equal(await world.ready(), '1.0.0')
    t.same(await parts(world), { parts: 3 })
    t.match(await world.ask('/trigger', 'POST'), { parts: 4 }, 'the line is free')
    t.same(await readdir(join(world.slotsDir, 'releases')), ['1.0.0'])
    t.notOk(existsSync(join(world.updateDir, 'trial.json')))
    t.equal(await pass(world), undefined, 'it is not tried again')
  })
}

test('three failed starts put the release before back, without an updater', async (t) => {
  const world = await device(t, { offered: [{ version: '1.1.0', storeSchema: 1 }] })
  await pass(world)
  await world.ready('1.1.0')
  await world.ask('/trigger', 'POST')
  await writeFile(join(world.slotsDir, 'releases/1.1.0/faults.json'), JSON.stringify({ start: 'crash' }))
  process.kill(world.supervisor.pid ?? 0, 'SIGKILL')
  t.equal(await world.ready('1.0.0'), '1.0.0')
  t.same(await parts(world), { parts: 1 })
  for (const over = Date.now() + 10_000; Date.now() < over; ) {
    if ((await readStatus(world.updateDir))?.state === 'rolled_back') break
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  t.match(await readStatus(world.updateDir), {
    state: 'rolled_back',
    from: '1.0.0',
    to: '1.1.0',
    failure: /three times/,
  })
  t.equal(await toolsOf(world).slots.pointed('previous'), undefined, 'and never forth again')
})
