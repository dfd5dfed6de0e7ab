import { join } from 'node:path'
import { test } from 'tap'
import type { UpdateReport } from '../../gateway/api/update.ts'
import { FakeStation } from '../fakes/api.ts'
import { graded, message } from '../fakes/messages.ts'
import { launch, madeAt, NO_BROWSER, NOON, open, overflowOf, text } from './browser.ts'

const SINCE = new Date(NOON - 60_000).toISOString()
const LINE = {
  idle: false,
  why: ['parts between trigger and gate: 3'],
  parts_in_flight: 3,
  since_last_trigger_s: 0,
}
const NOTHING: UpdateReport = {
  status: null,
  line: LINE,
  lock: null,
  consent: null,
  trial: false,
  content: {},
  device: null,
}

/** What the updater says of the release 0.2.0. */
function of(state: string, more: Partial<NonNullable<UpdateReport['status']>> = {}): UpdateReport {
  const release = { schema: 'poincon.update/1', kind: 'release', from: '0.1.0', to: '0.2.0' } as const
  return { ...NOTHING, status: { ...release, state, since: SINCE, channel: 'stable', ...more } }
}

/** Keeps a picture of the page, where somebody wants to look at it. */
const PICTURES = process.env.POINCON_PICTURES

function stationWith(update: UpdateReport): FakeStation {
  const station = new FakeStation()
  station.store(message(1, madeAt(0)))
  station.update = update
  return station
}

