import { test } from 'tap'
import type { QualityReport } from '../../gateway/api/quality.ts'
import { FakeStation } from '../fakes/api.ts'
import { graded, message } from '../fakes/messages.ts'
import { background, launch, madeAt, NO_BROWSER, NOON, open, overflowOf, text } from './browser.ts'

test('alerts and key figures on the live page', { skip: NO_BROWSER }, async (t) => {
  const browser = await launch(t)

  await t.test('tells open alerts, the worst first, and what the lot comes to', async (t) => {
    const station = new FakeStation()
    station.store(message(1, madeAt(0)))
    const { page, complaints } = await open(t, browser, station)
    await page.locator('.key-figures').waitFor()
    t.equal(await page.locator('.alert').count(), 0, 'nothing is wrong')
    t.equal(await text(page, '.key-figure-conformity dd'), '–', 'of no part')

    const critical = { severity: 'critical', title: 'A part was graded REJECT' } as const
    const rules = ['belt_dirty', 'quality_low', 'mass_drift', 'humid']
    station.quality = () =>
      qualityOf([...rules.map((rule) => alert({ rule })), alert({ rule: 'grade_reject', ...critical })])
    station.change({})
    await page.locator('.alert').first().waitFor()
    t.equal(await page.locator('.alert').count(), 3)
    t.equal(await text(page, '.alerts-more'), '+2 more')
    t.match(
      await text(page, '.alert >> nth=0'),
      /Critical: A part was graded REJECT[\s\S]*0\.38 \(limit 0\.40\)/,
    )
    t.match(await text(page, '.alert >> nth=1'), /Warning: Belt dirty/, 'a rule without a title can be read')
    const red = await background(page, '.alert-critical')
    t.not(red, await background(page, '.alert-warning'), 'a critical one stands out')
    await page.getByRole('status').getByText('Open alerts: 5, critical: 1').waitFor({ state: 'attached' })
    t.match(await text(page, '.key-figure-conformity'), /Conformity97\.3%tolerable/)
    t.match(await text(page, '.key-figure-reject .rating-off_limit'), 'off limit')
    t.match(await text(page, '.capabilities'), 'Cpk mass1.18')

    const seen = { state: 'acknowledged', acknowledged_by: 'Claire' } as const
    station.quality = () => qualityOf([alert({ rule: 'grade_reject', ...critical, ...seen })])
    station.change({})
    await page.locator('.alert-seen').waitFor()
    t.match(await text(page, '.alert'), 'seen by Claire')
    t.not(await background(page, '.alert-critical'), red, 'a person knows: it calls no more')
    t.equal(await page.locator('.alerts-more').count(), 0)
    t.same(complaints, [], 'nothing in the browser’s console')
  })

  await t.test('without an answer about alerts the page goes on, and says so in its log only', async (t) => {
    const station = new FakeStation()
    station.quality = () => qualityOf([alert({ rule: 'belt_dirty' })])
    const { page, pass, complaints } = await open(t, browser, station)
    await page.locator('.alert').waitFor()
    station.quality = () => {
      throw new Error('the watch is away')
    }
    const refused = page.waitForResponse((answer) => answer.status() === 500)
    station.change({})
    await refused
    station.store(graded(1, 'A', 0.8, madeAt(0)))
    await page.locator('#verdict .grade').waitFor()
    t.equal(await page.locator('.alert').count(), 1, 'what was told a moment ago still stands')
    await pass(25_000)
    await page.locator('.alert').waitFor({ state: 'detached' })
    await page.locator('.connection-open').waitFor()
    t.equal(await text(page, '#verdict .grade'), 'A')
    t.equal(await page.locator('.banner').count(), 0, 'nothing looks wrong')
    t.equal(complaints.filter((line) => line.includes('answers 500')).length, 1, 'logged once')
    station.quality = () => qualityOf([alert({ rule: 'belt_dirty' })])
    await pass(12_000)
    await page.locator('.alert').waitFor()
  })

  await t.test(
    'as many alerts as there may be leave the page without scrolling, and the verdict first',
    async (t) => {
      const station = new FakeStation()
      station.quality = () =>
        qualityOf(['a', 'b', 'c', 'd'].map((rule) => alert({ rule, severity: 'critical' })))
      for (let sequence = 1; sequence <= 50; sequence += 1) station.store(message(sequence, madeAt(0)))
      const { page } = await open(t, browser, station)
      await page.locator('.alert').first().waitFor()
      t.same(await overflowOf(page), { right: 0, below: 0 })
      await page.setViewportSize({ width: 1440, height: 900 })
      t.same(await overflowOf(page), { right: 0, below: 0 })
      for (const width of [420, 360]) {
        await page.setViewportSize({ width, height: 740 })
        t.equal((await overflowOf(page)).right, 0)
        const [verdict, alerts] = await Promise.all(
          ['#verdict', '#alerts'].map((panel) => page.locator(panel).boundingBox()),
        )
        t.ok(verdict && alerts && verdict.y + verdict.height <= alerts.y, 'the verdict comes first')
      }
    },
  )
})

type Alert = QualityReport['alerts'][number]

/** An open alert, one minute old. */
function alert(changes: Partial<Alert> & { rule: string }): Alert {
  return {
    id: changes.rule,
    kind: 'threshold',
    subject: 'station',
    severity: 'warning',
    state: 'open',
    since: new Date(NOON - 60_000).toISOString(),
    value: 0.38,
    limit: 0.4,
    occurrences: 1,
    ...changes,
  }
}

/** A lot of which little is left to wish, and a chart. */
function qualityOf(alerts: QualityReport['alerts']): QualityReport {
  const { kpi } = new FakeStation().quality()
  const { recipe, lot } = new FakeStation().state
  const share = { count: 389, of: 400, share: 0.9725, low: 0.95, high: 0.98 }
  return {
    alerts,
    kpi: {
      ended_shifts: [],
      lot: {
        ...kpi.lot,
        conformity: { ...share, rating: 'tolerable', certain: false },
        reject: { count: 31, of: 420, share: 31 / 420, rating: 'off_limit', certain: true },
        cadence_per_h: 118.4,
        cadence_rating: 'on_target',
      },
    },
    charts: [
      {
        name: 'mass',
        recipe: recipe.id,
        revision: recipe.revision,
        lot: lot.id,
        phase: 2,
        points: 80,
        capability: {
          count: 80,
          mean: 512,
          cpk: { value: 1.18, low: 0.98, high: 1.38 },
          ppk: { value: 1.1, low: 0.9, high: 1.3 },
          confidence: 0.95,
        },
      },
    ],
  }
}
