/** What the client library alone does with the same messages: the peer that deliveries are compared with. */
import mqtt, { type MqttClient } from 'mqtt'
import type { OutboxEntry } from '../gateway/outbox.ts'

export interface BareOptions {
  readonly url: string
  readonly protocolVersion: 4 | 5
  readonly topic: string
  /** Publishes that wait for their acknowledgement at once; less where the broker takes less. */
  readonly inFlight: number
}

/** The client of `mqtt`, and nothing around it. */
export class BareMqtt {
  readonly #client: MqttClient
  readonly #options: BareOptions

  private constructor(client: MqttClient, options: BareOptions) {
    this.#client = client
    this.#options = options
  }

  static async connect(options: BareOptions): Promise<BareMqtt> {
    const { url, protocolVersion } = options
    return new BareMqtt(await mqtt.connectAsync(url, { protocolVersion, reconnectPeriod: 100 }), options)
  }

  /** The window that counts. */
  get inFlight(): number {
    return Math.min(this.#options.inFlight, this.#client.serverProperties?.receiveMaximum ?? 65_535)
  }

  /** One publish, QoS 1, in the same packet as the sink's. @param acknowledged called once the broker has it */
  publish({ id, epoch, sequence, payload }: OutboxEntry, acknowledged: (error?: Error) => void): void {
    const userProperties = { id, sequence: String(sequence), epoch }
    const properties = { payloadFormatIndicator: true, contentType: 'application/json', userProperties }
    this.#client.publish(this.#options.topic, payload, { qos: 1, properties }, (error) =>
      acknowledged(error instanceof Error ? error : undefined),
    )
  }

  /** Publishes `count` of the entries, round and round. @returns messages per second */
  rate(entries: readonly OutboxEntry[], count: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const beganAt = performance.now()
      let sent = 0
      let answered = 0
      const next = (): void => {
        const entry = entries[sent % entries.length]
        if (sent === count || entry === undefined) return
        sent += 1
        this.publish(entry, (error) => {
          if (error !== undefined) reject(error)
          answered += 1
          if (answered === count) resolve((count * 1000) / (performance.now() - beganAt))
          else next()
        })
      }
      for (let lane = this.inFlight; lane > 0; lane -= 1) next()
    })
  }

  async close(): Promise<void> {
    await this.#client.endAsync()
  }
}
