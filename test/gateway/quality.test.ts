import { test } from 'tap'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import type { DecidedPart } from '../../gateway/acquisition.ts'
import type { AlertEvent } from '../../gateway/alerts/event.ts'
import { configSchema } from '../../gateway/config.ts'
import { notInspected } from '../../gateway/inspect.ts'
import type { Judgement } from '../../gateway/inspection.ts'
import { silentLog } from '../../gateway/log.ts'
import { QualityWatch } from '../../gateway/quality.ts'
import { describeQuality } from '../../gateway/quality-view.ts'
import { ShiftBook } from '../../gateway/shift-book.ts'
import { shiftDocuments } from '../fakes/shift-documents.ts'

const REJECTED: Judgement['verdict'] = {
  kind: 'ungraded',
  action: 'reject',
  reasons: ['sensor-absent:tof'],
}

/** @param mass g */
function graded(mass: number): Judgement {
  return {
    massG: { estimate: mass, std: 5 },
    verdict: { kind: 'graded', grade: 'A', score: 0.8, action: 'accept', findings: [] },
  }
}

/** A watch over parts that are said to have come. */
function watched(
  settings: object = {},
  kept: Map<string, unknown> = new Map(),
  { documents = shiftDocuments(), clock = new VirtualClock() } = {},
) {
  const seen: AlertEvent[] = []
  const gate = {
    lineStopped: false,
    stopLine: (): void => {
      gate.lineStopped = true
    },
  }
  const quality = new QualityWatch({
    config: configSchema.parse(settings),
    alerts: { see: (event) => void seen.push(event) },
    state: {
      get: (key) => Promise.resolve(kept.get(key)),
      set: (key, value) => {
        kept.set(key, JSON.parse(JSON.stringify(value)))
        return Promise.resolve()
      },
    },
    lot: () => 'L1',
    recipe: () => ({
      kpi: {
        conformityPercent: { least: 97, target: 98, excellent: 99 },
        downgradePercent: { target: 5, most: 10 },
        rejectPercent: { target: 2, most: 15 },
        partsPerH: { least: 60, target: 100 },
      },
    }),
    units: () => [{ name: 'head tof', state: 'failed', detail: 'absent' }],
    gate,
    updating: () => false,
    shifts: new ShiftBook(documents, silentLog),
    clock,
    log: silentLog,
  })
  let sequence = 0
  const tray = { id: 'tray-1' }
  const bring = (judgement: Judgement): void => {
    sequence += 1
    const part: DecidedPart = {
      trigger: { number: sequence, at: clock.now(), source: 'interval' },
      inspected: notInspected(judgement),
      judgement,
      latencyMs: 100,
      decidedAt: clock.now(),
    }
    quality.decided(part)
    const { verdict } = judgement
    const message = {
      id: `i${sequence}`,
      recipe: { id: 'r', revision: 3 },
      lot_id: 'L1',
      verdict,
      provenance: { calibration: [tray.id] },
    }
    quality.stored({ epoch: 'e', sequence, id: message.id, payload: JSON.stringify(message) }, part)
  }
  return { clock, quality, gate, seen, bring, tray }
}

test('too many rejects in a row stop the line, once, until somebody lets it go on', (t) => {
  const { quality, gate, bring } = watched({ stop_on_rejects: { in_a_row: 3 } })
  for (let part = 0; part < 2; part += 1) bring({ verdict: REJECTED })
  bring(graded(500))
  for (let part = 0; part < 2; part += 1) bring({ verdict: REJECTED })
  t.equal(gate.lineStopped, false, 'an accepted part between them')
  bring({ verdict: REJECTED })
  t.equal(gate.lineStopped, true)
  t.match(quality.status(), {
    state: 'degraded',
    detail: 'rejects_in_a_row: 3 rejected parts, 3 stop the line',
  })

  gate.lineStopped = false
  quality.resumed()
  t.equal(quality.status().state, 'ok')
  for (let part = 0; part < 2; part += 1) bring({ verdict: REJECTED })
  t.equal(gate.lineStopped, false, 'counted anew')
  t.end()
})

test('a chart learns its limits, and tells each point after that; parts without a grade are no points', (t) => {
  const { quality, seen, bring } = watched({ charts: [{ name: 'mass', value: 'mass_g', first_points: 10 }] })
  for (let part = 0; part < 10; part += 1) bring(graded(500 + (part % 3)))
  bring({ verdict: REJECTED })
  t.equal(seen.filter(({ kind }) => kind === 'chart').length, 0)
  bring(graded(501))
  bring(graded(560))
  const told = seen.filter((event) => event.kind === 'chart')
  t.match(told, [
    { chart: 'mass', violations: [], inspection: { id: 'i12', sequence: 12 } },
    { chart: 'mass', violations: [{ rule: /.+/, value: 560 }] },
  ])
  t.equal(seen.filter(({ kind }) => kind === 'inspection').length, 13)
  t.match(quality.charts(), [{ key: { recipe: 'r', revision: 3, lot: 'L1' }, chart: 'mass', phase: 2 }])
  t.end()
})

