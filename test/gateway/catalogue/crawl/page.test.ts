import { readFile } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import { test } from 'tap'
import { readPage } from '../../../../gateway/catalogue/crawl/page.ts'
import { readRow, type ScrapedRow } from '../../../../gateway/catalogue/scraped-row.ts'
import { readTable } from '../../../../gateway/catalogue/source-table.ts'
import type { Lens } from '../../../../gateway/lens.ts'
import type { CrawlPlan } from '../../../../gateway/lens-crawl.ts'
import { missing, sharedData } from '../../../fakes/shared.ts'
import { PAGES } from '../../../fakes/supplier-pages.ts'

type Plan = Pick<CrawlPlan, 'follow' | 'picturesFrom' | 'pictures'>
const PLAN: Plan = { follow: ['https://a.example/gravures/'], picturesFrom: [], pictures: true }
const URL_OF_PAGE = 'https://a.example/gravures/page.html'
const read = (page: string | Buffer, contentType = 'text/html', plan: Plan = PLAN) =>
  readPage(Buffer.from(page), contentType, URL_OF_PAGE, plan)

/** A table with the headings that most tests need. */
const table = (rows: string, before = '<h1>ATELIER</h1>') =>
  `${before}<table><tr><th>Nom<th>Gravure<th>Indice<th>Matière</tr>${rows}</table>`
const brief = (lenses: readonly Lens[]) =>
  lenses.map(({ name, index, material, marks }) => [
    name,
    index,
    material,
    marks.map((mark) => (mark.kind === 'text' ? mark.text : mark.url)).join(' | '),
  ])

test('a page in order: names, marks, indices, materials, and where its pictures are', (t) => {
  const { rows, lenses, repairs, rejected, found } = read(PAGES.atelier)
  t.equal(rows, 4)
  t.strictSame(brief(lenses), [
    ['Clarté Duo', 1.5, 'organic', 'https://a.example/img/cd.png'],
    ['Clarté Duo Poly', 1.59, 'polycarbonate', 'https://a.example/img/cd.png | P'],
    ['Clarté Solo', 1.6, 'organic', 'CS | CSX'],
    ['Clarté Solo', 1.67, 'organic', 'CS | CSX'],
  ])
  t.match(lenses[0], {
    supplier: 'ATELIER DU VERRE',
    sourceUrl: URL_OF_PAGE,
    marks: [{ kind: 'image', alt: 'Clarté Duo:nasal' }],
  })
  t.strictSame(
    repairs.map(({ line, rule }) => [line, rule]),
    [
      [0, 'heading of the page'],
      [4, 'several indices: a lens each'],
    ],
  )
  t.match(rejected, [{ line: 5, field: 'glass_name', expected: '1 to 300 characters' }])
  t.strictSame(found, [{ url: 'https://a.example/img/cd.png', kind: 'picture' }])
  t.end()
})

test('another order of columns, an old encoding, tags left open, a heading that was cut', (t) => {
  const { lenses, repairs } = read(PAGES.lumen)
  t.strictSame(brief(lenses), [
    ['Lueur', 1.53, 'trivex', 'LU 53'],
    ['Lueur élevée', 1.67, 'organic', 'LU 67'],
    ['Lueur 1.6 Transitions', 1.6, 'organic', 'https://a.example/img/lu.png'],
  ])
  t.match(lenses, [{ supplier: "LUMIÈRE D'OPTIQUE" }, {}, { treatments: ['photochromic'] }])
  t.match(repairs, [
    { line: 3, field: 'glass_index', rule: 'index and material swapped' },
    { line: 3, field: 'material' },
    { line: 4, rule: 'index taken from the name' },
  ])
  t.end()
})

test('merged cells stand in every place that they cover; a band and a table within a cell are no lenses', (t) => {
  const { lenses, rejected } = read(PAGES.prisme)
  t.strictSame(brief(lenses), [
    ['Facette', 1.5, 'organic', 'FA5'],
    ['Facette', 1.6, 'organic', 'FA6'],
    ['Arête', 1.67, 'organic', 'AR'],
    ['Biseau', 1.74, 'organic', 'BI'],
  ])
  t.strictSame(rejected, [
    { line: 4, field: 'row', value: 'Progressifs', expected: 'a cell for each column' },
  ])
  t.end()
})

