import mqtt, { type MqttClient } from 'mqtt'
import { readPayload, type WireMetric, type WirePayload } from './wire.ts'

/** What an edge node published, or its broker for it. */
export interface Heard extends WirePayload {
  /** `NBIRTH`, `DDATA` … */
  readonly type: string
  readonly topic: string
  readonly qos: number
  readonly retain: boolean
  /** Of each metric: its own, or what the births before it gave its alias. */
  readonly names: readonly string[]
}

/** A host application that keeps all it hears; MQTT 5, so that it sees the retain flag as it was published. */
export class Host {
  readonly heard: Heard[] = []
  /** Sequences of the inspections that came as data, in order; negative where they came as history. */
  readonly sequences: number[] = []
  readonly #client: MqttClient
  readonly #id: string
  /** Name by alias, as the last births tell them. */
  readonly #names = new Map<number, string>()
  #looks: (() => void)[] = []

  private constructor(client: MqttClient, id: string) {
    this.#client = client
    this.#id = id
    client.on('error', () => {})
    client.on('message', (topic, payload, { qos, retain }) => {
      const type = topic.split('/')[2] ?? ''
      if (!/^[ND](BIRTH|DEATH|DATA)$/.test(type)) return
      this.#take({ type, topic, qos, retain }, readPayload(payload))
    })
  }

  static async open(url: string, id = 'scada'): Promise<Host> {
    const client = await mqtt.connectAsync(url, { protocolVersion: 5, reconnectPeriod: 20 })
    const host = new Host(client, id)
    await client.subscribeAsync('spBv1.0/#', { qos: 1, rap: true })
    return host
  }

  /** Types of what was heard, in order. */
  get types(): string[] {
    return this.heard.map(({ type }) => type)
  }

  of(type: string): Heard[] {
    return this.heard.filter((message) => message.type === type)
  }

  /** Waits until so many of a type were heard. @returns the last of them */
  async next(type: string, count = 1): Promise<Heard> {
    await this.until(() => this.of(type).length >= count)
    const found = this.of(type)[count - 1]
    if (found === undefined) throw new Error(`no ${type}`)
    return found
  }

  /** Waits until `seen` holds; asked after every message. */
  until(seen: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!seen()) return
        this.#looks = this.#looks.filter((other) => other !== look)
        resolve()
      }
      this.#looks.push(look)
      look()
    })
  }

  /** Metrics of a message by name. */
  metrics({ metrics, names }: Heard): Record<string, WireMetric> {
    return Object.fromEntries(metrics.map((metric, i) => [names[i] ?? '', metric]))
  }

  /** Values of a message by name; null where the node said so. */
  values(message: Heard): Record<string, number | boolean | string | null | undefined> {
    return Object.fromEntries(
      Object.entries(this.metrics(message)).map(([name, metric]) => [
        name,
        metric.null === true ? null : metric.value?.[1],
      ]),
    )
  }

  async say(online: boolean, timestamp: number, id = this.#id): Promise<void> {
    await this.sayRaw(JSON.stringify({ online, timestamp }), id)
  }

  async sayRaw(state: string, id = this.#id): Promise<void> {
    await this.#client.publishAsync(`spBv1.0/STATE/${id}`, state, { qos: 1, retain: true })
  }

  async command(topic: string, payload: Buffer, retain = false): Promise<void> {
    await this.#client.publishAsync(topic, payload, { qos: 1, retain })
  }

  async close(): Promise<void> {
    await this.#client.endAsync(true)
  }

  #take(message: Omit<Heard, 'names' | keyof WirePayload>, payload: WirePayload): void {
    if (message.type === 'NBIRTH') this.#names.clear()
    if (message.type.endsWith('BIRTH')) this.#learn(payload)
    const names = payload.metrics.map(({ name, alias }) => {
      const known = name ?? this.#names.get(alias ?? -1)
      if (known === undefined) throw new Error(`no birth told alias ${alias}`)
      return known
    })
    this.heard.push({ ...message, ...payload, names })
    const sequence = payload.metrics[names.indexOf('sequence')]
    if (message.type === 'DDATA')
      this.sequences.push(Number(sequence?.value?.[1]) * (sequence?.historical === true ? -1 : 1))
    for (const look of this.#looks) look()
  }

  #learn({ metrics }: WirePayload): void {
    for (const { name, alias } of metrics) {
      if (name === undefined || alias === undefined) continue
      if (this.#names.has(alias)) throw new Error(`alias ${alias} is told twice`)
      this.#names.set(alias, name)
    }
  }
}
