import { test } from 'tap'
import { Random } from '../../../drivers/simulated/random.ts'
import { median } from '../../../gateway/analysis/numbers.ts'
import { RunningMedian } from '../../../gateway/analysis/running-median.ts'

test('number by number it is the median of all so far', (t) => {
  const random = new Random(5)
  const running = new RunningMedian(20)
  const values: number[] = []
  for (let i = 0; i < 20; i += 1) {
    const value = Math.round(10 * random.normal())
    values.push(value)
    running.add(value)
    t.equal(running.value, median(values), `of ${values.join(' ')}`)
    t.equal(running.count, values.length)
  }
  t.end()
})

test('of nothing there is none, and what is no number is nothing', (t) => {
  const running = new RunningMedian(3)
  t.ok(Number.isNaN(running.value))
  running.add(Number.NaN)
  t.equal(running.count, 0)
  for (const value of [3, Number.NaN, 1]) running.add(value)
  t.equal(running.value, 2)
  running.clear()
  t.ok(Number.isNaN(running.value))
  running.add(7)
  t.equal(running.value, 7)
  t.end()
})

test('more numbers than there is room for are not looked at', (t) => {
  const running = new RunningMedian(2)
  for (const value of [1, 3, 100]) running.add(value)
  t.equal(running.value, 2)
  t.end()
})

test('few numbers have the median that many have, by hand or by a sort', (t) => {
  t.equal(median([4, 1, 3]), 3)
  t.equal(median([4, 1, 3, 2]), 2.5)
  t.ok(Number.isNaN(median([])))
  t.equal(median([Number.NaN, 2, 1]), 2, 'what is no number stands behind all others')
  const few = Array.from({ length: 33 }, (_, i) => (i * 7) % 33)
  t.equal(median(few), 16)
  t.equal(median([...few, ...few, ...few]), 16)
  t.end()
})
