import { test } from 'tap'
import { alertRule, alertsOptions } from '../../../gateway/alerts/rules.ts'
import { graded, message, ungraded } from '../../fakes/messages.ts'
import { idOf, part, Stand, scored } from './stand.ts'

const spectral = (fields: Record<string, number>) => part({ as7341: fields })
const LOW = {
  name: 'low',
  kind: 'threshold',
  severity: 'warning',
  when: { value: 'verdict.score', below: 0.6 },
}
const QUICK = { least_open_seconds: 0 }

test('the five rules of the original, as defaults', (t) => {
  t.same(new Stand().told(scored(0.39, 'C')), ['raised quality_critical'])
  t.same(new Stand().told(scored(0.4, 'C')), ['raised quality_low'], 'they exclude each other')
  t.same(new Stand().told(scored(0.6, 'B')), [])
  t.same(new Stand().told(scored(0.7, 'REJECT')), ['raised grade_reject'])
  t.same(new Stand().told(spectral({ freshness_index: 0.49 })), ['raised freshness_low'])
  t.same(new Stand().told(spectral({ freshness_index: 0.5, oxidation_index: 0.7 })), [])
  const { rules } = alertsOptions.parse({})
  t.same(
    rules.map(({ name, severity }) => `${name} ${severity}`),
    [
      'quality_critical critical',
      'quality_low warning',
      'grade_reject critical',
      'oxidation_high warning',
      'freshness_low warning',
    ],
  )
  t.end()
})

test('oxidation_high fires: our index passes .7, and every value above does', (t) => {
  for (const oxidation of [0.71, 0.85, 1]) {
    const [raised] = new Stand().see(spectral({ oxidation_index: oxidation }))
    t.match(raised, {
      change: 'raised',
      alert: {
        rule: 'oxidation_high',
        severity: 'warning',
        value: oxidation,
        limit: 0.7,
        inspection: { id: 'part' },
      },
    })
  }
  t.end()
})

test('the default rules find their values in the messages of the gateway', (t) => {
  const stand = new Stand()
  const told = (inspection: unknown) => stand.told({ kind: 'inspection', message: inspection })
  const { as7341 } = message(1)
  if (as7341 === undefined) throw new Error('a message with a spectrum')
  t.same(told(message(1)), [], 'a good part')
  t.same(told(graded(2, 'REJECT', 0.3)), ['raised quality_critical', 'raised grade_reject'])
  t.same(told(graded(3, 'C', 0.5)), ['raised quality_low'])
  const spoilt = message(4, { as7341: { ...as7341, oxidation_index: 0.75, freshness_index: 0.3 } })
  t.same(told(spoilt), ['raised oxidation_high', 'raised freshness_low'])
  t.same(told(ungraded(5, 'reject', ['late'])), [])
  t.same(
    stand.engine.open().map(({ inspection }) => inspection?.sequence),
    [2, 3, 2, 4, 4],
    'each names the inspection that raised it',
  )
  t.end()
})

test('an ungraded part says nothing about a score', (t) => {
  const stand = new Stand()
  const ungraded = part({ verdict: { kind: 'ungraded', action: 'reject', reasons: ['starved'] } })
  t.same(
    stand.told(ungraded, part({ verdict: { score: Number.NaN } }), part({ verdict: { score: null } })),
    [],
  )
  t.same(stand.told(scored(0.1, 'C')), ['raised quality_critical'])
  t.same(stand.told(...Array.from({ length: 100 }, () => ungraded)), [], 'nor does it end an alert')
  t.end()
})

test('one alert at a time of one rule about one thing; it counts', (t) => {
  const stand = new Stand([{ ...LOW, clear_after: { parts: 2 }, ...QUICK }])
  t.same(stand.told(scored(0.5), scored(0.4), scored(0.9), scored(0.5)), ['raised low'])
  t.match(stand.engine.open(), [{ rule: 'low', state: 'open', value: 0.5, occurrences: 3 }])
  t.same(stand.told(scored(0.9), scored(0.9)), ['cleared low'])
  t.same(stand.engine.open(), [])
  t.same(stand.told(scored(0.5)), ['raised low'], 'a new one, with an id of its own')
  t.equal(stand.engine.open()[0]?.id, idOf(2))
  t.end()
})

