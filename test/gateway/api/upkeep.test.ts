import { test } from 'tap'
import { z } from 'zod'
import { type ReportQuery, sumsReport } from '../../../gateway/aggregates/report.ts'
import { Sums } from '../../../gateway/aggregates/sums.ts'
import { oldHeadsReport } from '../../../gateway/api/old-heads.ts'
import { buildServer } from '../../../gateway/api/server.ts'
import { storageReport } from '../../../gateway/api/storage.ts'
import type { CheckpointQuery } from '../../../gateway/proof/checkpoint-page.ts'
import { FakeStation } from '../../fakes/api.ts'

const EMPTY = { rows: [], total: new Sums().onWire() }

test('sums: what is asked reaches the station in UTC', async (t) => {
  const asked: ReportQuery[] = []
  const aggregates = (query: ReportQuery) => {
    asked.push(query)
    return Promise.resolve({ by: query.period, ...EMPTY })
  }
  const app = buildServer(new FakeStation().sources({ aggregates }))
  t.teardown(() => app.close())
  const plain = await app.inject('/api/v1/aggregates?by=day')
  t.equal(plain.statusCode, 200)
  t.equal(plain.headers['cache-control'], 'no-store')
  sumsReport.parse(plain.json())
  const time = 'from=2026-11-20&to=2026-11-21T01:00:00%2B01:00'
  await app.inject(`/api/v1/aggregates?by=hour&${time}&recipe=terrine&lot=L1&each=period&limit=48`)
  t.same(asked, [
    { period: 'day', each: 'lot', limit: 100 },
    {
      ...{ period: 'hour', each: 'period', limit: 48, recipe: 'terrine', lot: 'L1' },
      ...{ from: '2026-11-20T00:00:00.000Z', to: '2026-11-21T00:00:00.000Z' },
    },
  ])
})

test('sums: a wrong question is told the field, the value and what was expected', async (t) => {
  const app = buildServer(new FakeStation().sources())
  t.teardown(() => app.close())
  const cases = [
    ['', '#/by', 'missing: expected hour or day'],
    ['?by=week', '#/by', 'week: expected hour or day'],
    ['?by=day&from=yesterday', '#/from', /^yesterday: expected a day \(2026-11-21\) or a time with its zone/],
    ['?by=day&from=2026-11-21T08:00:00+01:00', '#/from', /T08:00:00 01:00: expected/],
    ['?by=day&to=2026-02-30', '#/to', /^2026-02-30: expected a day/],
    ['?by=day&from=2026-11-21&to=2026-11-21', '#/to', /expected a time after from \(2026-11-21T00/],
    ['?by=day&each=recipe', '#/each', 'recipe: expected lot or period'],
    ['?by=day&limit=1001', '#/limit', 'expected a whole number from 1 to 1000'],
    ['?by=day&lot=', '#/lot', 'expected a lot'],
    ['?by=day&lot=a&lot=b', '#/lot', 'expected one lot'],
    ['?by=day&station=x', '#/station', 'no such field'],
  ] as const
  for (const [query, pointer, detail] of cases) {
    const answer = await app.inject(`/api/v1/aggregates${query}`)
    t.equal(answer.statusCode, 400, query)
    t.match(answer.json(), { errors: [{ pointer, in: 'query', detail }] }, query)
  }
})

test('sums: those who ask at once wait for each other, and too many come again', async (t) => {
  let working = 0
  let most = 0
  const aggregates = async ({ period }: ReportQuery) => {
    working += 1
    most = Math.max(most, working)
    await new Promise((resolve) => setImmediate(resolve))
    working -= 1
    return { by: period, ...EMPTY }
  }
  const app = buildServer(new FakeStation().sources({ aggregates }))
  t.teardown(() => app.close())
  const answers = await Promise.all(Array.from({ length: 20 }, () => app.inject('/api/v1/aggregates?by=day')))
  t.equal(most, 1)
  const refused = answers.filter(({ statusCode }) => statusCode === 503)
  t.ok(refused.length > 0 && refused.length <= 12, `${refused.length} refused`)
  t.equal(refused[0]?.headers['retry-after'], '2')
})

test('storage, old heads and checkpoints answer in the form that is documented', async (t) => {
  const asked: CheckpointQuery[] = []
  const checkpoints = (query: CheckpointQuery) => {
    asked.push(query)
    return Promise.resolve({ checkpoints: [] })
  }
  const app = buildServer(new FakeStation().sources({ checkpoints }))
  t.teardown(() => app.close())
  storageReport.parse((await app.inject('/api/v1/storage')).json())
  oldHeadsReport.parse((await app.inject('/api/v1/old-heads')).json())
  t.same((await app.inject('/api/v1/checkpoints?limit=3&before=9')).json(), { checkpoints: [] })
  t.same(asked, [{ limit: 3, before: 9 }])
  t.match((await app.inject('/api/v1/checkpoints?limit=0')).json(), { errors: [{ pointer: '#/limit' }] })
  const { paths } = z
    .object({ paths: z.record(z.string(), z.unknown()) })
    .parse((await app.inject('/docs/json')).json())
  for (const name of ['aggregates', 'storage', 'old-heads', 'checkpoints']) {
    t.ok(paths[`/api/v1/${name}`], `${name} is in the description`)
  }
})
