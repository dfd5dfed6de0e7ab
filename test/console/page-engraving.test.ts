import type { Page } from 'playwright-core'
import sharp from 'sharp'
import { type Test, test } from 'tap'
import type { AskPermit } from '../../gateway/api/permit.ts'
import { LensDesk } from '../../gateway/lens-desk.ts'
import { linkSymbol } from '../../gateway/store/catalogue/links.ts'
import { goLive, stage } from '../../gateway/store/catalogue/staging.ts'
import { FakeStation } from '../fakes/api.ts'
import { deskOf, drawing, SHAPES, type Shape } from '../fakes/engraving-desk.ts'
import { message } from '../fakes/messages.ts'
import { launch, madeAt, NO_BROWSER, NOON, open, overflowOf, text } from './browser.ts'

test('engraving: what is drawn is recognised, and learnt', { skip: NO_BROWSER }, async (t) => {
  const browser = await launch(t)

  await t.test('strokes of a hand are recognised, with the lenses that carry the symbol', async (t) => {
    const { station } = await stationThatKnows(t, ['triangle', 'cross', 'eye', 'key'])
    const { page, complaints } = await open(t, browser, station)
    await page.getByRole('link', { name: 'Engraving' }).click()
    await page.locator('#known .symbol').nth(3).waitFor()
    t.match(await text(page, '#answer'), 'What you draw is recognised as you draw.')
    await draw(page, KEY)
    await page.locator('#answer .said-symbol').waitFor()
    t.match(await text(page, '#answer .said-symbol'), /^key\d+(\.\d)?% sure$/)
    t.equal(await page.locator('#answer .candidate').count(), 4)
    t.equal(await text(page, '#answer .candidate[aria-pressed=true] .candidate-name'), 'key')
    t.ok(await shown(page, '#answer .said-symbol img'), 'its picture beside it')
    await page.locator('#lenses tbody tr').waitFor()
    t.match(
      await text(page, '#lenses'),
      /Lenses with key.*1 found.*Ottica.*Chiave 1\.6.*1\.60.*80%seen by ana/s,
    )
    t.equal(await page.locator('#drawing canvas').getAttribute('aria-label'), 'A drawing of 4 strokes')
    await page.locator('#answer .candidate', { hasText: 'eye' }).click()
    await page.getByText('No lens of the catalogue is said to carry this.').waitFor()
    await page.getByRole('button', { name: 'Undo' }).click()
    await page.locator('canvas[aria-label="A drawing of 3 strokes"]').waitFor()
    await page.getByRole('button', { name: 'Clear' }).click()
    await page.getByText('What you draw is recognised').waitFor()
    t.same(complaints, [], 'nothing in the browser’s console')
  })

  await t.test('a new symbol is known after one drawing; what is known already is asked about', async (t) => {
    const { station, desk } = await stationThatKnows(t, ['triangle', 'eye'])
    const { page, complaints } = await open(t, browser, station)
    await page.goto(`${page.url()}#engraving`)
    await draw(page, KEY)
    await page.locator('#answer .said-unknown').waitFor()
    await page.getByRole('button', { name: 'Enrol this picture' }).click()
    await page.locator('#enrol').getByLabel('Symbol').fill('clé')
    await page.locator('#enrol').getByLabel('Tags').fill('object, long')
    await page.locator('#enrol').getByLabel('By', { exact: true }).fill('marie')
    await page.getByRole('button', { name: 'Enrol', exact: true }).click()
    await page.getByText('clé is enrolled: 1 picture.').waitFor()
    await page.locator('#answer .said-symbol').waitFor()
    t.match(await text(page, '#answer .said-symbol'), 'clé')
    t.match(await desk.symbols(), { symbols: [{ symbol: 'clé', tags: ['long', 'object'] }, {}, {}] })

    await page.getByRole('button', { name: 'Enrol this picture' }).click()
    t.equal(
      await page.locator('#enrol').getByLabel('By', { exact: true }).inputValue(),
      'marie',
      'it is kept',
    )
    await page.locator('#enrol').getByLabel('Symbol').fill('eye')
    await page.getByRole('button', { name: 'Enrol', exact: true }).click()
    await page.locator('.doubts li').nth(1).waitFor()
    t.match(
      await text(page, '.doubts'),
      /eye is known already, by 1 picture.*This looks like clé \(0\.9|1\.00\)/,
    )
    await page.getByRole('button', { name: 'Enrol all the same' }).click()
    await page.getByText('eye is enrolled: 2 pictures.').waitFor()
    await page.getByRole('button', { name: 'Forget clé' }).click()
    await page.getByRole('button', { name: 'Forget', exact: true }).click()
    await page.getByText('clé is forgotten.').waitFor()
    // The browser itself writes of every answer that is no success: a doubt, a picture of what has just been forgotten.
    t.same(
      complaints.filter((one) => !/status of (409|404)/.test(one)),
      [],
    )
  })

  await t.test('a file that is no picture is told so; a picture is shown and recognised', async (t) => {
    const { station } = await stationThatKnows(t, ['triangle', 'key'])
    const { page } = await open(t, browser, station)
    await page.goto(`${page.url()}#engraving`)
    const field = page.locator('input[type=file]')
    await field.setInputFiles({ name: 'a.png', mimeType: 'image/png', buffer: Buffer.from('not a picture') })
    await page.getByText('This file is no picture: expected PNG or JPEG.').waitFor()
    const cut = (await drawing('key', { side: 300 })).subarray(0, 900)
    await field.setInputFiles({ name: 'cut.png', mimeType: 'image/png', buffer: cut })
    await page.getByText('This picture is damaged, or cut off.').waitFor()
    const large = { name: 'large.bin', mimeType: 'image/png', buffer: Buffer.alloc(6_000_000) }
    await field.setInputFiles(large)
    await page.getByText('This file is too large: at most 5 MB.').waitFor()
    const photo = await sharp(await drawing('key', { side: 2400, stroke: 4, degrees: 10 }))
      .jpeg()
      .toBuffer()
    await field.setInputFiles({ name: 'photo.jpg', mimeType: 'image/jpeg', buffer: photo })
    await page.locator('#answer .said-symbol').waitFor()
    t.match(await text(page, '#answer .said-symbol'), 'key')
    await page.getByRole('button', { name: 'Clear' }).click()
    await page.getByText('What you draw is recognised').waitFor()
  })

  await t.test('where the station asks who somebody is, so does the page', async (t) => {
    const { station } = await stationThatKnows(t, ['eye'])
    const permit: AskPermit = ({ login }) => {
      if (login?.password === 'geheim') return Promise.resolve({ allowed: true, user: login.username })
      return Promise.resolve({ allowed: false, status: 401, detail: 'expected a user' })
    }
    station.permit = permit
    const { page } = await open(t, browser, station, { locale: 'fr-FR' })
    await page.getByRole('link', { name: 'Gravure' }).click()
    await draw(page, KEY)
    await page.getByRole('button', { name: 'Enregistrer cette image' }).click()
    await page.locator('#enrol').getByLabel('Symbole').fill('clé')
    await page.locator('#enrol').getByLabel('Par', { exact: true }).fill('marie')
    await page.getByRole('button', { name: 'Enregistrer', exact: true }).click()
    await page.getByText('La station demande qui vous êtes.').waitFor()
    await page.locator('#enrol').getByLabel('Utilisateur').fill('müller')
    await page.locator('#enrol').getByLabel('Mot de passe').fill('falsch')
    await page.getByRole('button', { name: 'Enregistrer', exact: true }).click()
    await page.getByText('Utilisateur ou mot de passe faux.').waitFor()
    await page.locator('#enrol').getByLabel('Mot de passe').fill('geheim')
    await page.getByRole('button', { name: 'Enregistrer', exact: true }).click()
    await page.getByText('clé est enregistré : 1 image.').waitFor()
  })

  await t.test('leaves no room to scroll to the side, on a panel or a telephone', async (t) => {
    const { station } = await stationThatKnows(t, ['triangle', 'cross', 'eye', 'key'])
    const { page } = await open(t, browser, station, { locale: 'fr-FR' })
    await page.goto(`${page.url()}#engraving`)
    await draw(page, KEY)
    await page.locator('#lenses tbody tr').waitFor()
    for (const [width, height] of [
      [1280, 800],
      [800, 480],
      [390, 844],
    ] as const) {
      await page.setViewportSize({ width, height })
      t.equal((await overflowOf(page)).right, 0, `${width} px wide`)
      const box = await page.locator('#drawing canvas').boundingBox()
      t.ok(box !== null && box.height < height && box.width > 200, 'the sheet fits into the window')
    }
  })
})

