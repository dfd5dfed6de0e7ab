import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import tap, { test } from 'tap'
import { systemClock } from '../../drivers/clock.ts'
import { contentFolder, contentIn, STATION_FLOWS } from '../../gateway/content.ts'
import { FlowsProcess, flowsOptions } from '../../gateway/flows.ts'
import { silentLog } from '../../gateway/log.ts'
import { Contents } from '../../provisioning/content.ts'
import { flowSubject } from '../../provisioning/subject-flow.ts'
import type { UpdateRecord } from '../../provisioning/update-machine.ts'
import { freePort } from '../fakes/server-process.ts'
import { toolsOf } from '../provisioning/kills/tools.ts'

tap.setTimeout(120_000)

const AT = '2026-11-22T04:00:00.000Z'
const STATION = { kind: 'flow', name: STATION_FLOWS } as const

function recordOf(to: string): UpdateRecord {
  return {
    ...{ schema: 'poincon.update-journal/1', id: 'u', by: 'schedule', ...STATION, phase: 'trial', to },
    ...{ from: 'none', from_schema: 1, began: AT, since: AT, interrupted: 0 },
    target: { path: `stable/flow/station-${to}.json`, channel: 'stable', length: 1, hash: 'h' },
  }
}

test('Node-RED itself runs flows that came as an update, and those of the release again', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-delivered-'))
  const port = await freePort()
  const place = { slotsDir: dir, updateDir: dir, configFile: '', restartFile: join(dir, 'restart'), port: 1 }
  const tools = toolsOf(place, { flowsPort: port, pace: { readyMs: 30_000 } })
  const contents = new Contents({ dir, step: tools.step })
  const deliver = async (version: string, nodes: readonly object[]): Promise<void> => {
    const folder = await contents.clearIncoming(STATION, version)
    await writeFile(join(folder, 'flows.json'), JSON.stringify(nodes))
    await contents.admit(STATION, version, 'h')
    await contents.put(STATION, version)
  }
  const flows = new FlowsProcess({
    flows: flowsOptions.parse({ port }),
    mqtt: { host: '127.0.0.1', port: 1, topicBase: 'poincon/a/b/c' },
    folder: resolve('flows'),
    shipped: () => {
      const came = contentFolder(contentIn(dir), 'flow', STATION_FLOWS)
      return came === undefined ? undefined : join(came, 'flows.json')
    },
    ...{ userDir: join(dir, 'flows'), env: process.env, clock: systemClock, log: silentLog },
    backoff: { firstMs: 20, longestMs: 50 },
  })
  t.teardown(async () => {
    await flows.stop()
    await rm(dir, { recursive: true, force: true, maxRetries: 3 })
  })
  const signal = new AbortController().signal
  const tab = { id: 'f1', type: 'tab', label: 'delivered', disabled: false, info: '' }

  await deliver('1.0.0', [tab])
  await flows.start()
  t.equal(await flowSubject.unwell?.(recordOf('1.0.0'), tools, signal), undefined)

  await deliver('1.1.0', [
    tab,
    { id: 'n1', type: 'comment', z: 'f1', name: 'x', info: '', x: 1, y: 1, wires: [] },
  ])
  flows.restart()
  t.equal(flows.status().state, 'degraded', 'it is not up, and says so')
  t.equal(await flowSubject.unwell?.(recordOf('1.1.0'), tools, signal), undefined)

  await contents.clear(STATION)
  flows.restart()
  const shipped: unknown = JSON.parse(await readFile(resolve('flows/flows.json'), 'utf8'))
  const running = async (): Promise<unknown> =>
    await (await fetch(`http://127.0.0.1:${port}/flows`)).json().catch(() => undefined)
  const ids = (nodes: unknown): readonly string[] =>
    Array.isArray(nodes) ? nodes.map(({ id }) => String(id)).sort() : []
  let last: readonly string[] = []
  for (const over = Date.now() + 30_000; Date.now() < over && last.join() !== ids(shipped).join(); ) {
    last = ids(await running().catch(() => undefined))
    await systemClock.sleep(50)
  }
  t.same(last, ids(shipped), 'without an update the release’s are back')
})
