import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { type Test, test } from 'tap'
import { systemClock } from '../../../drivers/clock.ts'
import { influxOptions } from '../../../gateway/influx/options.ts'
import { InfluxSink, type InfluxSinkOptions } from '../../../gateway/influx/sink.ts'
import { silentLog } from '../../../gateway/log.ts'
import { RefusedError, RetryLaterError } from '../../../gateway/outbox.ts'
import { InfluxDb } from '../../fakes/influxdb.ts'
import { entries, entry } from '../../fakes/inspections.ts'
import { freePort, installed } from '../../fakes/server-process.ts'
import { VictoriaMetrics } from '../../fakes/victoria-metrics.ts'

const never = new AbortController().signal

function open(influx: object, changes: Partial<InfluxSinkOptions> = {}): InfluxSink {
  return new InfluxSink({
    influx: influxOptions.parse(influx),
    clock: systemClock,
    log: silentLog,
    ...changes,
  })
}

test('InfluxDB 1.x', {
  skip: installed('influxd') ? false : 'SKIPPED: influxd is not installed',
}, async (t) => {
  const server = await InfluxDb.start()
  t.teardown(() => server.close())
  const v1 = { url: server.url, version: 1, database: server.database }

  await t.test('keeps every inspection with its fields, and a repeat overwrites itself', async (t) => {
    const sink = open(v1)
    t.equal(await sink.send(entries(1, 300), never), 300)
    t.equal(await sink.send(entries(1, 300), never), 300)
    const [count] = await server.query('SELECT COUNT(sequence) AS n FROM inspection')
    t.equal(count?.n, 300)
    const [row] = await server.query('SELECT * FROM inspection WHERE sequence = 7')
    t.match(row, {
      device: 'gw-1',
      grade: 'A',
      action: 'accept',
      lot_id: 'L, 42="x"',
      vl53l8ch_volume_mm3: 210345.5,
      sample_id: 'part 7',
    })
  })

  await t.test(
    'refuses one that contradicts the type of a field: those before it go, it is named',
    async (t) => {
      const sink = open(v1)
      // What another writer made of a field in the same shard.
      await fetch(`${server.url}/write?db=${server.database}`, {
        method: 'POST',
        body: 'inspection,device=other as7341_bad="text" 1777622400000000000',
      })
      const block = { channels: {}, saturated: [], bad: 5 }
      const batch = [...entries(401, 405), entry(406, { as7341: block }), ...entries(407, 410)]
      t.equal(await sink.send(batch, never), 405)
      await t.rejects(sink.send(batch.slice(5), never), RefusedError)
      await t.rejects(sink.send(batch.slice(5), never), { sequence: 406, message: /field type conflict/ })
    },
  )

  await t.test('counts as taken what the server would delete at once by its retention policy', async (t) => {
    await server.query('CREATE DATABASE brief WITH DURATION 1h')
    const sink = open({ ...v1, database: 'brief' })
    const now = new Date().toISOString()
    const batch = [entry(1), entry(2), entry(3, { timestamp: now })]
    t.equal(await sink.send(batch, never), 3)
    t.strictSame(sink.status().facts, { beyond_retention: 2 })
  })

  await t.test('a database that does not exist is a fault of the place, not of an inspection', async (t) => {
    const error: unknown = await open({ ...v1, database: 'nowhere' })
      .send(entries(1, 2), never)
      .catch((caught) => caught)
    t.match(error, { message: /HTTP 404.*nowhere/ })
    t.notOk(error instanceof RefusedError)
  })

  await t.test('the station’s health, as a measurement of its own', async (t) => {
    const tags = { site: 'lyon', line: 'l1', station: 's1', device: 'gw-1' }
    const sink = open(v1, { health: { tags, facts: () => ({ stored: 9 }) }, healthPeriodMs: 10 })
    await sink.start()
    let rows: unknown[] = []
    while (rows.length === 0) rows = await server.query('SELECT * FROM station')
    await sink.stop()
    t.match(rows[0], { stored: 9, station: 's1' })
  })
})

test('VictoriaMetrics', {
  skip: installed('victoria-metrics') ? false : 'SKIPPED: victoria-metrics is not installed',
}, async (t) => {
  const server = await VictoriaMetrics.start()
  t.teardown(() => server.close())
  const sink = open({ url: server.url, text_fields: false })
  t.equal(await sink.send(entries(1, 100), never), 100)
  const volumes = await server.export('inspection_vl53l8ch_volume_mm3')
  t.match(volumes, [{ metric: { device: 'gw-1', grade: 'A', recipe: 'foiegras_standard_barquette' } }])
  t.equal(volumes[0]?.values.length, 100)
  t.equal(volumes[0]?.timestamps[0], Date.UTC(2026, 4, 1, 8, 0, 0, 1), 'milliseconds')
  t.strictSame(await server.export('inspection_lot_id'), [], 'no texts')

  const texts = open({ url: server.url })
  await texts.send(entries(101, 101), never)
  t.match(
    await server.export('inspection_lot_id'),
    [{ values: [0] }],
    'why text_fields is off: it makes zeros of texts',
  )
})

