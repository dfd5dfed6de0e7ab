import { BusError, type I2cBus } from './bus.ts'
import type { Clock } from './clock.ts'
import { SensorError, type SensorFault } from './sensor.ts'

const POLL_MS = 1

/** One wait for a chip: sleep `firstMs`, then poll, until `limitMs` after the beginning. */
export interface Wait {
  /** What it is to do, as the message of a timeout says it. */
  readonly what: string
  readonly firstMs: number
  readonly limitMs: number
  /** Default 1 ms. */
  readonly pollMs?: number
}

/** The wires to one chip: transfers whose faults bear the sensor's name, and waits that end. */
export class Link {
  readonly #bus: I2cBus
  readonly #clock: Clock
  readonly #address: number
  readonly #sensor: string

  /** @param sensor what its errors call it */
  constructor(bus: I2cBus, clock: Clock, address: number, sensor: string) {
    this.#bus = bus
    this.#clock = clock
    this.#address = address
    this.#sensor = sensor
  }

  fault(fault: SensorFault, detail: string): SensorError {
    return new SensorError(this.#sensor, fault, detail)
  }

  now(): number {
    return this.#clock.now()
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#clock.sleep(ms, signal)
  }

  /** Until a monotonic time of the clock, where that is still to come. @throws the signal's reason */
  async waitFor(since: number, signal: AbortSignal | undefined): Promise<void> {
    const ahead = since - this.#clock.now()
    if (ahead > 0) await this.#clock.sleep(ahead, signal)
    signal?.throwIfAborted()
  }

  /** @throws SensorError `absent` or `failed` */
  async write(bytes: Uint8Array): Promise<void> {
    await this.read(bytes, 0)
  }

  /** Writes `out`, a register address or a command and what follows it, then reads. @throws SensorError `absent` or `failed` */
  async read(out: Uint8Array, length: number): Promise<Uint8Array> {
    try {
      return await this.#bus.transfer(this.#address, out, length)
    } catch (error) {
      throw error instanceof BusError ? sensorError(this.#sensor, error) : error
    }
  }

  /** Waits, then asks again and again. @throws SensorError `timeout`; what `done` throws; the signal's reason */
  async until(done: () => Promise<boolean>, wait: Wait, signal: AbortSignal | undefined): Promise<void> {
    const deadline = this.#clock.now() + wait.limitMs
    if (wait.firstMs > 0) await this.#clock.sleep(wait.firstMs, signal)
    while (!(await done())) {
      if (this.#clock.now() >= deadline) {
        throw this.fault('timeout', `it did not ${wait.what} within ${Math.ceil(wait.limitMs)} ms`)
      }
      await this.#clock.sleep(wait.pollMs ?? POLL_MS, signal)
    }
  }
}

function sensorError(sensor: string, error: BusError): SensorError {
  const gone = error.fault === 'no-acknowledge' || error.fault === 'no-bus'
  return new SensorError(sensor, gone ? 'absent' : 'failed', error.message, { cause: error })
}
