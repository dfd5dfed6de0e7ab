import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { test } from 'tap'
import { z } from 'zod'
import { quarantineCommand } from '../../../gateway/commands/quarantine.ts'
import { freePort } from '../../fakes/server-process.ts'
import { StationProcess } from '../../fakes/station-process.ts'
import { said } from '../rejudge/logs.ts'

const posted = z.object({ sequence: z.int() })
const health = z.object({
  reconciled: z.boolean(),
  sinks: z.array(z.object({ name: z.string(), stored: z.int(), delivered: z.int(), quarantined: z.int() })),
  units: z.array(z.object({ name: z.string(), state: z.string(), detail: z.string().optional() })),
})

test('what a receiver refuses for good, from its first refusal to its end', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-quarantine-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const poison = new Set([2, 3])
  const taken: number[] = []
  let look = (): void => {}
  const server = createServer((request, response) => {
    void json(request).then((body) => {
      const { sequence } = posted.parse(body)
      const refused = poison.has(sequence)
      if (!refused) taken.push(sequence)
      response.writeHead(refused ? 422 : 200).end(refused ? 'no such lot' : '')
      look()
    })
  })
  server.listen(await freePort(), '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const received = (sequence: number): Promise<void> =>
    new Promise((resolve) => {
      look = () => {
        if (taken.includes(sequence)) resolve()
      }
      look()
    })
  const mqttPort = await freePort()
  const config = join(dir, 'poincon.yaml')
  await writeFile(
    config,
    `data_dir: ${join(dir, 'data')}
mqtt: { port: ${mqttPort} }
webhook: { url: 'http://127.0.0.1:${port}/hook' }
quarantine: { attempts: 1 }
trigger: { period_ms: 100 }
`,
  )
  const args = ['--config', config]
  const options = { env: { POINCON_MQTT_PORT: String(mqttPort) } }
  const quarantine = (...words: string[]) => said(t, () => quarantineCommand([...words, ...args]))

  t.match(await quarantine('list'), { code: 0, stdout: 'nothing is set aside\n' })
  t.match(await quarantine('drop'), { code: 2, stderr: /quarantine drop/ })
  const station = await StationProcess.start(args, options)
  t.teardown(() => station.kill())
  await received(5)
  const listed = await quarantine('list', '--json')
  const lines = listed.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.match(lines, [
    { sink: 'webhook', sequence: 2, attempts: 1, reason: /inspection 2 is refused: .*HTTP 422: no such lot/ },
    { sequence: 3, state: 'aside' },
  ])
  t.notHas(lines[0], 'payload')
  const report = health.parse(await (await fetch(`${station.url}/healthz`)).json())
  t.ok(report.reconciled)
  t.match(
    report.sinks.find(({ name }) => name === 'webhook'),
    { quarantined: 2 },
  )
  t.match(
    report.units.find(({ name }) => name === 'quarantine'),
    { state: 'degraded', detail: /^2 set aside/ },
  )

  poison.delete(2)
  const sent = await quarantine('send')
  t.match(sent, { code: 1, stdout: '{"sink":"webhook","answer":{"sent":1,"refused":1,"waiting":0}}\n' })
  t.ok(taken.includes(2))
  await station.stop()

  t.match(await quarantine('send', lines[0].id), {
    code: 1,
    stderr: /it is not set aside/,
  })
  t.match(await quarantine('send', lines[1].id), {
    code: 0,
    stdout: '1 will be sent when the station starts\n',
  })
  poison.clear()
  const again = await StationProcess.start(args, options)
  t.teardown(() => again.kill())
  await received(3)
  await again.stop()
  t.match(await quarantine('list'), { stdout: 'nothing is set aside\n' })
  t.strictSame(
    [...new Set(taken)].sort((a, b) => a - b),
    taken.map((_, place) => place + 1).slice(0, new Set(taken).size),
  )
})