test('what comes and goes is one alert, not a flood', (t) => {
  const stand = new Stand([{ ...LOW, least_open_seconds: 60 }])
  const flapping = Array.from({ length: 120 }, (_, i) => scored(i % 2 === 0 ? 0.5 : 0.9))
  const told = stand.told(...flapping)
  t.ok(told.length <= 4, `${told}`)
  t.equal(stand.engine.open().length <= 1, true)
  t.end()
})

test('hysteresis: between limit and clear limit nothing changes', (t) => {
  const stand = new Stand([
    {
      name: 'oxidised',
      kind: 'threshold',
      severity: 'info',
      when: { value: 'as7341.oxidation_index', above: 0.7 },
      clear_limit: 0.6,
      ...QUICK,
    },
  ])
  t.same(stand.told(spectral({ oxidation_index: 0.65 })), [])
  t.same(stand.told(spectral({ oxidation_index: 0.71 })), ['raised oxidised'])
  t.same(stand.told(spectral({ oxidation_index: 0.61 }), spectral({ oxidation_index: 0.69 })), [])
  t.same(stand.told(spectral({ oxidation_index: 0.6 })), ['cleared oxidised'])
  t.end()
})

test('for parts in a row, or for seconds', (t) => {
  const inRow = new Stand([{ ...LOW, for: { parts: 3 } }])
  t.same(inRow.told(scored(0.5), scored(0.5), scored(0.9), scored(0.5), scored(0.5)), [])
  t.same(inRow.told(scored(0.5)), ['raised low'])

  const lasting = new Stand([{ ...LOW, for: { seconds: 10 } }])
  t.same(lasting.told(scored(0.5)), [])
  t.same(lasting.wait(9), [])
  t.same(lasting.wait(1), ['raised low'], 'time alone is enough')
  const broken = new Stand([{ ...LOW, for: { seconds: 10 } }])
  broken.told(scored(0.5))
  broken.wait(5)
  broken.told(scored(0.9))
  t.same(broken.wait(60), [])
  t.end()
})

test('it ends after parts, or after seconds', (t) => {
  const stand = new Stand([{ ...LOW, clear_after: { seconds: 20 }, ...QUICK }])
  stand.told(scored(0.5), scored(0.9))
  t.same(stand.wait(19), [])
  t.same(stand.wait(1), ['cleared low'])
  t.end()
})

test('minimum evidence: the first parts say nothing', (t) => {
  const stand = new Stand([{ ...LOW, min_parts: 5 }])
  t.same(stand.told(scored(0.1), scored(0.1), scored(0.1), scored(0.1)), [])
  t.same(stand.told(scored(0.1)), ['raised low'])
  t.end()
})

test('nobody acknowledges: severity rises, step by step, to critical', (t) => {
  const stand = new Stand([{ ...LOW, severity: 'info', escalate_after_minutes: 1 }])
  stand.told(scored(0.5))
  t.same(stand.wait(59), [])
  t.same(stand.wait(1), ['escalated low'])
  t.equal(stand.engine.open()[0]?.severity, 'warning')
  t.same(stand.wait(60), ['escalated low'])
  t.equal(stand.engine.open()[0]?.severity, 'critical')
  t.same(stand.wait(300), [], 'there is nothing above')
  t.end()
})

test('somebody acknowledges: it says who and when, and rises no more', (t) => {
  const stand = new Stand([{ ...LOW, escalate_after_minutes: 1 }])
  stand.told(scored(0.5))
  stand.wait(30)
  const { change, alert } = stand.engine.acknowledge(idOf(1), 'Anne', stand.at)
  t.match(
    { change, alert },
    {
      change: 'acknowledged',
      alert: { state: 'acknowledged', acknowledgedBy: 'Anne', acknowledgedAt: '2026-11-21T08:00:31.000Z' },
    },
  )
  t.same(stand.wait(600), [])
  t.same(stand.told(scored(0.9)), ['cleared low'])
  t.throws(() => stand.engine.acknowledge(idOf(1), 'Anne', stand.at), {
    name: 'AlertError',
    message: `no alert ${idOf(1)} is open`,
  })
  t.end()
})

