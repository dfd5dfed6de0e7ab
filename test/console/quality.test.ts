import { test } from 'tap'
import { DEFAULT_RULES } from '../../gateway/alerts/rules.ts'
import type { QualityReport } from '../../gateway/api/quality.ts'
import { formatFor } from '../../gateway/console/format.ts'
import { describeAlerts, lotCapabilities, lotFigures } from '../../gateway/console/quality.ts'
import { after, NOTHING_YET } from '../../gateway/console/state.ts'
import { LANGUAGES, TEXTS } from '../../gateway/console/texts.ts'
import { type Alert, parseQuality, type Quality } from '../../gateway/console/wire-quality.ts'
import { FakeStation, stationState } from '../fakes/api.ts'

const NOON = Date.UTC(2026, 10, 21, 12, 0, 0)
const EN = formatFor('en', TEXTS.en)
const FR = formatFor('fr', TEXTS.fr)

/** What the gateway answers, as the page reads it. */
function read(overrides: Partial<QualityReport> = {}): Quality {
  return parseQuality(JSON.parse(JSON.stringify({ ...new FakeStation().quality(), ...overrides })))
}

function alert(id: string, overrides: Partial<Alert> = {}): Alert {
  const base = { id, rule: 'quality_low', subject: 'station', severity: 'warning', state: 'open' } as const
  return { ...base, since: new Date(NOON).toISOString(), ...overrides }
}

test('the page understands what the gateway answers, keeps it and forgets it', (t) => {
  const data = read()
  const moment = { now: 0, wall: NOON }
  const told = after(NOTHING_YET, { type: 'quality', data }, moment)
  t.same(told.quality, data)
  t.equal(after(told, { type: 'quality', data: undefined }, moment).quality, undefined)
  t.throws(() => parseQuality({ alerts: [], charts: [] }), /kpi/)
  t.end()
})

test('the worst alert first, of those the unseen, of those the newest, and three at most', (t) => {
  const since = (second: number) => ({ since: new Date(NOON + second * 1000).toISOString() })
  const seen = { state: 'acknowledged', acknowledged_by: 'Claire' } as const
  const alerts = [
    alert('note', { severity: 'info' }),
    alert('old warning', since(1)),
    alert('new warning', since(2)),
    alert('seen', { severity: 'critical', ...seen, ...since(9) }),
    alert('unseen', { severity: 'critical' }),
    alert('over', { severity: 'critical', state: 'cleared' }),
  ]
  const { shown, more, critical } = describeAlerts(alerts, EN, NOON)
  t.same(
    shown.map(({ id }) => id),
    ['unseen', 'seen', 'new warning'],
  )
  t.equal(more, 2)
  t.equal(critical, 2)
  t.same(describeAlerts([], EN, NOON), { shown: [], more: 0, critical: 0 })
  t.end()
})

test('an alert in words: title or rule, value against limit, since when, who has seen it', (t) => {
  const told = (overrides: Partial<Alert>, format = EN) => {
    const [entry] = describeAlerts([alert('one', overrides)], format, NOON).shown
    return { title: entry?.title, facts: entry?.facts.slice(0, 1), last: entry?.facts.at(-1) }
  }
  t.match(told({}).title, 'Quality low', 'a rule without a title')
  t.equal(told({ title: 'Belt is dirty', subject: 'mass' }).title, 'Belt is dirty · mass')
  t.equal(told({ title: 'En panne', subject: 'gate' }, FR).title, 'En panne · Aiguillage')
  t.same(told({ value: 0.38123, limit: 0.4 }).facts, ['0.38 (limit 0.40)'])
  t.same(told({ value: 0.39996, limit: 0.4 }).facts, ['0.39996 (limit 0.40000)'], 'told apart')
  t.same(told({ value: 0.4, limit: 0.4 }).facts, ['0.40 (limit 0.40)'])
  t.match(told({ value: 152_345.4, limit: 150_000 }, FR).facts, [/^152\s345 \(limite 150\s000\)$/])
  t.same(told({ value: 'failed', limit: 'ok' }, FR).facts, ['hors service'])
  t.match(told({ value: 'REJECT', limit: 'REJECT' }).facts, [/^since/], 'the title says it already')
  t.equal(told({ state: 'acknowledged', acknowledged_by: 'Claire' }, FR).last, 'vue par Claire')
  t.equal(told({ state: 'acknowledged' }).last, 'seen')
  t.same(told({ since: 'yesterday' }).facts, [], 'what is no time is not told')
  t.end()
})

test('an alert of another day tells the day', (t) => {
  t.match(EN.moment(new Date(NOON).toISOString(), NOON + 1000), /^\d\d:\d\d$/)
  t.match(EN.moment(new Date(NOON).toISOString(), NOON + 36 * 3_600_000), /Nov/)
  t.end()
})

test('the titles of the built-in rules are said in every language', (t) => {
  for (const language of LANGUAGES.filter((one) => one !== 'en')) {
    for (const { title } of DEFAULT_RULES) t.hasOwnProp(TEXTS[language].quality.titles, title, language)
  }
  t.end()
})

test('key figures of the lot with their ratings; what few parts say is told as such', (t) => {
  const lot = {
    ...read().kpi.lot,
    conformity: { count: 389, of: 400, share: 0.9725, rating: 'tolerable' as const, certain: false },
    reject: { count: 31, of: 420, share: 31 / 420, rating: 'off_limit' as const, certain: true },
    cadence_per_h: 118.4,
    cadence_rating: 'on_target' as const,
  }
  const figures = lotFigures({ ...read(), kpi: { lot } }, EN)
  t.match(figures, [
    {
      value: '97.3%',
      word: 'tolerable',
      uncertain: true,
      note: '389 of 400 parts, too few parts to be sure',
    },
    { value: '7.4%', word: 'off limit', uncertain: false, note: '31 of 420 parts' },
    { value: '118/h', word: 'on target' },
  ])
  t.same(
    lotFigures(read(), FR).map(({ label, value, word }) => `${label} ${value}${word}`),
    ['Conformité –', 'Rejets –', 'Cadence –'],
    'no part is no share',
  )
  t.end()
})

test('capability: of the charts of the running lot that have one, the least first', (t) => {
  const { recipe, lot } = stationState()
  const here = { recipe: recipe.id, revision: recipe.revision, lot: lot.id, phase: 2 as const, points: 80 }
  const index = (value: number) => ({ value, low: value - 0.1, high: value + 0.1 })
  const able = (value: number, not_normal?: boolean) => {
    const capability = { count: 80, mean: 1, cpk: index(value), ppk: index(value), confidence: 0.95 }
    return { capability: { ...capability, ...(not_normal === undefined ? {} : { not_normal }) } }
  }
  const charts = [
    { name: 'mass', ...here, ...able(1.42) },
    { name: 'max_height', ...here, ...able(0.913, true) },
    { name: 'freshness', ...here },
    { name: 'mass', ...here, lot: 'the lot before', ...able(0.2) },
    { name: 'mass', ...here, revision: 6, ...able(0.3) },
  ]
  const station = stationOf()
  t.same(lotCapabilities(read({ charts }), station, EN), [
    {
      label: 'Cpk max height',
      value: '≈ 0.91',
      note: '0.81 to 1.01, 80 points; not a normal distribution: says less than it seems to',
    },
    { label: 'Cpk mass', value: '1.42', note: '1.32 to 1.52, 80 points' },
  ])
  t.same(lotCapabilities(read(), station, EN), [])
  t.end()

  function stationOf() {
    return { ...stationState(), period_ms: undefined, equipment: undefined }
  }
})
