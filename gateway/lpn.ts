import { BusError, type I2cBus } from '../drivers/bus.ts'
import type { Clock } from '../drivers/clock.ts'
import type { Gpio, LineSpec, OutputLine } from '../drivers/gpio.ts'
import { powerUp } from '../drivers/vl53l8ch/power-up.ts'

/** A ranging head that is told apart from others on its bus by its LPn pin. */
export interface LpnHead {
  readonly id: string
  /** 7-bit, its own. */
  readonly address: number
  readonly lpn: LineSpec
}

/**
 * The ranging heads of one bus that all come up at the same address. Each is given its own when it is opened, at the
 * first time as after a loss of supply: those that have theirs already go on undisturbed.
 */
export class LpnHeads {
  readonly #heads: readonly LpnHead[]
  readonly #gpio: Gpio
  readonly #clock: Clock
  readonly #lines = new Map<string, OutputLine>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(heads: readonly LpnHead[], gpio: Gpio, clock: Clock) {
    this.#heads = heads
    this.#gpio = gpio
    this.#clock = clock
  }

  /**
   * Brings one head to its address. One at a time.
   * @throws LineError; SensorError `absent` for a chip that does not come up, `wrong-chip` for what is none
   */
  bringUp(id: string, bus: I2cBus, signal: AbortSignal): Promise<void> {
    const turn = this.#last.then(() => this.#bringUp(id, bus, signal))
    this.#last = turn.catch(() => {})
    return turn
  }

  /** All are deaf from here on, and their pins given back. */
  close(): void {
    for (const line of this.#lines.values()) line.close()
    this.#lines.clear()
  }

  async #bringUp(id: string, bus: I2cBus, signal: AbortSignal): Promise<void> {
    for (const head of this.#heads) {
      signal.throwIfAborted()
      const there = await answers(bus, head.address)
      if (there && head.id === id) return
      // One that is not may stand at the first address, where the one that is brought up must be alone.
      if (!there) (await this.#line(head)).set(false)
    }
    const head = this.#heads.find((one) => one.id === id)
    if (head === undefined) return
    const line = await this.#line(head)
    const set = (high: boolean): Promise<void> => {
      line.set(high)
      return Promise.resolve()
    }
    await powerUp({ bus, clock: this.#clock, signal }, [{ line: { set }, address: head.address }])
  }

  async #line({ id, lpn }: LpnHead): Promise<OutputLine> {
    let line = this.#lines.get(id)
    if (line === undefined) {
      // A pull-up lets it listen until now: it may range at its address since before this process began.
      line = await this.#gpio.output(lpn, true)
      this.#lines.set(id, line)
    }
    return line
  }
}

async function answers(bus: I2cBus, address: number): Promise<boolean> {
  try {
    await bus.transfer(address, new Uint8Array(0), 0)
    return true
  } catch (error) {
    if (error instanceof BusError && error.fault === 'no-acknowledge') return false
    throw error
  }
}
