import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { type Test, test } from 'tap'
import { z } from 'zod'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { COLUMNS, CSV_SCHEMA, csvRecord, firstFields } from '../../../gateway/export/columns.ts'
import { FORMS } from '../../../gateway/export/form.ts'
import { filesOptions } from '../../../gateway/export/options.ts'
import { FilesSink } from '../../../gateway/export/sink.ts'
import { type Readable, readTail } from '../../../gateway/export/tail.ts'
import { silentLog } from '../../../gateway/log.ts'
import { inspectionMessage } from '../../../gateway/message.ts'
import type { OutboxEntry } from '../../../gateway/outbox.ts'
import { entries, entry, inspection } from '../../fakes/inspections.ts'

const never = new AbortController().signal
const EPOCH = entry(1).epoch

async function folder(t: Test): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-files-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return dir
}

function open(dir: string, files: object = {}, window = 4): FilesSink {
  const clock = new VirtualClock(Date.UTC(2026, 4, 1, 9))
  return new FilesSink({
    files: filesOptions.parse({ flush_ms: 0, ...files }),
    dir,
    clock,
    log: silentLog,
    window,
  })
}

/** An inspection at a time of its own. */
function at(sequence: number, timestamp: string, changes: object = {}): OutboxEntry {
  return entry(sequence, { timestamp, ...changes })
}

async function sendAll(sink: FilesSink, all: readonly OutboxEntry[]): Promise<void> {
  for (let from = 0; from < all.length; from += sink.window)
    await sink.send(all.slice(from, from + sink.window), never)
}

/** Sequences in every file of a form, file by file. */
async function sequencesIn(
  dir: string,
  form: 'ndjson' | 'csv' = 'ndjson',
): Promise<Record<string, number[]>> {
  const found: Record<string, number[]> = {}
  for (const name of (await readdir(dir)).sort().filter((one) => one.includes(`.${form}`))) {
    const bytes = await readFile(join(dir, name))
    const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()
    found[name] = form === 'csv' ? csvSequences(text) : ndjsonSequences(text)
  }
  return found
}

function ndjsonSequences(text: string): number[] {
  const lines = text.split('\n').slice(0, -1)
  return lines.map((line) => inspectionMessage.parse(JSON.parse(line)).sequence)
}

function csvSequences(text: string): number[] {
  const [header, ...records] = parseCsv(text)
  if (header?.join() !== COLUMNS.join()) throw new Error(`header: ${header?.join()}`)
  return records.map((record) => {
    if (record.length !== COLUMNS.length) throw new Error(`${record.length} fields`)
    return Number(record[COLUMNS.indexOf('sequence')])
  })
}

/** A reader of RFC 4180, by its grammar. */
function parseCsv(text: string): string[][] {
  const records: string[][] = []
  let rest = text
  for (let record: string[] = []; rest !== ''; ) {
    const [whole = '', quoted, plain = '', end = ''] =
      /^(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/.exec(rest) ?? []
    if (whole === '') throw new Error(`no field: ${rest.slice(0, 50)}`)
    record.push(quoted?.replaceAll('""', '"') ?? plain)
    rest = rest.slice(whole.length)
    if (end === ',') continue
    records.push(record)
    record = []
  }
  return records
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, place) => from + place)