test('a lens under the camera: its picture, what stands on it, what was expected', {
  skip: NO_BROWSER,
}, async (t) => {
  const browser = await launch(t)
  const station = new FakeStation()
  const picture = await lensPicture()
  station.evidence = (hash) => Promise.resolve(hash === HASH ? picture : undefined)
  const { page, complaints } = await open(t, browser, station)
  station.store(lensMessage(1))
  await page.locator('#lens svg.evidence image').waitFor()
  t.equal(await page.locator('#lens .box').count(), 3)
  t.equal(await page.locator('#heights, #channels').count(), 0, 'no head has measured')
  t.match(await text(page, '#lens'), /key97%.*“67”.*Unknown, somewhat like eye/s)
  t.match(await text(page, '#lens .compared'), /eye.*key, not as expected.*“67”.*“67”, as expected/s)
  t.equal(await page.locator('#lens .compared .icon-reject').count(), 1, 'a shape says it too')
  t.match(await text(page, '#lens .may-be'), /Ottica · Chiave · 1\.67 81%/)
  t.same(await overflowOf(page), { right: 0, below: 0 })
  station.store(
    message(2, {
      ...madeAt(0),
      camera: { engravings: [], detail: 'no lens', evidence: `sha256:${'0'.repeat(64)}` },
    }),
  )
  await page.locator('#lens').getByText('The picture is not kept any more').waitFor()
  t.equal(await page.locator('#channels').count(), 1, 'beside what a head has measured')
  await page.getByRole('button', { name: '1', exact: true }).click()
  t.match(await text(page, '#detail'), /Part part-00001.*Rejected.*key97%/s)
  await page.keyboard.press('Escape')
  await page.locator('#detail').waitFor({ state: 'detached' })
  t.same(
    complaints.filter((one) => !/status of 404/.test(one)),
    [],
  )
})

