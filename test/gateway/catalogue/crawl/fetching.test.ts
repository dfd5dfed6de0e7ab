import type { ServerResponse } from 'node:http'
import { type Test, test } from 'tap'
import { PAGE } from '../../../../gateway/catalogue/crawl/crawl.ts'
import { MANNERS, PoliteFetcher } from '../../../../gateway/catalogue/crawl/polite-fetcher.ts'
import { HastyClock } from '../../../fakes/hasty-clock.ts'
import { type Answering, SupplierSites } from '../../../fakes/supplier-site.ts'

const AGENT = 'poincon/9 (+crawl@plant.example)'

async function place(t: Test, options: { readonly patienceMs?: number } = {}) {
  const clock = new HastyClock(options.patienceMs)
  const sites = await SupplierSites.listen(() => clock.now())
  t.teardown(() => sites.close())
  const manners = { ...MANNERS, agent: AGENT, product: 'poincon' }
  const ended = new AbortController()
  const fetcher = new PoliteFetcher({ manners, clock, random: () => 0.5, signal: ended.signal })
  return {
    ...{ sites, clock, fetcher, ended },
    get: (what: string, validators = {}) => fetcher.get(sites.url(what), PAGE, validators),
    put: (what: string, answering: Answering) => sites.paths.set(what, answering),
    asked: () => sites.asked.map(({ atMs, what, status }) => [atMs, what, status]),
  }
}

/** Answers of a path, one after the other; the last one again and again. */
function inTurn(...answers: readonly ((response: ServerResponse) => void)[]): Answering {
  let at = 0
  return (_request, response) => {
    answers[Math.min(at, answers.length - 1)]?.(response)
    at += 1
  }
}
const says =
  (status: number, headers: Record<string, string> = {}) =>
  (response: ServerResponse): void => {
    response.writeHead(status, headers).end()
  }
const page = (response: ServerResponse): void => {
  response.writeHead(200, { 'content-type': 'text/html' }).end('<p>here')
}

test('robots.txt first, then a request every three seconds, a host for itself, and it says who asks', async (t) => {
  const { sites, get, put, asked } = await place(t)
  for (const what of ['127.0.0.2/a', '127.0.0.2/b', '127.0.0.3/a']) put(what, '<p>here')
  t.match(await get('127.0.0.2/a'), { kind: 'got', contentType: /html/, bytes: Buffer.from('<p>here') })
  await get('127.0.0.2/b')
  await get('127.0.0.3/a')
  t.strictSame(asked(), [
    [3000, '127.0.0.2/robots.txt', 404],
    [6000, '127.0.0.2/a', 200],
    [9000, '127.0.0.2/b', 200],
    [12_000, '127.0.0.3/robots.txt', 404],
    [15_000, '127.0.0.3/a', 200],
  ])
  t.ok(sites.asked.every(({ agent }) => agent === AGENT))
})

test('what robots.txt forbids is never asked for; a longer delay is kept', async (t) => {
  const { get, put, asked } = await place(t)
  put('127.0.0.2/robots.txt', 'User-agent: poincon\nCrawl-delay: 10\nDisallow: /private/\n')
  put('127.0.0.2/a', '<p>here')
  t.match(await get('127.0.0.2/private/a'), {
    kind: 'forbidden',
    detail: /127\.0\.0\.2:\d+\/robots\.txt forbids it/,
  })
  await get('127.0.0.2/a')
  await get('127.0.0.2/a')
  t.strictSame(asked(), [
    [3000, '127.0.0.2/robots.txt', 200],
    [13_000, '127.0.0.2/a', 200],
    [23_000, '127.0.0.2/a', 200],
  ])
  put('127.0.0.4/robots.txt', 'User-agent: *\nCrawl-delay: 86400\n')
  t.match(await get('127.0.0.4/a'), { kind: 'failed', detail: /Crawl-delay 86400 s/, host: true })
})

