import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Clock } from '../drivers/clock.ts'
import type { Log } from './log.ts'
import type { Unit, UnitStatus } from './station.ts'

/** Whether the wall clock follows a time server, as every message says (CONTRACTS: a Pi has no battery clock). */
export type ClockState = 'synchronised' | 'holdover'

export interface ClockDisciplineParts {
  readonly clock: Clock
  readonly log: Log
  /** Whether the kernel's clock is disciplined; default: as systemd says. */
  readonly disciplined?: () => Promise<boolean>
}

const ASK_EVERY_MS = 60_000
const LOOK_EVERY_MS = 1000
/** Daemons slew what is less (at most 0.5 ms a second), and set what is more: chrony's makestep and timesyncd's 0.4 s. */
const STEP_MS = 250
const ask = promisify(execFile)

/**
 * Asks systemd every minute whether the kernel's clock is disciplined, whichever daemon does it, and notices when
 * somebody sets it: against the monotonic clock, which nobody can.
 */
export class ClockDiscipline implements Unit {
  readonly name = 'clock'
  readonly #parts: ClockDisciplineParts
  #state: ClockState = 'holdover'
  #cancel: (() => void) | undefined
  #askedAt = Number.NEGATIVE_INFINITY
  /** Wall less monotonic, ms. */
  #offsetMs: number
  #steps = 0
  #lastStepMs: number | undefined
  #stopped = false

  constructor(parts: ClockDisciplineParts) {
    this.#parts = parts
    this.#offsetMs = parts.clock.wall() - parts.clock.now()
  }

  get state(): ClockState {
    return this.#state
  }

  /** Resolves at once: until the first answer the clock counts as not disciplined. */
  start(): Promise<void> {
    this.#look()
    return Promise.resolve()
  }

  stop(): Promise<void> {
    this.#stopped = true
    this.#cancel?.()
    return Promise.resolve()
  }

  status(): UnitStatus {
    const last = this.#lastStepMs
    const step = last === undefined ? {} : { last_step_s: Math.round(last) / 1000 }
    return { state: 'ok', facts: { clock: this.#state, steps: this.#steps, ...step } }
  }

  #look(): void {
    const { clock, log } = this.#parts
    const offsetMs = clock.wall() - clock.now()
    const stepMs = offsetMs - this.#offsetMs
    this.#offsetMs = offsetMs
    const stepped = Math.abs(stepMs) >= STEP_MS
    if (stepped) {
      this.#steps += 1
      this.#lastStepMs = stepMs
      log.warn({ step_s: Math.round(stepMs) / 1000 }, 'the clock was set: order is by sequence')
    }
    // Who sets a clock has begun to discipline it, or has just spoilt it.
    if (stepped || clock.now() - this.#askedAt >= ASK_EVERY_MS) {
      this.#askedAt = clock.now()
      void this.#ask()
    }
    this.#cancel = clock.after(LOOK_EVERY_MS, () => {
      if (!this.#stopped) this.#look()
    })
  }

  async #ask(): Promise<void> {
    try {
      const disciplined = await (this.#parts.disciplined ?? systemdSays)()
      this.#state = disciplined ? 'synchronised' : 'holdover'
    } catch {
      // Without systemd nobody vouches for the clock.
      this.#state = 'holdover'
    }
  }
}

async function systemdSays(): Promise<boolean> {
  const { stdout } = await ask('timedatectl', ['show', '--property=NTPSynchronized', '--value'], {
    timeout: 2000,
  })
  return stdout.trim() === 'yes'
}