test('tables of something else, and pages without one, have no rows', (t) => {
  t.match(read(PAGES.index), { rows: 0, lenses: [] })
  t.match(read('<h1>Maintenance</h1>'), { rows: 0, lenses: [] })
  t.match(read(''), { rows: 0, lenses: [], found: [] })
  t.match(read('<table><tr><th>Nom<th>Ville<tr><td>Lyon<td>x</table>'), { rows: 0 })
  t.match(read('\0\0\xff'.repeat(1000)), { rows: 0 })
  t.end()
})

test('several tables, each by its own headings; lines are counted over all of them', (t) => {
  const one = '<table><tr><th>Nom<th>Indice<tr><td>A<td>1.5</table>'
  const other =
    '<table><tr><th>Index<th>Lens name<th>Supplier<tr><td>?<td>B<td>MAKER<tr><td>1.6<td>C<td></table>'
  const { lenses, repairs } = read(`<h1>X</h1>${one}${other}`)
  t.match(lenses, [
    { name: 'A', supplier: 'X', index: 1.5 },
    { name: 'B', supplier: 'MAKER' },
    { name: 'C', supplier: 'X', index: 1.6 },
  ])
  t.match(repairs, [{ line: 4, rule: 'no index: left open' }])
  t.end()
})

test('headings that come again further down, and empty rows, are no lenses', (t) => {
  const again = '<tr><td>Nom<td>Gravure<td>Indice<td>Matière'
  const { rows, rejected } = read(
    table(`<tr><td>A<td>a<td>1.5<td>ORG${again}<tr><td><td><td><td><tr><td>B<td>b<td>1.6<td>ORG`),
  )
  t.equal(rows, 2)
  t.strictSame(rejected, [])
  t.end()
})

test('a row that names a group is no lens, however it is merged', (t) => {
  const { lenses, rejected } = read(
    table('<tr><td colspan=3>Progressifs<td>x<tr><td>Unifocaux<td><td><td><tr><td>A<td><td>1.5<td>'),
  )
  t.match(lenses, [{ name: 'A', index: 1.5 }])
  t.strictSame(rejected, [
    { line: 2, field: 'row', value: 'Progressifs', expected: 'a cell for each column' },
    { line: 3, field: 'row', value: 'Unifocaux', expected: 'an engraving, an index or a material' },
  ])
  t.end()
})

test('without a name above it, a table says so on every row', (t) => {
  const { lenses, rejected } = read(table('<tr><td>A<td>a<td>1.5<td>ORG', ''))
  t.strictSame(lenses, [])
  t.match(rejected, [{ line: 2, field: 'glass_supplier_name' }])
  t.end()
})

test('pictures: relative to the page’s base, shown late, on another host, or none at all', (t) => {
  const base = '<base href="https://a.example/files/"><h1>ATELIER</h1>'
  const picture = (tag: string) => `<tr><td>A ${tag.length}<td>${tag}<td>1.5<td>ORG`
  const rows = [
    '<img src="m.png?x=1#y">',
    '<img src="data:image/gif;base64,R0lGOD" data-src="/late.png">',
    '<img src="https://cdn.example/m.png">',
    '<img src="javascript:alert(1)">',
    '<img alt="no address">',
  ].map(picture)
  const page = table(rows.join(''), base)
  t.strictSame(
    read(page).lenses.map(({ marks }) => marks.map((mark) => (mark.kind === 'image' ? mark.url : mark.text))),
    [
      ['https://a.example/files/m.png?x=1'],
      ['https://a.example/late.png'],
      ['https://cdn.example/m.png'],
      [],
      [],
    ],
  )
  const own = ['https://a.example/files/m.png?x=1', 'https://a.example/late.png']
  const urls = (plan: Plan) => read(page, 'text/html', plan).found.map(({ url }) => url)
  t.strictSame(urls(PLAN), own, 'a page cannot send us to any host that it likes')
  t.strictSame(urls({ ...PLAN, picturesFrom: ['cdn.example'] }), [...own, 'https://cdn.example/m.png'])
  t.strictSame(urls({ ...PLAN, pictures: false }), [])
  t.end()
})