test('no robots.txt allows everything; one that is not to be had forbids it', async (t) => {
  const { sites, get, put, asked } = await place(t)
  put('127.0.0.2/robots.txt', (_request, response) => says(403)(response))
  put('127.0.0.2/a', '<p>here')
  t.match(await get('127.0.0.2/a'), { kind: 'got' })
  put('127.0.0.3/robots.txt', (_request, response) => says(503)(response))
  put('127.0.0.3/a', '<p>here')
  t.match(await get('127.0.0.3/a'), {
    kind: 'failed',
    detail: /127\.0\.0\.3:\d+\/robots\.txt: it answers 503/,
    host: true,
  })
  put('127.0.0.4/robots.txt', (request) => request.socket.destroy())
  t.match(await get('127.0.0.4/a'), { kind: 'failed', detail: /robots\.txt: / })
  put('127.0.0.5/robots.txt', (_request, response) => says(301, { location: '/r.txt' })(response))
  put('127.0.0.5/r.txt', 'User-agent: *\nDisallow: /')
  t.match(await get('127.0.0.5/a'), { kind: 'forbidden' })
  put('127.0.0.6/robots.txt', (_request, response) =>
    says(301, { location: sites.url('127.0.0.5/r.txt') })(response),
  )
  t.match(await get('127.0.0.6/a'), { kind: 'failed', detail: /robots\.txt: it redirects to another host/ })
  put('127.0.0.7/robots.txt', (_request, response) => says(301, { location: '/robots.txt' })(response))
  t.match(await get('127.0.0.7/a'), { kind: 'failed', detail: /robots\.txt: more than 5 redirects/ })
  t.notOk(asked().some(([, what]) => ['127.0.0.3/a', '127.0.0.4/a', '127.0.0.5/a'].includes(String(what))))
})

test('a robots.txt is read anew after a day', async (t) => {
  const { get, clock, asked } = await place(t)
  await get('127.0.0.2/a')
  await clock.sleep(24 * 3_600_000)
  await get('127.0.0.2/a')
  t.equal(asked().filter(([, what]) => what === '127.0.0.2/robots.txt').length, 2)
})

test('trouble that may pass is tried again, later and later, and no sooner than the host asks', async (t) => {
  const { get, put, sites, clock } = await place(t)
  await get('127.0.0.2/none')
  const times = () => sites.asked.flatMap(({ what, atMs }) => (what === '127.0.0.2/a' ? atMs : []))
  const began = clock.now()
  put('127.0.0.2/a', inTurn(says(503, { 'retry-after': '120' }), says(429), says(500), page))
  t.match(await get('127.0.0.2/a'), { kind: 'got' })
  t.strictSame(
    times().map((atMs) => atMs - began),
    // Three quarters of 5 s doubled for each failure, by the random number above; the second is the third failure's.
    [3000, 123_000, 130_500, 145_500],
  )
})

test('a date says when as well; five retries are enough; who wants more than an hour is left alone', async (t) => {
  const { get, put, sites, clock } = await place(t)
  const count = (name: string) => sites.asked.filter(({ what }) => what === name).length
  put(
    '127.0.0.2/dated',
    inTurn(
      (response) => says(503, { 'retry-after': new Date(clock.wall() + 60_000).toUTCString() })(response),
      page,
    ),
  )
  const before = clock.now()
  t.match(await get('127.0.0.2/dated'), { kind: 'got' })
  t.ok(clock.now() - before >= 60_000)
  put('127.0.0.2/down', inTurn(says(502)))
  t.strictSame(await get('127.0.0.2/down'), { kind: 'failed', detail: 'it answers 502', host: true })
  t.equal(count('127.0.0.2/down'), 6)
  put('127.0.0.2/cut', (request) => request.socket.destroy())
  t.match(await get('127.0.0.2/cut'), { kind: 'failed', host: true })
  t.equal(count('127.0.0.2/cut'), 6)
  put('127.0.0.2/later', inTurn(says(503, { 'retry-after': '7200' })))
  t.strictSame(await get('127.0.0.2/later'), {
    ...{ kind: 'failed', host: true },
    detail: 'it wants to be left alone for 120 minutes',
  })
  t.equal(count('127.0.0.2/later'), 1)
  put('127.0.0.2/gone', inTurn(says(410)))
  t.strictSame(await get('127.0.0.2/gone'), { kind: 'failed', detail: 'it answers 410', host: false })
  t.equal(count('127.0.0.2/gone'), 1, 'no use in asking again')
})

