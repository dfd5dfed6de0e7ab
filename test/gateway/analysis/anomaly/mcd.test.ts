import { test } from 'tap'
import { Random } from '../../../../drivers/simulated/random.ts'
import { minimumCovariance } from '../../../../gateway/analysis/anomaly/mcd.ts'
import { distances, type Points, shapeOf } from '../../../../gateway/analysis/anomaly/scatter.ts'

function pointsOf(rows: readonly (readonly number[])[]): Points {
  return { values: Float64Array.from(rows.flat()), count: rows.length, size: rows[0]?.length ?? 0 }
}

function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.between(0, 1))) * Math.cos(2 * Math.PI * random.between(0, 1))
}

/** A cloud of normal points, of which a share lies elsewhere, as far in every dimension. */
function cloud(seed: number, count: number, size: number, share: number, off = 8): Points {
  const random = new Random(seed)
  const bad = Math.floor(share * count)
  return pointsOf(
    Array.from({ length: count }, (_, index) =>
      Array.from({ length: size }, () => normal(random) + (index < bad ? off : 0)),
    ),
  )
}

function* halves(count: number, kept: number, from = 0): Generator<number[]> {
  if (kept === 0) yield []
  else {
    for (let first = from; first <= count - kept; first += 1) {
      for (const rest of halves(count, kept - 1, first + 1)) yield [first, ...rest]
    }
  }
}

test('finds the subset with the smallest determinant of all', (t) => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const points = cloud(seed, 12, 2, 0.25, 3)
    const options = { share: 0.75, ridge: 1e-6, starts: 100, seed: 1 }
    const found = minimumCovariance(points, options)
    const every = [...halves(12, 9)].map((chosen) => shapeOf(points, chosen, options.ridge).logDeterminant)
    t.ok(found.logDeterminant <= Math.min(...every) + 1e-9, `seed ${seed}: ${every.length} subsets`)
  }
  t.end()
})

test('up to a quarter of the points may be anything, together or far away', (t) => {
  for (const share of [0, 0.1, 0.2, 0.24]) {
    for (const off of [8, 1e4]) {
      const points = cloud(5, 240, 8, share, off)
      const { location } = minimumCovariance(points, { share: 0.75, ridge: 0.002, starts: 100, seed: 7 })
      const worst = Math.max(...location.map(Math.abs))
      t.ok(worst < 0.35, `${share} of them ${off} away: ${worst}`)
      const plain = shapeOf(
        points,
        Uint32Array.from({ length: 240 }, (_, index) => index),
        0.002,
      )
      if (share > 0) t.ok(Math.max(...plain.location) > 2 * worst, 'the plain mean is carried away')
    }
  }
  t.end()
})

test('many points are begun on a sample; the same seed gives the same shape, bit for bit', (t) => {
  const points = cloud(9, 3000, 6, 0.15)
  const options = { share: 0.75, ridge: 0.002, starts: 50, seed: 3 }
  const [one, other] = [minimumCovariance(points, options), minimumCovariance(points, options)]
  t.strictSame(one, other)
  t.ok(Math.max(...one.location.map(Math.abs)) < 0.1)
  const far = new Float64Array(points.count)
  distances(points, one, far)
  const bad = Math.min(...far.subarray(0, 450))
  const good = [...far.subarray(450)].filter((square) => square > bad).length
  t.equal(good, 0, 'every bad point is farther away than every good one')
  t.end()
})

test('dependent features do no harm', (t) => {
  const random = new Random(4)
  const rows = Array.from({ length: 60 }, () => {
    const [x, y] = [normal(random), normal(random)]
    return [x, y, x + y, 1]
  })
  const { logDeterminant, location } = minimumCovariance(pointsOf(rows), {
    share: 0.75,
    ridge: 0.01,
    starts: 20,
    seed: 1,
  })
  t.ok(Number.isFinite(logDeterminant))
  t.ok(Math.abs((location[3] ?? 0) - 1) < 1e-12)
  t.end()
})
