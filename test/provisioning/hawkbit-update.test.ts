import { readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import tap, { type Test, test } from 'tap'
import { z } from 'zod'
import type { Offers } from '../../provisioning/client.ts'
import { updateOptions } from '../../provisioning/options.ts'
import type { Steering } from '../../provisioning/steering.ts'
import { Updater } from '../../provisioning/update.ts'
import type { UpdateRecord } from '../../provisioning/update-machine.ts'
import { configuredOffers } from '../../provisioning/update-source.ts'
import { readStatus } from '../../provisioning/update-status.ts'
import { CONSENT_FILE, tryToLock } from '../../provisioning/update-wait.ts'
import { CONTROLLER, HawkbitDdi, TOKEN } from '../fakes/hawkbit.ts'
import { Publisher } from '../fakes/publisher.ts'
import { poincon } from '../fakes/station-process.ts'
import { toolsOf } from './kills/tools.ts'
import { type FakeRelease, pack, World } from './kills/world.ts'

const NEVER = new AbortController().signal
tap.setTimeout(230_000)

const publisher = await Publisher.published()

/** A release with what vouches for it, as it goes up to a hawkBit server. */
async function uploaded(release: FakeRelease): Promise<Record<string, Uint8Array>> {
  const file = await pack(publisher.folder, release)
  await publisher.must('add', file, '--channel', 'stable')
  await publisher.release('root')
  const named = `release/poincon/${release.version}`
  await publisher.must('statement', named, '--channel', 'stable', '--out', publisher.folder)
  const statement = `${file}.statement.json`
  return { [basename(file)]: await readFile(file), [basename(statement)]: await readFile(statement) }
}

const good = await uploaded({ version: '1.1.0', storeSchema: 1 })
const broken = await uploaded({ version: '1.2.0', storeSchema: 1, faults: { head: 'absent' } })

class Station {
  readonly world: World
  readonly ddi: HawkbitDdi

  private constructor(world: World, ddi: HawkbitDdi) {
    this.world = world
    this.ddi = ddi
  }

  static async open(t: Test): Promise<Station> {
    const world = await World.make({ installed: { version: '1.0.0', storeSchema: 1 }, offered: [] })
    t.teardown(() => world.close())
    const ddi = await HawkbitDdi.start()
    t.teardown(() => ddi.close())
    await writeFile(join(world.dir, 'token'), `${TOKEN}\n`)
    world.supervisor.boot()
    await world.ready('1.0.0')
    return new Station(world, ddi)
  }

  /** One pass of the updater, with what `update.hawkbit` leads to. @param told whether it lives to tell the server */
  async pass(told = true): Promise<UpdateRecord | undefined> {
    const { world, ddi } = this
    const update = updateOptions.parse({
      ...{ enabled: true, dir: world.updateDir, slots_dir: world.slotsDir, reserve_mb: 0 },
      root_file: join(publisher.dir, 'public/metadata/1.root.json'),
      hawkbit: { url: ddi.url, controller_id: CONTROLLER, token_file: join(world.dir, 'token') },
    })
    const tools = toolsOf(world)
    const place = { deviceId: 'cell-1', site: 'gers', line: 'l1', station: 's1' }
    const offers = await configuredOffers(tools, { update, ...place, env: {} })
    if (offers === undefined) throw new Error('update.hawkbit leads nowhere')
    const updater = await Updater.open(tools, told ? offers : mute(offers))
    try {
      return await updater.run({ by: 'schedule' }, NEVER)
    } finally {
      await updater.close()
    }
  }

  /** What the server heard of the update, without what it was told on the way. */
  get heard(): readonly string[] {
    return this.ddi.feedback.map(({ execution, finished, details }) =>
      [execution, finished === 'none' ? '' : finished, ...details].filter((word) => word !== '').join(' '),
    )
  }

  away(): void {
    this.ddi.fault = (_, response) => Boolean(response.destroy())
  }

  back(): void {
    this.ddi.fault = () => false
  }
}

/** An updater that was killed before it could tell. */
function mute(offers: Offers): Offers {
  return {
    check: (signal) => offers.check(signal),
    fetch: (offer, options) => offers.fetch(offer, options),
  }
}

test('from the assignment on the server to the closed action', async (t) => {
  const station = await Station.open(t)
  const { world, ddi } = station
  t.equal(await station.pass(), undefined)
  t.match(ddi.attributes, [
    {
      mode: 'merge',
      data: { device_id: 'cell-1', site: 'gers', line: 'l1', station: 's1', version: '1.0.0' },
    },
  ])
  ddi.action = { id: '7', files: good }
  await writeFile(world.busyFile, '')
  t.match(
    await station.pass(),
    { phase: 'waiting', waiting_for: ['2 parts on the belt'] },
    'also a forced one',
  )
  t.match(await station.pass(), { phase: 'waiting' })
  t.match(await readStatus(world.updateDir), { state: 'waiting', name: 'poincon', to: '1.1.0' })
  await rm(world.busyFile)
  t.match(await station.pass(), { phase: 'committed' })
  t.equal(await world.ready(), '1.1.0')
  t.same(station.heard, [
    'download downloading 1.1.0',
    'proceeding testing',
    'scheduled waiting 2 parts on the belt',
    'proceeding switching',
    'proceeding on trial',
    'closed success 1.1.0 is in use',
  ])
  t.equal(await station.pass(), undefined)
  t.match(ddi.attributes[1], { data: { version: '1.1.0' } })
  const kept = await readFile(join(world.updateDir, 'hawkbit.json'), 'utf8')
  t.notMatch(kept, TOKEN, 'the token is in its file alone')
})

test('a release that is not well is gone back from, and the action closed with the reason', async (t) => {
  const station = await Station.open(t)
  const { ddi } = station
  ddi.action = { id: '7', files: broken }
  t.match(await station.pass(), { phase: 'rolled_back', to: '1.2.0' })
  t.same([...ddi.closed], [['7', 'failure']])
  t.match(station.heard.at(-1), /^closed failure rolled back to 1\.0\.0 .*tof is degraded/)
  ddi.action = { id: '8', files: broken }
  t.equal(await station.pass(), undefined, 'assigned again, it is not tried again')
  t.match(station.heard.at(-1), /^closed failure it failed here before/)
})

test('called off while it waits, it is given up', async (t) => {
  const station = await Station.open(t)
  const { world, ddi } = station
  ddi.action = { id: '7', files: good }
  await writeFile(world.busyFile, '')
  t.match(await station.pass(), { phase: 'waiting' })
  ddi.canceling = true
  t.match(await station.pass(), {
    phase: 'failed',
    failure: 'called off on the hawkBit server',
    refused: false,
  })
  t.same([...ddi.closed], [['7', 'canceled']])
  await rm(world.busyFile)
  t.equal(await station.pass(), undefined)
  t.equal(await world.ready(), '1.0.0')
  ddi.action = { id: '8', files: good }
  t.match(await station.pass(), { phase: 'committed' }, 'assigned again, it is taken')
})

test('a server that is away holds no update up, and hears of it afterwards', async (t) => {
  const station = await Station.open(t)
  const { world, ddi } = station
  ddi.action = { id: '7', files: good }
  await writeFile(world.busyFile, '')
  t.match(await station.pass(), { phase: 'waiting' })
  await rm(world.busyFile)
  station.away()
  t.match(await station.pass(), { phase: 'committed' })
  t.same([...ddi.closed], [])
  await t.rejects(station.pass(), { name: 'RepositoryAway' })
  station.back()
  t.equal(await station.pass(), undefined)
  t.same([...ddi.closed], [['7', 'success']])
  t.same(station.heard.slice(-3), [
    'proceeding switching',
    'proceeding on trial',
    'closed success 1.1.0 is in use',
  ])
})

test('a soft one waits for somebody at the station', async (t) => {
  const station = await Station.open(t)
  const { world, ddi } = station
  ddi.action = { id: '7', files: good, update: 'attempt' }
  t.match(await station.pass(), {
    phase: 'waiting',
    waiting_for: ['consent of the operator for 1.1.0: the update is a soft one'],
  })
  await writeFile(join(world.updateDir, CONSENT_FILE), JSON.stringify({ version: '1.1.0', by: 'camille' }))
  t.match(await station.pass(), { phase: 'committed', consent: 'camille' })
})

test('the server is asked once more before the lock, not while a consent is waited for', async (t) => {
  const station = await Station.open(t)
  const { world, ddi } = station
  ddi.action = { id: '7', files: good, update: 'attempt' }
  const update = await station.pass()
  if (update === undefined) throw new Error('no update')
  const ready: boolean[] = []
  const steering: Steering = {
    pollMs: undefined,
    orders: (_, standing) => {
      ready.push(standing.ready)
      return Promise.resolve({ waitFor: ['the server'] })
    },
    report: () => {},
    declined: () => Promise.resolve(),
    settled: () => Promise.resolve(),
  }
  const made = toolsOf(world)
  const tools = { ...made, policy: { ...made.policy, consent: 'operator' as const } }
  const tried = () => tryToLock(update, tools, { steering, signal: NEVER })
  t.match(await tried(), { type: 'blocked', waitingFor: ['the server', /^consent of the operator/] })
  await writeFile(join(world.updateDir, CONSENT_FILE), JSON.stringify({ version: '1.1.0', by: 'camille' }))
  t.match(await tried(), { type: 'blocked', waitingFor: ['the server'] })
  t.same(ready, [false, true])
})

test('how it ended is told by the next pass, where its updater did not live to', async (t) => {
  const station = await Station.open(t)
  station.ddi.action = { id: '7', files: broken }
  t.match(await station.pass(false), { phase: 'rolled_back' })
  t.same(station.heard, [])
  t.equal(await station.pass(), undefined)
  t.match(station.heard, [/^closed failure rolled back to 1\.0\.0/])
})

test('a token that cannot be read is said, and not what is in it', async (t) => {
  const station = await Station.open(t)
  const file = join(station.world.dir, 'token')
  await writeFile(file, 'two\nlines\n')
  await t.rejects(station.pass(), {
    message: `update.hawkbit.token_file: ${file}: expected one line with the token`,
  })
  await rm(file)
  await t.rejects(station.pass(), { message: `update.hawkbit.token_file: ${file} cannot be read` })
})

test('the command asks as often as the server wants it to', async (t) => {
  const { world, ddi } = await Station.open(t)
  ddi.sleep = '00:07:00'
  const file = join(world.dir, 'station.json')
  const hawkbit = { url: ddi.url, controller_id: CONTROLLER, token_file: join(world.dir, 'token') }
  const root_file = join(publisher.dir, 'public/metadata/1.root.json')
  const update = { enabled: true, hawkbit, root_file, dir: world.updateDir, slots_dir: world.slotsDir }
  const http = { host: '127.0.0.1', port: world.port }
  await writeFile(file, JSON.stringify({ data_dir: join(world.dir, 'data'), http, update }))
  t.match(await poincon(['update', 'run', '--config', file]), { code: 0, stdout: 'nothing to do\n' })
  const { at, next } = z
    .object({ at: z.number(), next: z.number() })
    .parse(JSON.parse(await readFile(join(world.updateDir, 'checked.json'), 'utf8')))
  t.equal(next - at, 7 * 60_000)
  const asked = ddi.asked.length
  t.match(await poincon(['update', 'run', '--config', file]), { code: 0, stdout: 'nothing to do\n' })
  t.equal(ddi.asked.length, asked, 'not before')
  ddi.action = { id: '7', files: good }
  t.match(await poincon(['update', 'check', '--config', file]), {
    code: 0,
    stdout: /^release poincon 1\.0\.0 → 1\.1\.0 /,
  })
})

test('the publisher goes home', async (t) => {
  await publisher.close()
  t.end()
})
