import { type LinuxI2cBus, openI2cBus } from '../../drivers/linux/i2c.ts'
import { BusServer } from './buses.ts'

/** What the cases of one guest share: the buses, which may be pulled out and put back. */
export class I2cLab {
  #server: BusServer | undefined

  /** The process behind the buses; it is started where it does not run. */
  async server(): Promise<BusServer> {
    this.#server ??= await BusServer.start()
    return this.#server
  }

  /** Takes both buses away, as if the adapter was pulled out. */
  async pull(): Promise<void> {
    await this.#server?.kill()
    this.#server = undefined
  }

  /** Opens a bus of the kernel with our driver for as long as `use` lasts. */
  async withBus<T>(number: number, use: (bus: LinuxI2cBus, server: BusServer) => Promise<T>): Promise<T> {
    const server = await this.server()
    const bus = await openI2cBus(`/dev/i2c-${number}`)
    try {
      return await use(bus, server)
    } finally {
      await bus.close()
    }
  }
}