test('a day a file, closed when the next one begins', async (t) => {
  const dir = await folder(t)
  const sink = open(dir, { formats: ['ndjson', 'csv'] })
  await sink.start()
  const days = [1, 2, 3, 4, 5, 6].map((one) => at(one, `2026-05-0${one < 5 ? 1 : 2}T23:59:0${one}.000Z`))
  await sendAll(sink, days)
  await sink.stop()
  const growing = `2026-05-02_${EPOCH}_0000000005`
  for (const form of ['ndjson', 'csv'] as const) {
    t.strictSame(await sequencesIn(dir, form), {
      [`2026-05-01_${EPOCH}_0000000001-0000000004.${form}`]: [1, 2, 3, 4],
      [`${growing}.${form}.open`]: [5, 6],
    })
  }
  const first = await readFile(join(dir, `2026-05-01_${EPOCH}_0000000001-0000000004.ndjson`), 'utf8')
  t.equal(
    first,
    days
      .slice(0, 4)
      .map(({ payload }) => `${payload}\n`)
      .join(''),
    'byte for byte as it was hashed',
  )

  await t.test('goes on after a restart, and drops what comes again', async (t) => {
    const again = open(dir, { formats: ['ndjson', 'csv'] })
    await sendAll(again, [...days, at(7, '2026-05-02T10:00:00.000Z')])
    await again.stop()
    t.strictSame((await sequencesIn(dir))[`${growing}.ndjson.open`], [5, 6, 7])
    t.strictSame((await sequencesIn(dir, 'csv'))[`${growing}.csv.open`], [5, 6, 7])
  })
})

test('a day that is over by the clock is closed, though no part comes', async (t) => {
  const dir = await folder(t)
  const clock = new VirtualClock(Date.UTC(2026, 4, 1, 23, 59))
  const sink = new FilesSink({ files: filesOptions.parse({}), dir, clock, log: silentLog })
  await sink.send([at(1, '2026-05-01T23:58:00.000Z')], never)
  await clock.sleep(5 * 60_000)
  await sink.endDay()
  t.match(Object.keys(await sequencesIn(dir)), [/\.open$/], 'parts may still be on their way')
  await clock.sleep(2 * 60_000)
  await sink.stop()
  const next = new FilesSink({ files: filesOptions.parse({}), dir, clock, log: silentLog })
  await next.start()
  await next.endDay()
  t.strictSame(
    Object.keys(await sequencesIn(dir)),
    [`2026-05-01_${EPOCH}_0000000001-0000000001.ndjson`],
    'also one that an earlier run began',
  )
  await next.stop()
})

test('what belongs together', async (t) => {
  const cases: [string, readonly OutboxEntry[], object, readonly number[][]][] = [
    [
      'a part of the day before stays',
      ['02T00:00:01', '01T23:59:59', '02T00:00:02'].map((time, place) =>
        at(place + 1, `2026-05-${time}.000Z`),
      ),
      {},
      [[1, 2, 3]],
    ],
    [
      'a clock that was set back begins another file',
      ['09T08:00:00', '01T08:00:00'].map((time, place) => at(place + 1, `2026-05-${time}.000Z`)),
      {},
      [[2], [1]],
    ],
    ['a gap begins another file', [entry(1), entry(2), entry(7)], {}, [[1, 2], [7]]],
    [
      'another epoch as well',
      [entry(1), { ...entry(1, { epoch: '01990000-0000-7000-8000-000000000002' }) }],
      {},
      [[1], [1]],
    ],
    [
      'a file does not grow for ever',
      entries(1, 12),
      { max_mb: 0.005 },
      [range(1, 4), range(5, 8), range(9, 12)],
    ],
  ]
  for (const [title, all, options, expected] of cases) {
    const dir = await folder(t)
    const sink = open(dir, options)
    await sendAll(sink, all)
    await sink.stop()
    t.strictSame(Object.values(await sequencesIn(dir)), expected, title)
  }
})

test('closed files are compressed, and those of old days go', async (t) => {
  const dir = await folder(t)
  const sink = open(dir, { gzip: true, keep_days: 2 })
  await writeFile(join(dir, 'notes.txt'), 'not ours')
  await sendAll(
    sink,
    [1, 2, 3, 4].map((day) => at(day, `2026-05-0${day}T08:00:00.000Z`)),
  )
  await sink.tidied()
  await sink.stop()
  t.strictSame(await sequencesIn(dir), {
    [`2026-05-03_${EPOCH}_0000000003-0000000003.ndjson.gz`]: [3],
    [`2026-05-04_${EPOCH}_0000000004.ndjson.open`]: [4],
  })
  t.ok((await readdir(dir)).includes('notes.txt'))

  await t.test('a crash while one is compressed leaves nothing twice', async (t) => {
    const plain = join(dir, `2026-05-03_${EPOCH}_0000000003-0000000003.ndjson`)
    await writeFile(plain, gunzipSync(await readFile(`${plain}.gz`)))
    await writeFile(`${plain}.gz.tmp`, 'half')
    const again = open(dir, { gzip: true, keep_days: 2 })
    await again.send([at(5, '2026-05-04T09:00:00.000Z')], never)
    await again.tidied()
    await again.stop()
    t.strictSame(Object.keys(await sequencesIn(dir)), [
      `2026-05-03_${EPOCH}_0000000003-0000000003.ndjson.gz`,
      `2026-05-04_${EPOCH}_0000000004.ndjson.open`,
    ])
  })
})

