import { once } from 'node:events'
import { readFile, readlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import tap, { type Test, test } from 'tap'
import { flowSubject } from '../../provisioning/subject-flow.ts'
import { PathSupervisor } from '../../provisioning/supervisor.ts'
import { Updater } from '../../provisioning/update.ts'
import type { UpdateRecord } from '../../provisioning/update-machine.ts'
import { toolsOf } from './kills/tools.ts'
import { World } from './kills/world.ts'

tap.setTimeout(120_000)

const SHIPPED = [{ id: 'a', type: 'tab', label: 'as shipped' }]
const NEW = [
  { id: 'a', type: 'tab', label: 'another' },
  { id: 'b', type: 'inject', z: 'a' },
]

const AT = '2026-11-22T04:00:00.000Z'
const RECORD: UpdateRecord = {
  ...{ schema: 'poincon.update-journal/1', id: 'u', by: 'schedule', phase: 'switching', kind: 'flow' },
  ...{ name: 'station', from: '1.0.0', to: '1.1.0', from_schema: 1, began: AT, since: AT, interrupted: 0 },
  target: { path: 'stable/flow/x', channel: 'stable', length: 1, hash: 'h' },
}

/** Node-RED, as far as it is asked: it runs these. */
async function nodeRed(t: Test, runs: { nodes: readonly object[] }): Promise<number> {
  const server = createServer((request, response) => {
    const right = request.url === '/flows' && request.headers['node-red-api-version'] === 'v1'
    response.writeHead(right ? 200 : 404).end(JSON.stringify(runs.nodes))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function pass(world: World, flowsPort: number): Promise<UpdateRecord | undefined> {
  const tools = toolsOf(world, { flowsPort, pace: { readyMs: 300 } })
  const updater = await Updater.open(tools, world.offers())
  try {
    return await updater.run({ by: 'schedule' }, new AbortController().signal)
  } finally {
    await updater.close()
  }
}

test('flows whose switch was cut short before anybody was asked for them wait anew', async (t) => {
  const dir = t.testdirName
  const place = { slotsDir: dir, updateDir: dir, configFile: dir, restartFile: join(dir, 'restart'), port: 1 }
  t.equal(await flowSubject.current(RECORD, toolsOf(place)), '1.0.0', 'wherever the link leads')
})

test('a restart that was asked for is not forgotten for one of Node-RED alone', async (t) => {
  const file = join(t.testdir({}), 'run/restart')
  const supervisor = new PathSupervisor(file)
  await supervisor.restartFlows()
  t.equal(await readFile(file, 'utf8'), 'flows\n')
  await supervisor.restart()
  await supervisor.restartFlows()
  t.equal(await readFile(file, 'utf8'), 'restart\n')
})

test('a station that is down keeps no Node-RED of its own from a restart', async (t) => {
  const dir = t.testdir({})
  const place = { slotsDir: dir, updateDir: dir, configFile: dir, restartFile: join(dir, 'restart'), port: 1 }
  await flowSubject.restart(RECORD, toolsOf(place), new AbortController().signal)
  t.equal(await readFile(place.restartFile, 'utf8'), 'flows\n')
})

test('flows are in force when Node-RED runs them; the gateway is not restarted', async (t) => {
  const world = await World.make({ installed: { version: '1.0.0', storeSchema: 1 }, offered: [] })
  t.teardown(() => world.close())
  world.supervisor.boot()
  await world.ready('1.0.0')
  const { pid } = world.supervisor
  const runs: { nodes: readonly object[] } = { nodes: SHIPPED }
  const port = await nodeRed(t, runs)

  await world.offer('flow_station-1.0.0.json', JSON.stringify(NEW))
  t.match(await pass(world, port), {
    phase: 'rolled_back',
    failure: /somebody at this station has changed them/,
  })
  const link = join(world.updateDir, 'content/flow/station/current')
  await t.rejects(readlink(link), { code: 'ENOENT' }, 'those of the release are in force again')

  await world.offer('flow_station-1.0.1.json', JSON.stringify(NEW, undefined, 4))
  await writeFile(world.busyFile, '')
  runs.nodes = [...NEW].reverse()
  t.match(await pass(world, port), { phase: 'committed', to: '1.0.1' })
  t.equal(await readlink(link), '1.0.1')
  t.equal(world.supervisor.pid, pid, 'the line went on, parts on it')
  t.match(await world.ask('/trigger', 'POST'), { verdict: 'A' })
})