/** A station at whose catalogue these were enrolled, and one lens that carries the key. */
async function stationThatKnows(t: Test, shapes: readonly Shape[]) {
  const { catalogue, desk } = await deskOf(t)
  for (const shape of shapes) {
    await desk.enrol({ symbol: shape, picture: await drawing(shape), by: 'ana', tags: [], sure: ['similar'] })
  }
  const lens = { supplier: 'Ottica', name: 'Chiave 1.6', index: 1.6, treatments: [], marks: [] }
  await catalogue.writing(async (database) => {
    const at = new Date(NOON).toISOString()
    await stage(database, 'list', [lens, { ...lens, name: 'Altra' }])
    await goLive(database, 'list', at)
    if (!shapes.includes('key')) return
    const { lenses } = (await new LensDesk(catalogue, () => NOON).find({ ...ALL, name: 'chiave' })) ?? {
      lenses: [],
    }
    const which = { lens: lenses[0]?.id ?? 0, symbol: 'key' }
    await linkSymbol(database, which, { confidence: 0.8, validatedBy: 'ana', at })
  })
  const station = new FakeStation()
  station.engravings = desk
  station.lenses = new LensDesk(catalogue, () => NOON)
  return { station, desk }
}

const ALL = { symbols: [], tags: { names: [], of: 'all' }, limit: 50 } as const

