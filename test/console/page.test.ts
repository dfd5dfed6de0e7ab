import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'tap'
import type { StationState } from '../../gateway/api/station-state.ts'
import { FakeStation } from '../fakes/api.ts'
import { DOME, graded, message, ungraded } from '../fakes/messages.ts'
import {
  background,
  launch,
  madeAt,
  NO_BROWSER,
  NOON,
  open,
  overflowOf,
  PERIOD_MS,
  serve,
  text,
} from './browser.ts'

test('the live page', { skip: NO_BROWSER }, async (t) => {
  t.ok(existsSync(resolve('dist/console/index.html')), 'the page is built: npm run build')
  const browser = await launch(t)

  await t.test('shows the verdict, the map, the channels, the history and the station', async (t) => {
    const station = new FakeStation()
    for (let sequence = 1; sequence <= 60; sequence += 1)
      station.store(message(sequence, madeAt((60 - sequence) * 1000)))
    const { page, complaints } = await open(t, browser, station)
    await page.locator('#heights canvas').first().waitFor()
    await page.locator('#channels canvas').first().waitFor()
    t.equal(await text(page, '#verdict .grade'), 'A')
    t.equal(await text(page, '#verdict .action'), 'Accepted')
    t.match(await text(page, '#verdict footer'), /part-00060[\s\S]*83%[\s\S]*142 ms/)
    t.equal(await page.locator('#verdict .icon-accept').count(), 1, 'a shape says it too')

    const map = page.locator('#heights [role=img]')
    t.match(await map.getAttribute('aria-label'), '64 of 64 zones measured, from 0 to 61')
    const rows = (await text(page, '#heights-values')).split('. ')
    t.equal(rows.length, 8)
    t.equal(rows[3], `Row 4: ${DOME[3]?.join('; ')}`)

    const channels = (await text(page, '#channels-values')).split('; ')
    t.equal(channels.length, 10)
    t.match(channels, ['415 nm: 1,594', ...Array(7).fill(/nm/), 'Clear: 25,688', 'NIR: 2,425'])

    t.equal(await page.locator('#inspections tbody tr').count(), 50)
    t.match(await text(page, '#inspections tbody tr:first-child'), /60[\s\S]*part-00060[\s\S]*Accepted/)
    t.match(await text(page, '#units'), /tof[\s\S]*Working[\s\S]*spectral[\s\S]*mqtt[\s\S]*All delivered/)
    t.same(complaints, [], 'nothing in the browser’s console')
  })

  await t.test(
    'follows what happens: a rejected part, an ungraded one, and what the station lacks',
    async (t) => {
      const station = new FakeStation()
      const { page } = await open(t, browser, station)
      t.equal(await text(page, '#verdict .absence'), 'No part yet')
      station.store(graded(1, 'REJECT', 0.2, { verdict: rejected(['foreign_body', 'made_up_code']) }))
      await page.locator('.verdict-reject').waitFor()
      t.equal(await text(page, '#verdict .action'), 'Rejected')
      t.equal(await text(page, '#verdict .why'), 'Foreign body\u00a0· Made up code')
      const red = await background(page, '#verdict')

      const heights = DOME.map((row, y) => row.map((value, x) => (x + y < 2 ? null : value)))
      const blind = { as7341: undefined, vl53l8ch: { height_matrix: heights } }
      station.store(ungraded(2, 'hold', ['sensor-absent:spectral', 'late'], blind))
      await page.locator('.verdict-hold').waitFor()
      t.equal(await text(page, '#verdict .action'), 'On hold')
      t.equal(await text(page, '#verdict .grade'), 'Not graded')
      t.equal(await text(page, '#verdict .why'), 'Sensor missing (spectral)\u00a0· Decided too late')
      t.not(await background(page, '#verdict'), red)
      t.match(await page.locator('#heights [role=img]').getAttribute('aria-label'), '61 of 64')
      t.match(await text(page, '#heights-values'), 'Row 1: not measured; not measured;')
      t.equal(await text(page, '#channels .empty'), 'Not measured')

      const [tof] = station.state.heads
      const [mqtt] = station.state.sinks
      if (tof === undefined || mqtt === undefined) throw new Error('the fake station has heads and sinks')
      station.change({
        dry_run: true,
        line_stopped: true,
        heads: [tof, { id: 'spectral', kind: 'as7341', state: 'failed', detail: 'no acknowledge at 0x39' }],
        equipment: equipment({
          gate: { state: 'failed', detail: 'stuck: the flap did not follow within 80 ms' },
          environment: { state: 'degraded' },
          calibration: { state: 'failed' },
        }),
        sinks: [{ ...mqtt, state: 'degraded', backlog: 1240 }],
      })
      await page.locator('.unit-failed').first().waitFor()
      t.match(
        await text(page, '.unit-failed >> nth=0'),
        /spectral[\s\S]*Not working[\s\S]*no acknowledge at 0x39/,
      )
      t.match(await text(page, '.unit-degraded >> nth=-1'), '1,240 waiting')
      t.match(
        await text(page, '#unit-gate'),
        /Gate[\s\S]*Not working[\s\S]*Passed1,240[\s\S]*Every part is rejected[\s\S]*the flap did not/,
      )
      t.equal(await page.locator('#unit-gate .condition-failed').count(), 1, 'a shape says it too')
      t.match(await text(page, '#unit-environment'), /Climate[\s\S]*Limited[\s\S]*Not measured/)
      t.match(await text(page, '#unit-camera'), /15\/s · < 1 s old[\s\S]*Working/)
      t.match(await text(page, '.banner-gate-failed'), 'every part is rejected')
      t.match(await text(page, '.banner-not-calibrated'), 'start the calibration')
      t.match(await text(page, '.banner-dry'), 'Dry run')
      t.match(await text(page, '.banner-line-stopped'), 'Line stopped')
    },
  )

  await t.test('an old verdict gives way to how long there has been none', async (t) => {
    const station = new FakeStation()
    station.store(graded(1, 'B', 0.7, madeAt(2000)))
    const { page, wall, pass } = await open(t, browser, station)
    t.equal(await text(page, '#verdict .grade'), 'B')
    await pass(2 * PERIOD_MS)
    await page.locator('.absence').waitFor()
    t.match(await text(page, '#verdict .absence'), /^No data for 6\d s$/)
    t.equal(await page.locator('#verdict .action').count(), 0, 'no verdict stands there')
    await pass(2 * PERIOD_MS)
    await page.getByText('No data for 2 min').waitFor()
    station.store(graded(2, 'A+', 0.95, { timestamp: new Date(wall()).toISOString() }))
    await page.locator('#verdict .grade').waitFor()
    t.equal(await text(page, '#verdict .grade'), 'A+')
  })

  await t.test('speaks French to those who do, and keeps what they choose', async (t) => {
    const station = new FakeStation()
    station.store(ungraded(1, 'hold', ['sensor-absent:tof'], madeAt(0)))
    station.change({ equipment: equipment({ gate: { facts: { line_stopped: true } } }), line_stopped: true })
    const { page } = await open(t, browser, station, { locale: 'fr-FR' })
    t.equal(await page.locator('html').getAttribute('lang'), 'fr')
    t.equal(await text(page, '#verdict .action'), 'Retenue')
    t.equal(await text(page, '#verdict .why'), 'Capteur absent (tof)')
    t.match(await text(page, '#channels-values'), /Clear: 25\s688/, 'numbers too')
    t.match(await text(page, '#unit-gate'), /Aiguillage[\s\S]*Ligne arrêtée/)
    t.match(await text(page, '#unit-environment'), /Climat[\s\S]*21,4 °C/)
    await page.getByRole('button', { name: 'EN' }).click()
    t.equal(await text(page, '#verdict .action'), 'On hold')
    await page.reload()
    await page.locator('#verdict .action').waitFor()
    t.equal(await text(page, '#verdict .action'), 'On hold')
    t.equal(await page.locator('html').getAttribute('lang'), 'en')
  })

  await t.test('follows the system’s colours', async (t) => {
    const station = new FakeStation()
    station.store(message(1, madeAt(0)))
    const { page } = await open(t, browser, station, { colorScheme: 'light' })
    const selectors = ['body', '#verdict', '#heights']
    const light = await Promise.all(selectors.map((selector) => background(page, selector)))
    await page.emulateMedia({ colorScheme: 'dark' })
    const dark = await Promise.all(selectors.map((selector) => background(page, selector)))
    for (const [index, selector] of selectors.entries()) t.not(light[index], dark[index], selector)
  })

  await t.test('fits a panel without scrolling, and a phone without scrolling sideways', async (t) => {
    const station = new FakeStation()
    station.change({ equipment: equipment({}) })
    for (let sequence = 1; sequence <= 50; sequence += 1) station.store(message(sequence, madeAt(0)))
    const { page } = await open(t, browser, station)
    const overflow = () => overflowOf(page)
    t.same(await overflow(), { right: 0, below: 0 })

    const panels = ['#verdict', '#heights', '#channels', '#inspections', '#counters', '#units']
    const places = () => Promise.all(panels.map((panel) => page.locator(panel).boundingBox()))
    const before = await places()
    station.change({ equipment: equipment({ camera: lost, encoder: lost, environment: lost, panel: lost }) })
    await page.locator('#unit-camera.unit-failed').waitFor()
    t.same(await places(), before, 'what fails beside the heads moves no panel')
    t.same(await overflow(), { right: 0, below: 0 })

    await page.setViewportSize({ width: 1920, height: 1080 })
    t.same(await overflow(), { right: 0, below: 0 })
    await page.setViewportSize({ width: 360, height: 740 })
    t.equal((await overflow()).right, 0)
  })

  await t.test('says that the gateway is away, and comes back with it', async (t) => {
    const station = new FakeStation()
    station.store(graded(1, 'A', 0.8, madeAt(0)))
    const { app, page, port, wall, pass } = await open(t, browser, station)
    await app.close()
    await page.locator('.connection-away').waitFor()
    await pass(2 * PERIOD_MS)
    await page.locator('.absence').waitFor()
    t.match(await text(page, '.banner-away'), /Gateway unreachable, trying again \(6\d s\)/)
    t.match(await text(page, '#verdict .absence'), /No data for/)
    const again = await serve(station, wall, port)
    t.teardown(() => again.app.close())
    await pass(12_000)
    await page.locator('.connection-open').waitFor()
    station.store(graded(2, 'C', 0.5, { timestamp: new Date(wall()).toISOString() }))
    await page.locator('#verdict .grade').waitFor()
    t.equal(await text(page, '#verdict .grade'), 'C')
    t.equal(await page.locator('#inspections tbody tr').count(), 2)
    t.equal(await page.locator('.banner-away').count(), 0)
  })

  await t.test('loads itself anew when the gateway comes back as another release', async (t) => {
    const { app, page, port, wall, pass } = await open(t, browser, new FakeStation())
    await app.close()
    await page.locator('.connection-away').waitFor()
    const next = await serve(new FakeStation(), wall, port, '0.2.0')
    t.teardown(() => next.app.close())
    const loaded = page.waitForEvent('load')
    await pass(12_000)
    await loaded
    await page.locator('.connection-open').waitFor()
  })
})

