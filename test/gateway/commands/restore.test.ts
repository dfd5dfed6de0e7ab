import { readdir, readFile, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { poincon } from '../../fakes/station-process.ts'
import { logOf, playground } from '../backup/stations.ts'

test('a list, a drill, and a restore into another directory', async (t) => {
  const { dataDir, dir } = await playground(t)
  const env = { POINCON_DATA_DIR: dataDir }
  t.match(await poincon(['backup', 'drill'], { env }), { code: 1, stderr: /no backup to restore/ })
  await logOf(dataDir, 40)
  t.match(await poincon(['backup'], { env }), {
    code: 0,
    stdout: /MB, 40 inspections, up to sequence 40 of epoch .*\n {2}copied in .* s, verified in .* s/,
  })
  t.match(await poincon(['backup', 'list'], { env }), { stdout: /40 inspections, sequence 40/ })
  const drilled = await poincon(['backup', 'drill', '--json'], { env })
  t.equal(drilled.code, 0)
  t.match(JSON.parse(drilled.stdout), { inspections: 40, raw_records: 40, verified: 40, sequence: 40 })
  t.match(
    (await poincon(['backup', 'drill'], { env })).stdout,
    /the chain of 40 inspections up to sequence 40/,
  )

  const file = join(dir, 'mine.db')
  t.match(await poincon(['backup', '--out', file], { env }), { code: 0 })
  t.match(await poincon(['backup', 'drill', file], { env }), {
    code: 0,
    stdout: /verified: the chain of 40 inspections up to sequence 40 of epoch/,
  })
  const other = join(dir, 'other')
  const restored = await poincon(['restore', file, '--data-dir', other, '--json'])
  t.match(JSON.parse(restored.stdout), { data_dir: other, inspections: 40, verified: 40 })
  t.ok((await readdir(other)).includes('poincon.db'))

  await truncate(file, 8192)
  for (const verb of [
    ['restore', file, '--data-dir', join(dir, 'third')],
    ['backup', 'drill', file],
  ]) {
    t.match(await poincon(verb, { env }), { code: 4, stderr: /mine\.db: 8192 bytes, its manifest says \d+/ })
  }
  t.match(JSON.parse(await readFile(`${file}.json`, 'utf8')), { schema: 'poincon.backup/1' })
})

test('wrong usage', async (t) => {
  for (const args of [['backup', 'everything'], ['backup', '--in', '/tmp'], ['restore']]) {
    t.match(await poincon(args), { code: 2, stderr: /Exit codes/ }, args.join(' '))
  }
  t.match(await poincon(['restore', '/no/such.db', '--data-dir', '/tmp/none']), {
    code: 1,
    stderr: /such\.db: no such file/,
  })
})
