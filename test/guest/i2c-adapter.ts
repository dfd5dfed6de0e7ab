import type { SimulatedDevice } from '../../drivers/simulated/bus.ts'
import type { Errno, FarEnd } from './cuse-i2c.ts'

/** At which call of a driver something goes wrong. */
export type Call = 'select' | 'write' | 'read'

/** What goes wrong next: an error number, or bytes that are left out. */
export interface Fault {
  readonly call: Call
  readonly errno?: Errno
  readonly missing?: number
}

/** A device on the wires, at the address that it has at the moment. */
export interface Plugged {
  address: number
  readonly device: SimulatedDevice
}

const I2C_FUNC_I2C = 1

/** An I²C controller with simulated chips on it: plain transfers only, faults on order, and counts of what it moved. */
export class SimulatedAdapter implements FarEnd {
  readonly functions = I2C_FUNC_I2C
  readonly counts = { opened: 0, open: 0, writes: 0, reads: 0, bytesOut: 0, bytesIn: 0, largestWrite: 0 }
  readonly #plugged: readonly Plugged[]
  readonly #faults: Fault[] = []

  constructor(plugged: readonly Plugged[]) {
    this.#plugged = plugged
  }

  /** The next call of its kind goes wrong, once; several are used up in order. */
  fail(fault: Fault): void {
    this.#faults.push(fault)
  }

  opened(change: 1 | -1): void {
    this.counts.open += change
    if (change > 0) this.counts.opened += 1
  }

  select(): Errno | undefined {
    return this.#due('select')?.errno
  }

  write(address: number, bytes: Uint8Array): number | Errno {
    const { errno, missing = 0 } = this.#due('write') ?? {}
    if (errno !== undefined) return errno
    this.counts.writes += 1
    this.counts.bytesOut += bytes.length
    this.counts.largestWrite = Math.max(this.counts.largestWrite, bytes.length)
    const written = bytes.length - missing
    // What a controller of the Broadcom family says where nothing acknowledges.
    const acknowledged = this.#at(address).map((device) => device.write(bytes.subarray(0, written)))
    return acknowledged.includes(true) ? written : 'EREMOTEIO'
  }

  read(address: number, length: number): Uint8Array | Errno {
    const { errno, missing = 0 } = this.#due('read') ?? {}
    if (errno !== undefined) return errno
    this.counts.reads += 1
    this.counts.bytesIn += length
    for (const device of this.#at(address)) {
      const answer = device.read(length - missing)
      if (answer !== undefined) return answer
    }
    return 'EREMOTEIO'
  }

  #at(address: number): SimulatedDevice[] {
    return this.#plugged.filter((plugged) => plugged.address === address).map(({ device }) => device)
  }

  #due(call: Call): Fault | undefined {
    const at = this.#faults.findIndex((fault) => fault.call === call)
    return at < 0 ? undefined : this.#faults.splice(at, 1)[0]
  }
}
