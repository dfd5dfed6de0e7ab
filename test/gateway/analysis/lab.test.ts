import { test } from 'tap'
import { Random } from '../../../drivers/simulated/random.ts'
import { labCovariance, labOfFilters, XYZ_WEIGHTS } from '../../../gateway/analysis/lab.ts'

test('a perfect white is that of CIE D65 for 2 degrees: X 95.047, Y 100, Z 108.883', (t) => {
  const sum = (weights: readonly number[]): number =>
    100 * weights.reduce((total, weight) => total + weight, 0)
  t.ok(Math.abs(sum(XYZ_WEIGHTS.x) / 95.047 - 1) < 0.005, `X ${sum(XYZ_WEIGHTS.x)}`)
  t.ok(Math.abs(sum(XYZ_WEIGHTS.y) - 100) < 1e-9)
  t.ok(Math.abs(sum(XYZ_WEIGHTS.z) / 108.883 - 1) < 0.01, `Z ${sum(XYZ_WEIGHTS.z)}`)
  t.end()
})

const LIVER = Float64Array.of(0.36, 0.41, 0.47, 0.52, 0.56, 0.62, 0.68, 0.71)

test('the stated covariance of L*a*b* is the scatter', (t) => {
  const random = new Random(51)
  const std = LIVER.map((value) => 0.01 * value)
  const common = 0.02
  const stated = labCovariance(LIVER, std, common)
  const centre = labOfFilters(LIVER)
  const sums = new Float64Array(9)
  const looks = 4000
  for (let look = 0; look < looks; look += 1) {
    const level = 1 + common * random.normal()
    const lab = labOfFilters(LIVER.map((value, i) => level * value + (std[i] ?? 0) * random.normal()))
    const off = [lab.l - centre.l, lab.a - centre.a, lab.b - centre.b]
    for (let i = 0; i < 9; i += 1) {
      sums[i] = (sums[i] ?? 0) + ((off[Math.floor(i / 3)] ?? 0) * (off[i % 3] ?? 0)) / looks
    }
  }
  for (let i = 0; i < 9; i += 1) {
    const [row, column] = [Math.floor(i / 3), i % 3]
    const scale = Math.sqrt((stated[4 * row] ?? 0) * (stated[4 * column] ?? 0))
    t.ok(Math.abs((sums[i] ?? 0) - (stated[i] ?? 9)) < 0.06 * scale, `${i}: ${sums[i]}, ${stated[i]}`)
  }
  t.end()
})

test('what all filters share moves lightness, and hue hardly', (t) => {
  const [ll = 0, , , , aa = 9, , , , bb = 9] = labCovariance(LIVER, new Float64Array(8), 0.05)
  t.ok(ll > 4 * aa && ll > 4 * bb)
  const grey = labCovariance(new Float64Array(8).fill(0.2), new Float64Array(8), 0.05)
  t.ok((grey[4] ?? 9) < 1e-20 && (grey[8] ?? 9) < 1e-20, 'of a grey not at all')
  t.end()
})

test('black, and what noise makes of it, has a colour near 0', (t) => {
  const { l, a, b } = labOfFilters(new Float64Array(8).fill(-0.0005))
  t.ok(Math.abs(l) < 1 && Math.hypot(a, b) < 1e-9)
  t.ok(labCovariance(new Float64Array(8), new Float64Array(8).fill(0.001), 0).every(Number.isFinite))
  t.end()
})
