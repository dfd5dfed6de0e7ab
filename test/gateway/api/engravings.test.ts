import { test } from 'tap'
import {
  type Conflict,
  EngravingRefusal,
  type Engravings,
  type Enrolment,
  engravingMatch,
  symbolList,
} from '../../../gateway/api/engraving-port.ts'
import type { Caller } from '../../../gateway/api/permit.ts'
import { buildServer } from '../../../gateway/api/server.ts'
import { FakeStation } from '../../fakes/api.ts'

const PNG = { 'content-type': 'image/png' }
const BYTES = Buffer.from('not looked at here')
const MATCH = '/api/v1/engravings/match'
const KEY = '/api/v1/engravings/key/examples'

/** A station of which a test says what it does with pictures. */
function served(engravings: Partial<Engravings> = {}, permit = new FakeStation().permit) {
  const station = new FakeStation()
  station.engravings = { ...station.engravings, ...engravings }
  station.permit = permit
  return buildServer(station.sources())
}

test('a picture is matched, and the answer is as documented', async (t) => {
  const asked: unknown[] = []
  const app = served({
    match: (picture, top) => {
      asked.push([picture.length, top])
      const candidates = [{ symbol: 'key', similarity: 0.9 }]
      return Promise.resolve({
        kind: 'known',
        symbol: 'key',
        confidence: 0.97,
        candidates,
        gallery: { symbols: 3 },
      })
    },
  })
  t.teardown(() => app.close())
  const answer = await app.inject({ method: 'POST', url: MATCH, headers: PNG, payload: BYTES })
  t.equal(answer.statusCode, 200)
  t.match(engravingMatch.parse(answer.json()), { kind: 'known', symbol: 'key' })
  const jpeg = { 'content-type': 'image/jpeg' }
  await app.inject({ method: 'POST', url: `${MATCH}?top=20`, headers: jpeg, payload: BYTES })
  t.same(asked, [
    [BYTES.length, 5],
    [BYTES.length, 20],
  ])
})

test('what is no picture is refused by its type, its size or its fault', async (t) => {
  let fault: EngravingRefusal['fault'] = 'damaged'
  const app = served({
    match: () => Promise.reject(new EngravingRefusal(fault, 'picture: something is wrong')),
  })
  t.teardown(() => app.close())
  const post = (headers: Record<string, string>, payload?: Buffer | string, url = MATCH) =>
    app.inject({ method: 'POST', url, headers, ...(payload === undefined ? {} : { payload }) })
  t.match((await post({ 'content-type': 'application/json' }, '{}')).json(), {
    ...{ status: 415, detail: /^content-type application\/json: expected a picture as the body/ },
  })
  t.match((await post(PNG)).json(), { status: 415, detail: /^no bytes: expected/ })
  t.match((await post(PNG, Buffer.alloc(5 * 1024 * 1024 + 1))).json(), { status: 413 })
  t.match((await post(PNG, BYTES, `${MATCH}?top=21`)).json(), { errors: [{ pointer: '#/top', in: 'query' }] })
  const statuses = {
    ...{
      'not-an-image': 415,
      damaged: 422,
      'too-large': 422,
      'too-small': 422,
      blank: 422,
      unavailable: 503,
    },
  } as const
  for (const named of Object.keys(statuses) as (keyof typeof statuses)[]) {
    fault = named
    const answer = await post(PNG, BYTES)
    t.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8')
    t.match(
      answer.json(),
      { status: statuses[named], fault: named, detail: 'picture: something is wrong' },
      named,
    )
  }
  t.equal(
    (await app.inject({ method: 'POST', url: '/api/v1/station', headers: PNG, payload: BYTES })).statusCode,
    404,
  )
})

test('an enrolment says who, with which tags, and of what they are sure', async (t) => {
  const wanted: Enrolment[] = []
  let conflicts: readonly Conflict[] = []
  const app = served({
    enrol: (enrolment) => {
      wanted.push(enrolment)
      const { symbol, tags } = enrolment
      const done = { symbol, added: wanted.length < 3, examples: 1, tags: [...tags] }
      return Promise.resolve(conflicts.length > 0 ? conflicts : done)
    },
  })
  t.teardown(() => app.close())
  const post = (url: string) => app.inject({ method: 'POST', url, headers: PNG, payload: BYTES })
  t.equal((await post(`${KEY}?by=marie`)).statusCode, 201)
  await post('/api/v1/engravings/e%2F%C3%A9/examples?by=marie&tag=a&tag=b&sure=existing&sure=similar')
  t.match(wanted, [
    { symbol: 'key', by: 'marie', tags: [], sure: [] },
    { symbol: 'e/é', by: 'marie', tags: ['a', 'b'], sure: ['existing', 'similar'] },
  ])
  t.equal((await post(`${KEY}?by=marie`)).statusCode, 200, 'it was there already')
  conflicts = [
    { kind: 'existing', examples: 2 },
    { kind: 'similar', symbol: 'eye', similarity: 0.93 },
  ]
  const asked = await post(`${KEY}?by=marie`)
  t.match(asked.json(), { status: 409, detail: /symbol key/, conflicts })
  const cases = [
    [KEY, '#/by'],
    [`${KEY}?by=%20`, '#/by'],
    [`${KEY}?by=m&tag=`, '#/tag/0'],
    [`${KEY}?by=m&sure=yes`, '#/sure/0'],
    ['/api/v1/engravings/%20a/examples?by=m', '#/symbol'],
    ['/api/v1/engravings/a%07/examples?by=m', '#/symbol'],
    [`/api/v1/engravings/${'s'.repeat(101)}/examples?by=m`, '#/symbol'],
  ] as const
  for (const [url, pointer] of cases) {
    t.match((await post(url)).json(), { status: 400, errors: [{ pointer }] }, url)
  }
})

