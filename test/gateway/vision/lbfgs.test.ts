import { test } from 'tap'
import { minimised } from '../../../gateway/vision/lbfgs.ts'

const LIMITS = { steps: 200, flat: 1e-8 }

test('a bowl is gone down to its ground, however lengthy it is', (t) => {
  // Σ scaleᵢ·(xᵢ − i)², the longest direction a thousand times the shortest.
  const scales = [1, 10, 100, 1000]
  const bowl = (x: Float64Array, gradient: Float64Array): number => {
    let value = 0
    for (const [index, scale] of scales.entries()) {
      const away = (x[index] ?? 0) - index
      value += scale * away * away
      gradient[index] = 2 * scale * away
    }
    return value
  }
  const start = Float64Array.of(9, -9, 9, -9)
  const found = minimised(bowl, start, LIMITS)
  for (const [index, part] of found.entries()) t.ok(Math.abs(part - index) < 1e-8, `${index}: ${part}`)
  t.same(start, Float64Array.of(9, -9, 9, -9), 'the start stays as it is')
  t.same(minimised(bowl, start, LIMITS), found, 'the same numbers again')
  t.end()
})

test('Rosenbrock’s valley is followed to (1, 1)', (t) => {
  // Rosenbrock 1960, from the usual start (−1.2, 1).
  const valley = ([x = 0, y = 0]: Float64Array, gradient: Float64Array): number => {
    gradient[0] = -400 * x * (y - x * x) - 2 * (1 - x)
    gradient[1] = 200 * (y - x * x)
    return 100 * (y - x * x) ** 2 + (1 - x) ** 2
  }
  const [x = 0, y = 0] = minimised(valley, Float64Array.of(-1.2, 1), LIMITS)
  t.ok(Math.abs(x - 1) < 1e-6 && Math.abs(y - 1) < 1e-6, `${x}, ${y}`)
  t.same(minimised(valley, Float64Array.of(-1.2, 1), { steps: 0, flat: 0 }), Float64Array.of(-1.2, 1))
  t.end()
})

test('what has no slope is left alone', (t) => {
  t.same(
    minimised(() => 5, Float64Array.of(3), LIMITS),
    Float64Array.of(3),
  )
  t.same(
    minimised(() => 0, new Float64Array(), LIMITS),
    new Float64Array(),
  )
  t.end()
})
