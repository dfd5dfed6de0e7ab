import { join } from 'node:path'
import { test } from 'tap'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { AggregateBook } from '../../../gateway/aggregates/book.ts'
import { sumsReport } from '../../../gateway/aggregates/report.ts'
import { aggregatesCommand } from '../../../gateway/commands/aggregates.ts'
import { configFor, said } from '../rejudge/logs.ts'
import { inspectionDraft, randomFrom, rawRecord } from '../store/drafts.ts'
import { reopen, storeDir } from '../store/opening.ts'

const random = randomFrom(5)

test('aggregates: a table of days, a table of a lot, JSON; beside a station that runs', async (t) => {
  const dir = await storeDir(t)
  const config = await configFor(dir)
  const store = await reopen(join(dir, 'data'))
  t.teardown(() => store.close())
  for (const [day, lot, volume] of [
    [1, 'L1', 100_000],
    [1, 'L2', 110_000],
    [2, 'L2', 120_000],
  ] as const) {
    const draft = inspectionDraft(random)
    const vl53l8ch = { ...draft.vl53l8ch, volume_mm3: volume }
    const timestamp = `2026-03-0${day}T08:00:00.000Z`
    await store.append({ ...draft, timestamp, lot_id: lot, vl53l8ch }, rawRecord(random, 50))
  }
  const never = new AbortController().signal
  await new AggregateBook(store.aggregates, new VirtualClock()).send(await store.from(1, 9), never)

  const aggregates = (...words: string[]) => said(t, () => aggregatesCommand([...words, '--config', config]))
  const since = ['--from', '2026-03-01']
  const days = await aggregates(...since, '--measure', 'volume_mm3')
  t.equal(days.code, 0)
  const lines = days.stdout.split('\n').map((line) => line.split(/ +/))
  t.match(lines, [
    ['from', 'parts', 'A+', 'A', 'B', 'C', 'REJECT', 'none', 'count', 'mean', 'std', 'min', 'p05'],
    ['2026-03-01', '2', '0', '2', '0', '0', '0', '0', '2', '105000', '7071', '100000'],
    ['2026-03-02', '1', '0', '1', '0', '0', '0', '0', '1', '120000', '-', '120000'],
    ['total', '3', '0', '3', '0', '0', '0', '0', '3', '110000', '10000', '100000'],
    ['(count', 'to', 'max:', 'volume_mm3)'],
  ])
  const lots = await aggregates(...since, '--by', 'hour', '--each', 'lot', '--lot', 'L2')
  t.match(
    lots.stdout,
    /\n2026-03-01T08:00Z +1 .* \S+\/\S+\/\S+, foiegras_standard_barquette revision 1, L2\n2026-03-02T08:00Z/,
  )
  const json = await aggregates(...since, '--json', '--to', '2026-03-02T00:00:00Z')
  t.match(sumsReport.parse(JSON.parse(json.stdout)), { by: 'day', rows: [{ parts: 2 }], total: { parts: 2 } })
  t.match(await aggregates(), { code: 1, stdout: /^no sums of that time/ }, 'the last month has none')
})

test('aggregates: a wrong word is told with its option, value and what was expected', async (t) => {
  const config = await configFor(await storeDir(t))
  const cases = [
    [['--by', 'week'], /--by week: expected hour or day/],
    [['--each', 'recipe'], /--each recipe: expected lot or period/],
    [['--from', 'monday'], /--from monday: expected a day \(2026-11-21\)/],
    [['--to', '2026-13-01'], /--to 2026-13-01: expected a day/],
    [['--from', '2026-03-02', '--to', '2026-03-01'], /--to 2026-03-01T.*: expected a time after --from/],
    [['--measure', 'weight'], /--measure weight: expected one of score, mass_g/],
  ] as const
  for (const [words, stderr] of cases) {
    const run = () => aggregatesCommand([...words, '--config', config])
    t.match(await said(t, run), { code: 2, stderr }, words.join(' '))
  }
  t.match(await said(t, () => aggregatesCommand(['--help'])), { code: 0, stdout: /--measure NAME/ })
  await t.rejects(
    said(t, () => aggregatesCommand(['--config', config])),
    'there is no store yet',
  )
})