test('what a server says', async (t) => {
  await t.test('a token from a file, compressed lines on the v2 path', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'poincon-influx-'))
    t.teardown(() => rm(folder, { recursive: true }))
    const token = join(folder, 'token')
    await writeFile(token, 'old\n')
    const { url, requests } = await serve(t, ({ headers }, response) => {
      response.writeHead(headers.authorization === 'Token new' ? 204 : 401).end()
    })
    const sink = open({ url, org: 'plant 1', bucket: 'line', token_file: token })
    await t.rejects(sink.send(entries(1, 3), never), { message: /HTTP 401/ })
    await writeFile(token, 'new\n')
    t.equal(await sink.send(entries(1, 3), never), 3, 'a renewed token is read again')
    t.equal(requests[1]?.url, '/api/v2/write?org=plant%201&bucket=line&precision=ns')
    t.equal(requests[1]?.body.split('\n').length, 3)
  })

  await t.test('later: with the seconds it asks for', async (t) => {
    const { url } = await serve(t, (_request, response) =>
      response.writeHead(429, { 'retry-after': '7' }).end(),
    )
    const error: unknown = await open({ url })
      .send(entries(1, 1), never)
      .catch((caught) => caught)
    t.ok(error instanceof RetryLaterError)
    t.match(error, { afterMs: 7000 })
  })

  await t.test('a fault of its own: try again', async (t) => {
    const { url } = await serve(t, (_request, response) =>
      response.writeHead(500).end('{"message":"disk full"}'),
    )
    await t.rejects(open({ url }).send(entries(1, 1), never), { message: /HTTP 500.*disk full/ })
  })

  await t.test('too large: halves until it fits', async (t) => {
    const { url, requests } = await serve(t, (_request, response, body) => {
      response.writeHead(body.split('\n').length > 3 ? 413 : 204).end()
    })
    t.equal(await open({ url }).send(entries(1, 10), never), 10)
    const taken = requests.map(({ body }) => body.split('\n').length).filter((lines) => lines <= 3)
    t.strictSame(taken, [2, 3, 2, 3])
  })

  await t.test('which line it will not take: only that one is held up', async (t) => {
    const partial = (line: number): object => ({
      data: [{ line_number: line, error_message: 'bad' }],
      error: 'partial write',
    })
    const first = (line: number): object => ({ code: 'invalid', message: 'unable to parse', line })
    for (const form of [partial, first]) {
      const { url, requests } = await serve(t, (_request, response, body) => {
        const bad = body.split('\n').findIndex((text) => text.includes('sequence=6i'))
        response.writeHead(bad === -1 ? 204 : 400, { 'content-type': 'application/json' })
        response.end(bad === -1 ? '' : JSON.stringify(form(bad + 1)))
      })
      const sink = open({ url })
      t.equal(await sink.send(entries(1, 12), never), 5)
      t.strictSame(
        requests.map(({ body }) => body.split('\n').length),
        [12, 5, 1],
      )
      await t.rejects(sink.send(entries(6, 12), never), { sequence: 6, name: 'RefusedError' })
      t.equal(await sink.send(entries(7, 12), never), 12)
    }
  })

  await t.test('a line that there is not: halves find the true one', async (t) => {
    const { url } = await serve(t, (_request, response, body) => {
      response.writeHead(body.includes('sequence=6i') ? 400 : 204, { 'content-type': 'application/json' })
      response.end('{"line":99}')
    })
    t.equal(await open({ url }).send(entries(1, 12), never), 5)
  })

  await t.test('nothing: it is not there, or it is silent while the gateway stops', async (t) => {
    const port = await freePort()
    await t.rejects(open({ url: `http://127.0.0.1:${port}` }).send(entries(1, 1), never), {
      message: /ECONNREFUSED/,
    })
    const stopping = new AbortController()
    const { url } = await serve(t, () => stopping.abort(new Error('stopping')))
    await t.rejects(open({ url }).send(entries(1, 1), stopping.signal), { message: 'stopping' })
  })
})

/** A server of the write API that answers as the test says, and what it was sent. */
async function serve(
  t: Test,
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => unknown,
): Promise<{ url: string; requests: { url: string | undefined; body: string }[] }> {
  const requests: { url: string | undefined; body: string }[] = []
  const server = createServer((request, response) => {
    void buffer(request).then((bytes) => {
      const body = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString()
      requests.push({ url: request.url, body })
      answer(request, response, body)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { url: `http://127.0.0.1:${port}`, requests }
}
