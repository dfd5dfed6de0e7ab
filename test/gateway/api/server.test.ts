import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'tap'
import { z } from 'zod'
import { ApiServer, buildServer } from '../../../gateway/api/server.ts'
import { stationState } from '../../../gateway/api/station-state.ts'
import { inspectionMessage } from '../../../gateway/message.ts'
import { FakeStation } from '../../fakes/api.ts'
import { idOf, message } from '../../fakes/messages.ts'

const page = z.strictObject({ inspections: z.array(inspectionMessage), next_before: z.int().optional() })

function stationWith(count: number): FakeStation {
  const station = new FakeStation()
  for (let sequence = 1; sequence <= count; sequence += 1) station.store(message(sequence))
  return station
}

test('pages through the inspections, newest first, without gap or repeat', async (t) => {
  const app = buildServer(stationWith(120).sources())
  t.teardown(() => app.close())
  const seen: number[] = []
  let url: string | undefined = '/api/v1/inspections?limit=50'
  let pages = 0
  while (url !== undefined) {
    const answer = await app.inject(url)
    t.equal(answer.statusCode, 200)
    const { inspections, next_before } = page.parse(answer.json())
    seen.push(...inspections.map(({ sequence }) => sequence))
    pages += 1
    url = next_before === undefined ? undefined : `/api/v1/inspections?limit=50&before=${next_before}`
    t.equal(answer.headers.link, url === undefined ? undefined : `<${url}>; rel="next"`)
  }
  t.equal(pages, 3)
  t.same(
    seen,
    Array.from({ length: 120 }, (_, place) => 120 - place),
  )
})

test('fifty inspections where no limit is said, and an empty page where there are none', async (t) => {
  const app = buildServer(stationWith(51).sources())
  const empty = buildServer(new FakeStation().sources())
  t.teardown(() => Promise.all([app.close(), empty.close()]))
  t.equal(page.parse((await app.inject('/api/v1/inspections')).json()).inspections.length, 50)
  t.same((await empty.inject('/api/v1/inspections')).json(), { inspections: [] })
})

test('one inspection comes byte for byte as it was stored, and is cached for ever', async (t) => {
  const station = new FakeStation()
  const payload = `{"z":1,"a": [1.50, "\\u00e9é"]}`
  station.inspections.push({ sequence: 1, id: idOf(1), payload })
  const app = buildServer(station.sources())
  t.teardown(() => app.close())
  const answer = await app.inject(`/api/v1/inspections/${idOf(1).toUpperCase()}`)
  t.equal(answer.statusCode, 200)
  t.equal(answer.body, payload)
  t.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
  const etag = String(answer.headers.etag)
  const again = await app.inject({
    url: `/api/v1/inspections/${idOf(1)}`,
    headers: { 'if-none-match': `W/${etag}` },
  })
  t.equal(again.statusCode, 304)
  t.equal(again.body, '')
})

test('a wrong request is answered with a problem that points at the field', async (t) => {
  const app = buildServer(stationWith(1).sources())
  t.teardown(() => app.close())
  const cases = [
    ['/api/v1/inspections?limit=0', '#/limit'],
    ['/api/v1/inspections?limit=201', '#/limit'],
    ['/api/v1/inspections?limit=1e2', '#/limit'],
    ['/api/v1/inspections?limit=', '#/limit'],
    ['/api/v1/inspections?limit=1&limit=2', '#/limit'],
    ['/api/v1/inspections?before=-1', '#/before'],
    ['/api/v1/inspections?before=99999999999999999999', '#/before'],
    ['/api/v1/inspections?limt=5', '#/limt'],
    ['/api/v1/inspections?a~%2Fb=5', '#/a~0~1b'],
    ['/api/v1/inspections/17', '#/id'],
  ] as const
  for (const [url, pointer] of cases) {
    const answer = await app.inject(url)
    t.equal(answer.statusCode, 400, url)
    t.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8')
    t.match(
      answer.json(),
      { type: 'about:blank', title: 'Bad Request', status: 400, errors: [{ pointer }] },
      url,
    )
  }
})

