import type { Page } from 'playwright-core'
import { test } from 'tap'
import type { SumsKey } from '../../gateway/aggregates/book.ts'
import { type ReportQuery, reportSums, type SumsReport } from '../../gateway/aggregates/report.ts'
import { Sums } from '../../gateway/aggregates/sums.ts'
import type { OldHeadsReport } from '../../gateway/api/old-heads.ts'
import type { StorageReport } from '../../gateway/api/storage.ts'
import { GRADES, type Grade } from '../../gateway/inspection.ts'
import { FakeStation } from '../fakes/api.ts'
import { graded, message } from '../fakes/messages.ts'
import { randomFrom } from '../gateway/store/drafts.ts'
import { background, launch, madeAt, NO_BROWSER, NOON, open, overflowOf, text } from './browser.ts'

const HOUR_MS = 3_600_000

test('history: what hours and days came to', { skip: NO_BROWSER }, async (t) => {
  const browser = await launch(t)

  await t.test('a table and two charts, by hour and by day, of all or of what runs now', async (t) => {
    const station = stationWithHistory()
    const { page, complaints } = await open(t, browser, station)
    await page.getByRole('link', { name: 'History' }).click()
    await page.locator('#periods tbody tr').first().waitFor()
    await page.locator('#grades canvas').first().waitFor()
    await page.locator('#spread canvas').first().waitFor()
    t.match(await headings(page), ['Hour', 'Parts', 'A+', 'A', 'B', 'C', 'Reject', 'Not graded', 'Mean', 'σ'])
    const [together, newest] = await page.locator('#periods tbody tr').allTextContents()
    t.match(together, /^All5,640/, 'all of it stands on top')
    t.match(newest, /^Sat, Nov 21, 12:00/, 'then the newest')
    t.equal(await page.locator('#periods tbody tr').count(), 48, 'of 47 hours there were parts in all')
    t.match(await text(page, '#grades-values'), /Sat, Nov 21, 12:00: 120, .*Median 0\./)

    await page.getByRole('button', { name: 'Days' }).click()
    await page.getByText('Last 31 days · a day begins at').waitFor()
    t.match(await page.locator('#periods tbody tr').nth(1).textContent(), /^Sat, Nov 21/)
    await page.getByRole('combobox').selectOption({ label: 'Volume (cm³)' })
    t.equal(await text(page, '#spread h2'), 'Volume (cm³)')
    const asked: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    await page.getByRole('button', { name: 'This lot' }).click()
    await page.getByText('No part in this time').first().waitFor()
    t.match(asked, [/by=day&each=period.*lot=LL-261121-0001/], 'the lot that runs, of which there is none')
    t.same(complaints, [], 'nothing in the browser’s console')
  })

  await t.test('the part that passes, an alarm and a lost gateway are seen from every room', async (t) => {
    const station = stationWithHistory()
    station.store(message(1, madeAt(0)))
    const { page, app } = await open(t, browser, station)
    await page.goto(`${page.url()}#history`)
    await page.locator('.last-verdict').getByText('Accepted · A').waitFor()
    station.store(graded(2, 'REJECT', 0.2, madeAt(0)))
    await page.locator('.last-verdict.verdict-reject').getByText('Rejected · Reject').waitFor()
    station.change({ line_stopped: true })
    await page.locator('.banner-line-stopped').waitFor()
    await page.locator('.last-verdict').click()
    await page.locator('#verdict.verdict-reject').waitFor()
    t.equal(await page.locator('.last-verdict').count(), 0, 'it stands there large')
    await page.goBack()
    await page.locator('#periods').waitFor()
    await app.close()
    await page.locator('.banner-away').waitFor()
  })

  await t.test('leaves no room to scroll to the side, on a panel or a telephone', async (t) => {
    const station = stationWithHistory()
    const { page } = await open(t, browser, station, { locale: 'fr-FR' })
    await page.getByRole('link', { name: 'Historique' }).click()
    await page.locator('#periods tbody tr').first().waitFor()
    t.match(await headings(page), ['Heure', 'Pièces'])
    t.same(await overflowOf(page), { right: 0, below: 0 })
    const critical = { kind: 'threshold', subject: 'station', severity: 'critical', state: 'open' } as const
    const since = before(60_000)
    station.quality = () => ({
      ...new FakeStation().quality(),
      alerts: [{ id: 'a', rule: 'belt_dirty', ...critical, since, occurrences: 1 }],
    })
    station.change({})
    await page.locator('.alert').waitFor()
    t.same(await overflowOf(page), { right: 0, below: 0 }, 'what is wrong is seen here, too')
    for (const width of [820, 420, 360]) {
      await page.setViewportSize({ width, height: 740 })
      t.equal((await overflowOf(page)).right, 0, `${width} px wide`)
    }
  })
})

