import type { I2cBus } from '../../../drivers/bus.ts'
import { type Clock, systemClock } from '../../../drivers/clock.ts'
import { openI2cBus } from '../../../drivers/linux/i2c.ts'
import { generateFirmware } from '../../../drivers/simulated/firmware.ts'
import type { FirmwareImage } from '../../../drivers/vl53l8ch/firmware.ts'
import { readFirmware } from '../../../gateway/firmware.ts'

/** A bus with a chip on it, real or simulated, for one test. */
export interface Wires {
  readonly bus: I2cBus
  readonly clock: Clock
  /** 7-bit. */
  readonly address: number
  close(): Promise<void>
}

const CHIPS = ['vl53l8ch', 'as7341'] as const
export type Chip = (typeof CHIPS)[number]

/** What a skipped test says. */
export const NO_HARDWARE = 'SKIPPED: set POINCON_I2C=1 to run it on chips (test/README.md)'

/**
 * Where the real chips are; undefined where the tests are not asked to use them, or not for this one.
 * @throws Error when they are asked to and cannot: a test on hardware that runs without is worse than none
 */
export function hardware(chip: Chip, env = process.env): { readonly path: string } | undefined {
  const { POINCON_I2C: asked = '', I2C_BUS: path = '/dev/i2c-1', I2C_CHIPS: listed = CHIPS.join() } = env
  if (asked === '' || asked === '0') return undefined
  if (asked !== '1') throw new Error(`POINCON_I2C=${asked}: expected 1, or nothing`)
  const chips = listed.split(',').map((name) => name.trim())
  const unknown = chips.find((name) => !CHIPS.some((known) => known === name))
  if (unknown !== undefined) throw new Error(`I2C_CHIPS=${listed}: expected some of ${CHIPS.join(', ')}`)
  return chips.includes(chip) ? { path } : undefined
}

/** @throws BusError with what to do about it */
export async function realWires(path: string, address: number): Promise<Wires> {
  const bus = await openI2cBus(path)
  return { bus, clock: systemClock, address, close: () => bus.close() }
}

/**
 * ST's image. `ST_FIRMWARE=generated`: the chips are simulated, behind a real kernel.
 * @throws Error where ST_FIRMWARE names none
 */
export async function realFirmware(env = process.env): Promise<FirmwareImage> {
  const { ST_FIRMWARE: file = '' } = env
  if (file === 'generated') return generateFirmware(1)
  if (file !== '') return await readFirmware(file)
  throw new Error(
    'POINCON_I2C=1 needs ST_FIRMWARE: the path of vl53lmz_buffers.h, or of what `poincon firmware import` made of it',
  )
}
