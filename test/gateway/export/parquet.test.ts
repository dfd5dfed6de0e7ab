import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { type Test, test } from 'tap'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { columnTypes } from '../../../gateway/export/column-types.ts'
import { COLUMNS } from '../../../gateway/export/columns.ts'
import { filesOptions } from '../../../gateway/export/options.ts'
import { messagesIn, PARQUET_SCHEMA, parquetFile } from '../../../gateway/export/parquet.ts'
import { FilesSink } from '../../../gateway/export/sink.ts'
import { silentLog } from '../../../gateway/log.ts'
import type { InspectionMessage } from '../../../gateway/message.ts'
import { entry, inspection } from '../../fakes/inspections.ts'

const never = new AbortController().signal
const EPOCH = entry(1).epoch

async function folder(t: Test): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-parquet-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** Every row, as another program reads it. */
async function rowsOf(path: string): Promise<readonly Record<string, unknown>[]> {
  return await parquetReadObjects({ file: await asyncBufferFromFile(path) })
}

async function* listed(...messages: readonly InspectionMessage[]): AsyncGenerator<InspectionMessage> {
  yield* messages
}

function made(path: string, messages: AsyncIterable<InspectionMessage>, groupRows?: number): Promise<number> {
  return parquetFile({
    ...{ path, written: `${path}.tmp`, messages },
    ...(groupRows === undefined ? {} : { groupRows }),
  })
}

function open(dir: string, files: object = {}): FilesSink {
  return new FilesSink({
    files: filesOptions.parse({ flush_ms: 0, formats: ['parquet'], ...files }),
    ...{ dir, clock: new VirtualClock(Date.UTC(2026, 4, 1, 9)), log: silentLog, window: 4 },
  })
}