test('storage: how long it lasts, what is kept, what was refused', { skip: NO_BROWSER }, async (t) => {
  const browser = await launch(t)

  await t.test('a station that is well says so in one look', async (t) => {
    const { page, complaints } = await open(t, browser, new FakeStation())
    t.equal(await page.locator('.rooms .condition-degraded').count(), 0)
    await page.getByRole('link', { name: 'Storage' }).click()
    await page.locator('#room').waitFor()
    t.match(
      await text(page, '#room'),
      /14 days of parts can be stored with everything away, at 1,200 parts\/h/,
    )
    t.match(await text(page, '#flash'), /35% of its yearly budget.*71 kB.*700 GB/)
    t.match(await text(page, '#set-aside'), 'No receiver refused anything.')
    t.match(await text(page, '#old-heads'), 'takes no measurements of old heads')
    t.equal(await page.locator('main .condition-degraded').count(), 0)
    t.same(complaints, [])
  })

  await t.test('what is wrong is found without reading everything', async (t) => {
    const station = new FakeStation()
    station.storage = troubled()
    station.oldHeads = HEADS
    const [mqtt] = station.state.sinks
    if (mqtt === undefined) throw new Error('the fake station has sinks')
    const retention = { name: 'retention', state: 'degraded' as const, detail: 'room for 18.4 hours' }
    station.change({ equipment: [retention], sinks: [{ ...mqtt, quarantined: 2 }] })
    const { page } = await open(t, browser, station)
    t.equal(await page.locator('.rooms .condition-degraded').count(), 1, 'the way there is marked')
    t.match(await text(page, '#unit-retention'), /Storage.*Limited.*see Storage/)
    await page.getByRole('link', { name: 'Storage' }).click()
    await page.locator('#room.reserve-degraded').waitFor()
    t.match(await text(page, '#room strong'), '18 h')
    t.match(await text(page, '#flash.reserve-degraded strong'), '112%')
    t.match(await text(page, '#kept'), /Raw data41,000 since .*the oldest is due on Nov 22, 2026/)
    t.match(
      await text(page, '#cursors .unit-degraded >> nth=0'),
      /influx.*lacks 38,400.*holds the oldest back/,
    )
    t.match(await text(page, '#cursors .unit-degraded >> nth=1'), /old-broker.*Not configured any more/)
    t.equal(await page.locator('#set-aside tbody tr').count(), 2)
    t.match(await text(page, '#set-aside'), /influx: 2 · 1 to be sent again.*field type conflict/)
    const rows = await page.locator('#old-heads tbody tr').allTextContents()
    t.match(rows, [/ESP-A.*Connected.*1\d s ago/, /ESP-B.*Away.*2 h 05 ago.*3.*sigma: 12: expected/])
    t.same(await overflowOf(page), { right: 0, below: 0 })
    await page.setViewportSize({ width: 390, height: 740 })
    t.equal((await overflowOf(page)).right, 0)
  })

  await t.test('without an answer it says so, and tells what it knew', async (t) => {
    const station = new FakeStation()
    const { page, pass } = await open(t, browser, station)
    await page.getByRole('link', { name: 'Storage' }).click()
    await page.locator('#room').waitFor()
    Object.defineProperty(station, 'storage', {
      get() {
        throw new Error('no figures')
      },
    })
    await pass(6000)
    await page.getByText('The gateway does not answer').waitFor()
    t.match(await text(page, '#room strong'), '14 days')
    t.ok(await background(page, '#room'))
  })
})

async function headings(page: Page): Promise<string[]> {
  return (await page.locator('#periods thead tr').last().locator('th').allTextContents()).map((one) =>
    one.trim(),
  )
}

