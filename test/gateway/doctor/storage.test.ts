import { test } from 'tap'
import { parseConfig } from '../../../gateway/config.ts'
import type { Finding } from '../../../gateway/doctor/finding.ts'
import { storageFindings } from '../../../gateway/doctor/storage.ts'
import type { InspectionDraft } from '../../../gateway/message.ts'
import { quarantineKey } from '../../../gateway/quarantine-record.ts'
import { shelfOver } from '../../../gateway/quarantine-shelf.ts'
import type { Store } from '../../../gateway/store/store.ts'
import { meddle } from '../rejudge/logs.ts'
import { inspectionDraft, randomFrom, rawRecord } from '../store/drafts.ts'
import { reopen, storeDir } from '../store/opening.ts'
import { retentionOf } from '../store/retention/limits.ts'

const random = randomFrom(11)
const HOUR_MS = 3_600_000
/** When the first part comes. */
const MORNING = Date.parse('2026-03-01T08:00:00.000Z')

/** Parts that come one a minute. */
async function parts(store: Store, count: number, from = 0, more: Partial<InspectionDraft> = {}) {
  for (let part = from; part < from + count; part += 1) {
    const timestamp = new Date(MORNING + part * 60_000).toISOString()
    const draft = { ...inspectionDraft(random, `S-${part}`), timestamp, ...more }
    await store.append(draft, rawRecord(random))
  }
}

/** As `poincon doctor` finds it, two days after the first part. */
async function findings(dir: string, store: object = {}, more: object = {}): Promise<readonly Finding[]> {
  const parsed = parseConfig({ data_dir: dir, store, ...more })
  if (!('config' in parsed)) throw new Error(JSON.stringify(parsed))
  return await storageFindings(parsed.config, MORNING + 48 * HOUR_MS)
}

function about(all: readonly Finding[], subject: string): Finding | undefined {
  return all.find((finding) => finding.subject === subject)
}

test('before the first start there is nothing to look at', async (t) => {
  t.same(await findings(await storeDir(t)), [])
})

test('room: hours with everything away, and who lacks the most', async (t) => {
  const dir = await storeDir(t)
  const store = await reopen(dir)
  await store.registerSink('influx')
  await parts(store, 90)
  await store.close()
  const well = about(await findings(dir), 'stored parts')
  t.match(well, {
    state: 'ok',
    found: /^room for \d+ h with everything away, at 60 parts an hour of \d+ bytes/,
  })
  t.match(well?.found, /; influx has 90 to get$/)
  const short = about(await findings(dir, { quota_mb: 16, retention: { alert_hours: 100 } }), 'stored parts')
  t.match(short, { state: 'warning', found: /^room for [1-9]\d? h/, advice: /poincon retention forget/ })
})

test('room: without a rate the parts are told', async (t) => {
  const dir = await storeDir(t)
  const store = await reopen(dir)
  await parts(store, 1)
  await store.close()
  const told = { state: 'ok', found: /^room for \d+ parts with everything away$/ }
  t.match(about(await findings(dir), 'stored parts'), told)
})

test('flash: what a part costs, and the budget of a year', async (t) => {
  const dir = await storeDir(t)
  const store = await reopen(dir)
  await parts(store, 1)
  const wear = (hours: number) =>
    store.state.set('store_wear', { written_bytes: 36e9, parts: 450_000, run_ms: hours * HOUR_MS })
  await wear(0.5)
  t.match(about(await findings(dir), 'flash'), { state: 'ok', found: '80.0 kB written for each part' })
  await wear(360)
  const budget = about(await findings(dir), 'flash')
  t.match(budget, { state: 'ok', found: /, 877 GB a year: 44 % of its budget$/ })
  const over = about(await findings(dir, { flash_gb_per_year: 500 }), 'flash')
  t.match(over, { state: 'warning', found: /175 %/, advice: /store\.group_commit_ms/ })
  await store.close()
})

