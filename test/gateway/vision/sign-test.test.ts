import { test } from 'tap'
import { chanceOf } from '../../../gateway/vision/sign-test.ts'

test('the chance of so many heads or more', (t) => {
  t.equal(chanceOf(0, 0), 1)
  t.ok(Math.abs(chanceOf(0, 7) - 1) < 1e-12)
  // 1 + 10 + 45 of 1,024 ways.
  t.ok(Math.abs(chanceOf(8, 10) - 56 / 1024) < 1e-12)
  t.ok(Math.abs(chanceOf(10, 10) - 1 / 1024) < 1e-15)
  t.end()
})

test('of thousands of tosses as well', (t) => {
  t.ok(Math.abs(chanceOf(1000, 1999) - 0.5) < 1e-9)
  const clear = chanceOf(700, 1030)
  t.ok(clear > 0 && clear < 1e-20, String(clear))
  t.ok(chanceOf(1100, 1100) < 1e-300)
  t.end()
})
