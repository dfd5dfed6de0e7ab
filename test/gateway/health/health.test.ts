import { type Test, test } from 'tap'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import {
  PartCounters,
  reconcile,
  reconcileSink,
  type SinkCounters,
} from '../../../gateway/health/counters.ts'
import { HealthBoard, type HealthSources } from '../../../gateway/health/health.ts'
import { Metrics } from '../../../gateway/health/metrics.ts'
import type { UnitStatus } from '../../../gateway/station.ts'

test('every part is counted where it is, from trigger to disk', (t) => {
  const counters = new PartCounters()
  const [accepted, late, held, seen] = [1, 2, 3, 4].map(() => counters.triggered())
  accepted?.decide('accept')
  accepted?.stored()
  late?.decide('reject', ['late'])
  held?.decide('hold', ['sensor-absent:tof'])
  t.ok(seen)
  t.same(counters.sinceStart(), {
    triggers: 4,
    accepted: 1,
    rejected: 1,
    held: 1,
    inFlight: 1,
    decided: 3,
    stored: 1,
    appending: 2,
    late: 1,
    busy: 0,
    unrecorded: 0,
  })
  t.same(reconcile(counters.sinceStart()), [])
  t.end()
})

test('a part that is under way when the lot changes ends in its own lot', (t) => {
  const counters = new PartCounters()
  const underWay = counters.triggered()
  const before = counters.lot()
  counters.beginLot()
  underWay.decide('accept')
  underWay.stored()
  counters.triggered().decide('reject', ['busy'])
  t.match(before, { triggers: 1, inFlight: 1 })
  t.match(counters.lot(), { triggers: 1, accepted: 0, rejected: 1, busy: 1 })
  t.match(counters.sinceStart(), { triggers: 2, accepted: 1, rejected: 1, inFlight: 0 })
  t.same(reconcile(counters.lot(), 'lot'), [])
  t.end()
})

test('a part cannot be decided or stored twice', (t) => {
  const part = new PartCounters().triggered()
  t.throws(() => part.stored(), { message: 'a part that is in-flight cannot leave appending' })
  part.decide('accept')
  t.throws(() => part.decide('reject'))
  part.stored()
  t.throws(() => part.stored())
  t.throws(() => part.lost())
  t.end()
})

test('a decided part that the disk refused does not reconcile; one lost before this start does', (t) => {
  const counters = new PartCounters()
  counters.foundUnrecorded(3)
  t.same(reconcile(counters.sinceStart()), [])
  const part = counters.triggered()
  part.decide('accept')
  part.lost()
  t.same(reconcile(counters.sinceStart()), [
    {
      scope: 'since_start',
      equation: 'decided = stored + appending',
      numbers: { decided: 1, stored: 0, appending: 0 },
    },
  ])
  t.equal(counters.sinceStart().unrecorded, 4)
  t.end()
})

test('the equations name their numbers', (t) => {
  const sound = new PartCounters().sinceStart()
  t.match(reconcile({ ...sound, triggers: 5, accepted: 1, rejected: 2, held: 1 }), [
    {
      equation: 'triggers = accepted + rejected + held + in_flight',
      numbers: { triggers: 5, accepted: 1, rejected: 2, held: 1, in_flight: 0 },
    },
  ])
  t.equal(reconcile({ ...sound, inFlight: -1, held: 1 }).length, 1, 'no count is negative')
  t.equal(reconcile({ ...sound, stored: Number.NaN, decided: Number.NaN }).length, 1, 'nor not a number')
  const sink = { name: 'influx', stored: 10, delivered: 6, backlog: 3, quarantined: 1 }
  t.same(reconcileSink(sink), [])
  t.match(reconcileSink({ ...sink, delivered: 5 }), [
    {
      scope: 'sink influx',
      equation: 'stored = delivered + backlog + quarantined',
      numbers: { delivered: 5 },
    },
  ])
  t.end()
})

/** A station of two units, one of them needed, that a test steers. */
function board(overrides: Partial<HealthSources> = {}) {
  const states: Record<string, UnitStatus> = { store: { state: 'ok' }, influx: { state: 'ok' } }
  const clock = new VirtualClock()
  const counters = new PartCounters()
  const sinks: SinkCounters[] = []
  const units = ['store', 'influx'].map((name) => ({
    name,
    status: () => states[name] ?? { state: 'failed' as const },
  }))
  const health = new HealthBoard({
    version: '0.1.0',
    clock,
    units,
    needed: ['store'],
    counters,
    sinks: () => sinks,
    ...overrides,
  })
  return { health, states, clock, counters, sinks }
}

