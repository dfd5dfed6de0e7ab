import { BusError, type I2cBus } from './bus.ts'

/** 7-bit address with A0…A2 low; up to 0x77 with them high. */
export const TCA9548A_ADDRESS = 0x70
const LAST_ADDRESS = 0x77
const CHANNELS = 8

/**
 * TI's TCA9548A (SCPS207): one bus of the host, eight behind it, so that chips with the same address need none of their
 * own. A channel is a bus as any other. The control register is written when another channel is asked for, together
 * with the transfer that asked: no other transfer of the multiplexer comes between.
 *
 * What stands beside it on the host's bus must have other addresses than what stands behind. Where two multiplexers
 * have chips of one address behind them, `release` the one before the other is used.
 */
export class Tca9548a {
  readonly #bus: I2cBus
  readonly #address: number
  /** What the control register surely holds; undefined is not known. */
  #selected: number | undefined
  #last: Promise<unknown> = Promise.resolve()

  /**
   * @param bus the host's; borrowed, serialized
   * @param address 7-bit, 0x70…0x77
   * @throws RangeError
   */
  constructor(bus: I2cBus, address = TCA9548A_ADDRESS) {
    if (!Number.isInteger(address) || address < TCA9548A_ADDRESS || address > LAST_ADDRESS) {
      throw new RangeError(`TCA9548A at ${address}, 0x70 to 0x77 expected`)
    }
    this.#bus = bus
    this.#address = address
  }

  /** The bus behind one channel, 0…7. Transfers of all channels queue behind each other. @throws RangeError */
  channel(number: number): I2cBus {
    if (!Number.isInteger(number) || number < 0 || number >= CHANNELS) {
      throw new RangeError(`channel ${number} of a TCA9548A, 0 to ${CHANNELS - 1} expected`)
    }
    return {
      transfer: (address, out, length) =>
        this.#inTurn(async () => {
          await this.#select(1 << number)
          return await this.#behind(address, out, length)
        }),
    }
  }

  /** Closes every channel, so that nothing behind answers until one is asked for again. @throws BusError */
  release(): Promise<void> {
    return this.#inTurn(() => this.#select(0))
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(act)
    this.#last = turn.catch(() => {})
    return turn
  }

  async #select(mask: number): Promise<void> {
    if (this.#selected === mask) return
    this.#selected = undefined
    try {
      await this.#bus.transfer(this.#address, Uint8Array.of(mask), 0)
    } catch (error) {
      if (!(error instanceof BusError) || error.fault !== 'no-acknowledge') throw error
      const name = `0x${this.#address.toString(16)}`
      throw new BusError('no-acknowledge', `no acknowledge from the multiplexer at ${name}`, { cause: error })
    }
    this.#selected = mask
  }

  async #behind(address: number, out: Uint8Array, length: number): Promise<Uint8Array> {
    try {
      return await this.#bus.transfer(address, out, length)
    } catch (error) {
      // A multiplexer that lost its supply has closed its channels: what did not answer may be behind another one.
      this.#selected = undefined
      throw error
    }
  }
}