test('key figures of the lot; units and a line that stands are told every second', async (t) => {
  const { clock, quality, gate, seen, bring } = watched()
  await quality.start()
  for (let part = 0; part < 9; part += 1) bring(graded(500))
  bring({ verdict: REJECTED })
  t.match(quality.kpis(), {
    lot: { name: 'L1', parts: 10, reject: { count: 1, of: 10, rating: 'tolerable' } },
  })
  gate.lineStopped = true
  await clock.sleep(1500)
  t.match(
    seen.filter(({ kind }) => kind === 'unit' || kind === 'line'),
    [
      { kind: 'line', stands: true },
      { kind: 'unit', name: 'head tof', state: 'failed', detail: 'absent' },
    ],
  )
  quality.lotBegun('L2')
  t.match(quality.kpis(), { lot: { name: 'L2', parts: 0 } })
  await quality.stop()
})

test('what was learnt outlives a restart; what cannot be read is learnt anew', async (t) => {
  const kept = new Map<string, unknown>()
  const settings = {
    charts: [{ name: 'mass', value: 'mass_g', first_points: 10 }],
    stop_on_rejects: { in_a_row: 3 },
  }
  const before = watched(settings, kept)
  await before.quality.start()
  for (let part = 0; part < 12; part += 1) before.bring(graded(500 + (part % 3)))
  for (let part = 0; part < 2; part += 1) before.bring({ verdict: REJECTED })
  await before.quality.stop()

  const after = watched(settings, kept)
  await after.quality.start()
  t.match(after.quality.charts(), [{ chart: 'mass', phase: 2, points: 12 }])
  t.match(after.quality.kpis(), { lot: { parts: 14 } })
  after.bring({ verdict: REJECTED })
  t.equal(after.gate.lineStopped, true, 'the third in a row')
  await after.quality.stop()

  const anew = watched(settings, new Map([['quality', { charts: 'nonsense' }]]))
  await anew.quality.start()
  t.strictSame(anew.quality.charts(), [])
  await anew.quality.stop()
})

test('a shift that ended is kept, shown, and there after a restart', async (t) => {
  const shifts = {
    shifts: [
      { name: 'early', from: '00:00', to: '01:00' },
      { name: 'late', from: '01:00', to: '02:00' },
    ],
  }
  const [kept, documents, clock] = [new Map<string, unknown>(), shiftDocuments(), new VirtualClock()]
  const { quality, bring } = watched({ shifts }, kept, { documents, clock })
  await quality.start()
  for (let part = 0; part < 3; part += 1) bring(graded(500))
  t.match(describeQuality(quality, []).kpi, { shift: { name: 'early 2026-01-01' }, ended_shifts: [] })
  await clock.sleep(3_600_000)
  bring(graded(500))
  await clock.sleep(1500)
  const shown = describeQuality(quality, []).kpi
  t.match(shown.shift, { name: 'late 2026-01-01', parts: 1 })
  t.match(shown.ended_shifts, [
    { name: 'early 2026-01-01', began_at: '2026-01-01T00:00:00.000Z', parts: 3, planned_s: 3600 },
  ])
  t.strictSame([...documents.kept.keys()], ['early 2026-01-01'])
  await quality.stop()

  // The station is off over the end of the late shift: what it had counted until then is that shift.
  clock.spend(2 * 3_600_000)
  const after = watched({ shifts }, kept, { documents, clock })
  await after.quality.start()
  await clock.sleep(1500)
  t.match(
    describeQuality(after.quality, []).kpi.ended_shifts.map(({ name, parts }) => [name, parts]),
    [
      ['late 2026-01-01', 1],
      ['early 2026-01-01', 3],
    ],
  )
  await after.quality.stop()
  t.equal(documents.kept.size, 2)
})

test('the charts learn anew when somebody says so, and when the station was calibrated', (t) => {
  const { quality, seen, bring, tray } = watched({
    charts: [{ name: 'mass', value: 'mass_g', first_points: 20 }],
  })
  t.equal(quality.relearn(), undefined, 'no part has come')
  for (let part = 0; part < 25; part += 1) bring(graded(500 + (part % 5)))
  const phase = (): number | undefined => quality.charts()[0]?.phase
  t.equal(phase(), 2)
  t.strictSame(quality.relearn('nonesuch')?.charts, [])
  t.strictSame(quality.relearn('mass'), { charts: ['mass'], key: { recipe: 'r', revision: 3, lot: 'L1' } })
  t.equal(phase(), 1)
  t.match(seen.at(-1), { kind: 'chart', chart: 'mass', violations: [] }, 'its alert ends')

  for (let part = 0; part < 20; part += 1) bring(graded(500 + (part % 5)))
  t.equal(phase(), 2)
  tray.id = 'tray-2'
  bring(graded(900))
  t.equal(phase(), 1)
  t.notOk(
    seen.some((event) => event.kind === 'chart' && event.violations.some(({ value }) => value === 900)),
    'what another calibration measures breaks no limit of before',
  )
  t.end()
})
