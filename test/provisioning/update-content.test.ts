import { existsSync } from 'node:fs'
import { readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import tap, { type Test, test } from 'tap'
import { create } from 'tar'
import { Updater } from '../../provisioning/update.ts'
import type { UpdateRecord } from '../../provisioning/update-machine.ts'
import { readStatus } from '../../provisioning/update-status.ts'
import { type ToolOptions, toolsOf } from './kills/tools.ts'
import { pack, World } from './kills/world.ts'

const NEVER = new AbortController().signal
// Against hanging, on a machine that does other things as well.
tap.setTimeout(230_000)

async function device(t: Test): Promise<World> {
  const world = await World.make({ installed: { version: '1.0.0', storeSchema: 1 }, offered: [] })
  t.teardown(() => world.close())
  world.supervisor.boot()
  await world.ready('1.0.0')
  return world
}

function offer(world: World, name: string, body: unknown): Promise<void> {
  return world.offer(name, JSON.stringify(body))
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

function inForce(world: World, of = 'configuration/fleet'): Promise<string | undefined> {
  return readlink(join(world.updateDir, 'content', of, 'current')).catch(() => undefined)
}

test('a configuration waits for consent, with what it changes, and is in force after a trial', async (t) => {
  const world = await device(t)
  await world.ask('/trigger', 'POST')
  await offer(world, 'configuration_fleet-1.2.0.yaml', {})

  const waiting = await pass(world, { policy: { configurationConsent: 'operator' } })
  t.match(waiting, {
    phase: 'waiting',
    waiting_for: [/consent of the operator for configuration fleet 1\.2\.0: it changes how/],
  })
  t.match(await readStatus(world.updateDir), {
    ...{ kind: 'configuration', to: '1.2.0', state: 'waiting' },
    changes: [{ key: 'gate.delay_mm', before: '300', after: '310' }],
  })
  t.equal(await inForce(world), undefined)

  const agreed = { version: '1.2.0', kind: 'configuration', name: 'fleet', by: 'ann' }
  await writeFile(join(world.updateDir, 'consent.json'), JSON.stringify({ ...agreed, kind: 'recipe' }))
  t.equal((await pass(world))?.phase, 'waiting', 'consent to another thing of that version is none')
  await writeFile(join(world.updateDir, 'consent.json'), JSON.stringify({ ...agreed, name: 'site-gers' }))
  t.equal((await pass(world))?.phase, 'waiting', 'nor is consent to another configuration')
  await writeFile(join(world.updateDir, 'consent.json'), JSON.stringify(agreed))
  t.match(await pass(world), { phase: 'committed', consent: 'ann' })
  t.notOk(existsSync(join(world.updateDir, 'consent.json')), 'consent is for once')
  t.equal(await inForce(world), '1.2.0')
  t.match(await world.ask('/api/v1/update'), { content: { 'configuration/fleet': '1.2.0' }, lock: null })
  t.match(await world.ask('/trigger', 'POST'), { parts: 2 }, 'the line is free, and nothing is lost')
  t.equal(await pass(world), undefined, 'what is in force is not taken again')

  await offer(world, 'configuration_fleet-1.3.0.yaml', {})
  t.match(await pass(world), { phase: 'committed', from: '1.2.0', to: '1.3.0' })
  t.same((await readdir(join(world.updateDir, 'content/configuration/fleet'))).sort(), [
    ...['1.2.0', '1.3.0', 'current'],
  ])
})

test('a configuration that is wrong never comes into force', async (t) => {
  const world = await device(t)
  await offer(world, 'configuration_fleet-1.2.0.yaml', { faults: { self_test: 'fails' } })
  t.match(await pass(world), { phase: 'failed', refused: true, failure: /content: heads: expected a bus/ })
  t.same(await readdir(join(world.updateDir, 'content/configuration/fleet')), [], 'and leaves the disk')
  t.equal(await pass(world), undefined, 'it is not tried again')
})

for (const [name, faults, why] of [
  ['does not start', { start: 'crash' }, /1\.0\.0|nothing answers/],
  ['has a head less', { head: 'absent' }, /not as before: tof is degraded/],
] as const) {
  test(`a configuration with which the gateway ${name} goes back by itself`, async (t) => {
    const world = await device(t)
    await offer(world, 'configuration_fleet-1.1.0.yaml', {})
    t.match(await pass(world), { phase: 'committed' })
    await world.ask('/trigger', 'POST')
    await offer(world, 'configuration_fleet-1.2.0.yaml', { faults })
    t.match(await pass(world, { pace: { readyMs: 4000 } }), { phase: 'rolled_back', failure: why })
    t.equal(await inForce(world), '1.1.0')
    await world.ready('1.0.0')
    t.match(await world.ask('/trigger', 'POST'), { parts: 2 }, 'the line is free')
    t.equal(await pass(world), undefined, 'it is not tried again')
  })
}

test('the first of its kind goes back to none', async (t) => {
  const world = await device(t)
  await offer(world, 'configuration_fleet-1.2.0.yaml', { faults: { head: 'absent' } })
  t.match(await pass(world), { phase: 'rolled_back', from: 'none' })
  t.equal(await inForce(world), undefined)
  t.equal((await readStatus(world.updateDir))?.from, undefined)
})

test('all that is offered is taken, one after the other: a release first', async (t) => {
  const world = await device(t)
  await offer(world, 'configuration_fleet-1.2.0.yaml', {})
  await offer(world, 'model_lens-2.0.0.json', [])
  await offer(world, 'firmware_vl53l8ch-3.0.0.bin', 'x')
  t.match(await pass(world), { phase: 'failed', kind: 'model' }, 'the worst of a pass is told')
  const log = (await readFile(join(world.updateDir, 'updates.ndjson'), 'utf8')).trim().split('\n')
  t.same(
    log.map((line) => [JSON.parse(line).kind, JSON.parse(line).outcome]),
    [
      ['configuration', 'committed'],
      ['model', 'failed'],
      ['firmware', 'committed'],
    ],
    'what fails is not in the way of the others',
  )
})

test('what waits lets a release pass, and is given up when it is revoked', async (t) => {
  const world = await device(t)
  const waits = { policy: { configurationConsent: 'operator' } } as const
  await offer(world, 'configuration_fleet-1.2.0.yaml', {})
  t.match(await pass(world, waits), { phase: 'waiting' })
  const reconsidered = async (): Promise<UpdateRecord | undefined> => {
    const updater = await Updater.open(toolsOf(world, waits), world.offers())
    await updater.reconsider(NEVER)
    await updater.close()
    return updater.last
  }
  t.match(await reconsidered(), { phase: 'waiting' }, 'it is still offered')
  const release = await pack(world.repository, { version: '1.1.0', storeSchema: 1 })
  t.match(await reconsidered(), { phase: 'failed', failure: 'release 1.1.0 comes first', refused: false })
  t.match(await pass(world, waits), { kind: 'release', phase: 'committed' })
  await rm(release)
  t.match(await pass(world, waits), { kind: 'configuration', phase: 'waiting' })
  await rm(join(world.repository, 'configuration_fleet-1.2.0.yaml'))
  t.match(await reconsidered(), { phase: 'failed', failure: 'it is not offered any more' })
  t.same(await readdir(join(world.updateDir, 'content/configuration/fleet')), ['1.2.0'])
})

test('an archive that is not as it should be is not unpacked', async (t) => {
  const world = await device(t)
  const tree = t.testdir({ 'secret.txt': 'x', model: { 'weights.onnx': 'x' } })
  const outside = join(world.repository, 'model_lens-1.0.0.tar.gz')
  await create({ file: outside, gzip: true, cwd: join(tree, 'model'), preservePaths: true }, [
    ...['../secret.txt', 'weights.onnx'],
  ])
  t.match(await pass(world), { phase: 'failed', failure: /expected no \.\./ })
  const bare = join(world.repository, 'model_lens-1.0.1.tar.gz')
  await create({ file: bare, gzip: true, cwd: join(tree, 'model') }, ['weights.onnx'])
  t.match(await pass(world), { phase: 'failed', to: '1.0.1', failure: /expected manifest\.json in it/ })
  await offer(world, 'model_lens-1.0.2.json', '{}')
  t.match(await pass(world), { phase: 'failed', to: '1.0.2', failure: /expected a \.tar/ })
})
