import { test } from 'tap'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { backupOptions } from '../../../gateway/backup/options.ts'
import { isDue } from '../../../gateway/backup/schedule.ts'
import { ClockDiscipline } from '../../../gateway/clock-discipline.ts'
import { goldenOptions } from '../../../gateway/golden-options.ts'
import { GoldenWatch } from '../../../gateway/golden-watch.ts'
import { inspectionLine } from '../../../gateway/influx/lines.ts'
import { kpiReportOf } from '../../../gateway/kpi.ts'
import { KpiBoard } from '../../../gateway/kpi-board.ts'
import { kpiTargets } from '../../../gateway/kpi-options.ts'
import { ShiftCalendar } from '../../../gateway/kpi-shifts.ts'
import { silentLog } from '../../../gateway/log.ts'
import { LotBook } from '../../../gateway/lot-book.ts'
import { inspectionMessage } from '../../../gateway/message.ts'
import type { OutboxEntry } from '../../../gateway/outbox.ts'
import { checkpointRecord } from '../../../gateway/proof/checkpoint.ts'
import { Archive } from '../../../gateway/rejudge/archive.ts'
import { ChainWalk } from '../../../gateway/rejudge/chain-walk.ts'
import { parseBound, selectionOf } from '../../../gateway/rejudge/range.ts'
import { followed } from '../../../gateway/rejudge/verify-chain.ts'
import { auditOf } from '../../../gateway/rejudge/verify-checkpoints.ts'
import { ShiftBook } from '../../../gateway/shift-book.ts'
import { DAYS as DAYS_OF_WEEK, shiftsOptions } from '../../../gateway/shift-options.ts'
import { shiftDocuments } from '../../fakes/shift-documents.ts'
import { randomFrom } from '../store/drafts.ts'
import { reopen, storeDir } from '../store/opening.ts'
import { checkpointsOf, memoryKey, smallDraft } from './signed-log.ts'

/** Virtual time, on a wall that somebody sets. */
class SetClock extends VirtualClock {
  #setMs = 0

  set(byMs: number): void {
    this.#setMs += byMs
  }

  override wall(): number {
    return super.wall() + this.#setMs
  }
}

const [HOUR_MS, MINUTE_MS] = [3_600_000, 60_000]
const SHIFTS = shiftsOptions.parse({
  time_zone: 'Europe/Paris',
  shifts: [
    { name: 'night', from: '22:00', to: '06:00', days: [...DAYS_OF_WEEK] },
    { name: 'early', from: '06:00', to: '14:00', days: [...DAYS_OF_WEEK] },
  ],
})
const TARGETS = kpiTargets.parse({})

/** What happens to the wall, and before which part. */
const DAYS = {
  'an hour forward over the end of a shift, and back': {
    from: '2026-03-28T04:30:00Z',
    steps: new Map([
      [10, HOUR_MS],
      [13, -HOUR_MS],
    ]),
  },
  'an hour back, and forward': {
    from: '2026-03-28T05:30:00Z',
    steps: new Map([
      [10, -HOUR_MS],
      [25, HOUR_MS],
    ]),
  },
  // POSIX time repeats the last second of a day with a leap second (the last one: 2016-12-31T23:59:60Z).
  'a leap second': { from: '2016-12-31T23:30:00Z', steps: new Map([[15, -1000]]) },
  'summer time begins (01:00 UTC)': { from: '2026-03-29T00:30:00Z', steps: new Map<number, number>() },
  'winter time begins (01:00 UTC)': { from: '2026-10-25T00:30:00Z', steps: new Map<number, number>() },
} as const

const PARTS = 45