const lost = {
  state: 'failed' as const,
  detail: 'ENODEV: no such device, open "/dev/a-rather-long-name-of-a-device-on-a-bus", and the cause of it',
}

type Equipment = NonNullable<StationState['equipment']>[number]

/** All that stands beside the heads, well but for what is said of it. */
function equipment(changes: Readonly<Record<string, Partial<Equipment>>>): Equipment[] {
  const counts = { accepted: 1240, rejected: 85, held: 2, late: 1, waiting: 3, line_stopped: false }
  const facts: Readonly<Record<string, NonNullable<Equipment['facts']>>> = {
    gate: counts,
    trigger: {},
    encoder: { mm_per_s: 251 },
    environment: { temperature_c: 21.4, humidity_percent: 57.6, age_ms: 12_000 },
    panel: { faults: 0 },
    camera: { fps: 15, age_ms: 66 },
    calibration: { at: new Date(NOON).toISOString(), chips: 'tof:1a2b' },
  }
  return Object.entries(facts).map(([name, known]) => ({
    name,
    state: 'ok',
    facts: known,
    ...changes[name],
  }))
}

function rejected(codes: string[]) {
  const findings = codes.map((code) => ({ code }))
  return {
    kind: 'graded' as const,
    grade: 'REJECT' as const,
    score: 0.2,
    action: 'reject' as const,
    reasons: [],
    findings,
    latency_ms: 140,
  }
}
