import { setTimeout as delay } from 'node:timers/promises'
import { pino } from 'pino'
import { systemClock } from '../../../drivers/clock.ts'
import { silentLog } from '../../../gateway/log.ts'
import type { Endpoint } from '../../../gateway/mqtt/link.ts'
import { MqttSink } from '../../../gateway/mqtt/sink.ts'
import { stationTopics } from '../../../gateway/mqtt/topics.ts'
import type { OutboxEntry, Sink } from '../../../gateway/outbox.ts'
import { Pump } from '../../../gateway/pump.ts'
import type { Store } from '../../../gateway/store/store.ts'
import { append, reopen } from '../../gateway/store/opening.ts'

const STATION = { site: 'site', line: 'line', station: 'station' }
/** Appends under way at a time. */
const WIDTH = 128
/** What does not come about within this never does. */
const PATIENCE_MS = 60_000

export interface DeliveryOptions {
  /** Default: no user, no TLS. */
  readonly endpoint?: Partial<Endpoint>
  /** The longest silence of a broker, ms. */
  readonly deadlineMs?: number
}

/** A real store with one sink and the pump between them, as the gateway wires them. */
export class Delivery<To extends Sink = Sink> {
  readonly store: Store
  readonly pump: Pump
  readonly sink: To
  /** What the pump said each time that it could not deliver. */
  readonly troubles: readonly string[]
  readonly #stop: () => Promise<void>

  private constructor(
    { store, pump, sink }: { readonly store: Store; readonly pump: Pump; readonly sink: To },
    troubles: readonly string[],
    stop: () => Promise<void>,
  ) {
    this.store = store
    this.pump = pump
    this.sink = sink
    this.troubles = troubles
    this.#stop = stop
  }

  /** To an MQTT broker. */
  static async toBroker(
    dir: string,
    url: string,
    options: DeliveryOptions = {},
  ): Promise<Delivery<MqttSink>> {
    const { endpoint, deadlineMs = 500 } = options
    const sink = new MqttSink({
      name: 'upstream',
      endpoint: { url, protocolVersion: '5', clientId: 'poincon-faults', ...endpoint },
      topics: stationTopics(STATION),
      clock: systemClock,
      log: silentLog,
      facts: () => ({ device_id: 'poincon-test', ...STATION, software: '0.1.0' }),
      backoff: { firstMs: 5, longestMs: 50 },
      deadlineMs,
    })
    const delivery = await Delivery.to(dir, sink, () => sink.stop())
    await sink.start(new AbortController().signal)
    return delivery
  }

  /** To any sink that is started by itself. */
  static async to<To extends Sink>(dir: string, sink: To, stop: () => Promise<void>): Promise<Delivery<To>> {
    const store = await reopen(dir)
    await store.registerSink(sink.name)
    const troubles: string[] = []
    const pump = new Pump({
      outbox: store,
      sink,
      backlog: () => store.backlog(sink.name),
      clock: systemClock,
      log: pino({ level: 'warn' }, { write: (line) => troubles.push(messageOf(line)) }),
      graceMs: 0,
      backoff: { firstMs: 5, longestMs: 50 },
    })
    await pump.start()
    return new Delivery({ store, pump, sink }, troubles, async () => {
      await pump.stop()
      await stop()
      await store.close()
    })
  }

  get backlog(): number {
    return this.store.backlog(this.sink.name)
  }

  /** Resolves when so many more inspections are on disk. */
  async append(count: number): Promise<void> {
    let left = count
    await Promise.all(
      Array.from({ length: Math.min(WIDTH, count) }, async () => {
        for (; left > 0; ) {
          left -= 1
          await append(this.store)
        }
      }),
    )
  }

  /** Appends one after the other until the signal aborts. @returns how many */
  async appendUntil(signal: AbortSignal): Promise<number> {
    let appended = 0
    for (; !signal.aborted; appended += 1) await append(this.store)
    return appended
  }

  /** Resolves when everything that is stored is acknowledged. */
  delivered(): Promise<void> {
    return until(
      () => this.backlog === 0,
      'everything delivered',
      () => this.backlog,
    )
  }

  /**
   * Resolves when the pump has said once more that it cannot deliver; with what it said.
   * @param before how often it had said so by then
   */
  async troubled(before = 0): Promise<string> {
    await until(() => this.troubles.length > before, 'a pump that says so')
    return this.troubles[before] ?? ''
  }

  /** Every entry of the log. */
  async *entries(): AsyncGenerator<OutboxEntry> {
    for (let from = 1; ; ) {
      const page = await this.store.from(from, 1000)
      yield* page
      if (page.length === 0) return
      from += page.length
    }
  }

  close(): Promise<void> {
    return this.#stop()
  }
}

/** The error's, of a line as pino writes it. */
function messageOf(line: string): string {
  return /"message":"((?:[^"\\]|\\.)*)"/.exec(line)?.[1] ?? line
}

/**
 * @param progress what must change from time to time, or it is given up
 * @throws when `holds` does not come to hold
 */
export async function until(
  holds: () => boolean,
  what: string,
  progress: () => number = () => 0,
): Promise<void> {
  let over = performance.now() + PATIENCE_MS
  for (let before = progress(); !holds(); ) {
    const now = progress()
    if (now !== before) over = performance.now() + PATIENCE_MS
    before = now
    if (performance.now() > over) throw new Error(`not within ${PATIENCE_MS / 1000} s: ${what}`)
    await delay(5)
  }
}
