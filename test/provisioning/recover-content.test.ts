import { existsSync } from 'node:fs'
import { readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import tap, { test } from 'tap'
import { Updater } from '../../provisioning/update.ts'
import { UpdateLog } from '../../provisioning/update-record.ts'
import { toolsOf } from './kills/tools.ts'
import { World } from './kills/world.ts'

tap.setTimeout(120_000)

test('a configuration that a station does not start with any more is put back without an updater', async (t) => {
  const world = await World.make({
    installed: { version: '1.0.0', storeSchema: 1 },
    before: { version: '0.9.0', storeSchema: 1 },
    offered: [],
  })
  t.teardown(() => world.close())
  world.supervisor.boot()
  await world.ready('1.0.0')
  await world.inForce('configuration', 'fleet', '2.0.0')
  await world.offer('configuration_fleet-2.1.0.yaml', '{}')
  const updater = await Updater.open(toolsOf(world), world.offers())
  t.match(await updater.run({ by: 'schedule' }, new AbortController().signal), { phase: 'committed' })
  await updater.close()

  // Committed, and then the machine is started where it cannot run with it.
  await world.supervisor.cut()
  const folder = join(world.updateDir, 'content/configuration/fleet')
  await writeFile(join(folder, '2.1.0/configuration.yaml'), '{"faults":{"start":"crash"}}')
  world.supervisor.boot()
  await world.ready('1.0.0')
  t.equal(world.supervisor.recoveries, 1)
  t.equal(await readlink(join(folder, 'current')), '2.0.0')
  t.match(
    await world.ask('/trigger', 'POST'),
    { verdict: 'A' },
    'the release is as it was, and the line free',
  )

  // The recovery says ready before it has written how it ended.
  const log = new UpdateLog(join(world.updateDir, 'updates.ndjson'), (_name, effect) => effect())
  for (const over = Date.now() + 10_000; Date.now() < over && (await log.lines()).length < 2; )
    await new Promise((resolve) => setTimeout(resolve, 20))
  t.match((await log.lines()).at(-1), { by: 'recovery', kind: 'configuration', outcome: 'rolled_back' })
  while (existsSync(join(world.updateDir, 'lock'))) await new Promise((resolve) => setTimeout(resolve, 20))
  const next = await Updater.open(toolsOf(world), world.offers())
  t.equal(
    await next.run({ by: 'schedule' }, new AbortController().signal),
    undefined,
    'it is not tried again',
  )
  await next.close()
})
