import { test } from 'tap'
import { type StorageReport, storageReport } from '../../gateway/api/storage.ts'
import { parseConfig } from '../../gateway/config.ts'
import type { SeenDevice } from '../../gateway/esp32/door.ts'
import { oldHeadsView } from '../../gateway/old-heads-view.ts'
import type { QuarantineSummary } from '../../gateway/quarantine-record.ts'
import { describeStorage, type StorageViewParts } from '../../gateway/storage-view.ts'
import type { StoreFigures } from '../../gateway/store/retention/figures.ts'

const FIGURES: StoreFigures = {
  ...{ inspections: 500, rawRecords: 300, usedBytes: 9_000_000, roomBytes: 91_000_000, undelivered: 70 },
  ...{ oldestAt: '2026-03-01T08:00:00.000Z', oldestRawAt: '2026-03-02T08:00:00.000Z', partsPerHour: 600 },
  part: { inspection: 5000, raw: 12_000 },
  endurance: { parts: 5352, hours: 8.92 },
  flash: { bytesPerPart: 70_955.4, bytesPerYear: 2.5e12, share: 1.25 },
}

function reportOf(retention: object, parts: Partial<StorageViewParts> = {}): StorageReport {
  const parsed = parseConfig({ store: { retention } })
  if (!('config' in parsed)) throw new Error(JSON.stringify(parsed))
  const report = describeStorage({
    config: parsed.config,
    store: { sinks: () => [], orphans: () => [] },
    retention: {
      ...{ figures: FIGURES, removed: { raw: 4, inspections: 2 } },
      status: () => ({ state: 'degraded', detail: 'room for 8.9 hours' }),
    },
    quarantine: { list: () => [] },
    roleOf: () => 'sink',
    checkpoint: () => undefined,
    ...parts,
  })
  return storageReport.parse(JSON.parse(JSON.stringify(report)))
}

test('room, flash, and what is kept until when', (t) => {
  const report = reportOf({ raw_days: 30, inspection_days: 20, inspection_parts: 1000, alert_hours: 24 })
  t.match(report, {
    ...{ state: 'degraded', detail: 'room for 8.9 hours', undelivered: 70 },
    room: { hours_left: 8.9, parts_left: 5352, alert_hours: 24, parts_per_hour: 600, part_bytes: 17_000 },
    flash: { bytes_per_part: 70_955, gb_per_year: 2500, budget_gb_per_year: 2000, share: 1.25 },
    inspections: { stored: 500, keep_days: 20, due_at: '2026-03-21T08:00:00.000Z', removed: 2 },
    sums: { hourly_days: 730 },
  })
  const { raw } = report
  t.match(raw, { stored: 300, keep_days: 20, keep_parts: 1000 }, 'no raw data without their inspection')
  t.equal(raw.due_at, '2026-03-22T08:00:00.000Z')
  const free = reportOf({})
  t.notHas(free.inspections, 'due_at')
  t.notHas(free.raw, 'keep_days')
  t.end()
})

test('before the first look there are no figures, and none is made up', (t) => {
  const retention = {
    figures: undefined,
    removed: { raw: 0, inspections: 0 },
    status: () => ({ state: 'ok' as const }),
  }
  const report = reportOf({}, { retention })
  t.same(report.room, { alert_hours: 72 })
  t.same(report.flash, { budget_gb_per_year: 2000 })
  t.same(report.raw, { removed: 0 }, 'none is not 0')
  t.notHas(report, 'undelivered')
  t.end()
})

test('cursors: the farthest behind first, and the one that holds the oldest', (t) => {
  const store = {
    sinks: () => [
      { name: 'lots', backlog: 1 },
      { name: 'influx', backlog: 900 },
    ],
    orphans: () => [{ name: 'old-broker', backlog: 1200 }],
  }
  const roleOf: StorageViewParts['roleOf'] = (name) => (name === 'lots' ? 'station' : 'sink')
  t.same(reportOf({}, { store, roleOf }).cursors, [
    { name: 'old-broker', role: 'gone', backlog: 1200, holds: true },
    { name: 'influx', role: 'sink', backlog: 900, holds: false },
    { name: 'lots', role: 'station', backlog: 1, holds: false },
  ])
  const near = { sinks: () => [{ name: 'influx', backlog: 64 }], orphans: () => [] }
  t.match(reportOf({}, { store: near }).cursors, [{ holds: false }], 'so many stay anyway')
  t.end()
})

test('what was set aside: all counted, the newest told', (t) => {
  const aside: QuarantineSummary[] = Array.from({ length: 60 }, (_, index) => ({
    schema: 'poincon.quarantine/1',
    ...{ sink: index < 55 ? 'influx' : 'webhook', epoch: 'e', sequence: index + 1, id: `id-${index}` },
    ...{ reason: 'no', at: '2026-03-01T08:00:00.000Z', attempts: 3 },
    state: index === 0 ? 'wanted' : 'aside',
  }))
  const report = reportOf({}, { quarantine: { list: () => aside } })
  t.same(report.quarantine, [
    { sink: 'influx', count: 55, wanted: 1 },
    { sink: 'webhook', count: 5, wanted: 0 },
  ])
  t.equal(report.set_aside.length, 50)
  t.match(report.set_aside[0], { sink: 'webhook', sequence: 60 })
  t.end()
})

test('old heads: what the log knew and what came since, and the log is asked once', async (t) => {
  let asked = 0
  let broken = true
  const store = {
    oldDevices: () => {
      asked += 1
      if (broken) return Promise.reject(new Error('the disk'))
      return Promise.resolve([
        { deviceId: 'B', samples: 9, lastAt: '2026-03-01T08:00:00.000Z' },
        { deviceId: 'C', samples: 1 },
      ])
    },
  }
  const seen: SeenDevice[] = [
    {
      ...{ deviceId: 'B', connected: true, address: '10.0.0.1', mac: 'aa' },
      ...{ stored: 2, repeated: 1, refused: 1, lastAt: '2026-03-02T08:00:00.000Z' },
      refusal: { at: '2026-03-02T07:00:00.000Z', code: 'invalid', error: 'sigma' },
    },
    { deviceId: 'A', connected: false, address: '10.0.0.2', stored: 0, repeated: 0, refused: 0 },
  ]
  const ask = oldHeadsView({ door: { turnedAway: 3, devices: () => seen }, store })
  await t.rejects(ask(), { message: 'the disk' })
  broken = false
  const { devices, ...rest } = await ask()
  t.same(rest, { listening: true, turned_away: 3 })
  t.match(devices, [
    { device_id: 'A', connected: false, logged: 0 },
    {
      ...{ device_id: 'B', connected: true, mac_address: 'aa', logged: 9, stored: 2 },
      ...{ last_sample_at: '2026-03-02T08:00:00.000Z', last_refusal: { code: 'invalid' } },
    },
    { device_id: 'C', connected: false, logged: 1, stored: 0 },
  ])
  t.notHas(devices[0], 'last_sample_at')
  await ask()
  t.equal(asked, 2, 'a failure is asked again, an answer is kept')
  t.match(await oldHeadsView({ door: undefined, store })(), { listening: false, devices: [{}, {}] })
})