test('a latched alert stays until somebody knows of it', (t) => {
  const stand = new Stand([{ ...LOW, latched: true, ...QUICK }])
  stand.told(scored(0.5))
  t.same(stand.told(scored(0.9), scored(0.9)), [])
  stand.engine.acknowledge(idOf(1), 'Anne', stand.at)
  t.same(stand.wait(1), ['cleared low'])
  t.end()
})

test('a trend: a drift is found, noise without one is not', (t) => {
  const rule = {
    name: 'drying',
    kind: 'trend',
    severity: 'warning',
    value: 'mass_g.estimate',
    last: 20,
    slope_below: -0.1,
    ...QUICK,
  }
  const weighing = (mass: number) => part({ mass_g: { estimate: mass } })
  const wobble = (i: number): number => 500 + ((i * 7919) % 13) - 6
  const noisy = new Stand([rule])
  t.same(noisy.told(...Array.from({ length: 500 }, (_, i) => weighing(wobble(i)))), [])
  const drifting = new Stand([rule])
  const told = drifting.told(...Array.from({ length: 60 }, (_, i) => weighing(wobble(i) - 0.8 * i)))
  t.same(told, ['raised drying'])
  const [alert] = drifting.engine.open()
  t.ok(typeof alert?.value === 'number' && alert.value < -0.1, `slope ${alert?.value}`)
  t.same(drifting.told(...Array.from({ length: 40 }, (_, i) => weighing(wobble(i)))).at(-1), 'cleared drying')
  t.end()
})

const REJECTS = {
  name: 'rejects',
  kind: 'rate',
  severity: 'critical',
  when: { value: 'verdict.action', equals: 'reject' },
  share_above: 0.2,
  clear_limit: 0.1,
  window: { parts: 20 },
  min_parts: 10,
  ...QUICK,
}
const done = (action: string) => part({ verdict: { action } })
const many = (count: number, action: string) => Array.from({ length: count }, () => done(action))

test('a rate over the last parts', (t) => {
  const stand = new Stand([REJECTS])
  t.same(stand.told(...many(4, 'reject'), ...many(5, 'accept')), [], 'nine parts are too few')
  t.same(stand.told(done('accept')), ['raised rejects'], '4 of 10')
  t.match(stand.engine.open(), [{ value: 0.4, limit: 0.2, detail: '4 of 10 parts' }])
  t.same(stand.told(...many(11, 'accept')), [], '3 of 20 is between the limits')
  t.same(stand.told(...many(1, 'accept')), ['cleared rejects'], '2 of 20')
  t.end()
})

test('a rate over minutes forgets what is past', (t) => {
  const stand = new Stand([{ ...REJECTS, window: { minutes: 1 }, min_parts: 10 }])
  t.same(stand.told(...many(9, 'reject')), [])
  t.same(stand.told(...many(1, 'reject')), ['raised rejects'])
  t.same(stand.wait(48), [])
  t.same(stand.told(...many(60, 'accept')).at(-1), 'cleared rejects')
  const idle = new Stand([{ ...REJECTS, window: { minutes: 1 } }])
  idle.told(...many(12, 'reject'))
  t.same(idle.wait(75), ['cleared rejects'], 'an empty window is no bad one')
  t.end()
})

const SILENT = { name: 'silent', kind: 'absence', severity: 'warning', seconds: 30, ...QUICK }

test('absence: nothing came for too long; the next part ends it', (t) => {
  const stand = new Stand([SILENT])
  t.same(stand.wait(30), [])
  t.same(stand.wait(1), ['raised silent'])
  t.same(stand.told(part()), ['cleared silent'])
  const blind = new Stand([{ ...SILENT, value: 'as7341.channels.Clear' }])
  t.same(blind.told(...Array.from({ length: 30 }, () => part())), [])
  t.same(blind.wait(1), ['raised silent'], 'parts came, their spectrum did not')
  t.end()
})