test('an update is told in one line, in every room', { skip: NO_BROWSER }, async (t) => {
  const browser = await launch(t)

  await t.test('one that waits says why, and asks whoever is at the line', async (t) => {
    const waiting_for = ['the window: mon 22:00–23:00', 'consent of the operator for 0.2.0', LINE.why.join()]
    const station = stationWith(of('waiting', { waiting_for }))
    const { page, complaints } = await open(t, browser, station)
    await page.locator('#update').waitFor()
    t.match(
      await text(page, '#update p'),
      'Update 0.1.0 → 0.2.0 · Waits for: its time: mon 22:00–23:00, somebody’s consent, parts on the belt: 3',
    )
    t.same(await overflowOf(page), { right: 0, below: 0 })
    if (PICTURES !== undefined) await page.screenshot({ path: join(PICTURES, 'waiting.png') })
    await page.getByRole('button', { name: 'Agree' }).click()
    await page.getByLabel('Your name').fill('Marie')
    if (PICTURES !== undefined) await page.screenshot({ path: join(PICTURES, 'agree.png') })
    await page.locator('#update-agree').getByRole('button', { name: 'Agree' }).click()
    await page.getByText('Marie agreed at').waitFor()
    t.same(station.agreed, ['0.2.0 Marie'])
    t.equal(await page.getByRole('button', { name: 'Agree' }).count(), 0, 'once is enough')
    await page.getByRole('link', { name: 'Storage' }).click()
    await page.locator('#room').waitFor()
    t.equal(await page.locator('#update').count(), 1)
    t.same(await overflowOf(page), { right: 0, below: 0 })
    t.same(complaints, [])
  })

  await t.test('while it has the line, it says that nothing passes', async (t) => {
    const station = stationWith({
      ...of('switching', { progress: 0.4 }),
      lock: { version: '0.2.0', until: new Date(NOON + 60_000).toISOString() },
    })
    const { page, pass } = await open(t, browser, station)
    await page.locator('#update.update-locked').waitFor()
    t.match(await text(page, '#update p'), 'An update has the line: every part is rejected · 0.1.0 → 0.2.0')
    t.equal(await page.locator('#update progress').getAttribute('value'), '0.4')
    if (PICTURES !== undefined) await page.screenshot({ path: join(PICTURES, 'locked.png') })
    station.update = { ...station.update, trial: true }
    await pass(4000)
    await page.getByText('A new release is on trial: every part is rejected until').waitFor()
    station.update = of('committed')
    await pass(4000)
    await page.locator('#update').waitFor({ state: 'detached' })
  })

  await t.test('a configuration that waits shows what it changes, and what stays', async (t) => {
    const changes = [
      { key: 'limits.waiting_triggers', before: '16', after: '20' },
      { key: 'flows.enabled', before: 'false', after: 'false', kept: true },
    ]
    const station = stationWith(of('waiting', { kind: 'configuration', changes }))
    const { page } = await open(t, browser, station, {})
    await page.getByRole('button', { name: 'Details' }).click()
    t.match(await page.locator('#update-changes tbody tr').allTextContents(), [
      'limits.waiting_triggers1620',
      'flows.enabledfalsefalse (stays: this device says so)',
    ])
    await page.close()
  })

  await t.test('one that was taken back says why and what it would have judged otherwise', async (t) => {
    const differing = [
      { sequence: 1204, before: 'accept A 0.8123', after: 'accept B 0.7911: volume_low' },
      { sequence: 1205, before: 'accept A 0.83', after: 'reject REJECT 0.2: foreign_body' },
    ]
    const failure = '0.2.0 was not ready within 90 s'
    const station = stationWith({
      ...of('rolled_back', { failure, differing }),
      device: { schema: 'poincon.device/1', state: 'renewal-failing', not_after: '2026-12-01T00:00:00.000Z' },
    })
    const { page, complaints } = await open(t, browser, station, { locale: 'fr-FR' })
    await page.locator('#update.update-ended').waitFor()
    t.match(await text(page, '#update p'), 'Mise à jour 0.1.0 → 0.2.0 · Annulée')
    await page.getByRole('button', { name: 'Détails' }).click()
    t.match(await text(page, '#update-details .facts'), /Motif0\.2\.0 was not ready within 90 s/)
    t.match(
      await text(page, '#update-details .facts'),
      /Certificat de l’appareilnon renouvelé, échéance le 1 déc\. 2026/,
    )
    t.match(await text(page, '#update-verdicts'), /juge autrement : 2/)
    t.match(await page.locator('#update-verdicts tbody tr').allTextContents(), [/accept B 0\.7911/, /REJECT/])
    if (PICTURES !== undefined) await page.screenshot({ path: join(PICTURES, 'details-fr.png') })
    await page.getByRole('button', { name: 'Fermer' }).click()
    for (const width of [1280, 820, 390]) {
      await page.setViewportSize({ width, height: 800 })
      t.equal((await overflowOf(page)).right, 0, `${width} px wide`)
    }
    if (PICTURES !== undefined) await page.screenshot({ path: join(PICTURES, 'narrow-fr.png') })
    await page.getByRole('button', { name: 'Masquer' }).click()
    await page.locator('#update').waitFor({ state: 'detached' })
    await page.reload()
    await page.locator('#verdict .grade').waitFor()
    t.equal(await page.locator('#update').count(), 0, 'it stays hidden')
    t.same(complaints, [])
  })

  await t.test('an up-to-date station says nothing; a wrong password is asked for again', async (t) => {
    const station = stationWith(of('current'))
    station.permit = ({ login }) =>
      Promise.resolve(
        login?.password === 'right'
          ? { allowed: true, user: login.username }
          : { allowed: false, status: 401, detail: 'expected a user' },
      )
    const { page, pass } = await open(t, browser, station)
    station.store(graded(2, 'B', 0.7, madeAt(0)))
    t.equal(await page.locator('#update').count(), 0)
    station.update = of('waiting', { waiting_for: ['an idle line: the last part came less than 60 s ago'] })
    await pass(4000)
    await page.getByText('Waits for: an idle line').waitFor()
    t.equal(await page.getByRole('button', { name: 'Agree' }).count(), 0, 'nobody is asked')
    station.update = of('waiting', { waiting_for: ['consent of the operator for 0.2.0'] })
    await pass(4000)
    await page.getByRole('button', { name: 'Agree' }).click()
    await page.getByLabel('Your name').fill('Paul')
    const send = page.locator('#update-agree').getByRole('button', { name: 'Agree' })
    await send.click()
    await page.getByLabel('Password').fill('wrong')
    await page.locator('input[name=user]').fill('paul')
    await send.click()
    await page.locator('.form-problem').waitFor()
    await page.getByLabel('Password').fill('right')
    await send.click()
    await page.getByText('paul agreed at').waitFor()
    t.same(station.agreed, ['0.2.0 paul'], 'who has logged in is who agrees')
  })
})
