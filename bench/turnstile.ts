/** A station's way out that can be let run for a while and held again, so that a peer can be measured in between. */
import { systemClock } from '../drivers/clock.ts'
import { silentLog } from '../gateway/log.ts'
import { MqttSink } from '../gateway/mqtt/sink.ts'
import { stationTopics } from '../gateway/mqtt/topics.ts'
import type { OutboxEntry, Sink } from '../gateway/outbox.ts'
import { Pump } from '../gateway/pump.ts'
import type { Store } from '../gateway/store/store.ts'
import { threadUs } from './figures.ts'

/** Lets a number of entries through, then holds the pump until more are asked for. */
class Turnstile implements Sink {
  readonly name: string
  readonly window: number
  readonly #sink: Sink
  #left = 0
  #opened: (() => void) | undefined
  #passed: (() => void) | undefined

  constructor(sink: Sink) {
    this.name = sink.name
    this.window = sink.window
    this.#sink = sink
  }

  async send(batch: readonly OutboxEntry[], signal: AbortSignal): Promise<number | undefined> {
    if (this.#left <= 0) await this.#held(signal)
    const reached = await this.#sink.send(batch.slice(0, this.#left), signal)
    if (reached !== undefined) this.#left -= reached - (batch[0]?.sequence ?? 0) + 1
    if (this.#left <= 0) this.#passed?.()
    return reached
  }

  /** Resolves when `count` entries more are acknowledged. */
  pass(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#passed = resolve
      this.#left = count
      this.#opened?.()
    })
  }

  #held(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const ended = (): void => reject(signal.reason)
      signal.addEventListener('abort', ended, { once: true })
      this.#opened = () => {
        signal.removeEventListener('abort', ended)
        resolve()
      }
    })
  }
}

/** What a slice of the backlog took. */
export interface Slice {
  readonly perSecond: number
  /** CPU time of the main thread an inspection. */
  readonly cpuUs: number
}

/** Store, sink and pump as a station puts them together. */
export class HeldStation {
  readonly #store: Store
  readonly #mqtt: MqttSink
  readonly #turnstile: Turnstile
  readonly #pump: Pump

  private constructor(store: Store, mqtt: MqttSink) {
    this.#store = store
    this.#mqtt = mqtt
    this.#turnstile = new Turnstile(mqtt)
    this.#pump = new Pump({
      ...{ outbox: store, sink: this.#turnstile, clock: systemClock, log: silentLog, graceMs: 0 },
      backlog: () => store.backlog(mqtt.name),
    })
  }

  static async start(store: Store, url: string): Promise<HeldStation> {
    const identity = { site: 'site', line: 'line', station: 'station' }
    const mqtt = new MqttSink({
      name: 'upstream',
      endpoint: { url, protocolVersion: '5', clientId: 'poincon-bench' },
      topics: stationTopics(identity),
      ...{ clock: systemClock, log: silentLog },
      facts: () => ({ device_id: 'bench', ...identity, software: 'bench' }),
    })
    await store.registerSink(mqtt.name)
    const station = new HeldStation(store, mqtt)
    await mqtt.start(new AbortController().signal)
    await station.#pump.start()
    return station
  }

  /** Delivers `count` inspections of the backlog. */
  async deliver(count: number): Promise<Slice> {
    const beganUs = await threadUs()
    const beganAt = performance.now()
    await this.#turnstile.pass(count)
    const perSecond = (count * 1000) / (performance.now() - beganAt)
    return { perSecond, cpuUs: ((await threadUs()) - beganUs) / count }
  }

  /** The next delivery begins behind this position. */
  async rewind(position: number): Promise<void> {
    await this.#store.rewind(this.#mqtt.name, position)
  }

  async stop(): Promise<void> {
    await this.#pump.stop()
    await this.#mqtt.stop()
  }
}