test('a change is for those who may call the command, and for no page of another server', async (t) => {
  const callers: [Caller, string][] = []
  const forgotten: string[] = []
  const app = served(
    {
      forget: (symbol) => {
        forgotten.push(symbol)
        return Promise.resolve(symbol === 'key')
      },
      enrol: ({ symbol, by }) => Promise.resolve({ symbol, added: true, examples: 1, tags: [by] }),
    },
    (caller, command) => {
      callers.push([caller, command])
      const { login } = caller
      if (login?.username === 'müller') return Promise.resolve({ allowed: true, user: 'müller' })
      if (login !== undefined)
        return Promise.resolve({ allowed: false, status: 429, detail: 'wait', retryAfterS: 9 })
      return Promise.resolve({ allowed: false, status: 401, detail: 'who?' })
    },
  )
  t.teardown(() => app.close())
  const url = '/api/v1/engravings/key'
  const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })
  const forget = (headers: Record<string, string> = {}, of = url) =>
    app.inject({ method: 'DELETE', url: of, headers })
  const refused = await forget()
  t.equal(refused.statusCode, 401)
  t.match(refused.headers['www-authenticate'], /^Basic realm="poincon"/)
  t.equal((await forget(basic('x:y'))).headers['retry-after'], '9')
  const mine = basic('müller:a:b')
  t.equal((await forget({ ...mine, origin: 'http://localhost:80' })).statusCode, 403, 'another origin')
  t.equal((await forget({ ...mine, 'sec-fetch-site': 'cross-site' })).statusCode, 403)
  t.equal((await forget({ ...mine, host: 'station:8080', origin: 'http://station:8080' })).statusCode, 204)
  t.equal((await forget(mine, '/api/v1/engravings/eye')).statusCode, 404)
  t.same(forgotten, ['key', 'eye'])
  t.same(callers.at(-1), [
    { address: '127.0.0.1', here: true, login: { username: 'müller', password: 'a:b' } },
    'engraving/forget',
  ])
  await forget({ ...mine, 'x-forwarded-for': '10.0.0.1' })
  await forget({ ...mine, host: 'evil.example' })
  t.same(
    callers.slice(-2).map(([{ here }]) => here),
    [false, false],
    'it was not asked from this machine',
  )
  const enrol = await app.inject({ method: 'POST', url: KEY, headers: { ...PNG, ...mine }, payload: BYTES })
  t.match(enrol.json(), { added: true, tags: ['müller'] }, 'the user says so where nobody else is named')
})

test('the list, and the small picture by its version', async (t) => {
  const at = '2026-11-21T12:00:00.000Z'
  const symbols = [{ symbol: 'key', tags: ['object'], examples: 2, first_at: at, last_at: at, lenses: 1 }]
  const app = served({
    symbols: () => Promise.resolve({ symbols }),
    picture: (symbol) =>
      Promise.resolve(symbol === 'key' ? { version: 'v1', png: new Uint8Array([1, 2, 3]) } : undefined),
  })
  t.teardown(() => app.close())
  t.same(symbolList.parse((await app.inject('/api/v1/engravings')).json()), { symbols })
  const url = '/api/v1/engravings/key/picture'
  const picture = await app.inject(url)
  t.match(picture.headers, {
    'content-type': 'image/png',
    etag: '"v1"',
    'cache-control': 'private, no-cache',
  })
  t.same([...picture.rawPayload], [1, 2, 3])
  t.equal((await app.inject({ url, headers: { 'if-none-match': '"v1"' } })).statusCode, 304)
  t.equal((await app.inject('/api/v1/engravings/eye/picture')).statusCode, 404)
})

test('evidence never changes', async (t) => {
  const station = new FakeStation()
  const hash = '0a'.repeat(32)
  station.evidence = (asked) => Promise.resolve(asked === hash ? new Uint8Array([255, 216]) : undefined)
  const app = buildServer(station.sources())
  t.teardown(() => app.close())
  const answer = await app.inject(`/api/v1/evidence/${hash}`)
  t.match(answer.headers, { 'content-type': 'image/jpeg', 'cache-control': /immutable/ })
  t.same([...answer.rawPayload], [255, 216])
  t.equal((await app.inject(`/api/v1/evidence/${'0b'.repeat(32)}`)).statusCode, 404)
  t.match((await app.inject('/api/v1/evidence/0A')).json(), {
    status: 400,
    errors: [{ pointer: '#/sha256' }],
  })
})

test('all of it is in the OpenAPI document', async (t) => {
  const app = served()
  t.teardown(() => app.close())
  await app.ready()
  const { paths, components } = (await app.inject('/docs/json')).json()
  t.match(paths, {
    '/api/v1/engravings/match': { post: { requestBody: { content: { 'image/png': {}, 'image/jpeg': {} } } } },
    '/api/v1/engravings/{symbol}/examples': { post: { responses: { 201: {}, 409: {}, 401: {} } } },
    '/api/v1/engravings/{symbol}': { delete: {} },
    '/api/v1/engravings/{symbol}/picture': { get: {} },
    '/api/v1/lenses': { get: {} },
    '/api/v1/lenses/{id}': { get: {} },
    '/api/v1/evidence/{sha256}': { get: {} },
  })
  t.hasProps(components.schemas, ['EngravingMatch', 'SymbolList', 'Enrolled', 'Lens', 'LensPage'])
})
