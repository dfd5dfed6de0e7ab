import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { crawl } from '../../../../gateway/catalogue/crawl/crawl.ts'
import { MANNERS, PoliteFetcher } from '../../../../gateway/catalogue/crawl/polite-fetcher.ts'
import type { CrawlLedger, CrawlPlan } from '../../../../gateway/lens-crawl.ts'
import { lensesOf, openCatalogue } from '../../../../gateway/store/catalogue/catalogue.ts'
import { crawlNotes } from '../../../../gateway/store/catalogue/crawl-figures.ts'
import { beginCrawl, ledgerOf, openCrawl } from '../../../../gateway/store/catalogue/crawl-ledger.ts'
import { acceptCrawl, reviewCrawl } from '../../../../gateway/store/catalogue/crawl-review.ts'
import { markPictures } from '../../../../gateway/store/catalogue/mark-pictures.ts'
import { HastyClock } from '../../../fakes/hasty-clock.ts'
import { openSites, PAGES } from '../../../fakes/supplier-pages.ts'
import { SupplierSites } from '../../../fakes/supplier-site.ts'

const AT = '2026-01-01T00:00:00Z'
const START = '127.0.0.2/gravures/'

async function place(t: Test) {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-crawl-'))
  const sites = await SupplierSites.listen()
  openSites(sites)
  let number = 0
  const fresh = async () => {
    number += 1
    const database = await openCatalogue(join(dir, `${number}.db`), 'write')
    t.teardown(() => database.close())
    return database
  }
  t.teardown(async () => {
    await sites.close()
    await rm(dir, { recursive: true, force: true })
  })
  const database = await fresh()
  const plan: CrawlPlan = {
    starts: [sites.url(START)],
    follow: [sites.url(START), sites.url('127.0.0.2/private/')],
    ...{
      picturesFrom: [],
      pictures: true,
      most: { pages: 50, pictures: 50 },
      contact: 'crawl@plant.example',
    },
  }
  const run = async (of = database, spoil: (ledger: CrawlLedger) => CrawlLedger = (ledger) => ledger) => {
    const manners = { ...MANNERS, agent: 'poincon/9 (+crawl@plant.example)', product: 'poincon' }
    const fetcher = new PoliteFetcher({ manners, clock: new HastyClock() })
    await crawl(spoil(await ledgerOf(of, { software: '9', now: () => AT })), fetcher, plan)
  }
  const again = async (of = database) => {
    await beginCrawl(of, plan, AT)
    await run(of)
    return await reviewCrawl(of)
  }
  const accept = (...removable: string[]) =>
    acceptCrawl(database, { by: 'marie', at: AT, removable: removable.map((what) => sites.url(what)) })
  const names = async () => (await lensesOf(database)).map(({ name }) => name)
  return { sites, database, plan, fresh, run, again, accept, names }
}

const NAMES = [
  'Clarté Duo',
  'Clarté Duo Poly',
  'Clarté Solo',
  'Clarté Solo',
  'Lueur',
  'Lueur 1.6 Transitions',
  'Lueur élevée',
]
const ALL = [...NAMES, 'Arête', 'Biseau', 'Facette', 'Facette']

test('pages become lenses when somebody has looked at them, and not before', async (t) => {
  const { sites, database, again, accept, names } = await place(t)
  const { diff, pages, pictures } = await again()
  t.match(
    { added: diff.added.length, changed: diff.changed, removed: diff.removed },
    { added: 11, changed: [], removed: [] },
  )
  const told = pages.map(({ url, outcome, rows, lenses }) => [new URL(url).pathname, outcome, rows, lenses])
  t.strictSame(told, [
    ['/gravures/', 'page', 0, 0],
    ['/gravures/atelier.html', 'page', 4, 4],
    ['/gravures/lumen.html', 'page', 3, 3],
    ['/gravures/prisme.html', 'page', 5, 4],
    ['/private/prices.html', 'forbidden', 0, 0],
  ])
  t.strictSame(pictures, { kept: 2, failed: [] })
  t.strictSame(await names(), [], 'nothing is live')
  t.strictSame(
    sites.fetched.filter((what) => what.includes('private')),
    [],
  )
  await t.rejects(acceptCrawl(database, { by: ' ', at: AT, removable: [] }), {
    message: /accepted by " ": expected a name/,
  })

  t.match(await accept(), { diff: { added: { length: 11 } } })
  t.strictSame(await names(), ALL)
  t.equal(await openCrawl(database), undefined)
  t.strictSame(await database.all('SELECT accepted_by, closed_at FROM crawls'), [
    { accepted_by: 'marie', closed_at: AT },
  ])
  t.match(await markPictures(database), [
    { mediaType: 'image/png', lenses: 2, urls: [sites.url('127.0.0.2/img/cd.png')] },
    { lenses: 1 },
  ])
  await t.rejects(accept(), { message: 'no crawl is open' })
})