test('what is not there, not JSON or too large is a problem too', async (t) => {
  const app = buildServer(stationWith(1).sources())
  t.teardown(() => app.close())
  const cases = [
    [{ url: `/api/v1/inspections/${idOf(9)}` }, 404],
    [{ url: '/api/v1/nothing' }, 404],
    [{ url: '/../../etc/passwd' }, 404],
    [{ url: '/%c0' }, 400],
    [{ url: `/api/v1/inspections/${'1'.repeat(130)}` }, 414],
    [{ url: '/api/v1/station', method: 'POST' as const, payload: '{}' }, 404],
  ] as const
  for (const [request, status] of cases) {
    const answer = await app.inject(request)
    t.equal(answer.statusCode, status, request.url)
    t.match(answer.json(), { status, instance: request.url.replace('/../..', '') })
    t.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8')
  }
})

test('an inner error stays inside', async (t) => {
  const sources = new FakeStation().sources()
  const broken = () => Promise.reject(new Error('disk I/O error at /secret/path'))
  const app = buildServer({ ...sources, history: { ...sources.history, latest: broken } })
  t.teardown(() => app.close())
  const answer = await app.inject('/api/v1/inspections')
  t.equal(answer.statusCode, 500)
  t.notMatch(answer.body, 'secret')
  t.match(answer.json(), { title: 'Internal Server Error', status: 500 })
})

test('health: 200 while the counters reconcile, 503 and the numbers when they do not', async (t) => {
  const station = new FakeStation()
  const app = buildServer(station.sources())
  t.teardown(() => app.close())
  t.equal((await app.inject('/healthz')).statusCode, 200)
  station.report = { reconciled: false, violations: [{ equation: 'decided = stored + appending' }] }
  const answer = await app.inject('/healthz')
  t.equal(answer.statusCode, 503)
  t.match(answer.json(), { violations: [{ equation: 'decided = stored + appending' }] })

  t.equal((await app.inject('/readyz')).statusCode, 200)
  station.readiness = { ready: false, waiting_for: ['store: disk full'] }
  const waiting = await app.inject('/readyz')
  t.equal(waiting.statusCode, 503)
  t.same(waiting.json(), station.readiness)

  const metrics = await app.inject('/metrics')
  t.equal(metrics.headers['content-type'], 'application/openmetrics-text; version=1.0.0; charset=utf-8')
})

test('the station tells who and how it is', async (t) => {
  const app = buildServer(new FakeStation().sources())
  t.teardown(() => app.close())
  const answer = await app.inject('/api/v1/station')
  t.match(stationState.parse(answer.json()), {
    device_id: 'station-7',
    heads: [{ id: 'tof' }, { id: 'spectral' }],
  })
})

