import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '../../../drivers/clock.ts'
import { ConfirmationWatch } from '../../../gateway/confirmation/watch.ts'
import { CONFIRMED_CURSOR, confirmationStore } from '../../../gateway/confirming.ts'
import { silentLog } from '../../../gateway/log.ts'
import type { MqttSink } from '../../../gateway/mqtt/sink.ts'
import type { OutboxEntry } from '../../../gateway/outbox.ts'
import type { Retention } from '../../../gateway/store/retention/retention.ts'
import { append } from '../../gateway/store/opening.ts'
import { NO_LIMITS } from '../../gateway/store/retention/limits.ts'
import { Delivery } from '../broker/delivery.ts'

const DEVICE = 'poincon-test'
const TOPIC = 'poincon/site/line/station/confirmed'
/** Newest inspections that retention leaves, and no more: what is freed too early is gone for good. */
const KEPT = 100
/** What is not confirmed within this goes out again. */
const LIMITS = { stalledMs: 1500, longestMs: 6000 }
/** The longest silence of a broker: of a server behind a broken line nothing comes at all. */
const DEADLINE_MS = 3000

/** What was appended: all that the final store must have in the end. */
export interface Appended {
  readonly sequence: number
  readonly id: string
  readonly hash: string
}

/**
 * A station as the gateway composes it: a real store, the sink that is to be confirmed, the watch over confirmations, and
 * retention that frees what is confirmed.
 */
export class Station {
  readonly delivery: Delivery<MqttSink>
  readonly watch: ConfirmationWatch
  readonly appended: Appended[] = []
  readonly #retention: Retention
  readonly #ended = new AbortController()
  #work: Promise<unknown> = Promise.resolve()

  private constructor(delivery: Delivery<MqttSink>) {
    const { store, sink } = delivery
    this.delivery = delivery
    this.watch = new ConfirmationWatch({
      topic: TOPIC,
      store: confirmationStore(store, { deviceId: DEVICE, sink: sink.name, required: true }),
      listen: (topic, receive) =>
        sink.listen([topic], ({ payload, retain }) => receive(payload, retain ?? false)),
      limits: LIMITS,
      clock: systemClock,
      log: silentLog,
    })
    this.#retention = store.retention({
      limits: { ...NO_LIMITS, most: { raw: KEPT, inspections: KEPT } },
      clock: systemClock,
      log: silentLog,
      clockTrusted: () => false,
    })
  }

  /** @param url an MQTT listener of the cluster, or of a leaf node */
  static async start(dir: string, url: string): Promise<Station> {
    const delivery = await Delivery.toBroker(dir, url, {
      endpoint: { protocolVersion: '3.1.1', clientId: DEVICE },
      deadlineMs: DEADLINE_MS,
    })
    await delivery.store.registerSink(CONFIRMED_CURSOR)
    const station = new Station(delivery)
    await station.watch.start()
    return station
  }

  get confirmed(): number {
    return this.delivery.store.position(CONFIRMED_CURSOR)
  }

  get resent(): number {
    return Number(this.watch.status().facts?.resent)
  }

  /** Begins to append so many a second, and to free what is confirmed. */
  load(perSecond: number): void {
    const { signal } = this.#ended
    this.#work = Promise.all([this.#append(perSecond, signal), this.#sweep(signal)])
  }

  /** Appends so many at once. */
  async append(count: number): Promise<void> {
    for (const entry of await Promise.all(Array.from({ length: count }, () => append(this.delivery.store))))
      this.#note(entry)
  }

  /** Resolves with the last inspection on disk. */
  async loaded(): Promise<void> {
    this.#ended.abort()
    await this.#work
  }

  async close(): Promise<void> {
    await this.loaded()
    await this.watch.stop()
    await this.delivery.close()
  }

  async #append(perSecond: number, signal: AbortSignal): Promise<void> {
    for (const began = performance.now(); !signal.aborted; await delay(5)) {
      const due = Math.floor(((performance.now() - began) * perSecond) / 1000)
      // No more than a second's worth after a stop of the process.
      await this.append(Math.min(perSecond, Math.max(0, due - this.appended.length)))
    }
  }

  async #sweep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#retention.sweep(signal).catch((error: unknown) => {
        if (!signal.aborted) throw error
      })
      await delay(500, undefined, { signal }).catch(() => {})
    }
  }

  #note({ sequence, id, payload }: OutboxEntry): void {
    const hash = /"hash":"([0-9a-f]{64})"/.exec(payload)?.[1] ?? ''
    this.appended.push({ sequence, id, hash })
  }
}