test('ready only between start and stop, while everything needed works', (t) => {
  const { health, states } = board()
  t.same(health.ready(), { ready: false, waiting_for: ['the station is starting'] })
  health.enter('running')
  t.same(health.ready(), { ready: true, waiting_for: [] })
  states.influx = { state: 'failed', detail: 'connection refused' }
  t.equal(health.ready().ready, true, 'a sink may be away')
  states.store = { state: 'failed', detail: 'disk full' }
  t.same(health.ready(), { ready: false, waiting_for: ['store: disk full'] })
  states.store = { state: 'degraded', detail: 'disk nearly full' }
  t.equal(health.ready().ready, true)
  health.enter('draining')
  t.equal(health.ready().ready, false)
  t.end()
})

test('the report tells each unit, the counters and what does not add up', (t) => {
  const { health, states, clock, counters, sinks } = board()
  health.enter('running')
  clock.spend(61_500)
  counters.triggered()
  sinks.push({ name: 'mqtt', stored: 4, delivered: 4, backlog: 0, quarantined: 0 })
  t.match(health.report(), {
    status: 'ok',
    reconciled: true,
    uptime_s: 61,
    counters: { lot: { in_flight: 1 } },
  })
  states.influx = { state: 'failed', detail: 'connection refused', facts: { retries: 3 } }
  t.match(health.report(), {
    status: 'degraded',
    reconciled: true,
    units: [{ name: 'store' }, { name: 'influx', detail: 'connection refused', facts: { retries: 3 } }],
  })
  sinks.push({ name: 'influx', stored: 4, delivered: 1, backlog: 2, quarantined: 0 })
  t.match(health.report(), { status: 'failed', reconciled: false, violations: [{ scope: 'sink influx' }] })
  t.end()
})

test('a unit whose status throws has failed, and a needed unit must exist', (t) => {
  const broken = {
    name: 'store',
    status: () => {
      throw new Error('closed')
    },
  }
  const { health } = board({ units: [broken, { name: 'log' }] })
  t.match(health.report().units, [{ state: 'failed', detail: 'gives no status: closed' }, { state: 'ok' }])
  t.throws(() => board({ needed: ['sotre'] }), { message: 'no unit is called sotre' })
  t.end()
})

/** The samples of an OpenMetrics text, by name and labels. */
function samples(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ')
      return [line.slice(0, space), Number(line.slice(space + 1))] as const
    }),
  )
}

function openMetrics(t: Test) {
  const counters = new PartCounters()
  const sinks = [{ name: 'mqtt', stored: 9, delivered: 7, backlog: 2, quarantined: 0 }]
  const metrics = Metrics.open({
    version: '0.1.0',
    counters: () => counters.sinceStart(),
    sinks: () => sinks,
  })
  t.equal(metrics.contentType, 'application/openmetrics-text; version=1.0.0; charset=utf-8')
  return { metrics, counters }
}

test('the metrics count decisions by grade, action and reason, and how long they took', async (t) => {
  const { metrics, counters } = openMetrics(t)
  counters.triggered().decide('accept')
  metrics.decided({ grade: 'A+', action: 'accept', reasons: [], latencyMs: 142, decisionMs: 0.7 })
  metrics.decided({ action: 'hold', reasons: ['sensor-absent:tof', 'late'], latencyMs: 500 })
  metrics.appended(3)
  const text = await metrics.text()
  t.match(text, /# EOF\n$/)
  const found = samples(text)
  const expected: Record<string, number> = {
    'poincon_build_info{version="0.1.0"}': 1,
    'poincon_inspections_total{grade="A+",action="accept"}': 1,
    'poincon_inspections_total{grade="none",action="hold"}': 1,
    'poincon_reasons_total{reason="sensor-absent",head="tof"}': 1,
    'poincon_reasons_total{reason="late",head=""}': 1,
    poincon_latency_seconds_count: 2,
    'poincon_latency_seconds_bucket{le="0.15"}': 1,
    poincon_decision_seconds_count: 1,
    poincon_append_seconds_sum: 0.003,
    'poincon_parts_total{counter="triggers"}': 1,
    poincon_parts_appending: 1,
    'poincon_sink_backlog{sink="mqtt"}': 2,
  }
  for (const [sample, value] of Object.entries(expected)) t.equal(found.get(sample), value, sample)
  t.ok([...found.keys()].some((sample) => sample.startsWith('nodejs_eventloop_lag_p99_seconds')))
  t.ok([...found.keys()].some((sample) => sample.startsWith('process_resident_memory_bytes')))
  const again = samples(await metrics.text())
  t.equal(again.get('poincon_parts_total{counter="triggers"}'), 1, 'a second scrape counts nothing twice')
})

test('reasons cannot multiply the series without end', async (t) => {
  const { metrics } = openMetrics(t)
  for (let code = 0; code < 500; code += 1) {
    metrics.decided({ action: 'reject', reasons: [`made-up-${code}`], latencyMs: 1 })
  }
  const series = [...samples(await metrics.text())].filter(([name]) =>
    name.startsWith('poincon_reasons_total'),
  )
  t.equal(series.length, 65)
  t.equal(series.find(([name]) => name.includes('"other"'))?.[1], 500 - 64)
})