test('absence: a line that stands misses nothing, nor at once when it runs again', (t) => {
  const stand = new Stand([SILENT])
  t.same(stand.told({ kind: 'line', stands: true }), [])
  t.same(stand.wait(500), [])
  t.same(stand.told({ kind: 'line', stands: false }), [])
  t.same(stand.wait(30), [])
  t.same(stand.wait(1), ['raised silent'])
  t.end()
})

test('an alert that is open when the line stops stays; suppressed ones are raised later if they still hold', (t) => {
  const stand = new Stand([{ ...LOW, while_line_stands: 'suppress', ...QUICK }])
  stand.told({ kind: 'line', stands: true })
  t.same(stand.told(scored(0.5)), [])
  t.same(stand.told({ kind: 'line', stands: false }), ['raised low'])
  stand.told({ kind: 'line', stands: true })
  t.equal(stand.engine.open().length, 1)
  t.end()
})

test('charts: each has an alert of its own, which ends with a point in control', (t) => {
  const rule = { name: 'spc', kind: 'chart', severity: 'warning', rules: ['we1', 'limits'], ...QUICK }
  const stand = new Stand([{ ...rule, clear_after: { parts: 2 } }])
  const limits = { lower: 10, upper: 20 }
  const point = (chart: string, value: number, broken: readonly string[]) =>
    ({
      kind: 'chart',
      chart,
      inspection: { id: 'i9' },
      violations: broken.map((name) => ({ rule: name, value, limits })),
    }) as const
  t.same(stand.told(point('mass', 25, ['we1', 'we4']), point('score', 5, ['limits'])), [
    'raised spc',
    'raised spc',
  ])
  t.match(stand.engine.open(), [
    { subject: 'mass', value: 25, limit: 20, detail: 'we1', inspection: { id: 'i9' } },
    { subject: 'score', value: 5, limit: 10, detail: 'limits' },
  ])
  t.same(
    stand.told(point('mass', 15, []), point('mass', 15, ['we4'])),
    ['cleared spc'],
    'we4 is not asked for',
  )
  t.equal(stand.engine.open()[0]?.subject, 'score')
  t.end()
})

test('states: each unit that is not well has an alert, which ends when it is', (t) => {
  const stand = new Stand([
    { name: 'units', kind: 'state', severity: 'warning', states: ['failed'], ...QUICK },
  ])
  const unit = (name: string, state: 'ok' | 'degraded' | 'failed', detail?: string) =>
    ({ kind: 'unit', name, state, detail }) as const
  t.same(stand.told(unit('store', 'ok'), unit('head tof', 'degraded')), [])
  t.same(stand.told(unit('head tof', 'failed', 'no answer'), unit('head tof', 'failed', 'no answer')), [
    'raised units',
  ])
  t.match(stand.engine.open(), [
    { subject: 'head tof', value: 'failed', detail: 'no answer', occurrences: 1 },
  ])
  t.same(stand.told(unit('store', 'failed')), ['raised units'])
  t.same(stand.told(unit('head tof', 'ok')), ['cleared units'])
  t.end()
})

test('more alerts than allowed wait, critical ones do not, none is lost', (t) => {
  const state = { kind: 'state', ...QUICK }
  const stand = new Stand(
    [
      { ...state, name: 'warn', severity: 'warning' },
      { ...state, name: 'crit', severity: 'critical', units: ['u99'] },
    ],
    { most_raised_per_minute: 5 },
  )
  const failed = (n: number) => ({ kind: 'unit', name: `u${n}`, state: 'failed' }) as const
  const told = stand.told(...Array.from({ length: 20 }, (_, n) => failed(n)))
  t.ok(told.length >= 5 && told.length <= 7, `${told.length} at once`)
  t.same(stand.told(failed(99)), ['raised crit'])
  const later = stand.wait(300)
  t.equal(told.length + later.length, 21, 'every one in the end')
  t.end()
})

test('a rule that is switched off says nothing', (t) => {
  t.same(new Stand([{ ...LOW, enabled: false }]).told(scored(0.1)), [])
  t.end()
})

