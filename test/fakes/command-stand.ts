import { systemClock } from '../../drivers/clock.ts'
import { commandPayloads } from '../../gateway/line-commands.ts'
import { silentLog } from '../../gateway/log.ts'
import { Broker } from '../../gateway/mqtt/broker.ts'
import { type CommandChannel, type CommandHandler, CommandServer } from '../../gateway/mqtt/commands.ts'
import { MqttSink, type MqttSinkOptions } from '../../gateway/mqtt/sink.ts'
import { stationTopics } from '../../gateway/mqtt/topics.ts'
import { entry } from './inspections.ts'
import type { Mosquitto } from './mosquitto.ts'
import { Subscriber } from './subscriber.ts'

const STATION = { site: 'site', line: 'line', station: 'station' }
/** A station on the embedded broker and on the plant's, whose commands say what they were given. */
export class CommandStand {
  readonly topics = stationTopics(STATION)
  readonly broker = new Broker({ host: '127.0.0.1', port: 0, log: silentLog })
  /** Names of the commands that came, in order. */
  readonly taken: string[] = []
  readonly #sinks: MqttSink[] = []
  readonly #ended = new AbortController()
  readonly #plant: Mosquitto
  readonly #close: (() => Promise<void>)[] = []

  constructor(plant: Mosquitto) {
    this.#plant = plant
  }

  /** Resolves when commands are taken on both brokers. */
  async start(): Promise<void> {
    await this.broker.start()
    const embedded = this.#sink('broker', this.broker.url, '3.1.1')
    const upstream = this.#sink('upstream', this.#plant.url, '5')
    for (const channel of [this.broker, upstream]) await this.#serve(channel)
    for (const sink of [embedded, upstream]) await sink.start(this.#ended.signal)
    for (const url of [this.broker.url, this.#plant.url]) {
      const watcher = await Subscriber.open(url, this.topics.state, 4)
      await watcher.packet(this.topics.state, (text) => text.includes('"online"'))
      await watcher.close()
    }
  }

  async stop(): Promise<void> {
    this.#ended.abort()
    for (const close of this.#close.reverse()) await close()
    await this.broker.stop()
  }

  /** Publishes an inspection on both brokers. */
  async publish(sequence: number): Promise<void> {
    const { signal } = this.#ended
    await Promise.all(this.#sinks.map((sink) => sink.send([entry(sequence)], signal)))
  }

  #sink(name: string, url: string, protocolVersion: '5' | '3.1.1'): MqttSink {
    const endpoint: MqttSinkOptions['endpoint'] = { url, protocolVersion, clientId: `poincon-${name}` }
    const facts = () => ({ device_id: 'press-4', ...STATION, software: '0.1.0' })
    const sink = new MqttSink({
      name,
      endpoint,
      topics: this.topics,
      clock: systemClock,
      log: silentLog,
      facts,
    })
    this.#sinks.push(sink)
    this.#close.push(() => sink.stop())
    return sink
  }

  async #serve(channel: CommandChannel): Promise<void> {
    const handlers = Object.fromEntries(
      Object.entries(commandPayloads).map(([name, schema]): [string, CommandHandler] => [
        name,
        (payload) => {
          this.taken.push(name)
          return Promise.resolve(schema.parse(payload))
        },
      ]),
    )
    const server = new CommandServer({
      topics: this.topics,
      channel,
      handlers,
      clock: systemClock,
      log: silentLog,
    })
    await server.start()
    this.#close.push(() => server.stop())
  }
}
