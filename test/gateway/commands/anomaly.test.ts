import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { parseAnomalyFile } from '../../../gateway/anomaly.ts'
import { anomalyCommand } from '../../../gateway/commands/anomaly.ts'
import { configFor, folder, LogWriter, recipe, recordedScene, type Said, said } from '../rejudge/logs.ts'

const STANDARD = 'foiegras_standard_barquette'

test('a station learns from its log what good parts look like', async (t) => {
  const dir = await folder(t)
  const config = await configFor(dir)
  const anomaly = (...args: string[]): Promise<Said> =>
    said(t, () => anomalyCommand(['--config', config, ...args]))
  const { records, tray } = await recordedScene(dir, 14, 170)
  const writer = await LogWriter.open(join(dir, 'data'), tray)
  await writer.append(...records.slice(0, 8).map((record) => ({ record })))

  const few = await anomaly('train', '--recipe', STANDARD)
  t.equal(few.code, 1)
  t.match(few.stderr, /\d+ good parts \(A\+, A, all measured\); \d+ are needed: \d+ are missing/)
  t.match(await anomaly('show', '--recipe', STANDARD), {
    code: 1,
    stderr: /no such model: poincon anomaly train/,
  })

  await writer.append(...records.slice(8).map((record) => ({ record })))
  const trained = await anomaly('train', '--recipe', STANDARD, '--grades', 'A+,A,B')
  t.equal(trained.code, 0, trained.stderr)
  const path = join(dir, 'data', 'anomaly', `${STANDARD}.raw.json`)
  t.match(trained.stdout, path)
  const file = parseAnomalyFile(await readFile(path, 'utf8'))
  t.match(file.trained, { epoch: writer.store.epoch.epoch, grades: ['A+', 'A', 'B'], seed: 1 })
  t.match((await anomaly('show', '--recipe', STANDARD)).stdout, `sha256 ${file.sha256}`)

  const scored = await anomaly('score', '--recipe', STANDARD, '--json', '--from', '121')
  const summary: unknown = JSON.parse(scored.stdout.trimEnd().split('\n').at(-1) ?? '')
  t.match(summary, { summary: 'anomaly', limit: 0.01, model: `sha256:${file.sha256}` })
  const empty = records.length - 120 - (scored.stdout.trimEnd().split('\n').length - 1)
  t.ok(empty < 8, 'a part for every line, but for trays that came empty')
  t.match(
    (await anomaly('score', '--recipe', STANDARD, '--from', '140')).stdout,
    /\d+ of \d+ parts are stranger/,
  )

  const { material, ...shapeOnly } = recipe()
  t.ok(material)
  await writer.store.recipes.save(STANDARD, shapeOnly, 'test')
  t.match(await anomaly('score', '--recipe', STANDARD), {
    code: 1,
    stderr: /measures otherwise now: train it anew/,
  })
  t.match((await anomaly('show', '--recipe', STANDARD)).stderr, /measures otherwise now/)
  await writer.store.close()
})

test('what it is asked wrongly', async (t) => {
  const dir = await folder(t)
  const config = await configFor(dir)
  const { tray } = await recordedScene(dir, 15, 1)
  const writer = await LogWriter.open(join(dir, 'data'), tray)
  await writer.store.close()
  const wrong: [RegExp, ...string[]][] = [
    [/poincon anomaly train --recipe ID/, 'learn', '--recipe', STANDARD],
    [/poincon anomaly train --recipe ID/, 'train'],
    [/--recipe nose: there is no such recipe/, 'train', '--recipe', 'nose'],
    [/--grades A,REJECT: REJECT: expected/, 'train', '--recipe', STANDARD, '--grades', 'A,REJECT'],
    [/--seed x: expected a whole number/, 'train', '--recipe', STANDARD, '--seed', 'x'],
    [/--limit 2: expected more than 0/, 'score', '--recipe', STANDARD, '--limit', '2'],
  ]
  for (const [expected, ...args] of wrong) {
    t.match(await said(t, () => anomalyCommand(['--config', config, ...args])), { code: 2, stderr: expected })
  }
})
