import { test } from 'tap'
import { type Gpio, LineError, type LineSpec } from '../../drivers/gpio.ts'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import { SimulatedGpio } from '../../drivers/simulated/gpio.ts'
import { makeGateSafe } from '../../gateway/gate-safe.ts'

const at = (line: number, activeLow = false) => ({ chip: 'simulated', line, active_low: activeLow })

test('every output is made inactive and given back, the end switch is left alone', async (t) => {
  const pins = new SimulatedGpio(new VirtualClock())
  const lines = { pass: at(0), hold: at(1), stop: at(2, true), feedback: at(3) }
  t.strictSame(await makeGateSafe(lines, pins), [
    { output: 'pass', line: 'simulated/0', state: 'inactive' },
    { output: 'hold', line: 'simulated/1', state: 'inactive' },
    { output: 'stop', line: 'simulated/2', state: 'inactive' },
  ])
  const taken = await pins.output({ chip: 'simulated', line: 0 }, false)
  taken.close()
})

test('one that cannot be had keeps none of the others as it was', async (t) => {
  const moved: string[] = []
  const gpio: Pick<Gpio, 'output'> = {
    output: ({ line }: LineSpec, initial) => {
      if (line === 0) return Promise.reject(new LineError('no-chip', 'gpiochip0 is gone'))
      if (line === 1) return Promise.reject(new LineError('busy', 'poincon has it'))
      moved.push(`${line} ${initial}`)
      return Promise.resolve({ set: () => {}, close: () => void moved.push(`${line} closed`) })
    },
  }
  const never = (): Promise<never> => Promise.reject(new Error('not asked for'))
  const done = await makeGateSafe(
    { pass: at(0), hold: at(1), kick: at(2) },
    { ...gpio, input: never, watch: never },
  )
  t.strictSame(moved, ['2 false', '2 closed'])
  t.strictSame(
    done.map(({ output, state }) => `${output} ${state}`),
    ['pass failed', 'hold held', 'kick inactive'],
  )
})
