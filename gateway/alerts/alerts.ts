import type { Clock } from '../../drivers/clock.ts'
import type { Log } from '../log.ts'
import type { Unit, UnitStatus } from '../station.ts'
import type { Alert, AlertChange } from './alert.ts'
import { Delivery } from './delivery.ts'
import type { AlertEngine } from './engine.ts'
import type { AlertEvent, Instant } from './event.ts'
import { type AlertMessage, type AlertOrigin, alertMessageOf } from './message.ts'

/** Where alerts are kept. */
export interface AlertStore {
  /** Resolves when it is on disk; one of the same id is replaced. */
  save(alert: Alert): Promise<void>
  /** Those that were not cleared, as they were saved. */
  open(): Promise<readonly unknown[]>
}

/** Where the engine's windows outlive a restart. */
export interface AlertMemory {
  get(): Promise<unknown>
  set(snapshot: unknown): Promise<void>
}

export interface AlertsParts {
  readonly engine: AlertEngine
  readonly store: AlertStore
  /** Absent: windows begin empty after a restart. */
  readonly memory?: AlertMemory
  readonly publish: (message: AlertMessage) => Promise<void> | void
  readonly origin: AlertOrigin
  readonly clock: Clock
  readonly log: Log
  /** In [0, 1); default `Math.random`. */
  readonly random?: () => number
}

const TICK_MS = 1000
const MEMORY_EVERY_MS = 60_000
const WAITING_LIMIT = 1000
/** How long `stop` goes on saving and publishing. */
const GRACE_MS = 2000

/**
 * Alerts of a station: what happens goes in, changes are logged, saved and published. Nothing it does can stop or
 * delay a part: `see` never throws and never waits.
 */
export class Alerts implements Unit {
  readonly name = 'alerts'
  readonly #parts: AlertsParts
  readonly #saving: Delivery<Alert>
  readonly #publishing: Delivery<AlertMessage>
  readonly #ended = new AbortController()
  #ticking: Promise<void> | undefined
  /** The open alerts of the process before are not known. */
  #unread: string | undefined
  /** What went wrong in a rule, by the kind of event; until one of that kind goes well. */
  readonly #ruleFaults = new Map<AlertEvent['kind'], string>()
  #faults = 0
  #raised = 0
  #memoryFault: string | undefined

  constructor(parts: AlertsParts) {
    this.#parts = parts
    this.#saving = this.#delivery('store', (alert: Alert) => parts.store.save(alert))
    this.#publishing = this.#delivery('publisher', (message: AlertMessage) => parts.publish(message))
  }

  /** Takes up the open alerts. A store that cannot tell them is a fault that is shown, not a reason not to start. */
  async start(): Promise<void> {
    const { engine, store, memory, log } = this.#parts
    const open = await store.open().catch((err: unknown) => {
      log.error({ err }, 'open alerts cannot be read')
      this.#unread = `open alerts cannot be read: ${textOf(err)}`
      return []
    })
    const snapshot = await memory?.get().catch((err: unknown) => {
      log.warn({ err }, 'memory of the alert rules cannot be read')
      return undefined
    })
    this.#saving.start(this.#ended.signal)
    this.#publishing.start(this.#ended.signal)
    this.#deliver(engine.restore(snapshot, open, this.#instant()))
    this.#ticking = this.#tick(this.#ended.signal)
  }

  async stop(): Promise<void> {
    const grace = new AbortController()
    const over = this.#parts.clock.sleep(GRACE_MS, grace.signal).catch(() => {})
    const drained = Promise.all([this.#remember(), this.#saving.drained(), this.#publishing.drained()])
    await Promise.race([drained, over])
    this.#ended.abort()
    const ended = Promise.all([this.#ticking, this.#saving.ended(), this.#publishing.ended()])
    await Promise.race([ended, over])
    grace.abort()
  }

  /** Something happened. Never throws: a fault in a rule must not cost a part. */
  see(event: AlertEvent): void {
    try {
      this.#deliver(this.#parts.engine.see(event, this.#instant()))
      this.#ruleFaults.delete(event.kind)
    } catch (err) {
      this.#faults += 1
      const detail = `rules: ${textOf(err)}`
      if (this.#ruleFaults.get(event.kind) !== detail) {
        this.#parts.log.error({ err, event: event.kind }, 'alert rules failed')
      }
      this.#ruleFaults.set(event.kind, detail)
    }
  }

  /**
   * Somebody knows.
   * @returns the alert as it is now
   * @throws AlertError where no alert of this id is open
   */
  acknowledge(id: string, by: string): Alert {
    const change = this.#parts.engine.acknowledge(id, by, this.#instant())
    this.#deliver([change])
    return change.alert
  }

  open(): readonly Alert[] {
    return this.#parts.engine.open()
  }

  status(): UnitStatus {
    const open = this.open()
    const facts = {
      open: open.length,
      critical: open.filter(({ severity }) => severity === 'critical').length,
      unacknowledged: open.filter(({ state }) => state === 'open').length,
      raised: this.#raised,
      unsaved: this.#saving.waiting,
      unpublished: this.#publishing.waiting,
      lost: this.#saving.lost + this.#publishing.lost,
      faults: this.#faults,
    }
    const { trouble: store } = this.#saving
    const { trouble: publisher } = this.#publishing
    const troubles = [
      this.#unread,
      ...this.#ruleFaults.values(),
      this.#memoryFault === undefined ? undefined : `memory: ${this.#memoryFault}`,
      store === undefined ? undefined : `not saved: ${store}`,
      publisher === undefined ? undefined : `not published: ${publisher}`,
    ].filter((one) => one !== undefined)
    return troubles.length === 0
      ? { state: 'ok', facts }
      : { state: 'degraded', detail: troubles.join('; '), facts }
  }

  #delivery<T>(to: string, send: (one: T) => Promise<void> | void): Delivery<T> {
    const { clock, log, random } = this.#parts
    return new Delivery({
      send,
      clock,
      limit: WAITING_LIMIT,
      failed: (err) => log.warn({ to, err }, 'alerts wait'),
      back: () => log.info({ to }, 'alerts go on'),
      ...(random === undefined ? {} : { random }),
    })
  }

  #deliver(changes: readonly AlertChange[]): void {
    const { log, origin } = this.#parts
    for (const { change, alert, at } of changes) {
      const { id, rule, subject, severity, value, limit } = alert
      if (change === 'raised') this.#raised += 1
      log.info({ alert: id, rule, subject, severity, value, limit }, `alert ${change}`)
      this.#saving.push(alert)
      this.#publishing.push(alertMessageOf({ change, alert, at }, origin))
    }
  }

  async #tick(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts
    let rememberedAt = clock.now()
    while (!signal.aborted) {
      await clock.sleep(TICK_MS, signal).catch(() => {})
      if (signal.aborted) return
      this.see({ kind: 'tick' })
      if (clock.now() - rememberedAt < MEMORY_EVERY_MS) continue
      rememberedAt = clock.now()
      await this.#remember()
    }
  }

  async #remember(): Promise<void> {
    const { engine, memory, log } = this.#parts
    try {
      await memory?.set(engine.snapshot(this.#instant()))
      this.#memoryFault = undefined
    } catch (err) {
      if (this.#memoryFault === undefined) log.warn({ err }, 'memory of the alert rules cannot be kept')
      this.#memoryFault = textOf(err)
    }
  }

  #instant(): Instant {
    const { clock } = this.#parts
    return { nowMs: clock.now(), wallMs: clock.wall() }
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
