import { join } from 'node:path'
import { test } from 'tap'
import { openWriter } from '../../../../gateway/store/connections.ts'
import { migrate } from '../../../../gateway/store/migrations/migrate.ts'
import { storeOptions } from '../../../../gateway/store/options.ts'
import { complaintOf } from '../../../../gateway/store/retention/complaint.ts'
import { type RetentionLimits, retentionLimits } from '../../../../gateway/store/retention/limits.ts'
import { surveyStore } from '../../../../gateway/store/retention/survey.ts'
import { append, appendMany, faultOf, reopen, storeDir, storeIn } from '../opening.ts'
import { NO_LIMITS, onDisk, retentionOf } from './limits.ts'

const DAY_MS = 86_400_000
const forever = new AbortController().signal

test('the limits that the configuration sets', (t) => {
  const none: RetentionLimits = retentionLimits(storeOptions.parse({}))
  t.match(none, {
    age: { hourlyMs: 730 * DAY_MS },
    most: {},
    beginShare: 0.8,
    leastFreeBytes: 512e6,
    alertHours: 72,
  })
  t.equal(none.age.rawMs, undefined, 'unless it is told, nothing goes by its age')
  t.match(
    retentionLimits(
      storeOptions.parse({ quota_mb: 4000, retention: { raw_days: 30, inspection_parts: 5000 } }),
    ),
    { age: { rawMs: 30 * DAY_MS }, most: { inspections: 5000 }, maxBytes: 4e9 },
  )
  t.throws(() => storeOptions.parse({ retention: { raw_days: 0 } }))
  t.throws(() => storeOptions.parse({ retention: { raw_day: 1 } }))
  t.end()
})

test('as a unit it sweeps by itself, minute by minute, and what it wrote is known to the next run', async (t) => {
  const dir = await storeDir(t)
  const store = await reopen(dir)
  await appendMany(store, 100)
  const retention = retentionOf(store, { most: { raw: 70 } })
  await retention.start()
  for (let looks = 0; retention.figures === undefined && looks < 1000; looks += 1) await onDisk(dir)
  t.match(retention.figures, { inspections: 100, rawRecords: 70 })
  await appendMany(store, 10)
  await retention.stop()
  await store.close()
  const { figures, sinks } = await surveyStore(join(dir, 'poincon.db'), NO_LIMITS)
  t.match(figures, { inspections: 110, partsPerHour: 0 }, 'all of one time stamp')
  t.ok((figures.flash.bytesPerPart ?? -1) >= 0, 'ten parts and what they cost')
  t.same(sinks, [])
})

test('a store that is looked at from beside it', async (t) => {
  const dir = await storeDir(t)
  const store = await storeIn(t, dir)
  await store.registerSink('plant')
  await appendMany(store, 300)
  await store.advance('plant', 200)
  await append(store)
  await retentionOf(store, { most: { raw: 110, inspections: 200 } }).sweep(forever)
  const survey = await surveyStore(join(dir, 'poincon.db'), { ...NO_LIMITS, maxBytes: 10e6 })
  t.match(survey, { sinks: [{ name: 'plant', backlog: 101 }], anchors: [{ position: 100 }] })
  const { figures } = survey
  t.match(figures, { inspections: 201, rawRecords: 111 })
  t.ok(figures.part.inspection > 4000 && figures.part.raw > 1600, JSON.stringify(figures.part))
  const left =
    (figures.roomBytes + 100 * figures.part.inspection + 10 * figures.part.raw) /
    (figures.part.inspection + figures.part.raw)
  t.equal(figures.endurance.parts, Math.floor(left), 'into the room, and into what is delivered and there')
  const old = await openWriter(join(dir, 'old.db'))
  await migrate(old, { target: 3 })
  await old.close()
  t.equal(await faultOf(surveyStore(join(dir, 'old.db'), NO_LIMITS)), 'failed', 'of another release')
})

test('sums by hour go by their age, those by day stay', async (t) => {
  const store = await storeIn(t, await storeDir(t))
  const of = { station: 's', recipe: 'r', revision: 1, lot: 'l', parts: 1, value: {} }
  const [old, young] = ['2026-03-01T00:00:00.000Z', '2026-03-11T00:00:00.000Z']
  const rows = (['hour', 'day'] as const).flatMap((period) =>
    [old, young].map((startsAt) => ({ period, startsAt, ...of })),
  )
  await store.aggregates.save(rows, undefined)
  await retentionOf(store, { age: { hourlyMs: 5 * DAY_MS } }).sweep(forever)
  const starts = async (period: 'hour' | 'day'): Promise<string[]> =>
    (await store.aggregates.find({ period, limit: 9 })).map(({ startsAt }) => startsAt)
  t.same(await starts('hour'), [young])
  t.same(await starts('day'), [old, young])
})

test('what a person should hear, the worst first', (t) => {
  const figures = {
    ...{ inspections: 1, rawRecords: 1, usedBytes: 1, roomBytes: 1e9, partsPerHour: 10, flash: {} },
    ...{ part: { inspection: 1, raw: 1 }, endurance: { parts: 100, hours: 10 }, undelivered: 0 },
  }
  const well = { trouble: undefined, anchors: [], figures: undefined, orphans: [], alertHours: 72 }
  t.equal(complaintOf(well), undefined)
  t.equal(complaintOf({ ...well, figures, alertHours: 5 }), undefined)
  t.match(complaintOf({ ...well, figures }), /room for 10\.0 hours/)
  t.match(complaintOf({ ...well, figures: { ...figures, roomBytes: 0 } }), /no room left/)
  t.match(complaintOf({ ...well, orphans: [{ name: 'old', backlog: 0 }] }) ?? 'nothing', /nothing/)
  t.match(complaintOf({ ...well, figures, trouble: new Error('the disk') }), /the disk/)
  t.end()
})
