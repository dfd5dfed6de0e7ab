import { type Test, test } from 'tap'
import { buildServer } from '../../../gateway/api/server.ts'
import type { AskTrace } from '../../../gateway/api/trace.ts'
import { emptyTotals } from '../../../gateway/lot-totals.ts'
import { type Trace, traceRecord } from '../../../gateway/proof/trace-record.ts'
import { FakeStation } from '../../fakes/api.ts'

const at = '2026-03-01T08:00:00.000Z'
const part: Trace['parts'][number] = {
  ...{
    id: '01980000-0000-7000-9000-000000000001',
    epoch: 'e',
    sequence: 41,
    timestamp: at,
    hash: 'ab'.repeat(32),
  },
  ...{ grade: 'A', action: 'accept', reasons: [] },
}
const trace: Trace = {
  ...{ schema: 'poincon.trace/1', kind: 'lot', id: 'LL-1', device_id: 'gw-1', site: 'landes', line: 'l1' },
  station: '<script>alert(1)</script>',
  lot: { id: 'LL-1', started_at: at, totals: { ...emptyTotals(), parts: 2 } },
  parts: [part, { ...part, sequence: 42, overridden: { grade: 'C', action: 'hold', at } }],
  parts_not_listed: 3,
  recipes: [{ id: 'foiegras_standard_barquette', revision: 7, sha256: 'cd'.repeat(32) }],
  calibrations: [{ id: 'c1', kind: 'empty-tray', taken_at: at }, { id: 'c2' }],
  software: ['0.1.0'],
  checkpoint: null,
}

function server(t: Test, ask: AskTrace = (token) => Promise.resolve(token === 'good' ? trace : undefined)) {
  const app = buildServer(new FakeStation().sources({ trace: ask }))
  t.teardown(() => app.close())
  return app
}

test('a phone gets a page in its language, without script, and nothing in it is believed', async (t) => {
  const app = server(t)
  for (const [languages, said, html] of [
    ['en-GB,en;q=0.9,fr;q=0.3', 'en', /Parts inspected/],
    ['fr-CA', 'fr', /Pièces contrôlées/],
    ['de, en;q=0.1', 'en', /Inspected with/],
    ['de', 'fr', /Étalonnage/],
    ['en;q=0, *;q=0.1', 'fr', /revu par deux personnes/],
    [undefined, 'fr', /3 pièces ne sont pas détaillées/],
  ] as const) {
    const headers = {
      accept: 'text/html,*/*;q=0.8',
      ...(languages === undefined ? {} : { 'accept-language': languages }),
    }
    const reply = await app.inject({ url: '/t/good', headers })
    t.equal(reply.headers['content-language'], said, String(languages))
    t.match(reply.body, html)
    t.match(reply.headers['content-type'], 'text/html; charset=utf-8')
    t.notMatch(reply.body, '<script')
    t.match(reply.body, '&lt;script&gt;')
    t.match(reply.headers['content-security-policy'], /^default-src 'none'; style-src 'sha256-[^']+';/)
    t.notMatch(reply.headers['content-security-policy'], 'unsafe')
  }
})

test('a machine gets JSON', async (t) => {
  for (const accept of ['application/json', '*/*', 'text/html;q=0.2, application/*;q=0.9', undefined]) {
    const reply = await server(t).inject({ url: '/t/good', headers: accept === undefined ? {} : { accept } })
    t.match(reply.headers['content-type'], 'application/json; charset=utf-8')
    t.same(traceRecord.parse(reply.json()), trace)
  }
})

test('a code that leads nowhere is one problem, whatever is wrong with it', async (t) => {
  for (const url of ['/t/bad', `/t/${'x'.repeat(90)}`, '/t/1l-LL-1.AAAAAAAAAAAAAAAAAAAAAA']) {
    const reply = await server(t).inject({ url, headers: { accept: 'text/html' } })
    t.match(reply.headers['content-type'], 'application/problem+json')
    t.match(reply.json(), { status: 404, title: 'Not Found', detail: /leads to nothing/ })
  }
  const long = await server(t).inject({ url: `/t/${'x'.repeat(91)}` })
  t.match(long.json(), { status: 400, detail: /expected the code of a label/ })
})

test('histories are put together one at a time, and who asks while too many wait is told to come back', async (t) => {
  let [running, most] = [0, 0]
  let release = (): void => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  const app = server(t, async () => {
    running += 1
    most = Math.max(most, running)
    await gate
    running -= 1
    return trace
  })
  const asked = Array.from({ length: 8 }, () => app.inject({ url: '/t/good' }))
  await new Promise((resolve) => setImmediate(resolve))
  const refused = app.inject({ url: '/t/good' })
  t.equal((await refused).statusCode, 503)
  t.equal((await refused).headers['retry-after'], '2')
  release()
  t.same(new Set((await Promise.all(asked)).map(({ statusCode }) => statusCode)), new Set([200]))
  t.equal(most, 1)
})