/** A short message, with what a reader of lines stumbles over. */
function small(sequence: number): OutboxEntry {
  const { vl53l8ch: _, as7341: __, fusion: ___, ...rest } = inspection(sequence, { sample_id: 'a"b,\r\nc\n' })
  return { ...entry(sequence), payload: JSON.stringify(rest) }
}

function readable(bytes: Buffer): Readable {
  return {
    read: (buffer, offset, length, position) => {
      const bytesRead = bytes.copy(buffer, offset, position, position + length)
      return Promise.resolve({ bytesRead })
    },
  }
}

test('killed at any byte of the last two lines: all that is whole is found, and no more', async (t) => {
  const stretch = { epoch: EPOCH, first: 3, unsure: 4 }
  for (const form of [FORMS.ndjson, FORMS.csv]) {
    const lines = range(3, 10).map((sequence) => Buffer.from(form.record(small(sequence))))
    const whole = Buffer.concat([Buffer.from(form.header), ...lines])
    const ends = lines.map(
      (_, place) => Buffer.byteLength(form.header) + Buffer.concat(lines.slice(0, place + 1)).length,
    )
    let wrong = 0
    // Of the batch that was being written, four lines: before it everything was synced.
    for (let length = whole.length; length >= (ends[5] ?? 0); length -= 1) {
      const reached = ends.filter((end) => end <= length)
      const expected = { bytes: reached.at(-1), last: 2 + reached.length }
      const cut = whole.subarray(0, length)
      // The disk may have given the file its length and not all of its bytes: before the cut, or behind it.
      const zeros = Buffer.concat([cut, Buffer.alloc(whole.length - length)])
      for (const left of [cut, zeros]) {
        const { bytes, last } = await readTail(readable(left), form, stretch)
        if (bytes !== expected.bytes || last !== expected.last) wrong += 1
      }
    }
    t.equal(wrong, 0, `${form.name}: ${whole.length - (ends[5] ?? 0)} cuts`)
    const holed = Buffer.from(whole).fill(0, (ends[4] ?? 0) + 40, (ends[4] ?? 0) + 60)
    t.match(
      await readTail(readable(holed), form, stretch),
      { bytes: ends[4], last: 7 },
      'a hole before whole lines',
    )
  }
})

test('killed and started again: none is missing, none is there twice', async (t) => {
  for (const form of ['ndjson', 'csv'] as const) {
    const dir = await folder(t)
    const all = range(1, 8).map(small)
    const sink = open(dir, { formats: [form] })
    await sendAll(sink, all.slice(0, 6))
    await sink.stop()
    const name = `2026-05-01_${EPOCH}_0000000001.${form}.open`
    const whole = await readFile(join(dir, name))
    for (const share of [0.7, 0.75, 0.8, 0.83, 0.9, 0.97, 1]) {
      await writeFile(join(dir, name), whole.subarray(0, Math.floor(whole.length * share)))
      const next = open(dir, { formats: [form] })
      // The cursor is saved late: it may stand before what the file holds.
      await sendAll(next, all.slice(2))
      await next.stop()
      t.strictSame(await sequencesIn(dir, form), { [name]: range(1, 8) }, `${form} cut at ${share}`)
    }
  }
})

