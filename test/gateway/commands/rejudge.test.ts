import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { stringify } from 'yaml'
import { z } from 'zod'
import { rejudgeCommand } from '../../../gateway/commands/rejudge.ts'
import { rawLine } from '../../../gateway/raw.ts'
import {
  BUSY,
  configFor,
  folder,
  LATE,
  LogWriter,
  meddle,
  type Recorded,
  recipe,
  recordedScene,
  type Said,
  said,
} from '../rejudge/logs.ts'

const STANDARD = 'foiegras_standard_barquette'
let scene: Recorded
let dir = ''

const line = z.looseObject({
  sequence: z.number(),
  volume_mm3: z.number().optional(),
  grade: z.string().optional(),
  action: z.string().optional(),
  score: z.number().optional(),
  reasons: z.array(z.string()).optional(),
  changed: z.boolean().optional(),
})

function linesOf({ stdout }: Said): z.infer<typeof line>[] {
  return stdout
    .trimEnd()
    .split('\n')
    .slice(0, -1)
    .map((text) => line.parse(JSON.parse(text)))
}

function summaryOf({ stdout }: Said): unknown {
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
}

test('rejudge', async (t) => {
  dir = await folder(t)
  const config = await configFor(dir)
  scene = await recordedScene(dir, 12, 15)
  const rejudge = (...args: string[]): Promise<Said> =>
    said(t, () => rejudgeCommand(['--config', config, ...args]))
  const strict = {
    ...recipe(),
    revision: 2,
    grading: { ...recipe().grading, thresholds: { 'A+': 0.97, A: 0.93, B: 0.9, C: 0.88 } },
  }
  const strictFile = join(dir, 'strict.yaml')
  await writeFile(strictFile, stringify(strict))

  await t.test('a recording without a station: what is derived, for a truth of one’s own', async (t) => {
    const args = ['--recipe', STANDARD, '--calibration-file', scene.trayFile, scene.file]
    const ended = await rejudge('--json', ...args)
    t.equal(ended.code, 0)
    const truths = (await readFile(join(dir, 'truth.jsonl'), 'utf8')).trimEnd().split('\n')
    const truth = z.object({ volume_mm3: z.number().optional() })
    const errors = linesOf(ended).flatMap(({ volume_mm3 }, index) => {
      const { volume_mm3: real } = truth.parse(JSON.parse(truths[index] ?? ''))
      return real === undefined || volume_mm3 === undefined ? [] : [volume_mm3 / real - 1]
    })
    t.ok(errors.length > 10)
    t.ok(
      errors.every((error) => Math.abs(error) < 0.2),
      String(errors),
    )
    t.match(linesOf(ended)[0], { sequence: 1, kind: 'graded', lab: {}, findings: [], changed: undefined })
    t.match(summaryOf(ended), { summary: 'rejudge', parts: 15, compared: 0 })
    t.match((await rejudge(...args)).stdout, /15 had no verdict to compare with; all parts after: A\+ \d/)
    t.equal((await rejudge('--json', ...args)).stdout, ended.stdout, 'twice the same')
  })

  await t.test('a recording that names recipe and calibration, and holds the calibration', async (t) => {
    const file = join(dir, 'named.jsonl')
    const named = scene.records.map((record) =>
      rawLine({ ...record, recipe: { id: STANDARD, revision: 1 }, calibration: [scene.tray.id] }),
    )
    const tray = JSON.stringify({ schema: 'poincon.calibration/1', ...scene.tray })
    // A calibration may stand behind the parts that name it.
    await writeFile(file, `${named.join('\n')}\n\n${tray}\n`)
    t.match(summaryOf(await rejudge('--json', file)), { parts: 15, compared: 15, changed: 0 })
    const ended = await rejudge('--json', '--recipe-file', strictFile, file)
    t.match(summaryOf(ended), { parts: 15, compared: 15 })
    t.ok(linesOf(ended).some(({ changed }) => changed === true))
    await appendFile(file, '{"schema":"poincon.raw/1","heads":7}\n')
    await t.rejects(rejudge(file), {
      message: `${file}:18: heads: 7: Invalid input: expected record, received number`,
    })
  })

  await t.test('the log of a station, with another recipe', async (t) => {
    const writer = await LogWriter.open(join(dir, 'data'), scene.tray)
    const [first, second, third, ...others] = scene.records
    if (first === undefined || second === undefined || third === undefined) throw new Error('too few parts')
    await writer.append({ record: first, instead: LATE })
    await writer.append({ record: { ...second, heads: {} }, instead: BUSY })
    await writer.append({ record: third, silent: ['spectral'] })
    await writer.append(...others.map((record) => ({ record })))

    const same = await rejudge('--json')
    t.match(summaryOf(same), { parts: 15, compared: 15, changed: 0, without_analysis: 2 })
    t.match(linesOf(same)[2], { reasons: ['sensor-timeout:spectral'], changed: false })

    await writer.store.recipes.save(STANDARD, strict, 'test')
    const newest = await rejudge('--json', '--recipe', STANDARD)
    const graded = linesOf(newest).slice(3)
    t.ok(graded.filter(({ changed }) => changed).length >= 6, newest.stderr)
    for (const { grade, action } of graded) t.equal(action, grade === 'REJECT' ? 'reject' : 'accept')
    t.match(linesOf(newest)[0], {
      reasons: ['late'],
      action: 'reject',
      changed: false,
      without_analysis: true,
    })
    t.match(summaryOf(await rejudge('--json', '--recipe', STANDARD, '--revision', '1')), { changed: 0 })
    t.match(summaryOf(await rejudge('--json', '--from', '4', '--to', '9')), { parts: 6 })

    const text = await rejudge('--recipe', STANDARD)
    t.match(text.stdout, /^#\d+ {2}lot-\d+ {2}A\+? 0\.\d+ → \S+ 0\.\d+ {2}accept/m)
    t.match(text.stdout, /grade before \(row\) and after \(column\)\n +A\+ +A +B +C +REJECT +ungraded\n/)
    t.match(text.stdout, /accept → reject: \d+/)
    await writer.store.close()
    await meddle(join(dir, 'data'), 'DELETE FROM raw WHERE position <= 5')
    t.match(await rejudge(), { code: 1, stderr: /5 not judged: its raw data are gone/ })
  })

  await t.test('what cannot be done is said', async (t) => {
    const wrong: [RegExp, ...string[]][] = [
      [/--recipe nose: there is no such recipe/, '--recipe', 'nose'],
      [/--recipe and --recipe-file: expected one/, '--recipe', STANDARD, '--recipe-file', strictFile],
      [/--revision two: expected a number/, '--recipe', STANDARD, '--revision', 'two'],
      [/--calibration none: there is no such calibration/, '--calibration', 'none'],
      [/belong to the log/, '--from', '1', scene.file],
      [/raw.jsonl: shape|raw.jsonl: /, '--recipe-file', scene.file],
    ]
    for (const [expected, ...args] of wrong) t.match(await rejudge(...args), { code: 2, stderr: expected })
    const empty = join(dir, 'empty.jsonl')
    await writeFile(empty, '')
    await t.rejects(rejudge(empty), { message: /empty\.jsonl:1: the file is empty/ })
    await t.rejects(rejudge(join(dir, 'absent.jsonl')), { message: /ENOENT.*absent\.jsonl/ })
    t.match(await rejudge(scene.file), {
      code: 1,
      stderr: /15 not judged: it names no recipe\n.*no part was judged/,
    })
  })
})
