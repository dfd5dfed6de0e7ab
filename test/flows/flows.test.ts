import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import mqtt from 'mqtt'
import { type Test, test } from 'tap'
import { systemClock } from '../../drivers/clock.ts'
import { FlowsProcess, type FlowsProcessOptions, flowsOptions } from '../../gateway/flows.ts'
import { silentLog } from '../../gateway/log.ts'
import { Broker } from '../../gateway/mqtt/broker.ts'
import { CommandServer } from '../../gateway/mqtt/commands.ts'
import { stationTopics } from '../../gateway/mqtt/topics.ts'
import { inspection } from '../fakes/inspections.ts'
import { freePort } from '../fakes/server-process.ts'
import { Subscriber } from '../fakes/subscriber.ts'

const topics = stationTopics({ site: 'lyon', line: 'l1', station: 's1' })
const COUNTS = `${topics.base}/flows/counts`

async function setUp(t: Test, port: number, changes: Partial<FlowsProcessOptions> = {}) {
  const userDir = await mkdtemp(join(tmpdir(), 'poincon-flows-'))
  const broker = new Broker({ host: '127.0.0.1', port: 0, log: silentLog })
  await broker.start()
  const flows = new FlowsProcess({
    flows: flowsOptions.parse({ port, alert_after_rejects: 2 }),
    mqtt: { host: '127.0.0.1', port: broker.port, topicBase: topics.base },
    folder: resolve('flows'),
    userDir,
    env: process.env,
    clock: systemClock,
    log: silentLog,
    backoff: { firstMs: 50, longestMs: 100 },
    ...changes,
  })
  t.teardown(async () => {
    await flows.stop()
    await broker.stop()
    await rm(userDir, { recursive: true, force: true })
  })
  return { flows, broker }
}

async function ready(flows: FlowsProcess): Promise<void> {
  while (flows.status().state !== 'ok') await systemClock.sleep(20)
}