test('a restart: open alerts stay the same, and what lasted goes on', (t) => {
  const stand = new Stand([
    { ...LOW, escalate_after_minutes: 1, clear_after: { parts: 2 }, ...QUICK },
    { ...REJECTS, name: 'share' },
    { ...SILENT, seconds: 100 },
    { ...LOW, name: 'row', for: { parts: 3 } },
  ])
  stand.told(scored(0.5), scored(0.9), scored(0.5), scored(0.5), scored(0.5), ...many(9, 'reject'))
  stand.engine.acknowledge(idOf(2), 'Anne', stand.at)
  const before = stand.engine.open()
  t.equal(before.length, 2)
  stand.wait(40)
  t.same(stand.restart(), [])
  t.same(stand.engine.open(), before)
  t.same(stand.told(done('reject')), ['raised share'], 'the tenth part of its window')
  t.same(stand.wait(20).includes('escalated low'), true, 'a minute of being up, not of being down')
  t.same(stand.told(scored(0.9), scored(0.9)).sort(), ['cleared low', 'cleared row'])
  t.end()
})

test('a restart with other rules: what has no rule any more ends; a spoilt memory is left aside', (t) => {
  const stand = new Stand([LOW])
  stand.told(scored(0.5))
  const open = stand.engine.open()
  const other = new Stand([{ ...LOW, name: 'another' }])
  t.match(other.engine.restore('torn', open, other.at), [
    { change: 'cleared', alert: { rule: 'low', state: 'cleared', clearedAt: '2026-11-21T08:00:00.000Z' } },
  ])
  t.same(other.engine.open(), [])
  const same = new Stand([LOW])
  t.same(same.engine.restore({ version: 1, rules: 7 }, [{ not: 'an alert' }, ...open], same.at), [])
  t.same(same.engine.open(), open)
  t.end()
})

test('a clock that is set moves no duration', (t) => {
  const stand = new Stand([{ ...LOW, escalate_after_minutes: 60 }, SILENT])
  stand.told(scored(0.5))
  const { nowMs, wallMs } = stand.at
  const year = 365 * 24 * 3_600_000
  t.same(stand.engine.see({ kind: 'tick' }, { nowMs: nowMs + 1000, wallMs: wallMs + year }), [])
  t.same(stand.engine.see({ kind: 'tick' }, { nowMs: nowMs + 2000, wallMs: wallMs - year }), [])
  t.end()
})

test('more things than can be watched are counted, not kept', (t) => {
  const stand = new Stand([{ name: 'units', kind: 'state', severity: 'critical' }])
  for (let n = 0; n < 1010; n += 1) stand.see({ kind: 'unit', name: `u${n}`, state: 'failed' })
  t.equal(stand.engine.open().length, 1000)
  t.equal(stand.engine.refused, 10)
  t.end()
})

test('rules name what is wrong with them', (t) => {
  const wrong = (rule: unknown): string | undefined => {
    const { error } = alertRule.safeParse(rule)
    return error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)[0]
  }
  t.equal(wrong(LOW), undefined)
  t.match(wrong({ ...LOW, when: { value: 'a..b', below: 1 } }), 'when.value: expected a dotted path')
  t.match(wrong({ ...LOW, when: { value: 'a' } }), 'when: expected a bound or equals beside value')
  t.match(wrong({ ...LOW, clear_limit: 0.5 }), 'clear_limit: expected a value on the good side')
  t.equal(wrong({ ...LOW, clear_limit: 0.7 }), undefined)
  t.match(wrong({ ...LOW, for: { parts: 1, seconds: 1 } }), 'for: expected either parts or seconds')
  t.match(wrong({ ...LOW, severity: 'error' }), /^severity: .*info/)
  t.match(wrong({ ...REJECTS, min_parts: 21 }), 'min_parts: expected no more than window.parts')
  t.match(wrong({ ...REJECTS, clear_limit: 0.3 }), 'clear_limit: expected no more than share_above')
  t.match(wrong({ name: 'x', kind: 'trend', severity: 'info', value: 'a' }), 'expected either slope_above or')
  t.match(wrong({ ...LOW, notify: 'all' }), /notify/)
  t.match(
    alertsOptions.safeParse({ rules: [LOW, LOW] }).error?.issues[0]?.message,
    'expected different names',
  )
  t.end()
})
