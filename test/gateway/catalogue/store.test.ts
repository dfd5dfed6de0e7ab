import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import type { Lens } from '../../../gateway/lens.ts'
import { lensesOf, openCatalogue } from '../../../gateway/store/catalogue/catalogue.ts'
import { openCrawl } from '../../../gateway/store/catalogue/crawl-ledger.ts'
import { examples, keepExamples } from '../../../gateway/store/catalogue/gallery.ts'
import { linkSymbol } from '../../../gateway/store/catalogue/links.ts'
import { diffOf, goLive, stage } from '../../../gateway/store/catalogue/staging.ts'
import { CATALOGUE_STEPS } from '../../../gateway/store/catalogue/tables.ts'
import { openWriter } from '../../../gateway/store/connections.ts'
import { migrate } from '../../../gateway/store/migrations/migrate.ts'

const AT = '2026-01-01T00:00:00Z'
const lens = (name: string, more: Partial<Lens> = {}): Lens => ({
  supplier: 'ATELIER',
  name,
  treatments: [],
  marks: [],
  ...more,
})

async function catalogue(t: Test) {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-catalogue-'))
  const database = await openCatalogue(join(dir, 'catalogue.db'), 'write')
  t.teardown(async () => {
    await database.close()
    await rm(dir, { recursive: true, force: true })
  })
  const bring = async (source: string, ...lenses: readonly Lens[]) => {
    await stage(database, source, lenses)
    const planned = await diffOf(database, source)
    const { added, changed, removed, same } = await goLive(database, source, AT)
    t.match(planned, { added, changed, removed, same }, 'what was planned is what was done')
    return { added: added.length, changed: changed.length, removed: removed.map(({ name }) => name), same }
  }
  const names = async () => (await lensesOf(database)).map(({ name }) => name)
  return { database, bring, names }
}

test('a catalogue of the release before gets what it lacks, and keeps what it has', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-catalogue-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const file = join(dir, 'catalogue.db')
  const before = await openWriter(file)
  await migrate(before, { steps: CATALOGUE_STEPS, target: 1 })
  await stage(before, 'maker', [lens('Duo')])
  await goLive(before, 'maker', AT)
  await before.close()
  const database = await openCatalogue(file, 'write')
  t.match(await lensesOf(database), [{ name: 'Duo' }])
  t.equal(await openCrawl(database), undefined)
  await database.close()
})

test('a lens that two sources name stays until the last of them drops it', async (t) => {
  const { database, bring, names } = await catalogue(t)
  await bring('maker', lens('Duo'), lens('Solo'))
  t.match(await bring('shop', lens('Duo'), lens('Max')), { added: 1, changed: 0, same: 1 })
  const [duo] = await lensesOf(database)
  await keepExamples(database, 'fleur', [], { by: 'marie', at: AT })
  await linkSymbol(database, { lens: duo?.id ?? 0, symbol: 'fleur' }, { at: AT })

  t.strictSame(await bring('maker', lens('Solo')), { added: 0, changed: 0, removed: [], same: 1 })
  t.strictSame(await names(), ['Duo', 'Max', 'Solo'])
  t.match(await lensesOf(database, { symbols: ['fleur'] }), [{ id: duo?.id, name: 'Duo' }])

  t.match(await bring('shop', lens('Max')), { removed: ['Duo'], same: 1 })
  t.strictSame(await names(), ['Max', 'Solo'])
})

test('lines of one lens are joined, each mark once', async (t) => {
  const { database, bring } = await catalogue(t)
  const url = 'https://a.example/m.png'
  const lines = [
    lens('Duo', {
      marks: [
        { kind: 'text', text: 'E3' },
        { kind: 'image', url, alt: 'left' },
      ],
    }),
    lens('Duo', {
      marks: [
        { kind: 'image', url, alt: 'right' },
        { kind: 'text', text: 'E3' },
        { kind: 'text', text: url },
      ],
    }),
  ]
  t.match(await bring('maker', ...lines), { added: 1 })
  t.match(await bring('maker', ...lines), { added: 0, changed: 0, same: 1 }, 'the same again changes nothing')
  const [duo] = await lensesOf(database)
  t.strictSame(duo?.marks, [
    { kind: 'image', url, alt: 'left' },
    { kind: 'text', text: 'E3' },
    { kind: 'text', text: url },
  ])
})

test('range and series of a lens are kept, and their change is one', async (t) => {
  const { database, bring } = await catalogue(t)
  await bring('maker', lens('Duo', { range: 'Pro', series: 'S2' }))
  t.match(await lensesOf(database), [{ range: 'Pro', series: 'S2' }])
  t.match(await bring('maker', lens('Duo', { range: 'Pro', series: 'S3' })), { changed: 1 })
})

test('pictures of a symbol are kept all together, or none of them', async (t) => {
  const { database } = await catalogue(t)
  const who = { by: 'marie', at: AT }
  const [first, second] = [Buffer.from('one'), Buffer.from('two')]
  t.equal(await keepExamples(database, 'fleur', [first, first], who), 1)
  await database.exec(`CREATE TRIGGER refuse BEFORE INSERT ON symbol_examples
    WHEN new.picture = x'${Buffer.from('bad').toString('hex')}' BEGIN SELECT RAISE(ABORT, 'refused'); END`)
  await t.rejects(keepExamples(database, 'lune', [second, Buffer.from('bad')], who), { message: /refused/ })
  t.match(await examples(database), [{ symbol: 'fleur' }])
  t.equal((await examples(database)).length, 1)
  t.strictSame(await database.all('SELECT name FROM symbols'), [{ name: 'fleur' }])
  t.equal(await keepExamples(database, 'lune', [second], who), 1, 'and the next works')
})

test('a symbol’s name is 1 to 100 characters', async (t) => {
  const { database } = await catalogue(t)
  for (const name of ['', 'x'.repeat(101)]) {
    await t.rejects(keepExamples(database, name, [], { by: 'marie', at: AT }), {
      name: 'StoreError',
      fault: 'invalid',
      message: `symbol "${name}": expected 1 to 100 characters`,
    })
  }
  t.equal(await keepExamples(database, 'x'.repeat(100), [], { by: 'marie', at: AT }), 0)
})
