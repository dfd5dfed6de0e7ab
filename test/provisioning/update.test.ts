import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import tap, { type Test, test } from 'tap'
import { Updater } from '../../provisioning/update.ts'
import { LockedError } from '../../provisioning/update-lock.ts'
import type { UpdateRecord } from '../../provisioning/update-machine.ts'
import { readStatus } from '../../provisioning/update-status.ts'
import type { Step } from '../../provisioning/update-steps.ts'
import type { ReleaseFaults } from '../fakes/release-gateway.ts'
import { type ToolOptions, toolsOf } from './kills/tools.ts'
import { pack, World, type WorldOptions } from './kills/world.ts'

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

test('a release is fetched, tested, switched to when the line is idle, and committed', async (t) => {
  const world = await device(t, { offered: [{ version: '1.1.0', storeSchema: 2 }] })
  await world.ask('/trigger', 'POST')
  await writeFile(world.busyFile, '')

  const waiting = await pass(world)
  t.match(
    waiting,
    { phase: 'waiting', waiting_for: ['2 parts on the belt'] },
    'never while parts are on the belt',
  )
  t.match(await readStatus(world.updateDir), {
    state: 'waiting',
    from: '1.0.0',
    to: '1.1.0',
    channel: 'stable',
  })
  t.match(await world.ask('/trigger', 'POST'), { parts: 2 }, 'the line goes on')
  await rm(world.busyFile)

  const done = await pass(world)
  t.equal(done?.phase, 'committed')
  t.match(await world.ask('/healthz'), { version: '1.1.0' })
  t.same(await parts(world), { parts: 2 })
  t.match(await world.ask('/trigger', 'POST'), { parts: 3 }, 'the line is free')
  const { slots } = toolsOf(world)
  t.equal(await slots.pointed('current'), '1.1.0')
  t.equal(await slots.pointed('previous'), '1.0.0')
  t.match(await readStatus(world.updateDir), { state: 'committed', to: '1.1.0' })

  const [line, ...more] = (await readFile(join(world.updateDir, 'updates.ndjson'), 'utf8')).trim().split('\n')
  t.same(more, [])
  t.match(JSON.parse(line ?? ''), {
    by: 'schedule',
    from: '1.0.0',
    to: '1.1.0',
    outcome: 'committed',
    hash: /^[0-9a-f]{64}$/,
  })
  t.same((await readdir(join(world.updateDir, 'store'))).length, 0, 'no copy of the store is left')
  await rm(world.repository, { recursive: true })
  await t.rejects(pass(world), { code: 'ENOENT' }, 'a repository that is away is said')
})

test('a line that runs gives other reasons at every look; the disk hears of them seldom', async (t) => {
  const world = await device(t, { offered: [{ version: '1.1.0', storeSchema: 1 }] })
  await writeFile(world.busyFile, 'flowing')
  const written = async (reasonsMs: number): Promise<number> => {
    let count = 0
    const step: Step = (name, effect) => {
      if (name === 'status') count += 1
      return effect()
    }
    t.match(await pass(world, { step, pace: { reasonsMs, waitMs: 1000 } }), { phase: 'waiting' })
    return count
  }
  await written(0)
  t.equal(await written(60_000), 2, 'what the pass before had said, and what this one found first')
  t.ok((await written(0)) > 5, 'more than that many looks went by')
  t.match(await readStatus(world.updateDir), { waiting_for: [/^\d+ parts on the belt$/] })
})

const REFUSED: readonly (readonly [string, ReleaseFaults, RegExp])[] = [
  ['whose self-test fails', { self_test: 'fails' }, /self-test: store: a part is missing/],
  ['whose self-test hangs', { self_test: 'hangs' }, /did not end within 1\.5 s/],
  ['whose self-test dies', { self_test: 'dies' }, /its self-test died/],
  ['whose self-test never stops talking', { self_test: 'floods' }, /said more than it may/],
  [
    'that judges otherwise',
    { self_test: 'differs' },
    /1 stored parts differently, 7 for one: A accept → REJECT/,
  ],
]

test('a release that its self-test refuses never runs', async (t) => {
  const world = await device(t)
  for (const [index, [name, faults, why]] of REFUSED.entries()) {
    const version = `1.1.${index}`
    await pack(world.repository, { version, storeSchema: 1, faults })
    const pace = faults.self_test === 'hangs' ? { selfTestMs: 1500 } : {}
    const update = await pass(world, { pace })
    t.match(update, { phase: 'failed', to: version, failure: why, refused: true }, `one ${name}`)
    t.same(await readdir(join(world.slotsDir, 'releases')), ['1.0.0'], 'and leaves the disk')
  }
  t.equal(await pass(world), undefined, 'none of them is tried again by itself')
  t.equal(await world.ready(), '1.0.0')
})

test('a release that judges otherwise is taken where the operator wants to be told only', async (t) => {
  const faults: ReleaseFaults = { self_test: 'differs' }
  const world = await device(t, { offered: [{ version: '1.1.0', storeSchema: 1, faults }] })
  const update = await pass(world, { policy: { verdicts: 'tell' } })
  t.match(update, {
    phase: 'committed',
    differing: [{ sequence: 7, before: 'A accept', after: 'REJECT reject' }],
  })
})

test('one updater at a time', async (t) => {
  const world = await device(t, { offered: [{ version: '1.1.0', storeSchema: 1 }] })
  const first = await Updater.open(toolsOf(world), world.offers())
  await t.rejects(Updater.open(toolsOf(world), world.offers()), LockedError)
  await first.close()
  const results = await Promise.allSettled([pass(world), pass(world), pass(world)])
  const done = results.filter(({ status }) => status === 'fulfilled')
  t.equal(done.length, 1)
  t.equal(await world.ready(), '1.1.0')
})

test('parts that come after a start of the gateway, while its store is copied, are not lost', async (t) => {
  const world = await device(t, { offered: [{ version: '1.1.0', storeSchema: 2 }] })
  await world.ask('/trigger', 'POST')
  let restarts = 0
  const step: Step = async (name, effect) => {
    const done = await effect()
    if (name === 'copy store' && restarts === 0) {
      restarts += 1
      process.kill(world.supervisor.pid ?? 0, 'SIGKILL')
      await world.ready('1.0.0')
      await world.ask('/trigger', 'POST')
    }
    return done
  }
  const update = await pass(world, { step })
  t.match(update, { phase: 'failed', refused: false, failure: /the lock of the line was lost: .*gone/ })
  t.same(await parts(world), { parts: 2 })
  t.match(await world.ask('/trigger', 'POST'), { verdict: 'A', parts: 3 }, 'the line is free')
  t.match(await pass(world, { step }), { phase: 'committed' }, 'the next pass tries it again')
  t.same(await parts(world), { parts: 3 })
})
