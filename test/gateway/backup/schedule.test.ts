import { test } from 'tap'
import { type BackupOptions, backupOptions } from '../../../gateway/backup/options.ts'
import { isDue, isOverdue } from '../../../gateway/backup/schedule.ts'

process.env.TZ = 'Europe/Paris'

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

/** Local times at which backups are taken from `fromMs` on, when the clock is looked at each minute. */
function takenFrom(fromMs: number, hours: number, options: BackupOptions, lastMs: number): string[] {
  const taken: string[] = []
  let last = lastMs
  for (let now = fromMs; now < fromMs + hours * HOUR_MS; now += MINUTE_MS) {
    if (!isDue(now, last, options)) continue
    last = now
    taken.push(new Date(now).toLocaleString('sv-SE').slice(5, 16))
  }
  return taken
}

test('every so many hours', (t) => {
  const begin = new Date(2026, 2, 1, 10, 20).getTime()
  t.strictSame(takenFrom(begin, 24, backupOptions.parse({ every_h: 8 }), begin - HOUR_MS), [
    '03-01 17:20',
    '03-02 01:20',
    '03-02 09:20',
  ])
  t.end()
})

test('at a time of day, and every so many hours from it', (t) => {
  const begin = new Date(2026, 2, 1, 10, 20).getTime()
  const nightly = backupOptions.parse({ at: '02:30' })
  t.strictSame(takenFrom(begin, 48, nightly, begin - HOUR_MS), ['03-02 02:30', '03-03 02:30'])
  const often = backupOptions.parse({ at: '22:10', every_h: 8 })
  t.strictSame(takenFrom(begin, 24, often, begin - HOUR_MS), ['03-01 14:10', '03-01 22:10', '03-02 06:10'])
  t.end()
})

test('the nights in which the clocks change have one backup', (t) => {
  const options = backupOptions.parse({ at: '02:30' })
  const spring = new Date(2026, 2, 28, 12).getTime()
  t.strictSame(takenFrom(spring, 47, options, spring), ['03-29 03:30', '03-30 02:30'], '02:30 does not exist')
  const autumn = new Date(2026, 9, 24, 12).getTime()
  t.strictSame(takenFrom(autumn, 47, options, autumn), ['10-25 02:30', '10-26 02:30'], '02:30 comes twice')
  t.end()
})

test('a station that was off makes up for it once', (t) => {
  const back = new Date(2026, 2, 5, 9, 0).getTime()
  const last = new Date(2026, 2, 1, 2, 30).getTime()
  const options = backupOptions.parse({ at: '02:30' })
  t.strictSame(takenFrom(back, 20, options, last), ['03-05 09:00', '03-06 02:30'])
  t.ok(isDue(back, undefined, options), 'and one that has none begins with one')
  t.end()
})

test('a backup of the future counts for none', (t) => {
  const now = new Date(2026, 2, 5, 9, 0).getTime()
  t.ok(isDue(now, now + HOUR_MS, backupOptions.parse({})))
  t.end()
})

test('overdue is half a period late, an hour at least', (t) => {
  const daily = backupOptions.parse({})
  t.notOk(isOverdue(36 * HOUR_MS, 0, daily))
  t.ok(isOverdue(36 * HOUR_MS + 1, 0, daily))
  const hourly = backupOptions.parse({ every_h: 1 })
  t.notOk(isOverdue(2 * HOUR_MS, 0, hourly))
  t.ok(isOverdue(2 * HOUR_MS + 1, 0, hourly))
  t.ok(isOverdue(0, undefined, daily))
  t.end()
})

test('what no schedule can say is refused', (t) => {
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ at: '24:00' }, /expected hours and minutes, 00:00 to 23:59/],
    [{ at: '02:30', every_h: 7 }, /expected 1, 2, 3, 4, 6, 8, 12 or 24 where `at` says/],
    [{ every_h: 0 }, /every_h/],
    [{ keep: { last: 0 } }, /last/],
    [{ copy_to: { kind: 'ftp' } }, /copy_to/],
    [
      { copy_to: { kind: 's3', endpoint: 'https://key@s3', bucket: 'abc', credentials_file: 'k' } },
      /no access key/,
    ],
    [
      { copy_to: { kind: 'sftp', host: '-oProxyCommand=x', username: 'u', key_file: 'k' } },
      /expected a host/,
    ],
  ]
  for (const [options, message] of wrong) {
    const { success, error } = backupOptions.safeParse(options)
    t.notOk(success)
    t.match(JSON.stringify(error?.issues), message)
  }
  t.end()
})
