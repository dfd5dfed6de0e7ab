import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { DEMO_GALLERY } from '../../drivers/simulated/lens-glyphs.ts'
import { CatalogueFile } from '../../gateway/catalogue-file.ts'
import { seedDemo } from '../../gateway/demo-lenses.ts'
import { lensesOf } from '../../gateway/store/catalogue/catalogue.ts'
import { symbolEntries } from '../../gateway/store/catalogue/symbols.ts'
import type { Database } from '../../gateway/store/database.ts'

const AT = '2026-11-22T07:00:00.000Z'

async function catalogueOf(t: Test): Promise<CatalogueFile> {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-demo-'))
  const catalogue = new CatalogueFile(join(dir, 'catalogue.db'))
  t.teardown(async () => {
    await catalogue.close()
    await rm(dir, { recursive: true })
  })
  return catalogue
}

test('an empty catalogue gets every symbol of the demonstration, each on three lenses; one in use stays as it is', async (t) => {
  const catalogue = await catalogueOf(t)
  t.equal(await seedDemo(catalogue, AT), DEMO_GALLERY.length)
  const entries = await symbolEntries(await catalogue.reader())
  t.equal(entries.length, DEMO_GALLERY.length)
  t.ok(entries.every(({ examples, lenses, tags }) => examples === 1 && lenses === 3 && tags[0] === 'Demo'))
  t.equal((await lensesOf(await catalogue.reader())).length, 3 * DEMO_GALLERY.length)
  t.equal(await seedDemo(catalogue, AT), 0)
})

test('a demonstration that is cut short leaves nothing: the next start makes all of it', async (t) => {
  const catalogue = await catalogueOf(t)
  const cut = {
    reader: () => catalogue.reader(),
    writing: <T>(work: (writer: Database) => Promise<T>) =>
      catalogue.writing((writer) => {
        const run = writer.run.bind(writer)
        const failing: typeof run = (sql, values) =>
          sql.includes('lens_symbols') ? Promise.reject(new Error('disk full')) : run(sql, values)
        return work(Object.assign(writer, { run: failing }))
      }),
  }
  await t.rejects(seedDemo(cut, AT), { message: 'disk full' })
  t.same(await symbolEntries(await catalogue.reader()), [])
  t.same(await lensesOf(await catalogue.reader()), [])
  t.equal(await seedDemo(catalogue, AT), DEMO_GALLERY.length)
})
