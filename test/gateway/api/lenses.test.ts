import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { lensPage } from '../../../gateway/api/lenses.ts'
import { buildServer } from '../../../gateway/api/server.ts'
import { CatalogueFile } from '../../../gateway/catalogue-file.ts'
import type { Lens } from '../../../gateway/lens.ts'
import { LensDesk } from '../../../gateway/lens-desk.ts'
import { keepExamples } from '../../../gateway/store/catalogue/gallery.ts'
import { linkSymbol, tagSymbol } from '../../../gateway/store/catalogue/links.ts'
import { goLive, stage } from '../../../gateway/store/catalogue/staging.ts'
import { FakeStation } from '../../fakes/api.ts'

const AT = '2026-11-21T12:00:00.000Z'

/** Seven lenses of two suppliers; `Nova 1` carries the key, which is tagged. */
async function served(t: Test) {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-lenses-'))
  const catalogue = new CatalogueFile(join(dir, 'catalogue.db'))
  const lenses = Array.from(
    { length: 7 },
    (_, place): Lens => ({
      ...{ supplier: place < 4 ? 'Alpha' : 'Beta', name: `Nova ${place + 1}`, index: 1.5 + place / 50 },
      ...{ treatments: ['uv'], marks: [{ kind: 'text', text: `MP ${place + 1}` }], materialTrade: 'MR8' },
    }),
  )
  await catalogue.writing(async (database) => {
    await stage(database, 'list', lenses)
    await goLive(database, 'list', AT)
    await keepExamples(database, 'key', [new Uint8Array([1])], { by: 'ana', at: AT })
    await tagSymbol(database, 'key', ['object'])
    await linkSymbol(database, { lens: 1, symbol: 'key' }, { confidence: 0.5, validatedBy: 'ana', at: AT })
  })
  const station = new FakeStation()
  station.lenses = new LensDesk(catalogue, () => Date.parse(AT))
  const app = buildServer(station.sources())
  t.teardown(async () => {
    await app.close()
    await catalogue.close()
    await rm(dir, { recursive: true, force: true })
  })
  const names = async (query: string) =>
    lensPage.parse((await app.inject(`/api/v1/lenses?${query}`)).json()).lenses.map(({ name }) => name)
  return { app, names, station }
}

test('lenses are found by what is engraved, by index, supplier and a remembered name', async (t) => {
  const { app, names } = await served(t)
  t.same(await names('symbol=key'), ['Nova 1'])
  t.same(await names('tag=object&tag=none&tags=any'), ['Nova 1'])
  t.same(await names('tag=object&tag=none'), [])
  t.same(await names('text=mp3'), ['Nova 3'])
  t.same(await names('supplier=beta&index_max=1.6'), ['Nova 5', 'Nova 6'])
  t.same(await names('index_min=1.61'), ['Nova 7'])
  t.equal((await names('name=nova+4'))[0], 'Nova 4', 'the best named first')
  const one = await app.inject('/api/v1/lenses/1')
  t.same(one.json(), {
    ...{ id: 1, supplier: 'Alpha', name: 'Nova 1', index: 1.5, material_trade: 'MR8', treatments: ['uv'] },
    marks: [{ kind: 'text', text: 'MP 1' }],
    symbols: [{ symbol: 'key', confidence: 0.5, validated_by: 'ana', validated_at: AT }],
  })
  t.equal((await app.inject('/api/v1/lenses/99')).statusCode, 404)
})

test('pages follow each other without gap or repeat', async (t) => {
  const { app } = await served(t)
  const seen: string[] = []
  let url: string | undefined = '/api/v1/lenses?limit=3&index_min=1.5'
  while (url !== undefined) {
    const answer: { json(): unknown; headers: Record<string, unknown> } = await app.inject(url)
    const page = lensPage.parse(answer.json())
    t.equal(page.found, 7)
    seen.push(...page.lenses.map(({ name }) => name))
    url = /^<(.*)>; rel="next"$/.exec(String(answer.headers.link))?.[1]
    t.equal(url === undefined, page.next_after === undefined)
  }
  t.same(
    seen,
    Array.from({ length: 7 }, (_, place) => `Nova ${place + 1}`),
  )
})