test('redirects are followed on the same host, and robots.txt counts there too', async (t) => {
  const { get, put, sites, asked } = await place(t)
  const to = (location: string): Answering => inTurn(says(302, { location }))
  put('127.0.0.2/robots.txt', 'User-agent: *\nDisallow: /private/')
  put('127.0.0.2/old', to('/new?x=1'))
  put('127.0.0.2/new?x=1', '<p>here')
  t.match(await get('127.0.0.2/old'), { kind: 'got', url: sites.url('127.0.0.2/new?x=1') })
  put('127.0.0.2/sly', to('/private/a'))
  t.match(await get('127.0.0.2/sly'), { kind: 'forbidden' })
  put('127.0.0.2/away', to(sites.url('127.0.0.3/a')))
  t.match(await get('127.0.0.2/away'), {
    kind: 'failed',
    detail: /redirects to another host: http:\/\/127\.0\.0\.3/,
  })
  put('127.0.0.2/port', to('http://127.0.0.2:1/'))
  t.match(await get('127.0.0.2/port'), { kind: 'failed', detail: 'it redirects to http://127.0.0.2:1' })
  put('127.0.0.2/file', to('file:///etc/passwd'))
  t.match(await get('127.0.0.2/file'), { kind: 'failed', detail: /another host/ })
  put('127.0.0.2/round', to('/round'))
  t.match(await get('127.0.0.2/round'), { kind: 'failed', detail: 'more than 5 redirects' })
  put('127.0.0.2/nowhere', inTurn(says(302)))
  t.match(await get('127.0.0.2/nowhere'), { kind: 'failed', detail: 'a redirect to nowhere' })
  t.notOk(asked().some(([, what]) => String(what).startsWith('127.0.0.3') || what === '127.0.0.2/private/a'))
})

test('an answer has a type and a size, and ends', async (t) => {
  const { get, put } = await place(t)
  put('127.0.0.2/pdf', { body: '%PDF', type: 'application/pdf' })
  t.match(await get('127.0.0.2/pdf'), {
    kind: 'failed',
    detail: /its type is application\/pdf, expected text\/html/,
  })
  put('127.0.0.2/endless', (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' })
    const more = (): void => {
      while (!response.destroyed && response.write('<p>'.repeat(10_000)));
    }
    response.on('drain', more)
    more()
  })
  t.strictSame(await get('127.0.0.2/endless'), {
    kind: 'failed',
    detail: 'more than 4194304 bytes',
    host: false,
  })
  const hasty = await place(t, { patienceMs: 50 })
  hasty.put('127.0.0.3/robots.txt', (_request, response) => {
    response.writeHead(200).write('User-agent: *')
  })
  t.match(await hasty.get('127.0.0.3/a'), {
    kind: 'failed',
    detail: /robots\.txt: no whole answer in 30 s/,
    host: true,
  })
})

test('what has not changed is not sent again', async (t) => {
  const { get, put } = await place(t)
  put('127.0.0.2/a', '<p>here')
  const first = await get('127.0.0.2/a')
  if (first.kind !== 'got') throw new Error(first.kind)
  t.match(first.validators, { etag: /^"/ })
  t.strictSame(await get('127.0.0.2/a', first.validators), { kind: 'unchanged' })
  put('127.0.0.2/a', '<p>there')
  t.match(await get('127.0.0.2/a', first.validators), { kind: 'got', bytes: Buffer.from('<p>there') })
  const since = 'Thu, 01 Jan 2026 00:00:00 GMT'
  put('127.0.0.2/dated', (request, response) => {
    if (request.headers['if-modified-since'] === since) says(304)(response)
    else response.writeHead(200, { 'content-type': 'text/html', 'last-modified': since }).end()
  })
  const dated = await get('127.0.0.2/dated')
  if (dated.kind !== 'got') throw new Error(dated.kind)
  t.strictSame(dated.validators, { lastModified: since })
  t.strictSame(await get('127.0.0.2/dated', dated.validators), { kind: 'unchanged' })
  put('127.0.0.2/odd', inTurn(says(304)))
  t.match(await get('127.0.0.2/odd'), { kind: 'failed', detail: 'it answers 304' }, 'nobody asked whether')
})

test('whoever ends it gets his own reason, also while it waits', async (t) => {
  const { get, ended } = await place(t)
  const reason = new Error('enough')
  ended.abort(reason)
  await t.rejects(get('127.0.0.2/a'), reason)
})
