import { test } from 'tap'
import {
  addValue,
  countOf,
  emptySketch,
  MOST_BUCKETS,
  mergeSketch,
  quantile,
  RELATIVE_ERROR,
  type Sketch,
  sketchFromStore,
  sketchToStore,
  storedSketch,
} from '../../../gateway/aggregates/sketch.ts'
import { randomFrom } from '../store/drafts.ts'

const SHARES = [0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999, 1]

function of(values: Iterable<number>): Sketch {
  const sketch = emptySketch()
  for (const value of values) addValue(sketch, value)
  return sketch
}

/** The largest error of the quantiles, as a share of the exact value. */
function worst(sketch: Sketch, values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return Math.max(
    ...SHARES.map((share) => {
      const exact = sorted[Math.floor(share * (sorted.length - 1))] ?? 0
      const found = quantile(sketch, share) ?? Number.NaN
      return exact === 0 ? Math.abs(found) : Math.abs(found / exact - 1)
    }),
  )
}

const random = randomFrom(41)
const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
const draw = (make: () => number): number[] => Array.from({ length: 20_000 }, make)

const SAMPLES: Readonly<Record<string, readonly number[]>> = {
  'volumes, normal': draw(() => 120_000 + 9000 * normal()),
  'latencies, heavy tail': draw(() => 20 / (1 - random()) ** 0.8),
  'scores, near 1': draw(() => 1 - 0.3 * random() ** 3),
  'lab a, both signs': draw(() => 4 * normal()),
  'two humps': draw(() => (random() < 0.3 ? 15 : 22) + 0.4 * normal()),
  'the same': draw(() => 7),
  'mostly nothing': draw(() => (random() < 0.9 ? 0 : random())),
}

for (const [name, values] of Object.entries(SAMPLES)) {
  test(`quantiles of ${name}: within half a per cent of the exact ones`, (t) => {
    const sketch = of(values)
    const error = worst(sketch, values)
    t.ok(error <= RELATIVE_ERROR * (1 + 1e-9), `${(error * 100).toFixed(3)} %`)
    t.equal(countOf(sketch), values.length)
    t.end()
  })
}

test('merged in any order it is the sketch of all values', (t) => {
  const values = SAMPLES['lab a, both signs'] ?? []
  const whole = sketchToStore(of(values))
  for (const cut of [1, 777, 19_999]) {
    const [a, b] = [of(values.slice(0, cut)), of(values.slice(cut))]
    mergeSketch(b, a)
    t.same(sketchToStore(b), whole)
  }
  t.end()
})

test('what is stored is small, and comes back', (t) => {
  const sketch = of(SAMPLES['volumes, normal'] ?? [])
  const text = JSON.stringify(sketchToStore(sketch))
  t.ok(text.length < 1000, `${text.length} bytes for 20,000 values`)
  const back = sketchFromStore(storedSketch.parse(JSON.parse(text)))
  t.same(sketchToStore(back), sketchToStore(sketch))
  t.equal(quantile(back, 0.5), quantile(sketch, 0.5))
  t.end()
})

test('room is bounded: of values over too many magnitudes the smallest share a bucket', (t) => {
  const values = Array.from({ length: 4000 }, (_, index) => 1.01 ** index)
  const sketch = of(values)
  t.equal(sketch.positive.size, MOST_BUCKETS)
  t.equal(countOf(sketch), 4000)
  const exact = values[Math.floor(0.95 * 3999)] ?? 0
  t.ok(
    Math.abs((quantile(sketch, 0.95) ?? 0) / exact - 1) <= RELATIVE_ERROR * 1.0001,
    'large values are still right',
  )
  t.ok((quantile(sketch, 0.01) ?? 0) > (values[40] ?? 0), 'small ones are told too large')
  t.end()
})

test('of nothing there is no quantile', (t) => {
  t.equal(quantile(emptySketch(), 0.5), undefined)
  t.end()
})
