import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { test } from 'tap'
import { exportCommand } from '../../../gateway/commands/export.ts'
import { COLUMNS } from '../../../gateway/export/columns.ts'
import { inspectionMessage } from '../../../gateway/message.ts'
import { rawRecord } from '../../../gateway/raw.ts'
import { packageVersion } from '../../../gateway/version.ts'
import { configFor, folder, LogWriter, recordedScene, said } from '../rejudge/logs.ts'

test('poincon export', async (t) => {
  const dir = await folder(t)
  const scene = await recordedScene(await folder(t), 5, 6)
  const config = await configFor(dir)
  const writer = await LogWriter.open(join(dir, 'data'), scene.tray)
  await writer.append(...scene.records.map((record) => ({ record, software: packageVersion() })))
  const stored = await writer.store.from(1, 10)
  await writer.store.close()
  const exported = (...args: string[]) => said(t, () => exportCommand(['--config', config, ...args]))

  await t.test('whole messages, byte for byte, of a stretch', async (t) => {
    const { code, stdout } = await exported('--from', '2', '--to', '4')
    t.equal(code, 0)
    t.equal(
      stdout,
      stored
        .slice(1, 4)
        .map(({ payload }) => `${payload}\n`)
        .join(''),
    )
    t.equal(inspectionMessage.parse(JSON.parse(stdout.split('\n')[0] ?? '')).sequence, 2)
  })

  await t.test('scalars in columns, into a file that is there whole or not at all', async (t) => {
    const out = join(dir, 'parts.csv')
    t.match(await exported('--format', 'csv', '--out', out), { code: 0, stdout: '' })
    const [header = '', ...records] = (await readFile(out, 'utf8')).split('\r\n')
    t.equal(header, COLUMNS.join(','))
    t.equal(records.length, stored.length + 1)
    t.match(await exported('--from', '2090-01-01', '--out', join(dir, 'none.csv')), {
      code: 1,
      stderr: /nothing in this stretch of the log/,
    })
    t.strictSame(
      (await readdir(dir)).filter((name) => name.startsWith('none')),
      [],
    )
  })

  await t.test('columns with types', async (t) => {
    const out = join(dir, 'parts.parquet')
    t.match(await exported('--format', 'parquet', '--out', out), { code: 0, stdout: '' })
    const rows = await parquetReadObjects({ file: await asyncBufferFromFile(out) })
    t.strictSame(
      rows.map(({ id }) => id),
      stored.map(({ id }) => id),
    )
    const none = ['--from', '2090-01-01', '--out', join(dir, 'none.parquet')]
    t.match(await exported('--format', 'parquet', ...none), { code: 1, stderr: /nothing in this stretch/ })
    t.match(await exported('--format', 'parquet'), { code: 2, stderr: /expected --out FILE/ })
  })

  await t.test('raw data, as they can be judged again', async (t) => {
    const { code, stdout } = await exported('--format', 'raw')
    t.equal(code, 0)
    const records = stdout
      .trimEnd()
      .split('\n')
      .map((line) => rawRecord.parse(JSON.parse(line)))
    t.equal(records.length, stored.length)
    t.strictSame(Object.keys(records[0]?.heads ?? {}), Object.keys(scene.records[0]?.heads ?? {}))
  })

  await t.test('says what it does not understand', async (t) => {
    t.match(await exported('--format', 'xml'), {
      code: 2,
      stderr: /--format xml: expected one of ndjson, csv, parquet, raw/,
    })
    t.match(await exported('--from', 'yesterday'), { code: 2, stderr: /--from yesterday: expected/ })
  })
})
