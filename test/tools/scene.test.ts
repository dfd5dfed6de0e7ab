import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Test, test } from 'tap'
import { z } from 'zod'
import { decodeFrame } from '../../drivers/vl53l8ch/ranges.ts'
import { readRecording } from '../../gateway/replay/formats.ts'
import { orderOf, run } from './scene-order.ts'

const SCENE = fileURLToPath(new URL('./scene.js', import.meta.url))
const scene = (...args: string[]): Promise<{ stdout: string }> =>
  promisify(execFile)(process.execPath, [SCENE, ...args])

const truths = z.object({
  number: z.int(),
  present: z.boolean(),
  x_mm: z.number().optional(),
  belt: z.object({ mm_per_s: z.number(), from_mm: z.number() }).optional(),
})
const raws = z.object({
  trigger: z.object({ number: z.int() }),
  heads: z.object({
    tof: z.object({
      payload: z.string(),
      looks: z.array(z.object({ belt_mm: z.number().optional(), payload: z.string() })).optional(),
    }),
    spectral: z.object({ kind: z.literal('as7341') }),
  }),
})

async function recorded(t: Test, ...args: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'poincon-scene-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await run(orderOf([...args, '--out', folder]))
  const lines = async (name: string): Promise<string[]> =>
    (await readFile(join(folder, name), 'utf8')).trimEnd().split('\n')
  return {
    truth: (await lines('truth.jsonl')).map((line) => truths.parse(JSON.parse(line))),
    raw: (await lines('raw.jsonl')).map((line) => raws.parse(JSON.parse(line))),
    text: { raw: (await lines('raw.jsonl')).join('\n'), tray: (await lines('empty-tray.jsonl')).join('\n') },
    calibration: await readFile(join(folder, 'calibration.jsonl'), 'utf8'),
  }
}

test('a still part: one look, no belt; the same order gives the same bytes', async (t) => {
  const order = ['--seed', '3', '--count', '3']
  const [one, again] = [await recorded(t, ...order), await recorded(t, ...order)]
  t.same(one.text, again.text)
  t.equal(one.calibration, again.calibration)
  t.same(
    one.truth.map(({ number }) => number),
    [1, 2, 3],
  )
  t.ok(one.truth.every(({ belt }) => belt === undefined))
  t.ok(one.raw.every(({ heads }) => heads.tof.looks === undefined))
  t.equal(readRecording('raw.jsonl', one.text.raw).records.length, 3)
  t.equal(readRecording('empty-tray.jsonl', one.text.tray).records.length, 32)
  const { trays } = readRecording('calibration.jsonl', one.calibration)
  t.match(trays, [{ kind: 'empty-tray', frames: 32, heads: ['tof', 'spectral'] }])
  t.ok(trays[0]?.rangeMm.every((range) => range !== null && Math.abs(range - 320) < 20))
})

test('several looks at a still part', async (t) => {
  const { raw } = await recorded(t, '--seed', '3', '--count', '2', '--frames', '4')
  for (const { heads } of raw) {
    t.equal(heads.tof.looks?.length, 4)
    t.equal(heads.tof.looks?.at(-1)?.payload, heads.tof.payload, 'the last of them is the payload')
    t.ok(heads.tof.looks?.every(({ belt_mm }) => belt_mm === undefined))
    t.equal(new Set(heads.tof.looks?.map(({ payload }) => payload)).size, 4, 'each with its own noise')
  }
})

/** Along the belt, of what stands out of the tray. */
function centreMm(rangeMm: ArrayLike<number>): number {
  let [sum, weight] = [0, 0]
  for (let zone = 0; zone < 64; zone += 1) {
    const range = rangeMm[zone] ?? 320
    if (range > 300) continue
    sum += (320 - range) * ((zone % 8) - 3.5) * 0.104 * range
    weight += 320 - range
  }
  return sum / weight
}

test('a part that moves is where the belt travel of each look says', async (t) => {
  const { truth, raw } = await recorded(
    t,
    '--seed',
    '3',
    '--recipe',
    'foiegras_haute_resolution',
    '--count',
    '1',
  )
  t.equal(raw.length, 1)
  for (const [index, { heads }] of raw.entries()) {
    const { belt, x_mm: xMm = Number.NaN } = truth[index] ?? {}
    const looks = heads.tof.looks ?? []
    t.equal(belt?.mm_per_s, 100)
    const travel = looks.map(({ belt_mm: mm = Number.NaN }) => mm)
    const steps = travel.slice(1).map((mm, at) => mm - (travel[at] ?? Number.NaN))
    t.ok(
      steps.every((step) => Math.abs(step - 100 / 15) < 0.01),
      'a look every 6.7 mm',
    )
    let seen = 0
    for (const [at, { payload }] of looks.entries()) {
      const place = (belt?.from_mm ?? Number.NaN) + (travel[at] ?? Number.NaN) + xMm
      if (Math.abs(place) > 60) continue
      const { rangeMm } = decodeFrame(Buffer.from(payload, 'base64'), 64, 1, 0)
      t.ok(
        Math.abs(centreMm(rangeMm) - place) < 15,
        `at ${place.toFixed(0)}, seen at ${centreMm(rangeMm).toFixed(0)} mm`,
      )
      seen += 1
    }
    t.ok(seen > 10, `${seen} looks near the axis`)
  }
})

test('truth alone, its map’s pitch, and what is not understood', async (t) => {
  const { stdout } = await scene('--count', '2', '--pitch', '20', '--hard')
  const [first = ''] = stdout.split('\n')
  t.match(JSON.parse(first), { schema: 'poincon.truth/1', height_map: { pitch_mm: 20 }, tray: true })
  await t.rejects(scene('--fast'), { code: 2, stderr: /Unknown option '--fast'/ })
  for (const [args, message] of [
    [['--frames', '0'], /--frames 0: expected a whole number, 1…1000/],
    [['--belt', 'fast'], /--belt fast: expected a number, 0…2000/],
    [['--seed', ''], /--seed : expected a whole number/],
    [['--recipe', 'pork'], /no profile pork/],
  ] as const) {
    t.throws(() => orderOf(args), message)
  }
})
