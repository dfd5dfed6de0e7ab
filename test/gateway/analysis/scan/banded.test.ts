import { test } from 'tap'
import { Random } from '../../../../drivers/simulated/random.ts'
import { Banded } from '../../../../gateway/analysis/scan/banded.ts'
import { gridOver, precisionBand, reliefPrecision } from '../../../../gateway/analysis/scan/grid.ts'

const SIZE = 12
const BAND = 3

/** Diagonally dominant, hence positive definite. */
function matrix(): Banded {
  const random = new Random(5)
  const banded = new Banded(SIZE, BAND)
  for (let row = 0; row < SIZE; row += 1) {
    for (let column = Math.max(0, row - BAND); column < row; column += 1) {
      banded.add(row, column, random.between(-1, 1))
    }
    banded.add(row, row, 8)
  }
  return banded
}

test('a factor solves what the matrix multiplied', (t) => {
  const truth = Float64Array.from({ length: SIZE }, (_, i) => i - 4)
  const product = new Float64Array(SIZE)
  matrix().multiply(truth, product)
  const factor = matrix()
  t.ok(factor.factorise())
  factor.forward(product)
  factor.backward(product)
  for (let i = 0; i < SIZE; i += 1) t.ok(Math.abs((product[i] ?? 0) - (truth[i] ?? 0)) < 1e-12)
  t.end()
})

test('few elements multiply as the whole vector does', (t) => {
  const places = Int32Array.of(2, 7)
  const values = Float64Array.of(3, -1)
  const whole = new Float64Array(SIZE)
  whole[2] = 3
  whole[7] = -1
  const expected = new Float64Array(SIZE)
  const found = new Float64Array(SIZE)
  matrix().multiply(whole, expected)
  matrix().multiplyFew(places, values, found)
  for (let i = 0; i < SIZE; i += 1) t.ok(Math.abs((found[i] ?? 0) - (expected[i] ?? 0)) < 1e-12)
  t.end()
})

test('a matrix that is not positive definite has no factor', (t) => {
  const banded = new Banded(2, 1)
  banded.add(0, 0, 1)
  banded.add(1, 0, 2)
  banded.add(1, 1, 1)
  t.notOk(banded.factorise())
  t.end()
})

test('relief has unit variance away from the border, and the correlation of Lindgren et al. (2011)', (t) => {
  const grid = gridOver({ rx: 90, ry: 90 })
  const length = 28
  const factor = reliefPrecision(grid, length, precisionBand(grid))
  t.ok(factor.factorise())
  const nodeNear = (u: number): number =>
    grid.u.findIndex((own, node) => Math.abs(own - u) < grid.pitchMm / 2 && Math.abs(grid.v[node] ?? 9) < 1)
  const covariance = new Float64Array(grid.nodes)
  covariance[nodeNear(0)] = 1
  factor.forward(covariance)
  factor.backward(covariance)
  const variance = covariance[nodeNear(0)] ?? 0
  // Of nodes 7 mm apart, which is all the equation's discretisation leaves.
  t.ok(Math.abs(variance - 1) < 0.25, `variance ${variance}`)
  // Matérn, smoothness 2: (κr)²K₂(κr)/2, at κr = 4 about 0.139.
  const far = (covariance[nodeNear(length)] ?? 0) / variance
  t.ok(Math.abs(far - 0.139) < 0.05, `correlation ${far}`)
  t.end()
})
