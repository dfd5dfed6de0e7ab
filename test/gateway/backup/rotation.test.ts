import { test } from 'tap'
import { backupOptions } from '../../../gateway/backup/options.ts'
import { obsolete } from '../../../gateway/backup/rotation.ts'

// Spring forward on 2026-03-29: a local day there has 23 hours.
process.env.TZ = 'Europe/Paris'

const HOUR_MS = 3_600_000

/** What stays of backups every `everyH` hours, rotated after each, as local `YYYY-MM-DD HH`. */
function keptOf(days: number, everyH: number, keep: Readonly<Record<string, number>>): string[] {
  const options = backupOptions.parse({ keep }).keep
  const first = new Date(2026, 0, 1, 2).getTime()
  let kept: number[] = []
  for (let hour = 0; hour < days * 24; hour += everyH) {
    kept.push(first + hour * HOUR_MS)
    const gone = obsolete(kept, options)
    kept = kept.filter((ms) => !gone.has(ms))
  }
  return kept.map((ms) => {
    const at = new Date(ms)
    const two = (value: number): string => String(value).padStart(2, '0')
    return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}`
  })
}

test('days, weeks and months, each by its newest', (t) => {
  const kept = keptOf(120, 24, { last: 1, daily: 3, weekly: 3, monthly: 3 })
  // 120 days from 1 January: the newest is of Thursday, 30 April; by then the clocks are an hour ahead.
  t.strictSame(kept, [
    '2026-02-28 02',
    '2026-03-31 03',
    '2026-04-19 03',
    '2026-04-26 03',
    '2026-04-28 03',
    '2026-04-29 03',
    '2026-04-30 03',
  ])
  t.end()
})

test('a plain count', (t) => {
  t.strictSame(keptOf(5, 6, { last: 3, daily: 0, weekly: 0, monthly: 0 }), [
    '2026-01-05 08',
    '2026-01-05 14',
    '2026-01-05 20',
  ])
  t.end()
})

test('the newest always stays', (t) => {
  const keep = { last: 0, daily: 0, weekly: 0, monthly: 0 }
  t.strictSame([...obsolete([3, 1, 2], keep)].sort(), [1, 2])
  t.strictSame([...obsolete([], keep)], [])
  t.end()
})

test('with the defaults a year of daily backups is at most 20 files', (t) => {
  const kept = keptOf(365, 24, {})
  t.ok(kept.length <= 3 + 7 + 4 + 6)
  t.equal(kept.at(-1), '2026-12-31 02')
  t.ok(kept.includes('2026-11-30 02'))
  t.ok(kept.includes('2026-07-31 03'))
  t.end()
})
