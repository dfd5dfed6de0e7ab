import { test } from 'tap'
import { VirtualClock } from '../../../../drivers/simulated/clock.ts'
import { endurance, flashUse, PartRate, partBytes } from '../../../../gateway/store/retention/budget.ts'
import { WearBook } from '../../../../gateway/store/retention/wear.ts'

const HOUR_MS = 3_600_000

test('hours with everything away: the room that is left, and what was delivered and may go', (t) => {
  const part = { inspection: 6000, raw: 2000 }
  const options = { roomBytes: 8e9, removable: { inspections: 0, raws: 0 }, part, partsPerHour: 3600 }
  t.same(endurance(options), { parts: 1_000_000, hours: 1_000_000 / 3600 })
  t.match(endurance({ ...options, removable: { inspections: 1000, raws: 500 } }), { parts: 1_000_875 })
  t.same(
    endurance({ ...options, partsPerHour: 0 }),
    { parts: 1_000_000 },
    'while the line stands nobody knows',
  )
  t.match(endurance({ ...options, roomBytes: -5 }), { parts: 0, hours: 0 })
  t.match(endurance({ ...options, part: { inspection: 0, raw: 0 } }), { parts: 0 }, 'before the first part')
  t.end()
})

test('the bytes of a part, from the pages in use', (t) => {
  const mean = { payload: 5000, raw: 1000 }
  t.same(partBytes(7200 * 1000, { inspections: 1000, raws: 1000 }, mean), { inspection: 6000, raw: 1200 })
  const few = partBytes(1e6, { inspections: 3, raws: 3 }, mean)
  t.ok(few.inspection > 5000 && few.inspection < 6000, 'of three rows the empty tables are most')
  t.same(
    partBytes(1, { inspections: 1000, raws: 0 }, mean),
    { inspection: 5000, raw: 1000 },
    'never below the bytes',
  )
  t.end()
})

test('the flash: bytes a part and a year, against the budget', (t) => {
  const day = { writtenBytes: 4e9, parts: 86_400, runMs: 24 * HOUR_MS }
  const use = flashUse(day, 2000e9)
  t.equal(Math.round(use.bytesPerPart ?? 0), 46_296)
  t.equal(use.bytesPerYear, 4e9 * 365.25)
  t.equal(use.share, (4 * 365.25) / 2000)
  t.same(
    flashUse({ writtenBytes: 1e6, parts: 10, runMs: 60_000 }, 1e12),
    { bytesPerPart: 1e5 },
    'a minute is no year',
  )
  t.same(flashUse({ writtenBytes: 0, parts: 0, runMs: 0 }, 1e12), {})
  t.end()
})

test('the present rate is that of the last hour', (t) => {
  const rate = new PartRate()
  t.equal(rate.perHour, 0)
  rate.add(0, 500)
  t.equal(rate.perHour, 0)
  for (let minute = 1; minute <= 60; minute += 1) rate.add(minute * 60_000, 500 + minute * 10)
  t.equal(rate.perHour, 600)
  for (let minute = 61; minute <= 130; minute += 1) rate.add(minute * 60_000, 1100)
  t.equal(rate.perHour, 0, 'the line stands')
  t.end()
})

test('wear adds up over runs; where nobody counts bytes there is none', async (t) => {
  const kept = new Map<string, unknown>()
  const state = {
    get: (key: string) => Promise.resolve(kept.get(key)),
    set: (key: string, value: unknown) => Promise.resolve(void kept.set(key, value)),
  }
  let written: number | undefined = 1000
  for (let run = 1; run <= 2; run += 1) {
    const clock = new VirtualClock()
    const wear = new WearBook(state, clock, () => Promise.resolve(written))
    await wear.open(100)
    clock.spend(HOUR_MS)
    written += 5000
    t.same(await wear.note(110), { writtenBytes: 5000 * run, parts: 10 * run, runMs: HOUR_MS * run })
    await wear.save()
  }
  written = undefined
  const blind = new WearBook(state, new VirtualClock(), () => Promise.resolve(written))
  await blind.open(0)
  t.match(await blind.note(50), { parts: 20 }, 'parts without their bytes would look cheap')
})
