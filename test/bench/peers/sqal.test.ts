import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { estimatedMassG } from '../../../bench/peers/sqal/backend.ts'
import { compare } from '../../../bench/peers/sqal/compare.ts'
import { movingAverage, processCapability } from '../../../bench/peers/sqal/dimensions.ts'
import { argmax, gradient, mean, median, nanmean, nanstd, std, sum } from '../../../bench/peers/sqal/numpy.ts'
import { integer, max, min, PythonError, round, twoDecimals } from '../../../bench/peers/sqal/python.ts'
import { convolveSame, findPeaks, gaussianWindow } from '../../../bench/peers/sqal/signal.ts'
import { gridIntegral, gridSimpson, integral, resample } from '../../../bench/peers/sqal/spline.ts'
import { checkLine } from '../../../bench/peers/sqal/vectors.ts'
import { type OriginalInput, originalVerdict } from '../../../bench/peers/sqal/verdict.ts'
import { missing, sharedData } from '../../fakes/shared.ts'

for (const [file, lines] of [
  ['sqal/vectors_public.jsonl', 200],
  ['sqal/vectors_functions.jsonl', 199],
] as const) {
  const path = sharedData(file)
  test(`every field of ${file} is reproduced`, { skip: path ? false : missing(file) }, (t) => {
    if (path === undefined) throw new Error('not skipped')
    const texts = readFileSync(path, 'utf8').split('\n').filter(Boolean)
    t.equal(texts.length, lines)
    for (const text of texts) {
      const { id, fields, differences } = checkLine(text)
      if (fields === 0 || differences.length > 0) t.fail(id, { fields, differences })
    }
    t.end()
  })
}

const flat = (value: number, size = 8) => Array.from({ length: size }, () => Array<number>(size).fill(value))
const REFERENCE_COUNTS = {
  F1_violet: 1600,
  F2_indigo: 2400,
  F3_blue: 2000,
  F4_cyan: 7600,
  F5_green: 3600,
  F6_yellow: 2400,
  F7_orange: 4600,
  F8_red: 3000,
  NIR: 2400,
  Clear: 26400,
  Flicker: 1,
}
const EMPTY_TRAY: OriginalInput = {
  distance: flat(95),
  reflectance: flat(55),
  amplitude: flat(300),
  counts: REFERENCE_COUNTS,
}

test('the original grades an empty tray A+', (t) => {
  const { vl53l8ch, as7341, fusion } = originalVerdict(EMPTY_TRAY)
  t.equal(vl53l8ch.grade, 'Grade A - Excellente qualité')
  t.equal(as7341?.grade, 'A+')
  t.equal(fusion.final_grade, 'A+')
  t.equal(vl53l8ch.stats.base_area_mm2, 90_000, 'of a tray of 54 000 mm²')
  t.end()
})

test('the original takes a part on its tray for foreign bodies', (t) => {
  const dome = (i: number, j: number) => Math.max(0, 80 * (1 - ((i - 3.5) / 3) ** 2 - ((j - 3.5) / 3) ** 2))
  const distance = flat(95).map((row, i) => row.map((d, j) => d - dome(i, j)))
  const { vl53l8ch, fusion } = originalVerdict({ ...EMPTY_TRAY, distance })
  t.ok(vl53l8ch.defects.length >= 5)
  t.ok(vl53l8ch.defects.every((defect) => defect.type === 'foreign_body'))
  t.equal(vl53l8ch.grade, 'REJET - Qualité insuffisante')
  t.equal(fusion.final_grade, 'REJECT')
  t.end()
})

test('without a spectrum the original passes the ToF verdict on', (t) => {
  const { distance, reflectance, amplitude } = EMPTY_TRAY
  const { as7341, fusion } = originalVerdict({ distance, reflectance, amplitude })
  t.equal(as7341, null)
  t.match(fusion, {
    fusion_mode: 'ToF only',
    final_grade: 'Grade A - Excellente qualité',
    tof_contribution: 1,
    spectral_contribution: 0,
  })
  t.end()
})

