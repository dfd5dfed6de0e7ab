import { copyFile, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { systemClock } from '../../../drivers/clock.ts'
import { catalogueFile, filesOf } from '../../../gateway/backup/catalogue.ts'
import { drill } from '../../../gateway/backup/drill.ts'
import { restoreBackup } from '../../../gateway/backup/restore.ts'
import { backupsIn, rotate, sweep } from '../../../gateway/backup/shelf.ts'
import { lensesOf, openCatalogue } from '../../../gateway/store/catalogue/catalogue.ts'
import { keepExamples } from '../../../gateway/store/catalogue/gallery.ts'
import { goLive, stage } from '../../../gateway/store/catalogue/staging.ts'
import { logOf, playground, refusal, taken } from './stations.ts'

const AT = '2026-01-01T00:00:00Z'

/** A catalogue of these lenses and one symbol. */
async function catalogueOf(dataDir: string, ...names: readonly string[]): Promise<void> {
  await mkdir(dataDir, { recursive: true })
  const database = await openCatalogue(join(dataDir, 'catalogue.db'), 'write')
  const lenses = names.map((name) => ({ supplier: 'ATELIER', name, treatments: [], marks: [] }))
  await stage(database, 'list', lenses)
  await goLive(database, 'list', AT)
  await keepExamples(database, 'fleur', [Buffer.from('a picture')], { by: 'marie', at: AT })
  await database.close()
}

async function namesIn(dataDir: string): Promise<readonly string[]> {
  const database = await openCatalogue(join(dataDir, 'catalogue.db'))
  const lenses = await lensesOf(database)
  await database.close()
  return lenses.map(({ name }) => name)
}

const restored = (backup: string, dataDir: string) =>
  restoreBackup({ backup, dataDir, force: true, clock: systemClock })

test('the catalogue of lenses is in the backup, and comes back with it', async (t) => {
  const places = await playground(t)
  await logOf(places.dataDir, 5)
  await catalogueOf(places.dataDir, 'Duo', 'Solo')
  const { file, manifest } = await taken(places)
  t.match(manifest.catalogue, { lenses: 2, symbols: 1, bytes: (await stat(catalogueFile(file))).size })
  t.strictSame(await filesOf(file), [catalogueFile(file), file], 'the log is the last to be sent')
  t.match(await drill({ backup: file, clock: systemClock }), { restored: { catalogue: true } })

  await catalogueOf(places.dataDir, 'Max')
  const { catalogue, movedTo = '' } = await restored(file, places.dataDir)
  t.equal(catalogue, true)
  t.strictSame(await namesIn(places.dataDir), ['Duo', 'Solo'])
  t.strictSame(await namesIn(movedTo), ['Max'], 'what was there is moved aside')
  t.notOk((await readdir(places.dataDir)).some((name) => name.includes('restoring')))
  const other = join(places.dataDir, '..', 'other')
  t.match(await restored(file, other), { catalogue: true, movedTo: undefined })
  t.strictSame(await namesIn(other), ['Duo', 'Solo'])
})

test('a station without a catalogue has none in its backup, and keeps what it has when it is restored', async (t) => {
  const places = await playground(t)
  await logOf(places.dataDir, 5)
  const { file, manifest } = await taken(places)
  t.equal(manifest.catalogue, undefined)
  t.strictSame(await filesOf(file), [file])
  await catalogueOf(places.dataDir, 'Max')
  t.match(await restored(file, places.dataDir), { catalogue: false })
  t.strictSame(await namesIn(places.dataDir), ['Max'])
})

test('a catalogue that is not what the manifest says is not restored, and the log is not either', async (t) => {
  const places = await playground(t)
  await logOf(places.dataDir, 5)
  await catalogueOf(places.dataDir, 'Duo')
  const { file } = await taken(places)
  const catalogue = catalogueFile(file)
  await copyFile(catalogue, `${catalogue}.kept`)
  const other = join(places.dataDir, '..', 'other')
  const bytes = await readFile(catalogue)
  bytes[4000] = (bytes[4000] ?? 0) ^ 1
  await writeFile(catalogue, bytes)
  t.match(await refusal(restored(file, other)), {
    fault: 'damaged',
    message: /\.catalogue: SHA-256 .*, its manifest says/,
  })
  await rm(catalogue)
  t.match(await refusal(restored(file, other)), { fault: 'damaged', message: /\.catalogue: no such file/ })
  t.notOk((await readdir(other)).some((name) => name.endsWith('.db')))
})

test('a damaged catalogue makes no backup; what is left of one is swept', async (t) => {
  const places = await playground(t)
  await logOf(places.dataDir, 5)
  await writeFile(join(places.dataDir, 'catalogue.db'), 'SQLite format 3\0 and no more'.repeat(100))
  t.match(await refusal(taken(places)), { fault: 'damaged', message: /no backup of|catalogue/ })
  t.strictSame(await readdir(places.dir), [])
  const rest = join(places.dir, `.poincon-new-1.db.${process.pid}.partial.catalogue`)
  await writeFile(rest, '')
  await sweep(places.dir)
  t.strictSame(await readdir(places.dir), [])
})

test('the rotation takes the catalogue with its backup', async (t) => {
  const places = await playground(t)
  await logOf(places.dataDir, 5)
  await catalogueOf(places.dataDir, 'Duo')
  await taken(places)
  const fresh = await taken(places)
  t.equal((await readdir(places.dir)).length, 6)
  await rotate(fresh, { last: 1, daily: 0, weekly: 0, monthly: 0 })
  t.equal((await readdir(places.dir)).length, 3)
  t.match(await backupsIn(places.dir), [{ file: fresh.file }])
})