test('every row that was put right or left out is said, also when the page comes from before', async (t) => {
  const { database, again, accept } = await place(t)
  await again()
  const notes = await crawlNotes(database)
  const told = notes.map(({ url, note }) => [new URL(url).pathname, JSON.parse(note)])
  t.match(told, [
    [
      '/gravures/atelier.html',
      { line: 0, from: 'Gravures de verres de ATELIER DU VERRE', to: 'ATELIER DU VERRE' },
    ],
    ['/gravures/atelier.html', { line: 4, rule: 'several indices: a lens each' }],
    ['/gravures/atelier.html', { line: 5, field: 'glass_name', expected: '1 to 300 characters' }],
    ['/gravures/lumen.html', { line: 3, rule: 'index and material swapped' }],
    ['/gravures/lumen.html', { line: 3, rule: 'index and material swapped' }],
    ['/gravures/lumen.html', { line: 4, rule: 'index taken from the name' }],
    ['/gravures/prisme.html', { line: 4, field: 'row', value: 'Progressifs' }],
  ])
  await accept()
  await again()
  t.strictSame(await crawlNotes(database), notes)
})

test('what has not changed is not fetched again, and changes nothing', async (t) => {
  const { sites, again, accept } = await place(t)
  await again()
  await accept()
  const before = sites.fetched.length
  const { diff, pages } = await again()
  t.equal(sites.fetched.length, before)
  t.match(diff, { added: [], changed: [], removed: [], same: 11 })
  t.ok(pages.every(({ outcome }) => outcome === 'unchanged' || outcome === 'forbidden'))

  sites.paths.set('127.0.0.2/gravures/atelier.html', PAGES.atelier.replace('CS ou CSX', 'CS'))
  const second = await again()
  t.match(second.diff, {
    added: [],
    removed: [],
    same: 9,
    changed: [{ fields: ['marks'] }, { fields: ['marks'] }],
  })
  t.strictSame(sites.fetched.slice(before), ['127.0.0.2/gravures/atelier.html'])
})

test('another release, or another plan, reads every page anew', async (t) => {
  const { sites, database, plan, again } = await place(t)
  await again()
  const before = sites.fetched.length
  await beginCrawl(database, { ...plan, pictures: false }, AT)
  const ledger = await ledgerOf(database, { software: '9', now: () => AT })
  t.match(await ledger.next(), { validators: {} })
  t.equal(sites.fetched.length, before)
})

test('a lens that its page drops goes; a page that lost a third of them lets none go', async (t) => {
  const { sites, again, accept, names } = await place(t)
  await again()
  await accept()
  const atelier = '127.0.0.2/gravures/atelier.html'
  const without = (...lines: number[]) =>
    PAGES.atelier
      .split('\n')
      .filter((_line, index) => !lines.includes(index))
      .join('\n')

  sites.paths.set(atelier, without(2))
  t.match((await again()).diff, { removed: [{ name: 'Clarté Duo' }], same: 10 }, 'one of four')
  sites.paths.set(atelier, without(2, 3))
  const review = await again()
  t.match(review.diff, { removed: [], added: [] })
  t.match(review.pages[1], { withheld: 2, lenses: 2 })
  await accept()
  t.strictSame(await names(), ALL, 'they stay')
  await again()
  t.match(await accept(atelier), { diff: { removed: { length: 2 } } }, 'somebody means it')
  t.strictSame(await names(), ALL.slice(2))
})

test('a page that failed, moved away, came back empty, or that nothing leads to any more, removes nothing', async (t) => {
  const { sites, again, accept, names } = await place(t)
  await again()
  await accept()
  const [atelier, lumen, prisme] = ['atelier', 'lumen', 'prisme'].map(
    (name) => `127.0.0.2/gravures/${name}.html`,
  )
  sites.paths.set(atelier ?? '', (_request, response) => response.writeHead(500).end())
  sites.paths.set(lumen ?? '', '<h1>Maintenance</h1>')
  sites.paths.set(START, PAGES.index.replace('prisme.html', 'https://elsewhere.example/'))
  const { diff, pages } = await again()
  t.match(diff, { added: [], changed: [], removed: [] })
  t.match(
    pages.map(({ url, outcome, detail, withheld }) => [new URL(url).pathname, outcome, detail, withheld]),
    [
      ['/gravures/', 'page', undefined, 0],
      ['/gravures/atelier.html', 'failed', 'it answers 500', 4],
      ['/gravures/lumen.html', 'page', undefined, 3],
      ['/private/prices.html', 'forbidden', /forbids/, 0],
      ['/gravures/prisme.html', 'not-found-again', undefined, 4],
    ],
  )
  await accept()
  t.strictSame(await names(), ALL)
  await again()
  await t.rejects(accept('127.0.0.2/gravures/none.html'), {
    message: /--gone http.*none\.html: expected a page of the review/,
  })
  await accept(atelier ?? '', prisme ?? '')
  t.strictSame(await names(), NAMES.slice(4))
})

