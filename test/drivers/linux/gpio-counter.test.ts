import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { openCounter } from '../../../drivers/linux/counter.ts'

/** The attributes of a counter, as files of sysfs. */
async function counter(
  t: Test,
  attributes: Readonly<Record<string, string>>,
): Promise<{
  readonly root: string
  readonly read: (name: string) => Promise<string>
  readonly folder: string
}> {
  const root = await mkdtemp(join(tmpdir(), 'poincon-counter-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  const folder = join(root, 'counter0', 'count0')
  await mkdir(folder, { recursive: true })
  for (const [name, value] of Object.entries(attributes)) await writeFile(join(folder, name), `${value}\n`)
  return { root, folder, read: async (name) => (await readFile(join(folder, name), 'utf8')).trim() }
}

const QUADRATURE = {
  count: '17',
  enable: '0',
  function: 'pulse-direction',
  function_available: 'pulse-direction\nquadrature x2 a\nquadrature x4',
  ceiling: '65535',
}

test('a counter is told how to count, enabled, and read anew each time', async (t) => {
  const { root, folder, read } = await counter(t, QUADRATURE)
  const pulses = await openCounter({ device: 'counter0', root })
  t.equal(await read('function'), 'quadrature x4')
  t.equal(await read('enable'), '1')
  t.equal(pulses.modulus, 65_536n)
  t.equal(pulses.read(), 17n)
  await writeFile(join(folder, 'count'), '65535\n')
  t.equal(pulses.read(), 65_535n)
})

test('without a ceiling, a counter of any width is read modulo 2^32', async (t) => {
  const { root } = await counter(t, { count: '18446744073709551615' })
  const pulses = await openCounter({ device: 'counter0', root })
  t.equal(pulses.modulus, 2n ** 32n)
  t.equal(pulses.read(), 2n ** 32n - 1n)
})

test('a function that it does not have, with those that it has', async (t) => {
  const { root, read } = await counter(t, { ...QUADRATURE, function_available: 'increase\ndecrease' })
  await t.rejects(openCounter({ device: 'counter0', root }), {
    name: 'LineError',
    fault: 'failed',
    message: /it counts by increase, decrease, not by quadrature x4/,
  })
  t.equal(await read('enable'), '0', 'left off')
})

test('no such counter, no such count, and one that goes away', async (t) => {
  const { root } = await counter(t, QUADRATURE)
  await t.rejects(openCounter({ device: 'counter7', root }), {
    fault: 'no-chip',
    message: /counter7.*ENOENT/,
  })
  await t.rejects(openCounter({ device: 'counter0', count: 1, root }), {
    name: 'LineError',
    fault: 'no-chip',
  })
  const pulses = await openCounter({ device: 'counter0', root })
  await rm(join(root, 'counter0'), { recursive: true })
  t.throws(() => pulses.read(), { name: 'LineError', fault: 'no-chip' })
})

test('what is no number', async (t) => {
  const { root } = await counter(t, { count: 'none' })
  const pulses = await openCounter({ device: 'counter0', root })
  t.throws(() => pulses.read(), { name: 'LineError', message: /expected a count, not "none"/ })
})
