import { type Test, test } from 'tap'
import { LensDesk } from '../../gateway/lens-desk.ts'
import { goLive, stage } from '../../gateway/store/catalogue/staging.ts'
import { FakeStation } from '../fakes/api.ts'
import { deskOf, drawing } from '../fakes/engraving-desk.ts'
import { launch, NO_BROWSER, NOON, open, text } from './browser.ts'

const ALL = { symbols: [], tags: { names: [], of: 'all' }, limit: 50 } as const

/** A station that knows the eye, and two lenses that carry nothing. */
async function stationWithLenses(t: Test) {
  const { catalogue, desk } = await deskOf(t)
  await desk.enrol({ symbol: 'eye', picture: await drawing('eye'), by: 'ana', tags: [], sure: [] })
  const lens = { supplier: 'Ottica', name: 'Chiave', index: 1.6, treatments: [], marks: [] }
  await catalogue.writing(async (database) => {
    await stage(database, 'list', [lens, { ...lens, name: 'Altra' }])
    await goLive(database, 'list', new Date(NOON).toISOString())
  })
  const station = new FakeStation()
  const lenses = new LensDesk(catalogue, () => NOON)
  return { station: Object.assign(station, { engravings: desk, lenses }), lenses }
}

test('a symbol is linked to a lens that was found by name, confirmed, and unlinked', {
  skip: NO_BROWSER,
}, async (t) => {
  const browser = await launch(t)
  const { station, lenses } = await stationWithLenses(t)
  const { page, complaints } = await open(t, browser, station)
  await page.goto(`${page.url()}#engraving`)
  await page.locator('#known .symbol', { hasText: 'eye' }).click()
  await page.getByText('look for it among the other lenses').waitFor()
  await page.getByLabel('Other lenses too').check()
  await page.getByText('Say a name or a text').waitFor()
  await page.getByLabel('Name', { exact: true }).fill('altra')
  await page.getByRole('button', { name: 'eye on Altra' }).click()
  await page.getByLabel('Sure to').fill('60')
  await page.getByRole('button', { name: 'Link', exact: true }).click()
  await page.getByText('eye stands on Altra.').waitFor()
  await page.getByRole('button', { name: 'Change: eye on Altra' }).click()
  await page.getByLabel('I have seen it on a lens').check()
  await page.getByRole('button', { name: 'Save' }).click()
  t.equal(await page.locator('#link').isVisible(), true, 'who has seen it is asked for')
  await page.locator('#link').getByLabel('By').fill('marie')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('seen by marie').waitFor()
  const linked = async () => (await lenses.find({ ...ALL, symbols: ['eye'] }))?.lenses
  t.match(await linked(), [
    {
      name: 'Altra',
      symbols: [{ confidence: 0.6, validated_by: 'marie', validated_at: new Date(NOON).toISOString() }],
    },
  ])
  await page.getByRole('button', { name: 'Change: eye on Altra' }).click()
  t.match(await text(page, '#link'), /Seen on a lens by marie, Nov 21, 2026\./)
  await page.getByRole('button', { name: 'Not on this lens' }).click()
  await page.getByText('eye does not stand on Altra.').waitFor()
  t.same(await linked(), [])
  t.same(complaints, [])
})

test('who confirms a link leaves how sure it is as it was', { skip: NO_BROWSER }, async (t) => {
  const browser = await launch(t)
  const { station, lenses } = await stationWithLenses(t)
  const [lens] = (await lenses.find({ ...ALL, name: 'altra' }))?.lenses ?? []
  await lenses.link({ id: lens?.id ?? 0, symbol: 'eye' }, { confidence: 0.875 })
  const { page, complaints } = await open(t, browser, station)
  await page.goto(`${page.url()}#engraving`)
  await page.locator('#known .symbol', { hasText: 'eye' }).click()
  await page.getByRole('button', { name: 'Change: eye on Altra' }).click()
  await page.getByLabel('I have seen it on a lens').check()
  await page.locator('#link').getByLabel('By').fill('marie')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('seen by marie').waitFor()
  const linked = await lenses.find({ ...ALL, symbols: ['eye'] })
  t.match(linked?.lenses, [{ symbols: [{ confidence: 0.875, validated_by: 'marie' }] }])
  t.same(complaints, [])
})