test('where the original raised, so does this', (t) => {
  const nan = { ...REFERENCE_COUNTS, F7_orange: Number.NaN }
  t.throws(
    () => originalVerdict({ ...EMPTY_TRAY, counts: nan }),
    new PythonError('ValueError', 'cannot convert float NaN to integer'),
  )
  t.throws(
    () => integer(Number.POSITIVE_INFINITY),
    new PythonError('OverflowError', 'cannot convert float infinity to integer'),
  )
  t.end()
})

test('the spline integrates a bicubic exactly, and so does Simpson over it', (t) => {
  const cubic = (x: number) => 2 - 3 * x + 0.5 * x ** 2 - 0.25 * x ** 3
  const primitive = (x: number) => 2 * x - 1.5 * x ** 2 + x ** 3 / 6 - x ** 4 / 16
  for (const size of [4, 5, 8, 16, 32]) {
    const line = Array.from({ length: size }, (_, x) => cubic(x))
    const surface = line.map((a) => line.map((b) => a * b))
    const exact = primitive(size - 1)
    t.ok(Math.abs(integral(line) / exact - 1) < 1e-12, `line of ${size}`)
    t.ok(Math.abs(gridIntegral(surface) / exact ** 2 - 1) < 1e-12, `grid of ${size}`)
    t.ok(Math.abs(gridSimpson(surface) / exact ** 2 - 1) < 1e-12, `Simpson on ${size}`)
    const finer = resample(line, size + 1)
    t.ok(Math.abs((finer[1] ?? 0) - cubic((size - 1) / size)) < 1e-9)
  }
  t.throws(() => integral([1, 2, 3]), RangeError)
  t.end()
})

test('np.gradient: central inside, one-sided at the edges', (t) => {
  t.same(gradient([1, 4, 9, 16]), [3, 4, 6, 7])
  t.same(gradient([1, 4]), [3, 3])
  t.end()
})

test('numpy sums in pairs, and its residues show', (t) => {
  const equal = Array<number>(64).fill(44.999)
  t.equal(mean(equal), 44.99900000000001)
  t.equal(std(equal), 7.105427357601002e-15)
  t.equal(std([1, 2, 3, 4], 1), Math.sqrt(5 / 3))
  t.equal(sum(Array.from({ length: 1000 }, (_, i) => i)), 499_500)
  t.equal(median([4, 1, 3, 2]), 2.5)
  t.ok(Number.isNaN(median([1, Number.NaN, 2])))
  t.equal(nanmean([1, Number.NaN, 3]), 2)
  t.equal(nanstd([1, Number.NaN, 3]), 1)
  t.equal(argmax([1, Number.NaN, 3]), 1, 'NaN counts as the greatest')
  t.end()
})

test('Python rounds exact halves to even, and only those', (t) => {
  t.same([0.5, 1.5, 2.5, -0.5, -1.5].map(integer), [0, 2, 2, -0, -2])
  t.same(
    [0.125, 0.375, 2.675, 1.005].map((x) => round(x, 2)),
    [0.12, 0.38, 2.67, 1],
    '2.675 lies below',
  )
  t.same(
    [0.25, 0.75, 0.05].map((x) => round(x, 1)),
    [0.2, 0.8, 0.1],
  )
  t.equal(estimatedMassG(500_000), 473.5)
  t.same([twoDecimals(0.125), twoDecimals(0.4), twoDecimals(Number.NaN)], ['0.12', '0.40', 'nan'])
  t.ok(Number.isNaN(max(Number.NaN, 1)), 'max keeps its first argument')
  t.equal(max(1, Number.NaN), 1)
  t.equal(min(1, Number.NaN), 1)
  t.end()
})

