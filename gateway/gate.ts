import type { Clock } from '../drivers/clock.ts'
import type { BeltGate } from '../drivers/gate/belt-gate.ts'
import type { Gate, GateAction } from '../drivers/gate/gate.ts'
import type { GateFault } from '../drivers/gate/options.ts'
import { type Backoff, backoffMs } from './backoff.ts'
import type { Log } from './log.ts'
import type { Unit, UnitStatus } from './station.ts'

export interface StationGateOptions {
  readonly holdLane: boolean
  /** As the gate will have it: what is measured must be decided by then, ms. */
  readonly decideWithinMs: number | undefined
  readonly open: (hooks: GateHooks) => Promise<BeltGate>
  readonly clock: Clock
  readonly log: Log
  /** In [0, 1). */
  readonly random: () => number
}

/** What the gate asks, and tells, while it is open. */
export interface GateHooks {
  /** Whether parts are decided: without it the external relay lets the gate fall. */
  readonly alive: () => boolean
  readonly troubled: (fault: GateFault | undefined) => void
}

/** What is told in a dry run: nothing moves. */
export function noGate(holdLane: boolean): Gate {
  return {
    holdLane,
    lineStopped: false,
    decideWithinMs: undefined,
    expect: () => {},
    act: () => 'in-time',
    stopLine: () => {},
    resumeLine: () => {},
    safe: () => {},
  }
}

const BACKOFF: Backoff = { firstMs: 500, longestMs: 10_000 }
const REFRESH_MS = 500

/**
 * The gate of the station: opened with backoff for as long as it takes. While it is away, or in a fault, it lies in
 * its safe state, nothing passes, and parts are turned away.
 */
export class StationGate implements Gate, Unit {
  readonly name = 'gate'
  readonly holdLane: boolean
  readonly decideWithinMs: number | undefined
  /** Set by whoever has them, before the start. */
  watch: { alive(): boolean; ready(): boolean } = { alive: () => false, ready: () => false }
  readonly #options: StationGateOptions
  readonly #lifetime = new AbortController()
  #gate: BeltGate | undefined
  #absent: string | undefined = 'not opened yet'
  #stopped = false
  #running: Promise<void> = Promise.resolve()

  constructor(options: StationGateOptions) {
    this.#options = options
    this.holdLane = options.holdLane
    this.decideWithinMs = options.decideWithinMs
  }

  /** Resolves when it was tried once: a gate that is there is there with the first part. */
  async start(): Promise<void> {
    const failed = await this.#openOnce()
    this.#running = this.#run(failed ? 1 : 0)
  }

  /** Safe, and the lines given back. */
  async stop(): Promise<void> {
    this.#lifetime.abort()
    await this.#running
    this.#gate?.close()
    this.#gate = undefined
  }

  /** Whether parts can be acted on. */
  get works(): boolean {
    return this.#gate?.health().state === 'ok'
  }

  /** Parts between trigger and gate. */
  get waiting(): number {
    return this.#gate?.health().waiting ?? 0
  }

  get lineStopped(): boolean {
    return this.#gate?.lineStopped ?? this.#stopped
  }

  expect(trigger: number, at: number): void {
    this.#gate?.expect(trigger, at)
  }

  act(action: GateAction, trigger: number): 'in-time' | 'late' {
    return this.#gate?.act(action, trigger) ?? 'late'
  }

  stopLine(): void {
    this.#stopped = true
    this.#gate?.stopLine()
  }

  /** A gate whose lines failed is opened anew. */
  resumeLine(): void {
    this.#stopped = false
    if (this.#gate?.health().state === 'failed') this.#giveUp('it failed')
    else this.#gate?.resumeLine()
  }

  safe(): void {
    this.#gate?.safe()
  }

  status(): UnitStatus {
    const gate = this.#gate
    if (gate === undefined) return { state: 'failed', detail: `absent: ${this.#absent}` }
    const { state, detail, waiting, counters } = gate.health()
    const facts = Object.fromEntries(
      Object.entries(counters).map(([name, count]) => [
        name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
        count,
      ]),
    )
    return {
      state: state === 'ok' ? 'ok' : 'failed',
      ...(detail === undefined ? {} : { detail: `${state}: ${detail}` }),
      facts: { waiting, ...facts, line_stopped: gate.lineStopped },
    }
  }

  async #run(failedBefore: number): Promise<void> {
    const { clock, random } = this.#options
    const { signal } = this.#lifetime
    let failures = failedBefore
    while (!signal.aborted) {
      const pause =
        this.#gate === undefined && failures > 0 ? backoffMs(failures, BACKOFF, random) : REFRESH_MS
      await clock.sleep(pause, signal).catch(() => {})
      if (signal.aborted) return
      if (this.#gate === undefined) failures = (await this.#openOnce()) ? failures + 1 : 0
      this.#gate?.setReady(this.watch.ready())
    }
  }

  /** @returns whether it failed */
  async #openOnce(): Promise<boolean> {
    const { open, log } = this.#options
    try {
      const gate = await open({ alive: () => this.watch.alive(), troubled: (fault) => this.#troubled(fault) })
      if (this.#stopped) gate.stopLine()
      this.#gate = gate
      if (this.#absent !== undefined) log.info('gate ready')
      this.#absent = undefined
      return false
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error)
      if (detail !== this.#absent) log.error({ err: error }, 'gate absent, trying on: parts are turned away')
      this.#absent = detail
      return true
    }
  }

  #giveUp(why: string): void {
    this.#gate?.close()
    this.#gate = undefined
    this.#absent = why
  }

  #troubled(fault: GateFault | undefined): void {
    const { log } = this.#options
    if (fault === undefined) log.info('gate well again')
    else log.error({ state: fault.state, detail: fault.detail }, 'gate fault: the line is stopped')
  }
}
