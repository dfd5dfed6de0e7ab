import { test } from 'tap'
import { ADDRESS } from '../../../drivers/vl53l8ch/registers.ts'
import { bench, firmware } from '../vl53l8ch/bench.ts'
import { vl53l8chContract } from './contract.ts'
import { hardware, NO_HARDWARE, realFirmware, realWires, type Wires } from './wires.ts'

const there = hardware('vl53l8ch')

test('a simulated VL53L8CH', async (t) => {
  const { bus, clock } = bench(400_000)
  const wires: Wires = { bus, clock, address: ADDRESS, close: () => Promise.resolve() }
  await vl53l8chContract(t, () => Promise.resolve(wires), firmware)
})

test('the VL53L8CH on this machine’s bus', there === undefined ? { skip: NO_HARDWARE } : {}, async (t) => {
  const image = await realFirmware()
  await vl53l8chContract(t, () => realWires(there?.path ?? '', ADDRESS), image)
})