test('kept: since when, what is due, and for whom it stays', async (t) => {
  const dir = await storeDir(t)
  const store = await reopen(dir)
  await store.registerSink('influx')
  await parts(store, 70)
  await store.close()
  t.equal(
    about(await findings(dir), 'kept')?.found,
    '70 inspections since 2026-03-01T08:00:00.000Z, raw data of 70 since 2026-03-01T08:00:00.000Z; ' +
      'nothing goes before room is wanted; 70 stay because influx has not got them',
  )
  const rules = { raw_days: 30, inspection_parts: 500_000 }
  t.match(about(await findings(dir, { retention: rules }), 'kept'), {
    state: 'ok',
    found: /; due: raw data after 30 days, all but 500000 inspections; 70 stay/,
  })
})

test('set aside: how many by which receiver, why, and what to do', async (t) => {
  const dir = await storeDir(t)
  const store = await reopen(dir)
  await parts(store, 1)
  const shelf = shelfOver(store.documents)
  for (const [id, hour, state] of [
    ['a', 9, 'aside'],
    ['b', 10, 'aside'],
    ['c', 11, 'sent'],
  ] as const) {
    const record = {
      schema: 'poincon.quarantine/1' as const,
      ...{ sink: 'influx', epoch: 'e', sequence: 1, id, attempts: 3, state },
      ...{ reason: `refused at ${hour}`, at: `2026-03-01T${String(hour).padStart(2, '0')}:00:00.000Z` },
    } as const
    await shelf.save(quarantineKey(record), record)
  }
  await store.close()
  t.match(about(await findings(dir), 'set aside'), {
    state: 'warning',
    found: '2 inspections that influx refused, the last at 2026-03-01T10:00:00.000Z: refused at 10',
    advice: /poincon quarantine list --sink influx/,
  })
})

test('old heads: samples and the last of them; one that fell silent is a warning', async (t) => {
  const dir = await storeDir(t)
  const store = await reopen(dir)
  const head = (device_id: string): Partial<InspectionDraft> => ({
    old_head: { kind: 'esp32', device_id, address: '10.0.0.1', measured_sha256: 'a'.repeat(64), advice: {} },
  })
  await parts(store, 3, 0, head('ESP-1'))
  await parts(store, 2, 2000, head('ESP-1.b'))
  await parts(store, 2, 0, head('ESP-10'))
  t.same(await store.oldDevices(), [
    { deviceId: 'ESP-1', samples: 3, lastAt: '2026-03-01T08:02:00.000Z' },
    { deviceId: 'ESP-1.b', samples: 2, lastAt: '2026-03-02T17:21:00.000Z' },
    { deviceId: 'ESP-10', samples: 2, lastAt: '2026-03-01T08:01:00.000Z' },
  ])
  await store.close()
  const listening = await findings(dir, {}, { esp32: { enabled: true } })
  t.match(about(listening, 'old head ESP-1'), {
    state: 'warning',
    found: '3 samples stored, the last at 2026-03-01T08:02:00.000Z: silent since',
  })
  t.match(about(listening, 'old head ESP-1.b'), { state: 'ok', found: /^2 samples/ })
  t.match(about(await findings(dir), 'old head ESP-1'), { state: 'ok' }, 'nobody listens to it any more')
})

test('chain: what retention found broken when it went', async (t) => {
  const dir = await storeDir(t)
  const store = await reopen(dir)
  await parts(store, 80)
  await store.close()
  await meddle(dir, `UPDATE inspections SET payload = replace(payload, '"S-3"', '"S-x"') WHERE position = 4`)
  const again = await reopen(dir)
  await retentionOf(again, { most: { inspections: 64 }, rowsAtOnce: 8 }).sweep(new AbortController().signal)
  await again.close()
  t.match(about(await findings(dir), 'chain'), { state: 'warning', found: /did not hold: sequence 4: / })
})

test('a store that cannot be read is said, and stops nothing else', async (t) => {
  const dir = await storeDir(t)
  await (await reopen(dir)).close()
  await meddle(dir, 'PRAGMA user_version = 99')
  t.match(await findings(dir), [{ subject: 'stored parts', state: 'warning', advice: /poincon verify/ }])
})
