import { test } from 'tap'
import { clockTime, dialectOf, parseEdge, watchArguments } from '../../../drivers/linux/gpio-events.ts'

test('the two gpiomons, by what --version says', (t) => {
  // Debian 12, Debian 13.
  t.equal(dialectOf('gpiomon (libgpiod) v1.6.3\nCopyright (C) 2017-2018 Bartosz Golaszewski\n'), 1)
  t.equal(dialectOf('gpiomon (libgpiod) v2.2.1\nCopyright (C) 2017-2023 Bartosz Golaszewski\n'), 2)
  t.equal(dialectOf('gpiomon (libgpiod) v3.0\n'), undefined)
  t.equal(dialectOf('BusyBox'), undefined)
  t.end()
})

test('their arguments', (t) => {
  const plain = { chip: 'pinctrl-rp1', line: 17 }
  const wired = { ...plain, activeLow: true, bias: 'pull-up' } as const
  t.strictSame(watchArguments(1, 'gpiochip0', plain), ['-b', '-F', '%e %s %n', 'gpiochip0', '17'])
  t.strictSame(watchArguments(1, 'gpiochip0', wired).join(' '), '-b -F %e %s %n -l -B pull-up gpiochip0 17')
  t.strictSame(
    watchArguments(2, 'gpiochip0', { ...plain, bias: 'disabled' }).join(' '),
    '-F %e %S -C poincon -b disabled -c gpiochip0 17',
  )
  t.end()
})

test('events of libgpiod 1.x: nanoseconds without leading zeros', (t) => {
  t.strictSame(parseEdge(1, '1 5123 77012345'), { active: true, kernelMs: 5_123_077.012345 })
  t.strictSame(parseEdge(1, '0 5123 9'), { active: false, kernelMs: 5_123_000.000009 })
  for (const wrong of ['', '2 5123 77012345', '1 5123', '1 5123.077012345', 'event: RISING EDGE offset: 1']) {
    t.equal(parseEdge(1, wrong), undefined, wrong)
  }
  t.end()
})

test('events of libgpiod 2.x: falling is 2, seconds have nine places', (t) => {
  t.strictSame(parseEdge(2, '1 5123.077012345'), { active: true, kernelMs: 5_123_077.012345 })
  t.strictSame(parseEdge(2, '2 5123.000000009\n'), { active: false, kernelMs: 5_123_000.000009 })
  for (const wrong of ['', '0 5123.077012345', '1 5123 77012345', '5123.077012345\trising\tgpiochip0 17']) {
    t.equal(parseEdge(2, wrong), undefined, wrong)
  }
  t.end()
})

test("the kernel's time on our clock; what cannot be is now", (t) => {
  t.equal(clockTime(5_123_077, 5_000_000, 123_080), 123_077)
  t.equal(clockTime(5_123_081, 5_000_000, 123_080), 123_080, 'from the future')
  t.equal(clockTime(1_790_000_000_000, 5_000_000, 123_080), 123_080, 'the wall clock of kernels before 5.7')
  t.equal(clockTime(5_000_000, 5_000_000, 123_080), 123_080, 'two minutes ago')
  t.end()
})
