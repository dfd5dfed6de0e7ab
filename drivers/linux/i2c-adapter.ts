import { BusError } from '../bus.ts'
import { cannotOpen } from './i2c-errors.ts'

/** What is needed of the i2c-bus package: plain reads and writes of one bus. */
export interface I2cAdapter {
  i2cWrite(address: number, length: number, buffer: Buffer): Promise<{ readonly bytesWritten: number }>
  i2cRead(address: number, length: number, buffer: Buffer): Promise<{ readonly bytesRead: number }>
  close(): Promise<void>
}

/** What is needed of the package itself. */
export interface I2cPackage {
  openPromisified(busNumber: number): Promise<I2cAdapter & { i2cFuncs(): Promise<{ readonly i2c: boolean }> }>
}

/** @throws BusError `no-bus` for what is neither `/dev/i2c-N` nor a number */
export function busNumber(bus: string | number): number {
  const number = typeof bus === 'number' ? bus : Number(/^\/dev\/i2c-(\d+)$/.exec(bus)?.[1])
  if (!Number.isInteger(number) || number < 0) {
    throw new BusError('no-bus', `no such bus: expected /dev/i2c-N, not ${bus}`)
  }
  return number
}

/** Opens the kernel's bus of this number. @throws BusError `no-bus`, with what to do about it */
export async function openAdapter(number: number, load: () => Promise<I2cPackage>): Promise<I2cAdapter> {
  const { openPromisified } = await load().catch((error: unknown) => {
    const advice = 'install the optional package i2c-bus, or npm rebuild i2c-bus after a change of Node'
    throw new BusError('no-bus', `I²C is not available: ${advice}`, { cause: error })
  })
  const adapter = await openPromisified(number)
  try {
    // The package opens the device at its first use, which is here.
    const { i2c } = await adapter.i2cFuncs()
    if (!i2c)
      throw new BusError('no-bus', `/dev/i2c-${number} has SMBus commands only, the chips need plain I²C`)
    return adapter
  } catch (error) {
    // What it failed with is the one to tell.
    await adapter.close().catch(() => {})
    throw error instanceof BusError ? error : cannotOpen(number, error)
  }
}
