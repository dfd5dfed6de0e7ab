import { type LightScene, SimulatedAs7341 } from '../../drivers/simulated/as7341.ts'
import type { SimulatedDevice } from '../../drivers/simulated/bus.ts'
import { SimulatedVl53l8ch } from '../../drivers/simulated/vl53l8ch.ts'
import { ADDRESS } from '../../drivers/vl53l8ch/registers.ts'
import { StillScene } from '../fakes/still-scene.ts'
import type { Plugged } from './i2c-adapter.ts'

/** `/dev/i2c-7` has two ranging heads, `/dev/i2c-8` a spectral one and two echoes. */
export const TOF_BUS = 7
export const SPECTRAL_BUS = 8
/** Addresses of the devices that answer what they were told last. */
export const ECHOES = [0x50, 0x51] as const

/** Light of another strength in each filter, and no noise: the same counts whenever one looks. */
const LIGHT: LightScene = {
  light: () => ({
    ...{ F1: 2, F2: 3, F3: 4, F4: 5, F5: 6, F6: 7, F7: 8, F8: 9 },
    ...{ Clear: 10, NIR: 1, Flicker: 1, Dark: 0 },
  }),
}

/** A ranging head with its scene and its LPn pin. */
export interface TofHead extends Plugged {
  readonly device: SimulatedVl53l8ch
  readonly scene: StillScene
}

/** A head at the address that it has after power-up. */
export function tofHead(clock: { now(): number }, rangeMm: number): TofHead {
  const scene = new StillScene(rangeMm)
  const head: TofHead = {
    address: ADDRESS,
    scene,
    device: new SimulatedVl53l8ch({
      clock,
      scene,
      moved: (to) => {
        head.address = to
      },
    }),
  }
  return head
}

/** A device that reads back what was last written to it. */
export class Echo implements SimulatedDevice {
  #last: Uint8Array = Uint8Array.of(0)

  write(bytes: Uint8Array): boolean {
    if (bytes.length > 0) this.#last = bytes
    return true
  }

  read(length: number): Uint8Array {
    return Uint8Array.from({ length }, (_, i) => this.#last[i % this.#last.length] ?? 0)
  }
}

export function spectralChip(clock: { now(): number }): SimulatedAs7341 {
  return new SimulatedAs7341(clock, LIGHT)
}