test('a wrong question is told the field', async (t) => {
  const { app } = await served(t)
  const cases = [
    ['index_min=0.9', '#/index_min'],
    ['index_max=2.1', '#/index_max'],
    ['index_min=1e0', '#/index_min'],
    ['index_min=1.7&index_max=1.6', '#/index_max'],
    ['tags=some', '#/tags'],
    ['symbol=', '#/symbol/0'],
    ['limit=0', '#/limit'],
    ['after=99', '#/after'],
    ['suplier=x', '#/suplier'],
  ] as const
  for (const [query, pointer] of cases) {
    const answer = await app.inject(`/api/v1/lenses?${query}`)
    t.match(answer.json(), { status: 400, errors: [{ pointer, in: 'query' }] }, query)
  }
})

test('a symbol is linked to a lens, confirmed and unlinked, and it is written down how surely, by whom and when', async (t) => {
  const { app, names } = await served(t)
  const path = '/api/v1/lenses/2/symbols/key'
  const linked = await app.inject({ method: 'PUT', url: `${path}?confidence=0.8` })
  t.equal(linked.statusCode, 200)
  t.same(linked.json().symbols, [{ symbol: 'key', confidence: 0.8 }])
  const seen = await app.inject({ method: 'PUT', url: `${path}?seen=true&by=marie` })
  t.same(seen.json().symbols, [{ symbol: 'key', confidence: 0.8, validated_by: 'marie', validated_at: AT }])
  const surer = await app.inject({ method: 'PUT', url: `${path}?confidence=1` })
  t.match(surer.json().symbols, [{ confidence: 1, validated_by: 'marie' }], 'who has seen it stays')
  t.same(await names('symbol=key'), ['Nova 1', 'Nova 2'])
  const gone = await app.inject({ method: 'DELETE', url: path })
  t.same([gone.statusCode, gone.json().symbols], [200, []])
  t.equal((await app.inject({ method: 'DELETE', url: path })).statusCode, 200, 'as often as one likes')
  t.same(await names('symbol=key'), ['Nova 1'])
})

test('a link to what is not there, or by nobody, is refused', async (t) => {
  const { app, names } = await served(t)
  const refused = async (url: string, status: number, detail: RegExp) => {
    const answer = await app.inject({ method: 'PUT', url: `/api/v1/lenses/${url}` })
    t.equal(answer.statusCode, status, url)
    t.match(answer.json().detail, detail)
  }
  await refused('99/symbols/key', 404, /no lens has the number 99/)
  await refused('2/symbols/kei', 404, /no symbol is called kei/)
  await refused('2/symbols/key?confidence=1.1', 400, /1\.1: expected a number from 0 to 1/)
  await refused('2/symbols/key?confidence=', 400, /expected a number from 0 to 1/)
  await refused('2/symbols/key?seen=true', 400, /expected the name of whoever says so/)
  await refused('2/symbols/key?seen=maybe', 400, /expected true/)
  await refused('x/symbols/key', 400, /whole number/)
  t.equal((await app.inject({ method: 'DELETE', url: '/api/v1/lenses/99/symbols/key' })).statusCode, 404)
  t.same(await names('symbol=key'), ['Nova 1'], 'nothing has changed')
})

test('who may call the command by MQTT may link, and is who has seen it', async (t) => {
  const { app, station } = await served(t)
  const asked: string[] = []
  station.permit = ({ login }, command) => {
    asked.push(command)
    if (login?.password === 'geheim') return Promise.resolve({ allowed: true, user: login.username })
    return Promise.resolve({ allowed: false, status: 401, detail: 'expected a user' })
  }
  const url = '/api/v1/lenses/2/symbols/key'
  t.equal((await app.inject({ method: 'PUT', url })).statusCode, 401)
  t.equal((await app.inject({ method: 'DELETE', url })).statusCode, 401)
  const authorization = `Basic ${Buffer.from('omar:geheim').toString('base64')}`
  const seen = await app.inject({
    method: 'PUT',
    url: `${url}?seen=true&by=marie`,
    headers: { authorization },
  })
  t.match(seen.json().symbols, [{ validated_by: 'omar' }])
  t.same(asked, ['catalogue/link', 'catalogue/unlink', 'catalogue/link'])
  const foreign = { origin: 'https://elsewhere.example', authorization }
  t.equal((await app.inject({ method: 'PUT', url, headers: foreign })).statusCode, 403)
})
