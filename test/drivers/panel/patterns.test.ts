import { test } from 'tap'
import { isOn, nextSwitch, PATTERN_MS, type Pattern } from '../../../drivers/panel/patterns.ts'

test('patterns: on and off for exactly as long as they say', (t) => {
  const spans = (pattern: Pattern, untilMs: number): readonly number[] => {
    const found: number[] = []
    for (let ms = 1; ms <= untilMs; ms += 1) {
      if (isOn(pattern, ms) !== isOn(pattern, ms - 1)) found.push(ms)
    }
    return found
  }
  t.strictSame(spans('slow', 2000), [500, 1000, 1500, 2000], '1 Hz')
  t.strictSame(spans('fast', 1000), [200, 400, 600, 800, 1000], '2.5 Hz')
  t.strictSame(spans('flash', 2000), [100, 1000, 1100, 2000], 'one short flash a second')
  t.strictSame(spans('on', 2000), [])
  t.strictSame(spans('off', 2000), [])
  t.ok(isOn('slow', 0) && isOn('fast', 0) && isOn('flash', 0) && isOn('on', 0), 'each begins with light')
  t.notOk(isOn('off', 0))
  t.end()
})

test('nextSwitch is the first moment after the given one at which the level differs', (t) => {
  for (const pattern of ['slow', 'fast', 'flash'] as const) {
    for (let ms = 0; ms < 3000; ms += 37) {
      const next = nextSwitch(pattern, ms) ?? Number.NaN
      t.ok(next > ms && isOn(pattern, next) !== isOn(pattern, ms), `${pattern} at ${ms}`)
      t.equal(isOn(pattern, next - 1), isOn(pattern, ms), `${pattern} at ${ms}: not before`)
    }
  }
  t.equal(nextSwitch('on', 5), undefined)
  t.equal(nextSwitch('off', 5), undefined)
  t.end()
})

test('no pattern flashes three times a second or more', (t) => {
  for (const { on, off } of Object.values(PATTERN_MS)) t.ok(1000 / (on + off) < 3)
  t.end()
})