test('the OpenAPI document names every route, and its references resolve', async (t) => {
  const app = buildServer(new FakeStation().sources())
  t.teardown(() => app.close())
  const answer = await app.inject('/docs/json')
  const document = z
    .object({
      openapi: z.string(),
      paths: z.record(z.string(), z.unknown()),
      components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
    })
    .parse(answer.json())
  t.equal(document.openapi, '3.1.0')
  t.same(Object.keys(document.paths).sort(), [
    '/api/v1/aggregates',
    '/api/v1/checkpoints',
    '/api/v1/engravings',
    '/api/v1/engravings/match',
    '/api/v1/engravings/{symbol}',
    '/api/v1/engravings/{symbol}/examples',
    '/api/v1/engravings/{symbol}/picture',
    '/api/v1/evidence/{sha256}',
    '/api/v1/inspections',
    '/api/v1/inspections/{id}',
    '/api/v1/lenses',
    '/api/v1/lenses/{id}',
    '/api/v1/lenses/{id}/symbols/{symbol}',
    '/api/v1/old-heads',
    '/api/v1/quality',
    '/api/v1/station',
    '/api/v1/storage',
    '/api/v1/update',
    '/api/v1/update/consent',
    '/api/v1/update/lock',
    '/healthz',
    '/metrics',
    '/readyz',
    '/t/{token}',
  ])
  t.same(Object.keys(document.components.schemas).sort(), [
    'CheckpointPage',
    'EngravingMatch',
    'Enrolled',
    'HealthReport',
    'Inspection',
    'InspectionPage',
    'Lens',
    'LensPage',
    'OldHeadsReport',
    'Problem',
    'QualityReport',
    'ReadyReport',
    'StationState',
    'StorageReport',
    'SumsReport',
    'SymbolList',
    'UpdateReport',
  ])
  for (const [, name = ''] of answer.body.matchAll(/"\$ref":"#\/components\/schemas\/([^"]*)"/g)) {
    t.ok(name in document.components.schemas, `#/components/schemas/${name}`)
  }
  t.match(answer.body, '"maximum":200')
  t.equal((await app.inject('/docs')).statusCode, 200)
})

test('the page: hashed files are cached for ever, the page itself never, and nothing foreign may run', async (t) => {
  const consoleDir = t.testdir({ 'index.html': '<title>Poinçon</title>', '.secret': 'x' })
  await mkdir(join(consoleDir, 'assets'))
  await writeFile(join(consoleDir, 'assets', 'main-abc123.js'), 'export {}')
  const app = buildServer(new FakeStation().sources({ consoleDir }))
  t.teardown(() => app.close())
  const index = await app.inject('/')
  t.match(index.body, 'Poinçon')
  t.equal(index.headers['cache-control'], 'no-cache')
  t.match(index.headers['content-security-policy'], "script-src 'self';")
  t.notMatch(index.headers['content-security-policy'], 'unsafe')
  t.equal(index.headers['x-content-type-options'], 'nosniff')
  const script = await app.inject('/assets/main-abc123.js')
  t.equal(script.headers['cache-control'], 'public, max-age=31536000, immutable')
  t.equal((await app.inject('/.secret')).statusCode, 404)
})

test('a page that was not built says so, and the API works on', async (t) => {
  const app = buildServer(new FakeStation().sources({ consoleDir: t.testdir({}) }))
  t.teardown(() => app.close())
  const answer = await app.inject('/')
  t.equal(answer.statusCode, 503)
  t.match(answer.json().detail, 'npm run build')
  t.equal((await app.inject('/api/v1/station')).statusCode, 200)
})

test('the unit listens, and cuts idle connections when it stops', async (t) => {
  const server = new ApiServer({ ...new FakeStation().sources(), host: '127.0.0.1', port: 0 })
  t.match(server.status(), { state: 'failed' })
  await server.start()
  const { url = '' } = server
  t.equal((await fetch(`${url}/readyz`)).status, 200)
  t.same(server.status(), { state: 'ok', facts: { url } })
  await server.stop()
  await t.rejects(fetch(`${url}/readyz`))
})

test('a taken port is named, with the setting to change', async (t) => {
  const other = createServer()
  await new Promise<void>((listening) => other.listen(0, '127.0.0.1', listening))
  t.teardown(() => other.close())
  const address = other.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const server = new ApiServer({ ...new FakeStation().sources(), host: '127.0.0.1', port })
  await t.rejects(server.start(), {
    message: `http: port ${port} on 127.0.0.1 is taken by another process; change http.port in poincon.yaml or POINCON_HTTP_PORT`,
  })
  const elsewhere = new ApiServer({ ...new FakeStation().sources(), host: '192.0.2.1', port: 0 })
  await t.rejects(elsewhere.start(), {
    message: /192\.0\.2\.1 is no address of this machine; change http\.host/,
  })
})