type Line = readonly (readonly [x: number, y: number])[]

/** The key of `SHAPES`, as a hand goes. */
const KEY: readonly Line[] = [
  Array.from({ length: 25 }, (_, step): [number, number] => [
    28 + 18 * Math.cos((step / 24) * 2 * Math.PI),
    50 + 18 * Math.sin((step / 24) * 2 * Math.PI),
  ]),
  [
    [46, 50],
    [60, 50],
    [92, 50],
  ],
  [
    [76, 50],
    [76, 60],
    [76, 70],
  ],
  [
    [92, 50],
    [92, 58],
    [92, 66],
  ],
]

/** By pointer events, as a mouse makes them; a field of 100 by 100 takes the middle of the sheet. */
async function draw(page: Page, lines: readonly Line[]): Promise<void> {
  const sheet = await page.locator('#drawing canvas').boundingBox()
  if (sheet === null) throw new Error('the page has a sheet to draw on')
  const go = (at: Line[number] | undefined): Promise<void> => {
    const [x, y] = at ?? [0, 0]
    return page.mouse.move(
      sheet.x + ((x + 10) / 120) * sheet.width,
      sheet.y + ((y + 10) / 120) * sheet.height,
    )
  }
  for (const line of lines) {
    await go(line[0])
    await page.mouse.down()
    for (const place of line.slice(1)) await go(place)
    await page.mouse.up()
  }
}

async function shown(page: Page, selector: string): Promise<boolean> {
  await page.waitForFunction(`document.querySelector('${selector}')?.naturalWidth > 0`)
  return true
}

const HASH = 'ab'.repeat(32)

/** A lens by a draughtsman: bright lines on dark. */
function lensPicture(): Promise<Buffer> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 480" width="640" height="480"><rect width="640" height="480" fill="#101214"/><circle cx="320" cy="240" r="215" fill="#22262a" stroke="#8a9299" stroke-width="4"/><g fill="none" stroke="#c8d0d6" stroke-width="2"><circle cx="150" cy="240" r="8"/><circle cx="490" cy="240" r="8"/><g transform="translate(120 270) scale(.6)">${SHAPES.key}</g><g transform="translate(420 330) scale(.5) rotate(20)">${SHAPES.eye}</g></g><text x="470" y="300" fill="#c8d0d6" font-size="28" font-family="sans-serif">67</text></svg>`
  return sharp(Buffer.from(svg)).jpeg().toBuffer()
}

function lensMessage(sequence: number) {
  const place = { rotation_deg: 0, confidence: 0.97 }
  const findings = [{ code: 'engraving_mismatch', contribution: 1 }]
  return message(sequence, {
    ...madeAt(0),
    ...{ vl53l8ch: undefined, as7341: undefined },
    camera: {
      engravings: [
        { symbol: 'key', ...place, box: [122, 280, 66, 40] },
        { text: '67', ...place, box: [468, 276, 40, 28] },
        { nearest: 'eye', ...place, confidence: 0, rotation_deg: 20, box: [412, 345, 56, 34] },
      ],
      lens_candidates: [
        { lens_id: 1, supplier: 'Ottica', name: 'Chiave', index: 1.67, score: 0.81 },
        { lens_id: 2, supplier: 'Ottica', name: 'Chiave Lux', score: 0.12 },
      ],
      expected: { symbols: ['eye'], texts: ['67'] },
      evidence: `sha256:${HASH}`,
    },
    verdict: {
      ...{
        kind: 'graded',
        grade: 'REJECT',
        score: 0,
        action: 'reject',
        reasons: [],
        findings,
        latency_ms: 92,
      },
    },
  })
}