test('Node-RED on a real broker', { timeout: 90_000 }, async (t) => {
  const port = await freePort()
  const { flows, broker } = await setUp(t, port)
  const asked: unknown[] = []
  const commands = new CommandServer({
    topics,
    channel: broker,
    handlers: {
      inspect: (payload) => {
        asked.push(payload)
        return Promise.resolve({ sequence: 5 })
      },
    },
    clock: systemClock,
    log: silentLog,
  })
  await commands.start()
  t.teardown(() => commands.stop())
  await flows.start()
  t.equal(flows.status().state, 'degraded', 'starting')
  await ready(flows)
  const line = await mqtt.connectAsync(broker.url)
  t.teardown(() => line.endAsync())
  const listener = await Subscriber.open(broker.url, `${topics.base}/#`, 4)
  t.teardown(() => listener.close())
  const page = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}/station/${path}`, init)

  // The flows subscribe a moment after they say that they run; what comes twice they count once.
  const until = async (total: number, publish: () => Promise<unknown>): Promise<unknown> => {
    const counts = listener.packet(COUNTS, (text) => text.includes(`"total":${total}`))
    let counted = false
    void counts.then(() => {
      counted = true
    })
    while (!counted) {
      await publish()
      await systemClock.sleep(50)
    }
    return JSON.parse((await counts).payload.toString())
  }

  await t.test('counts what it sees and raises the alert', async (t) => {
    await until(1, () => line.publishAsync(topics.inspection, JSON.stringify(inspection(1)), { qos: 1 }))
    const state = { schema: 'poincon.state/1', state: 'online', lot_id: 'L42' }
    await line.publishAsync(topics.state, JSON.stringify(state), { qos: 1, retain: true })
    const verdict = { kind: 'graded', grade: 'REJECT', score: 0.1, action: 'reject', latency_ms: 5 } as const
    const reject = { verdict: { ...verdict, reasons: [], findings: [] } }
    for (const message of [
      inspection(1),
      inspection(2, reject),
      inspection(2, reject),
      inspection(3, reject),
    ]) {
      await line.publishAsync(topics.inspection, JSON.stringify(message), { qos: 1 })
    }
    const counts = await listener.packet(COUNTS, (text) => text.includes('"total":3'))
    t.match(JSON.parse(counts.payload.toString()), {
      schema: 'poincon.flows.counts/1',
      grades: { A: 1, REJECT: 2 },
      rejects_in_a_row: 2,
    })
    const alert = JSON.parse((await listener.packet(topics.alert)).payload.toString())
    t.match(alert, { schema: 'poincon.alert/1', value: 2, limit: 2, inspection: { sequence: 3 } })
    t.equal(listener.packets.filter(({ topic }) => topic === topics.alert).length, 1)
  })

  await t.test('shows them on its page', async (t) => {
    const html = await (await page('')).text()
    t.match(html, /Inspect now/)
    const status = await (await page('status')).json()
    t.match(status, { state: { state: 'online' }, counts: { total: 3 }, alert: /rejects-in-a-row 2/ })
  })

  await t.test('inspects at the press of a button', async (t) => {
    const headers = { 'content-type': 'application/json' }
    const reply = await page('inspect', {
      method: 'POST',
      headers,
      body: '{"sample_id":"by hand","client":"x"}',
    })
    t.match(await reply.json(), { ok: true, result: { sequence: 5 } })
    t.strictSame(asked, [{ sample_id: 'by hand' }])
    const form = await page('inspect', { method: 'POST', body: new URLSearchParams({ a: '1' }) })
    t.equal(form.status, 415, 'a form of another web page cannot')
  })

  await t.test('answers nobody who calls it by another name', async (t) => {
    t.equal(await statusFor(port, 'evil.example'), 403)
    t.equal(await statusFor(port, `localhost:${port}`), 200)
  })

  await t.test('is started again when it dies, with its counts', async (t) => {
    process.kill(Number(flows.status().facts?.pid), 'SIGTERM')
    while (flows.status().facts?.restarts === 0) await systemClock.sleep(20)
    t.match(flows.status().detail, /Node-RED ended/)
    await ready(flows)
    const counts = await until(4, () =>
      line.publishAsync(topics.inspection, JSON.stringify(inspection(4)), { qos: 1 }),
    )
    t.match(counts, { grades: { A: 2, REJECT: 2 }, rejects_in_a_row: 0 })
    await flows.stop()
    t.equal(flows.status().facts?.running, false)
    const free = createServer().listen(port, '127.0.0.1')
    await once(free, 'listening')
    free.close()
  })
})

test('a port that is taken is named with its setting, and the gateway goes on', {
  timeout: 60_000,
}, async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const address = other.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const { flows } = await setUp(t, port)
  await flows.start()
  while (flows.status().facts?.restarts === 0) await systemClock.sleep(20)
  t.match(flows.status(), {
    state: 'degraded',
    detail: new RegExp(`port ${port} on 127.0.0.1 is taken.*flows.port \\(POINCON_FLOWS_PORT\\)`),
  })
})

test('Node-RED ends when whoever started it is gone', { timeout: 60_000 }, async (t) => {
  const userDir = await mkdtemp(join(tmpdir(), 'poincon-flows-'))
  t.teardown(() => rm(userDir, { recursive: true, force: true }))
  const port = String(await freePort())
  const env = {
    ...process.env,
    POINCON_FLOWS_PARENT: 'stdin',
    POINCON_FLOWS_DIR: userDir,
    POINCON_FLOWS_PORT: port,
  }
  const script = createRequire(import.meta.url).resolve('node-red/red.js')
  const child = spawn(process.execPath, [script, '--settings', 'flows/settings.cjs'], { env, stdio: 'pipe' })
  const exit = once(child, 'exit')
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.includes('Started flows')) child.stdin.destroy()
  }
  t.strictSame(await exit, [0, null])
})

/** The status of the editor's own page when it is called by that name. */
function statusFor(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path: '/', headers: { host } }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', reject)
      .end()
  })
}
