import { test } from 'tap'
import { ADDRESS } from '../../../drivers/as7341/registers.ts'
import { setUp } from '../as7341/rig.ts'
import { as7341Contract } from './contract.ts'
import { hardware, NO_HARDWARE, realWires, type Wires } from './wires.ts'

const there = hardware('as7341')

test('a simulated AS7341', async (t) => {
  const { bus, clock } = setUp()
  // It has had its supply for a while: right after power-on it is deaf.
  await clock.sleep(1)
  const wires: Wires = { bus, clock, address: ADDRESS, close: () => Promise.resolve() }
  await as7341Contract(t, () => Promise.resolve(wires))
})

test('the AS7341 on this machine’s bus', there === undefined ? { skip: NO_HARDWARE } : {}, async (t) => {
  await as7341Contract(t, () => realWires(there?.path ?? '', ADDRESS))
})
