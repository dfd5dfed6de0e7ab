import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Unit, UnitStatus } from './station.ts'

/** Whether the wall clock follows a time server, as every message says (CONTRACTS: a Pi has no battery clock). */
export type ClockState = 'synchronised' | 'holdover'

const ASK_EVERY_MS = 60_000
const ask = promisify(execFile)

/** Asks systemd every minute whether the kernel's clock is disciplined, whichever daemon does it. */
export class ClockDiscipline implements Unit {
  readonly name = 'clock'
  #state: ClockState = 'holdover'
  #timer: NodeJS.Timeout | undefined

  get state(): ClockState {
    return this.#state
  }

  /** Resolves at once: until the first answer the clock counts as not disciplined. */
  start(): Promise<void> {
    this.#timer = setInterval(() => void this.#ask(), ASK_EVERY_MS).unref()
    void this.#ask()
    return Promise.resolve()
  }

  stop(): Promise<void> {
    clearInterval(this.#timer)
    return Promise.resolve()
  }

  status(): UnitStatus {
    return { state: 'ok', facts: { clock: this.#state } }
  }

  async #ask(): Promise<void> {
    try {
      const { stdout } = await ask('timedatectl', ['show', '--property=NTPSynchronized', '--value'], {
        timeout: 2000,
      })
      this.#state = stdout.trim() === 'yes' ? 'synchronised' : 'holdover'
    } catch {
      // Without systemd nobody vouches for the clock.
      this.#state = 'holdover'
    }
  }
}
