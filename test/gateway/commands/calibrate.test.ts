import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { calibrateCommand } from '../../../gateway/commands/calibrate.ts'
import { gaugeCommand } from '../../../gateway/commands/gauge.ts'
import { lockDirectory } from '../../../gateway/store/lock.ts'

/** What a command wrote, and its exit code. */
async function said(
  t: Test,
  run: () => Promise<number>,
): Promise<{ code: number; out: string; err: string }> {
  const out = t.capture(process.stdout, 'write', () => true)
  const err = t.capture(process.stderr, 'write', () => true)
  try {
    const code = await run()
    const text = (calls: readonly { readonly args: readonly unknown[] }[]): string =>
      calls.map(({ args }) => String(args[0])).join('')
    return { code, out: text(out()), err: text(err()) }
  } finally {
    out.restore()
    err.restore()
  }
}

async function configured(t: Test): Promise<{ readonly file: string; readonly data: string }> {
  const dir = t.testdir()
  const data = join(dir, 'data')
  const file = join(dir, 'poincon.yaml')
  await writeFile(file, `data_dir: ${data}\n`)
  return { file, data }
}

test('wrong usage is 2, with what was expected', async (t) => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['', /^poincon calibrate list/],
    ['grey', /^poincon calibrate grey: no such calibration/],
    ['offset', /--distance: missing: expected 20 to 4000/],
    ['offset --distance far', /--distance far: expected a number from 20 to 4000/],
    ['crosstalk --distance 600.5', /--distance 600\.5: expected a whole number from 600 to 3000/],
    ['dark --stage fried', /--stage fried: expected one of raw, mi-cuit, cooked, none/],
    ['white --stage raw', /expected either --tile FILE or --reflectance R/],
    ['golden define', /--part : expected 1 to 64 of letters/],
    ['golden check --part g1 --tolerance volume=3', /--tolerance .*volume/],
    ['golden check --part g1 --tolerance volume_percent=', /--tolerance volume_percent: /],
    ['tray --valid-days 0', /--valid-days 0: expected a number from 0\.0417 to 3660/],
  ]
  for (const [line, message] of wrong) {
    const { code, err } = await said(t, () => calibrateCommand(line.split(' ').filter((word) => word !== '')))
    t.equal(code, 2, line)
    t.match(err, message)
  }
  t.equal((await said(t, () => calibrateCommand(['--help']))).code, 0)
  t.equal((await said(t, () => gaugeCommand(['--parts', '3']))).code, 2)
})

test('a list of nothing, and a refusal while a gateway runs', async (t) => {
  const { file, data } = await configured(t)
  t.match(await said(t, () => calibrateCommand(['list', '--json', '--config', file])), {
    code: 0,
    out: '[]\n',
  })
  const gateway = await lockDirectory(data)
  const refused = await said(t, () => calibrateCommand(['tray', '--config', file]))
  t.equal(refused.code, 1)
  t.match(refused.err, /^refused: a gateway runs with .*\nNothing was kept\.\n$/)
  const json = await said(t, () => calibrateCommand(['tray', '--json', '--config', file]))
  t.match(JSON.parse(json.out), { refused: /^a gateway runs/ })
  await gateway.close()
})

test('a study in a file needs no station', async (t) => {
  const file = join(t.testdir(), 'study.csv')
  await writeFile(
    file,
    'part,operator,value\n1,A,1\n1,A,1.1\n1,B,1\n1,B,1.1\n2,A,9\n2,A,9.1\n2,B,9\n2,B,9.1\n',
  )
  const { code, out } = await said(t, () => gaugeCommand(['--from', file, '--json', '--tolerance', '10']))
  t.equal(code, 0)
  t.match(JSON.parse(out), { parts: 2, operators: 2, repeats: 2, verdict: 'acceptable', sigmas: 6 })
  t.match(JSON.parse(out).components.grr, { study_percent: Number, tolerance_percent: Number })
  const text = await readFile(file, 'utf8')
  await writeFile(file, text.slice(0, -8))
  const short = await said(t, () => gaugeCommand(['--from', file]))
  t.equal(short.code, 1)
  t.equal(short.err, 'poincon gauge: readings of part 2 by operator B: 1: expected 2, as elsewhere\n')
})
