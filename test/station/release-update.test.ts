import { join } from 'node:path'
import tap, { type Test, test } from 'tap'
import { Publisher } from '../fakes/publisher.ts'
import { storedIn } from '../fakes/stored.ts'
import { isInspected, packReal, RealStation, type StartFault } from '../provisioning/real-station.ts'

// Against hanging, on a machine that does other things as well.
tap.setTimeout(230_000)

/** What a repository shows: a release of this very tree, rolled out to everybody. */
async function published(publisher: Publisher, version: string, fault?: StartFault): Promise<void> {
  await publisher.must('add', await packReal(publisher.folder, version, fault), '--channel', 'stable')
  await publisher.release('root')
  const online = ['--channel', 'stable', '--online-key', publisher.path('online.key')]
  await publisher.must('rollout', `release/poincon/${version}`, '--percent', '100', ...online)
}

/** Nothing that came was lost, or has a number of its own beside the others. */
async function expectGapless(t: Test, station: RealStation): Promise<void> {
  const stored = await storedIn(station.dataDir)
  t.same(
    stored.map(({ sequence }) => sequence),
    stored.map((_, index) => index + 1),
    'sequence numbers go on, gap-free',
  )
  t.equal(new Set(stored.map(({ epoch }) => epoch)).size, 1, 'in one epoch')
  const ids = new Set(stored.map(({ id }) => id))
  t.ok(
    station.parts.every(({ part }) => ids.has(part.id)),
    'all that was answered is stored',
  )
}

test('a station of this very tree takes releases of it', async (t) => {
  const publisher = await Publisher.published()
  t.teardown(() => publisher.close())
  const station = await RealStation.install('0.1.0', join(publisher.dir, 'public/metadata/1.root.json'))
  t.teardown(() => station.close())
  const url = `${publisher.url}/repo/public`
  await published(publisher, '0.1.1')
  await station.boot()
  station.feed()
  await station.inspects()

  await t.test('waits for an idle line, and the line goes on', async (t) => {
    await station.configure({ enabled: true, url })
    const pass = station.update('run')
    t.match(await station.waiting(), [/parts between trigger and gate: \d/])
    t.match((await station.report()).status, { from: '0.1.0', to: '0.1.1', channel: 'stable' })
    await station.inspects()
    pass.kill('SIGTERM')
    await pass.said
    t.equal(pass.exitCode, 5)
  })

  await t.test('the next pass goes on: lock, switch, trial', async (t) => {
    await station.stop()
    await station.idle()
    const pass = station.update('run')
    const lockedAt = await station.locked()
    station.feed()
    const said = await pass.said
    t.equal(pass.exitCode, 0, said)
    await station.state('committed')
    t.equal(await station.version(), '0.1.1')
    t.match(await station.report(), { lock: null, trial: false, status: { from: '0.1.0', to: '0.1.1' } })
    await station.inspects()
    t.comment(`the line was the update's for ${station.inspectedAfterS(lockedAt).toFixed(1)} s`)
    t.ok(
      station.parts.some((one) => !isInspected(one)),
      'what came on trial was rejected as updating',
    )
  })

  const broken: readonly (readonly [StartFault, string])[] = [
    ['crashes', '0.1.2'],
    // Takes the same way, and as long again.
    ...(process.argv.includes('--full') ? [['hangs', '0.1.3'] as const] : []),
  ]
  for (const [fault, version] of broken) {
    await t.test(`one that ${fault} goes back by itself; a stick brings it`, async (t) => {
      await station.configure({ ready_s: 4 })
      await published(publisher, version, fault)
      await station.stop()
      await station.idle()
      const pass = station.update('install', join(publisher.dir, 'public'))
      await station.locked()
      station.feed()
      const said = await pass.said
      t.equal(pass.exitCode, 1, said)
      await station.state('rolled_back')
      t.match((await station.report()).status, { to: version, failure: /not ready within 4 s/ })
      t.equal(await station.version(), '0.1.1')
      await station.inspects()
      t.match(await station.updated('status'), { code: 0, said: /current 0\.1\.1, previous 0\.1\.0/ })
    })
  }

  await station.stop()
  await station.supervisor.cut()
  await expectGapless(t, station)
})