test('scipy.signal: a window, its convolution, peaks with prominence', (t) => {
  t.same(gaussianWindow(3, 1), [Math.exp(-0.5), 1, Math.exp(-0.5)])
  t.same(convolveSame([0, 0, 1, 0, 0], [1, 2, 3]), [0, 1, 2, 3, 0])
  t.same(convolveSame([1, 0, 0, 0], [1, 2]), [1, 2, 0, 0], 'an even kernel leads')
  t.same(findPeaks([0, 2, 2, 2, 0, 1, 0], 0, 0), [2, 5], 'the middle of a plateau')
  t.same(findPeaks([0, 5, 4, 5.1, 0], 0, 2), [3], 'a shoulder does not stand out')
  t.same(findPeaks([3, 1, 1, 3], 0, 0), [], 'the ends are no peaks')
  t.end()
})

test('process figures of a ramp', (t) => {
  const ramp = Array.from({ length: 20 }, (_, i) => 45 + i / 2)
  t.match(movingAverage(ramp, 10), {
    moving_avg: 52.25,
    moving_avg_50: null,
    trend: 'increasing',
    slope: 0.5,
  })
  t.match(processCapability(ramp.slice(0, 9), 45, 55), { process_capability: 'insufficient_data', cp: null })
  t.match(processCapability(Array<number>(12).fill(50), 45, 55), { process_capability: 'no_variation' })
  t.end()
})

test('the comparison finds what differs', (t) => {
  const paths = (expected: unknown, actual: unknown) =>
    compare(expected, actual).differences.map((difference) => difference.path)
  t.same(paths({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }), [])
  t.same(paths({ a: 1 }, { a: 1 + 1e-8 }), ['$.a'])
  t.same(paths({ a: 1 }, { a: 1 + 1e-10 }), [])
  t.same(paths({ a: 0 }, { a: 1e-300 }), ['$.a'])
  t.same(paths({ a: 5_000_000_001 }, { a: 5_000_000_000 }), ['$.a'], 'whole numbers are exact')
  t.same(paths({ volume_spline_mm3: 1.5 }, { volume_spline_mm3: 1.5 + 1e-7 }), [])
  t.same(paths({ a: 'NaN', b: 'Infinity' }, { a: Number.NaN, b: Number.POSITIVE_INFINITY }), [])
  t.same(paths({ a: true, b: 'x' }, { a: 1, b: 'y' }), ['$.a', '$.b'])
  t.same(paths({ a: [1, 2] }, { a: [1] }), ['$.a[1]'], 'missing')
  t.same(paths({ a: [] }, { a: [1] }), ['$.a[0]'], 'too many')
  t.same(paths({ a: {} }, { a: [] }), ['$.a'])
  t.equal(compare({ a: [], b: { c: 1, d: [2, 3] } }, {}).fields, 2)
  t.end()
})

test('the command says which fields differ and exits 1', (t) => {
  const file = join(t.testdir(), 'vectors.jsonl')
  const right = {
    id: 'right',
    function: 'calculate_delta_e',
    input: { lab: { L: 3, a: 0, b: 0 }, ref: { L: 0, a: 4, b: 0 } },
    expected: 5,
  }
  const wrong = { ...right, id: 'wrong', expected: 6 }
  const run = (...args: string[]) =>
    spawnSync(process.execPath, ['dist/bench/peers/sqal', ...args], { encoding: 'utf8' })

  writeFileSync(file, `${JSON.stringify(right)}\n`)
  const good = run('--vectors', file)
  t.equal(good.status, 0, good.stderr)
  t.match(good.stdout, /total: 1 lines, 1 fields, 1 matched, 0 differing\n$/)

  writeFileSync(
    file,
    [wrong, right]
      .map((line) => JSON.stringify(line))
      .join('\n')
      .concat('\n{"id":1}\n'),
  )
  const bad = run('--vectors', file)
  t.equal(bad.status, 1)
  t.match(bad.stdout, 'wrong $: expected 6, got 5')
  t.match(bad.stdout, 'line 3 $: expected a vector')
  t.match(bad.stdout, /total: 3 lines, 3 fields, 1 matched, 2 differing\n$/)

  t.equal(run().status, 2)
  t.end()
})
