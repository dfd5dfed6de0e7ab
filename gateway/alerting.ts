import { v7 } from 'uuid'
import type { Clock } from '../drivers/clock.ts'
import type { Alert } from './alerts/alert.ts'
import { Alerts } from './alerts/alerts.ts'
import { Delivery } from './alerts/delivery.ts'
import { AlertEngine } from './alerts/engine.ts'
import type { Config } from './config.ts'
import type { Identity } from './identity.ts'
import type { Log } from './log.ts'
import type { Unit } from './station.ts'
import type { Store } from './store/store.ts'

/** Where an alert goes: a broker. */
export interface AlertPublisher {
  readonly name: string
  /** @returns when it is there */
  alert(payload: string): Promise<void>
}

export interface AlertingParts {
  readonly config: Pick<Config, 'alerts'>
  readonly store: Pick<Store, 'documents' | 'state'>
  readonly identity: Identity
  readonly publishers: readonly AlertPublisher[]
  readonly clock: Clock
  readonly log: Log
}

/** Alerts that wait for one broker; further ones take the place of the oldest. All of them are in the store. */
const MOST_WAITING = 1000
/** How long `stop` waits for a broker, ms. */
const GRACE_MS = 1000
const RULES_STATE = 'alert-rules'

/** The alerts of a station, kept in its store, published on every broker as soon as that one takes them. */
export function alerting(parts: AlertingParts): { readonly alerts: Alerts; readonly units: readonly Unit[] } {
  const { config, store, identity, clock, log } = parts
  const posts = parts.publishers.map((publisher) => new Post(publisher, clock, log))
  const alerts = new Alerts({
    engine: new AlertEngine(
      { ...config.alerts, newId: () => v7() },
      { nowMs: clock.now(), wallMs: clock.wall() },
    ),
    store: {
      save: (alert) => store.documents.save('alert', documentOf(alert)),
      open: async () => (await store.documents.open('alert')).map(({ value }) => value),
    },
    memory: {
      get: () => store.state.get(RULES_STATE),
      set: (snapshot) => store.state.set(RULES_STATE, snapshot),
    },
    publish: (message) => {
      const payload = JSON.stringify(message)
      for (const post of posts) post.push(payload)
    },
    origin: identity,
    clock,
    log,
  })
  return { alerts, units: [...posts, alerts] }
}

function documentOf(alert: Alert): Parameters<Store['documents']['save']>[1] {
  return { id: alert.id, at: alert.since, open: alert.state !== 'cleared', value: alert }
}

/** One broker's alerts, in order, each until the broker has it: one that is away holds up no other. */
class Post implements Unit {
  readonly name: string
  readonly #queue: Delivery<string>
  readonly #clock: Clock
  readonly #ended = new AbortController()

  constructor(publisher: AlertPublisher, clock: Clock, log: Log) {
    const to = publisher.name
    this.name = `alerts-${to}`
    this.#clock = clock
    this.#queue = new Delivery({
      send: (payload) => publisher.alert(payload),
      clock,
      limit: MOST_WAITING,
      failed: (err) => log.warn({ to, err }, 'alerts wait for a broker'),
      back: () => log.info({ to }, 'alerts go on'),
    })
  }

  push(payload: string): void {
    this.#queue.push(payload)
  }

  start(): Promise<void> {
    this.#queue.start(this.#ended.signal)
    return Promise.resolve()
  }

  async stop(): Promise<void> {
    const over = new AbortController()
    const grace = this.#clock.sleep(GRACE_MS, over.signal).catch(() => {})
    await Promise.race([this.#queue.drained(), grace])
    over.abort()
    this.#ended.abort()
    await this.#queue.ended()
  }

  status(): ReturnType<NonNullable<Unit['status']>> {
    const { waiting, lost, trouble } = this.#queue
    const facts = { waiting, lost }
    return trouble === undefined
      ? { state: 'ok', facts }
      : { state: 'degraded', detail: `alerts wait: ${trouble}`, facts }
  }
}