test('links that the plan follows, on the page’s own host, once each', (t) => {
  const page = `<a href="/gravures/a#x">a</a><a href="a">again</a><a href="/other/">b</a>
    <a href="https://b.example/gravures/">c</a><a href="/gravures/n" rel="nofollow">d</a><link rel=next href="?page=2">`
  const urls = (text: string) => read(text).found.map(({ url }) => url)
  t.strictSame(urls(page), ['https://a.example/gravures/a', `${URL_OF_PAGE}?page=2`])
  t.strictSame(urls(`<meta name="robots" content="noindex, nofollow">${page}`), [])
  t.end()
})

test('the encoding: by mark, header, page, or by what it can be', (t) => {
  const page = table('<tr><td>Clarté<td>a<td>1.5<td>ORG')
  const latin = Buffer.from(page, 'latin1')
  const wide = Buffer.from(`\ufeff${page}`, 'utf16le')
  const name = (bytes: Buffer | string, contentType?: string) => read(bytes, contentType).lenses[0]?.name
  t.equal(name(page), 'Clarté')
  t.equal(name(latin), 'Clarté', 'neither says so')
  t.equal(name(latin, 'text/html; charset="ISO-8859-1"'), 'Clarté')
  t.equal(name(latin, 'text/html; charset=utf-8'), 'Clarté', 'what the header says cannot be')
  t.equal(name(page, 'text/html; charset=nonsense'), 'Clarté')
  t.equal(name(wide), 'Clarté')
  t.equal(name(Buffer.from(`<meta charset=utf-16>${page}`)), 'Clarté')
  t.end()
})

test('a page that would be large is read all the same, and no larger', (t) => {
  const wide = table('<tr><td colspan=4000000000>A<td>b')
  t.match(read(wide), { rows: 1, lenses: [] })
  const deep = `${'<div>'.repeat(10_000)}${table('<tr><td>A<td>a<td>1.5<td>ORG')}`
  t.match(read(deep), { rows: 1, lenses: [{ name: 'A' }] })
  const tall = table('<tr><td rowspan=65534>A<td>a<td>1.5<td>ORG<tr><td>b<td>1.6<td>ORG')
  t.strictSame(brief(read(tall).lenses), [
    ['A', 1.5, 'organic', 'a'],
    ['A', 1.6, 'organic', 'b'],
  ])
  t.end()
})

const STAGING = 'catalogue/staging_raw.csv'
const source = sharedData(STAGING) ?? ''
const skip = source === '' ? missing(STAGING) : false

/** As such a line stood on its page. */
function htmlOf({
  glass_name: name,
  nasal_engraving: mark,
  glass_index: index,
  material,
}: ScrapedRow): string {
  const shown = (text: string): string =>
    text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('\n', '<br>')
  const html = /^https?:\S+$/.test(mark)
    ? `<img src="${mark}">`
    : /<(?:img|br)/.test(mark)
      ? mark
      : shown(mark)
  const own = material.startsWith('<') ? material : shown(material)
  return `<tr><td>${shown(name)}<td>${html}<td>${shown(index)}<td>${own}`
}

test('3,863 lines of 22 suppliers, as the tables that they stood in, give the lenses of the list', {
  skip,
}, async (t) => {
  const pages = new Map<string, ScrapedRow[]>()
  for (const { cells } of await readTable(await readFile(source), source))
    pages.set(cells.source_url, [...(pages.get(cells.source_url) ?? []), cells])
  const facts = ({ material, marks, ...lens }: Lens) => ({
    ...lens,
    marks: marks.map((mark) => (mark.kind === 'text' ? mark.text : mark.url)),
  })
  let lenses = 0
  for (const [url, rows] of pages) {
    const heading = `<h1>${rows[0]?.glass_supplier_name}</h1>`
    const html = table(rows.map(htmlOf).join(''), heading)
    const page = readPage(Buffer.from(html), 'text/html; charset=utf-8', url, PLAN)
    t.strictSame(page.rejected, [], url)
    const listed = rows.flatMap((row) => readRow(row, 1).lenses)
    t.ok(isDeepStrictEqual(page.lenses.map(facts), listed.map(facts)), url)
    lenses += page.lenses.length
  }
  t.equal(lenses, 3943)
})
