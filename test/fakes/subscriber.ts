import mqtt, { type IPublishPacket, type MqttClient } from 'mqtt'

/** Somebody who listens on a broker and keeps all that came, across the broker's restarts. */
export class Subscriber {
  readonly packets: IPublishPacket[] = []
  /** Sequences of the inspections that came, in the order they came. */
  readonly sequences: number[] = []
  readonly client: MqttClient
  #look: (() => void)[] = []

  private constructor(client: MqttClient) {
    this.client = client
    client.on('message', (_topic, _payload, packet) => {
      this.packets.push(packet)
      if (packet.topic.endsWith('/inspection')) {
        this.sequences.push(Number(/"sequence":(\d+)/.exec(packet.payload.toString())?.[1]))
      }
      for (const look of this.#look) look()
    })
  }

  /** Resolves when it is subscribed; MQTT 5, so that properties are seen. */
  static async open(url: string, filter: string, protocolVersion: 4 | 5 = 5): Promise<Subscriber> {
    const client = await mqtt.connectAsync(url, { protocolVersion, reconnectPeriod: 20 })
    client.on('error', () => {})
    const subscriber = new Subscriber(client)
    await client.subscribeAsync(filter, { qos: 1 })
    return subscriber
  }

  /** The first packet on a topic that fits, whether it came already or comes. */
  async packet(topic: string, fits: (text: string) => boolean = () => true): Promise<IPublishPacket> {
    const find = () =>
      this.packets.find((packet) => packet.topic === topic && fits(packet.payload.toString()))
    await this.until(() => find() !== undefined)
    const found = find()
    if (found === undefined) throw new Error(`nothing on ${topic}`)
    return found
  }

  /** Waits until `seen` holds; asked after every packet. */
  until(seen: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!seen()) return
        this.#look = this.#look.filter((other) => other !== look)
        resolve()
      }
      this.#look.push(look)
      look()
    })
  }

  async close(): Promise<void> {
    await this.client.endAsync(true)
  }
}