for (const [name, { from, steps }] of Object.entries(DAYS)) {
  test(`${name}: nothing is lost, doubled or out of order`, async (t) => {
    const clock = new SetClock(Date.parse(from))
    const [dir, random, key] = [await storeDir(t), randomFrom(5), memoryKey()]
    // The disk takes real time, whatever clock the station has.
    const store = await reopen(dir)
    const lots = new LotBook({ documents: store.documents, clock })
    const unit = checkpointsOf(store, dir, { clock, everyInspections: 20, key: () => Promise.resolve(key) })
    const documents = shiftDocuments()
    const shifts = new ShiftBook(documents, silentLog)
    const board = new KpiBoard({
      ...{ calendar: new ShiftCalendar(SHIFTS), shifts: true, lot: 'LOT-0001', wallMs: clock.wall() },
    })
    const settle = (): void => {
      for (const { state, beginMs } of board.takeEndedShifts()) {
        shifts.ended(kpiReportOf(state, TARGETS), beginMs)
      }
    }
    await unit.start()
    const batch: OutboxEntry[] = []
    const [points, sequences] = [new Set<string | undefined>(), [] as number[]]
    for (let part = 0; part < PARTS; part += 1) {
      clock.set(steps.get(part) ?? 0)
      clock.spend(2 * MINUTE_MS)
      const draft = { ...smallDraft(random), timestamp: new Date(clock.wall()).toISOString() }
      const entry = await store.append(draft, new Uint8Array(8))
      batch.push(entry)
      if (batch.length === 9) await lots.send(batch.splice(0), new AbortController().signal)
      if (draft.verdict.kind === 'graded') board.see({ ...draft.verdict, findings: [] }, clock.wall())
      settle()
      const line = inspectionLine(inspectionMessage.parse(JSON.parse(entry.payload)), { text: true })
      points.add(line.split(' ').at(-1))
      sequences.push(entry.sequence)
    }
    await unit.stop()
    board.advance(clock.wall() + 24 * HOUR_MS)
    settle()
    await shifts.settle()

    t.same(
      sequences,
      Array.from({ length: PARTS }, (_, index) => index + 1),
    )
    t.equal((await lots.get('LOT-0001'))?.totals.parts, PARTS, 'lot')
    t.equal(points.size, PARTS, 'a point of its own in the time series for each part')
    t.equal(
      shifts.recent.reduce((sum, { kpi }) => sum + kpi.parts, 0),
      PARTS,
      'shifts',
    )
    t.equal(new Set(shifts.recent.map(({ kpi }) => kpi.name)).size, shifts.recent.length)
    const signed = (await store.documents.lastById('checkpoint', 100)).map(({ value }) =>
      checkpointRecord.parse(value),
    )
    t.same(
      signed.map(({ number }) => number).reverse(),
      signed.map((_, index) => index + 1),
    )
    t.same(
      signed.map(({ count }) => count),
      signed.map(({ count }) => count).sort((one, other) => other - one),
      'what is signed later covers more',
    )
    await store.close()

    const archive = await Archive.open(dir)
    t.teardown(() => archive.close())
    for (const hours of [0, 1, 2]) {
      const audit = await auditOf(archive, dir, { trust: [], published: [] }, signed.length)
      const chain = new ChainWalk(archive)
      const bound = new Date(Date.parse(from) + hours * HOUR_MS - HOUR_MS / 2).toISOString()
      const selection = selectionOf(archive, { from: parseBound('--from', bound) })
      let followedParts = 0
      for await (const _ of followed(archive, selection, { chain, audit })) followedParts += 1
      t.equal(chain.broken, undefined, `a stretch by time (${followedParts} parts) is no broken chain`)
      t.equal(audit.broken, undefined)
    }
  })
}

test('a clock that is set is noticed, and asked about again', async (t) => {
  const clock = new SetClock()
  let asked = 0
  const discipline = new ClockDiscipline({
    ...{ clock, log: silentLog },
    disciplined: () => {
      asked += 1
      return Promise.resolve(asked > 1)
    },
  })
  await discipline.start()
  t.equal(discipline.state, 'holdover', 'until the first answer')
  await clock.sleep(10_500)
  t.match(discipline.status(), { facts: { clock: 'holdover', steps: 0 } })
  clock.set(HOUR_MS)
  await clock.sleep(1000)
  t.match(discipline.status(), { facts: { clock: 'synchronised', steps: 1, last_step_s: 3600 } })
  clock.set(-1000)
  await clock.sleep(1000)
  t.match(discipline.status(), { facts: { steps: 2, last_step_s: -1 } })
  clock.set(20)
  await clock.sleep(1000)
  t.match(discipline.status(), { facts: { steps: 2 } }, 'what is slewed is none')
  await discipline.stop()
})

test('a golden part and a backup fall due by the hour that the wall says, and go back with it', (t) => {
  const checked = Date.parse('2026-03-28T08:00:00Z')
  const watch = new GoldenWatch(
    goldenOptions.parse({ part: 'G1', every_h: 8, hold: true, tolerances: { score: 0.1 } }),
  )
  watch.checked({ part: 'G1', decision: 'passed', at: new Date(checked).toISOString(), id: 'x' })
  t.equal(watch.standing(checked + HOUR_MS).state, 'passed')
  t.equal(watch.standing(checked + 2 * HOUR_MS).state, 'passed', 'an hour forward')
  t.match(
    watch.standing(checked - HOUR_MS),
    { state: 'due' },
    'of the future: asked for, and no part is held',
  )
  t.notOk(watch.standing(checked - HOUR_MS).obstacle)
  const backup = backupOptions.parse({ every_h: 24 })
  t.notOk(isDue(checked + HOUR_MS, checked, backup))
  t.ok(isDue(checked - HOUR_MS, checked, backup), 'one of the future counts for none: one more is taken')
  t.end()
})