test('every column with its type, and null for what was not measured', async (t) => {
  const path = join(await folder(t), 'day.parquet')
  const ungraded = inspection(2, {
    dry_run: true,
    verdict: { kind: 'ungraded', action: 'hold', reasons: ['no-product', 'late'], latency_ms: 12 },
  })
  const { fusion: _, as7341: __, ...bare } = ungraded
  t.equal(await made(path, listed(inspection(1), bare)), 2)
  const [first, second] = await rowsOf(path)
  t.strictSame(Object.keys(first ?? {}), COLUMNS, 'the columns of the CSV, in their order')
  const told = {
    schema: PARQUET_SCHEMA,
    sequence: 1n,
    timestamp: new Date('2026-05-01T08:00:00.001Z'),
    lot_id: 'L, 42="x"',
    dry_run: null,
    recipe_revision: 7n,
    verdict_score: 0.88,
    verdict_reasons: '',
    verdict_findings: 0n,
    vl53l8ch_volume_mm3: 210_345.5,
    vl53l8ch_defects: 1n,
    vl53l8ch_bins_analysis: '{"peaks":64}',
    as7341_channels_F8_680nm: 4000.5,
    as7341_channels_F2_445nm: null,
    as7341_saturated: 'Clear',
    mass_g_estimate: null,
    old_head_timestamp: null,
  }
  for (const [name, value] of Object.entries(told)) t.strictSame(first?.[name], value, name)
  t.match(second, {
    dry_run: true,
    verdict_grade: null,
    verdict_score: null,
    verdict_reasons: 'no-product,late',
    fusion_final_score: null,
    as7341_gain: null,
  })
  const { schema, created_by: by } = await parquetMetadataAsync(await asyncBufferFromFile(path))
  t.match(
    schema.filter(({ name }) => ['sequence', 'timestamp', 'verdict_score', 'dry_run', 'id'].includes(name)),
    [
      { name: 'sequence', type: 'INT64' },
      { name: 'id', type: 'BYTE_ARRAY', converted_type: 'UTF8' },
      { name: 'timestamp', type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' },
      { name: 'dry_run', type: 'BOOLEAN' },
      { name: 'verdict_score', type: 'DOUBLE' },
    ],
  )
  t.equal(by, 'poincon')
})

test('a column is of the type that the schema gives, and of one only', (t) => {
  t.strictSame(
    columnTypes([
      ['verdict', 'grade'],
      ['verdict', 'findings'],
      ['as7341', 'channels', 'NIR'],
      ['timestamp'],
    ]),
    ['text', 'integer', 'number', 'time'],
  )
  t.throws(() => columnTypes([['verdict', 'colour']]), { message: /verdict\.colour: no one type/ })
  t.end()
})

test('more than one group: nothing is lost between them', async (t) => {
  const path = join(await folder(t), 'day.parquet')
  const { vl53l8ch: _, as7341: __, ...small } = inspection(1)
  const many = Array.from({ length: 203 }, (_, place) => ({ ...small, sequence: place + 1 }))
  t.equal(await made(path, listed(...many), 50), 203)
  const rows = await rowsOf(path)
  t.ok(
    rows.every(({ sequence }, place) => sequence === BigInt(place + 1)),
    'in order',
  )
  t.equal(rows.length, 203)
  const { row_groups: groups } = await parquetMetadataAsync(await asyncBufferFromFile(path))
  t.strictSame(
    groups.map(({ num_rows: count }) => count),
    [50n, 50n, 50n, 50n, 3n],
  )
})

test('a value of another type is an error, and leaves no file', async (t) => {
  const dir = await folder(t)
  const lines = join(dir, 'lines')
  await writeFile(lines, `${JSON.stringify({ ...inspection(1), sequence: 'one' })}\n`)
  await t.rejects(made(join(dir, 'day.parquet'), messagesIn(lines)), {
    message: /expected integer in a column, got "one"/,
  })
  t.equal(await made(join(dir, 'none.parquet'), listed()), 0)
  t.strictSame(await readdir(dir), ['lines'])
})

test('a day a file: lines while it grows, Parquet when it is closed', async (t) => {
  const dir = await folder(t)
  const sink = open(dir, { gzip: true })
  await sink.start()
  const at = (sequence: number, day: number) =>
    entry(sequence, { timestamp: `2026-05-0${day}T23:00:0${sequence}.000Z` })
  await sink.send([at(1, 1), at(2, 1), at(3, 1)], never)
  t.strictSame(await readdir(dir), [`2026-05-01_${EPOCH}_0000000001.parquet.open`])
  await sink.send([at(4, 2)], never)
  await sink.tidied()
  await sink.stop()
  const closed = `2026-05-01_${EPOCH}_0000000001-0000000003.parquet`
  t.strictSame((await readdir(dir)).sort(), [closed, `2026-05-02_${EPOCH}_0000000004.parquet.open`])
  const rows = await rowsOf(join(dir, closed))
  t.strictSame(
    rows.map(({ sequence }) => sequence),
    [1n, 2n, 3n],
  )

  await t.test('killed before it was made, the lines are there and the next start makes it', async (t) => {
    const again = await folder(t)
    const lines = [at(1, 1), at(2, 1)].map(({ payload }) => `${payload}\n`).join('')
    const whole = `2026-05-01_${EPOCH}_0000000001-0000000002.parquet`
    await writeFile(join(again, `${whole}.rows`), lines)
    await writeFile(join(again, `${whole}.tmp`), 'PAR1, and then the power went')
    const next = open(again)
    await next.start()
    await next.tidied()
    t.equal((await rowsOf(join(again, whole))).length, 2)
    await next.send([at(2, 1), at(3, 1)], never)
    await next.stop()
    const growing = `2026-05-01_${EPOCH}_0000000003.parquet.open`
    t.equal(
      (await readFile(join(again, growing), 'utf8')).split('\n').length,
      2,
      'what is written comes once',
    )
    t.strictSame((await readdir(again)).sort(), [whole, growing], 'and nothing is left of it')
  })
})

/** A closed file of lines that nobody has made Parquet of. @returns the name that it is to get */
async function leftBehind(dir: string, sequence: number): Promise<string> {
  const { payload } = entry(sequence, { timestamp: '2026-05-01T08:00:00.000Z' })
  const name = `2026-05-01_${EPOCH}_000000000${sequence}-000000000${sequence}.parquet`
  await writeFile(join(dir, `${name}.rows`), `${payload}\n`)
  return name
}

test('one that cannot be made holds up no other, and is tried again', async (t) => {
  const dir = await folder(t)
  const [one, two] = [await leftBehind(dir, 1), await leftBehind(dir, 2)]
  await mkdir(join(dir, `${one}.tmp`))
  const sink = open(dir)
  await sink.start()
  await sink.tidied()
  t.match(sink.status(), { state: 'degraded', detail: /EISDIR/ })
  t.strictSame((await readdir(dir)).sort(), [`${one}.rows`, `${one}.tmp`, two])

  await rm(join(dir, `${one}.tmp`), { recursive: true })
  await sink.endDay()
  await sink.tidied()
  t.match(sink.status(), { state: 'ok' })
  t.strictSame((await readdir(dir)).sort(), [one, two])
  await sink.stop()
})

test('one that failed and is gone is not looked for again', async (t) => {
  const dir = await folder(t)
  const name = await leftBehind(dir, 1)
  await mkdir(join(dir, `${name}.tmp`))
  const sink = open(dir)
  await sink.start()
  await sink.tidied()
  await rm(join(dir, `${name}.rows`))
  await sink.endDay()
  await sink.tidied()
  t.match(sink.status(), { state: 'ok' })
  await sink.stop()
})

test('who stops does not wait for one that is being made: the next start makes it', async (t) => {
  const dir = await folder(t)
  const name = await leftBehind(dir, 1)
  const sink = open(dir)
  await sink.start()
  await sink.stop()
  t.ok((await readdir(dir)).includes(`${name}.rows`), 'its lines are there')
  t.match(sink.status(), { state: 'ok' }, 'and nothing is wrong')

  const next = open(dir)
  await next.start()
  await next.tidied()
  t.strictSame(await readdir(dir), [name])
  await next.stop()
})
