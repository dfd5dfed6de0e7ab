/** Why a transfer did not happen. */
export type BusFault =
  | 'no-bus'
  | 'no-acknowledge'
  | 'bus-stuck'
  | 'arbitration-lost'
  | 'timeout'
  | 'short-transfer'

/** One failed transfer; the bus itself may still serve other devices. */
export class BusError extends Error {
  override readonly name = 'BusError'
  readonly fault: BusFault

  constructor(fault: BusFault, detail: string, options?: ErrorOptions) {
    super(detail, options)
    this.fault = fault
  }
}

/** One I²C bus. A driver borrows it: it never opens, closes or configures it. */
export interface I2cBus {
  /**
   * Writes `out`, then reads `length` bytes; no other transfer comes between the two.
   * @param address 7-bit device address
   * @param out at most 8192 bytes (the limit of Linux' i2c-dev); may be empty
   * @param length bytes to read, at most 8192; 0 for a plain write
   * @throws BusError
   */
  transfer(address: number, out: Uint8Array, length: number): Promise<Uint8Array>
}

/** Writes the 8-bit register address, then reads `length` bytes that follow it. */
export function readRegisters(
  bus: I2cBus,
  address: number,
  register: number,
  length: number,
): Promise<Uint8Array> {
  return bus.transfer(address, Uint8Array.of(register), length)
}

/** One transfer at a time, in the order asked for; a failed one does not hold up the next. */
export function serialize(bus: I2cBus): I2cBus {
  let last: Promise<unknown> = Promise.resolve()
  return {
    transfer(address, out, length) {
      const next = last.then(() => bus.transfer(address, out, length))
      last = next.catch(() => {})
      return next
    },
  }
}

/** What a transfer costs: start, address and acknowledge, 9 bits a byte, stop (facts/VL53L8CH §10). */
export function transferBits(outBytes: number, inBytes: number): number {
  const write = outBytes > 0 || inBytes === 0 ? 2 + 9 * (1 + outBytes) : 0
  const read = inBytes > 0 ? (write === 0 ? 2 : 1) + 9 * (1 + inBytes) : 0
  return write + read
}