/** 47 hours of 120 parts, as the gateway would have counted them. */
function stationWithHistory(): FakeStation {
  const rows = new Map<string, { key: SumsKey; sums: Sums }>()
  const random = randomFrom(3)
  for (let hour = 46; hour >= 0; hour -= 1) {
    for (let part = 0; part < 120; part += 1) count(rows, NOON - hour * HOUR_MS, random)
  }
  const kept = [...rows.values()].map(({ key, sums }) => ({
    ...key,
    parts: sums.parts,
    value: sums.toStore(),
  }))
  const station = new FakeStation()
  station.aggregates = (query: ReportQuery): Promise<SumsReport> =>
    reportSums(
      {
        find: ({ period, from = '', lot, after, limit }) => {
          const found = kept.filter(
            (row) => row.period === period && row.startsAt >= from && (lot ?? row.lot) === row.lot,
          )
          return Promise.resolve(
            found.filter(({ startsAt }) => startsAt > (after?.startsAt ?? '')).slice(0, limit),
          )
        },
      },
      query,
    )
  return station
}

function count(rows: Map<string, { key: SumsKey; sums: Sums }>, atMs: number, random: () => number): void {
  const timestamp = new Date(atMs).toISOString()
  const score = 1 - 0.5 * random() ** 3
  const made = { station: 'landes/line-1/station-7', recipe: 'terrine', revision: 1, lot: 'LL-0' }
  const grade: Grade = GRADES[Math.min(4, Math.floor((1 - score) * 10))] ?? 'A'
  const action = grade === 'REJECT' ? ('reject' as const) : ('accept' as const)
  const measures = { score, volume_mm3: 380_000 + 40_000 * random(), mass_g: 480 + 30 * random() }
  for (const [period, startsAt] of [
    ['hour', `${timestamp.slice(0, 13)}:00:00.000Z`],
    ['day', `${timestamp.slice(0, 10)}T00:00:00.000Z`],
  ] as const) {
    const name = `${period} ${startsAt}`
    const row = rows.get(name) ?? { key: { period, startsAt, ...made }, sums: new Sums() }
    row.sums.add({ timestamp, ...made, grade, action, measures })
    rows.set(name, row)
  }
}

function before(ms: number): string {
  return new Date(NOON - ms).toISOString()
}

/** Little room, much wear, a sink that is away, one that is gone, and two refusals. */
function troubled(): StorageReport {
  const aside = { sink: 'influx', epoch: 'e', attempts: 3, at: before(HOUR_MS) }
  const reason = 'inspection 1204 is refused: HTTP 422: field type conflict: mass_g is a float'
  return {
    ...new FakeStation().storage,
    state: 'degraded',
    detail: 'room for 18.4 hours of parts with everything away',
    room: {
      ...{ hours_left: 18.4, parts_left: 22_080, alert_hours: 72, parts_per_hour: 1200 },
      ...{ part_bytes: 17_000, used_mb: 24_000, room_mb: 375 },
    },
    flash: { bytes_per_part: 71_000, gb_per_year: 2240, budget_gb_per_year: 2000, share: 1.12 },
    inspections: { stored: 52_000, oldest_at: before(720 * HOUR_MS), keep_parts: 500_000, removed: 0 },
    raw: {
      ...{ stored: 41_000, oldest_at: before(690 * HOUR_MS), keep_days: 30 },
      ...{ due_at: before(-30 * HOUR_MS), removed: 320 },
    },
    undelivered: 38_400,
    cursors: [
      { name: 'influx', role: 'sink', backlog: 38_400, holds: true },
      { name: 'old-broker', role: 'gone', backlog: 12_000, holds: false },
      { name: 'aggregates', role: 'station', backlog: 3, holds: false },
      { name: 'upstream', role: 'sink', backlog: 0, holds: false },
      { name: 'upstream-confirmed', role: 'confirmation', backlog: 0, holds: false },
    ],
    quarantine: [{ sink: 'influx', count: 2, wanted: 1 }],
    set_aside: [
      { ...aside, id: 'b', sequence: 1204, reason, state: 'aside' },
      { ...aside, id: 'a', sequence: 1198, reason, state: 'wanted' },
    ],
    checkpoint: { number: 52, sequence: 52_000, at: before(300_000), key_id: 'bee71d65728afa24' },
  }
}

const HEADS: OldHeadsReport = {
  listening: true,
  turned_away: 0,
  devices: [
    {
      ...{ device_id: 'ESP-A', connected: true, address: '10.4.0.21', last_sample_at: before(12_000) },
      ...{ stored: 1240, repeated: 2, refused: 0, logged: 90_000 },
    },
    {
      ...{ device_id: 'ESP-B', connected: false, address: '10.4.0.22', last_sample_at: before(7_500_000) },
      ...{ stored: 310, repeated: 0, refused: 3, logged: 4000 },
      last_refusal: { at: before(7_400_000), code: 'invalid', error: 'sigma: 12: expected 64 numbers' },
    },
  ],
}
