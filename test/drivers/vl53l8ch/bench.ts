import { SimulatedBus } from '../../../drivers/simulated/bus.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { generateFirmware } from '../../../drivers/simulated/firmware.ts'
import { SimulatedVl53l8ch } from '../../../drivers/simulated/vl53l8ch.ts'
import { initialise } from '../../../drivers/vl53l8ch/boot.ts'
import type { Threshold } from '../../../drivers/vl53l8ch/thresholds.ts'
import { StillScene } from '../../fakes/still-scene.ts'

/** What simulated chips boot. */
export const firmware = generateFirmware(1)

/** A powered chip on a bus of its own, in front of a still scene. */
export function bench(hz = 1_000_000) {
  const clock = new VirtualClock()
  const bus = new SimulatedBus(clock, hz)
  const scene = new StillScene()
  const chip = new SimulatedVl53l8ch({ clock, scene })
  bus.attach(0x29, chip)
  return { clock, bus, scene, chip, link: { bus, clock, address: 0x29 } }
}

/** The same, with its firmware running. */
export async function initialised() {
  const there = bench()
  const nvm = await initialise(there.link, firmware, 1)
  return { ...there, calibration: { nvm, xtalk: firmware.xtalk } }
}

/** A condition on the first zone. */
export function between(measured: Threshold['measured'], low: number, high: number): Threshold {
  return { zone: 0, measured, when: 'inside', low, high }
}