test('a file of which not even the header is there begins anew', async (t) => {
  const dir = await folder(t)
  for (const length of [0, 1, 500]) {
    const name = join(dir, `2026-05-01_${EPOCH}_0000000001.csv.open`)
    await writeFile(name, `schema,${'x'.repeat(1000)}`.slice(0, length))
    const sink = open(dir, { formats: ['csv'] })
    await sendAll(sink, entries(1, 2))
    await sink.stop()
    t.strictSame(Object.values(await sequencesIn(dir, 'csv')), [[1, 2]])
    await rm(name)
  }
})

test('a disk that is away is an error, and then goes on where it was', async (t) => {
  const dir = join(await folder(t), 'disk')
  await writeFile(dir, 'in the way')
  const sink = open(dir)
  await sink.start()
  await t.rejects(sink.send(entries(1, 2), never), /EEXIST|ENOTDIR/)
  await rm(dir)
  await mkdir(dir)
  t.equal(await sink.send(entries(1, 2), never), 2)
  await sink.stop()
  t.strictSame(Object.values(await sequencesIn(dir)), [[1, 2]])
})

test('CSV', async (t) => {
  await t.test('has a fixed order, which only ever grows at its end', (t) => {
    t.equal(CSV_SCHEMA, 'poincon.inspection.csv/1')
    t.equal(COLUMNS.length, 124)
    t.strictSame(COLUMNS.slice(0, 4), ['schema', 'epoch', 'sequence', 'id'])
    t.strictSame(COLUMNS.slice(82, 84), ['meta_humidity_percent', 'meta_config_profile'])
    t.equal(COLUMNS[112], 'old_head_advice_fusion_confidence_level')
    t.equal(COLUMNS.at(-1), 'camera_expected_texts')
    t.equal(new Set(COLUMNS).size, COLUMNS.length)
    t.end()
  })

  await t.test('has a column for every scalar of the message', (t) => {
    const known = new Set(COLUMNS)
    const without = scalars(z.toJSONSchema(inspectionMessage), '').filter((name) => !known.has(name))
    t.strictSame(without.sort(), ['type'], 'a new one is added at the end of the columns')
    t.end()
  })

  await t.test('keeps every value, and says nothing of what was not measured', (t) => {
    const message = inspection(3, { lot_id: 'L, 42="x"\r\nend', dry_run: true })
    const [fields = []] = parseCsv(`${csvRecord(message)}\r\n`)
    const value = (name: string): string | undefined => fields[COLUMNS.indexOf(name)]
    t.equal(value('lot_id'), 'L, 42="x"\r\nend')
    t.equal(value('vl53l8ch_volume_mm3'), '210345.5')
    t.equal(value('as7341_channels_F8_680nm'), '4000.5')
    t.equal(value('as7341_channels_F2_445nm'), '')
    t.equal(value('vl53l8ch_defects'), '1')
    t.equal(value('as7341_saturated'), 'Clear')
    t.equal(value('verdict_reasons'), '')
    t.equal(value('vl53l8ch_bins_analysis'), '{"peaks":64}')
    t.equal(value('mass_g_estimate'), '')
    t.equal(value('dry_run'), 'true')
    t.strictSame(firstFields(csvRecord(message), 200), fields)
    t.end()
  })
})

interface JsonSchema {
  readonly type?: string
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
}

/** Names of all scalars with a fixed name, nested names joined with `_`. */
function scalars(schema: unknown, name: string): string[] {
  const { type, anyOf, oneOf, properties } = z
    .custom<JsonSchema>((value) => typeof value === 'object')
    .parse(schema)
  const alternatives = anyOf ?? oneOf
  if (alternatives !== undefined) return [...new Set(alternatives.flatMap((one) => scalars(one, name)))]
  if (properties === undefined) return type === 'array' || type === 'object' ? [] : [name]
  const prefix = name === '' ? '' : `${name}_`
  return Object.entries(properties).flatMap(([key, value]) => scalars(value, `${prefix}${key}`))
}
