import { once } from 'node:events'
import type { Log } from './log.ts'

/** How a unit is doing, for `/healthz`, `/readyz` and the page. */
export interface UnitStatus {
  /** `ok`; `degraded`: works on with something missing; `failed`: does not do its work. */
  readonly state: 'ok' | 'degraded' | 'failed'
  /** One line for a person, when the state is not `ok`. */
  readonly detail?: string
  /** Counters and settings worth seeing, flat, in snake_case. */
  readonly facts?: Readonly<Record<string, string | number | boolean>>
}

/** Anything of the process that starts and stops. */
export interface Unit {
  readonly name: string
  /** Resolves when the unit works, or when it goes on trying by itself; rejects when it never can. */
  start(signal: AbortSignal): Promise<void>
  /** Called once; waits for what is in flight. */
  stop(): Promise<void>
  status?(): UnitStatus
}

/**
 * Starts the units in order, waits for `signal`, stops them in reverse.
 * @throws the error of a unit that could not start, after stopping those that had
 */
export async function run(
  units: readonly Unit[],
  signal: AbortSignal,
  log: Log,
  ready: () => void = () => {},
): Promise<void> {
  const started: Unit[] = []
  try {
    for (const unit of units) {
      if (signal.aborted) return
      await unit.start(signal)
      started.unshift(unit)
      log.debug({ unit: unit.name }, 'started')
    }
    if (signal.aborted) return
    ready()
    // What is ready may end at once.
    if (!signal.aborted) await once(signal, 'abort')
  } finally {
    for (const unit of started) {
      await unit.stop().catch((error: unknown) => log.error({ unit: unit.name, err: error }, 'stop failed'))
    }
  }
}

/**
 * The end of a station whose device is taken out of service. It waits until the station is up: a process that ends before it
 * has said so counts as a failed start, and would be begun again.
 */
export class Retirement {
  readonly #end = new AbortController()
  #ordered = false
  #up = false

  get signal(): AbortSignal {
    return this.#end.signal
  }

  order(): void {
    this.#ordered = true
    this.#endIfDue()
  }

  /** The station runs. */
  up(): void {
    this.#up = true
    this.#endIfDue()
  }

  #endIfDue(): void {
    if (this.#ordered && this.#up) this.#end.abort()
  }
}