test('a lens that moved from one page to another keeps its number and its links', async (t) => {
  const { sites, database, again, accept } = await place(t)
  await again()
  await accept()
  const [duo] = await lensesOf(database)
  sites.paths.set('127.0.0.2/gravures/atelier.html', PAGES.atelier.replace(/.*<td>Clarté Duo<.*/, ''))
  const more = `<h1>ATELIER DU VERRE</h1>${PAGES.atelier.slice(PAGES.atelier.indexOf('<table'))}`
  sites.paths.set('127.0.0.2/gravures/more.html', more)
  sites.paths.set(START, PAGES.index.replace('/private/prices.html', 'more.html'))
  t.match(await again(), { diff: { removed: [] } })
  await accept()
  t.equal((await lensesOf(database))[0]?.id, duo?.id)
})

test('cut off anywhere and gone on with: no page is fetched twice, no row is lost', async (t) => {
  const { sites, database, plan, fresh, run, again } = await place(t)
  const whole = await again()
  const fetched = [...sites.fetched].sort()
  const contents = async (of: typeof database) => [
    await of.all('SELECT source, key, lens FROM staged ORDER BY source, key'),
    await of.all('SELECT url, line, note FROM crawl_notes ORDER BY url, line, note'),
    await of.all('SELECT sha256 FROM mark_pictures ORDER BY sha256'),
  ]
  /** Dies as a killed process would: before a record, or after it. */
  const dying =
    (at: number, when: 'before' | 'after') =>
    (ledger: CrawlLedger): CrawlLedger => {
      let records = 0
      return {
        next: () => ledger.next(),
        async record(visit, outcome) {
          records += 1
          if (records === at && when === 'before') throw new Error('killed')
          await ledger.record(visit, outcome)
          if (records === at) throw new Error('killed')
        },
      }
    }
  for (const when of ['after', 'before'] as const) {
    const other = await fresh()
    sites.asked.length = 0
    await beginCrawl(other, plan, AT)
    let deaths = 0
    for (let open = await openCrawl(other); (open?.waiting ?? 0) > 0; open = await openCrawl(other)) {
      // Each process does one more visit than nothing, and dies in its second one.
      await run(other, dying(when === 'after' ? 1 : 2, when)).catch((error: Error) => {
        if (error.message !== 'killed') throw error
        deaths += 1
      })
    }
    t.ok(deaths >= 6, `${deaths} deaths`)
    if (when === 'after') t.strictSame([...sites.fetched].sort(), fetched, 'each once')
    else t.strictSame([...new Set(sites.fetched)].sort(), fetched)
    t.strictSame(await contents(other), await contents(database))
    const review = await reviewCrawl(other)
    t.strictSame(review, whole)
  }
})

test('limits of pages and pictures; what is beyond is counted', async (t) => {
  const { sites, database, plan } = await place(t)
  await beginCrawl(database, { ...plan, most: { pages: 2, pictures: 1 } }, AT)
  const manners = { ...MANNERS, agent: 'x', product: 'poincon' }
  const ledger = await ledgerOf(database, { software: '9', now: () => AT })
  await crawl(ledger, new PoliteFetcher({ manners, clock: new HastyClock() }), plan)
  t.strictSame(sites.fetched, [START, '127.0.0.2/gravures/atelier.html', '127.0.0.2/img/cd.png'])
  t.match(await reviewCrawl(database), { leftOut: 3, pages: { length: 2 }, pictures: { kept: 1 } })
})

test('a picture that is none is said; a host that fails three times is left alone', async (t) => {
  const { sites, again } = await place(t)
  sites.paths.set('127.0.0.2/img/cd.png', { body: '<html>', type: 'image/png' })
  t.match((await again()).pictures, { kept: 1, failed: [{ detail: 'no picture: it begins with 3c68746d' }] })
  for (const name of ['atelier', 'lumen', 'prisme'])
    sites.paths.set(`127.0.0.2/gravures/${name}.html`, (request) => request.socket.destroy())
  const { pages } = await again()
  t.match(pages.at(-1), { detail: 'not asked for: its host failed 3 times in a row' })
})

test('pictures on hosts that nobody named are counted, and left where they are', async (t) => {
  const { sites, again } = await place(t)
  const far = PAGES.atelier.replaceAll('../img/', 'https://cdn.example/')
  sites.paths.set('127.0.0.2/gravures/atelier.html', far)
  t.match(await again(), {
    elsewhere: [{ host: 'cdn.example', pictures: 1 }],
    pictures: { kept: 1, failed: [] },
  })
})

test('two crawls at a time are none', async (t) => {
  const { database, plan } = await place(t)
  await beginCrawl(database, plan, AT)
  await t.rejects(beginCrawl(database, plan, AT), { message: /has 1 addresses to fetch still/ })
  await t.rejects(acceptCrawl(database, { by: 'marie', at: AT, removable: [] }), {
    message: /1 addresses to fetch/,
  })
})
