/**
 * The part of a gateway that must lose nothing: a store, a sink to the plant's broker, the embedded broker and the sink
 * to that. It is loaded, says so, and waits for a word on its standard input:
 *   victim.js URL PORT     URL of the plant's broker, PORT of its own
 *   append DIR   appends as fast as it is acknowledged, says `ack <sequence> <id>` for each that is on disk, until it is
 *                killed
 *   settle DIR   appends nothing, ends when everything is delivered
 */
import { systemClock } from '../../../drivers/clock.ts'
import { silentLog } from '../../../gateway/log.ts'
import { Broker } from '../../../gateway/mqtt/broker.ts'
import type { Endpoint } from '../../../gateway/mqtt/link.ts'
import { MqttSink } from '../../../gateway/mqtt/sink.ts'
import { stationTopics } from '../../../gateway/mqtt/topics.ts'
import { Pump } from '../../../gateway/pump.ts'
import { openStore } from '../../../gateway/store/open.ts'
import { Supply } from './supply.ts'
import { awaitWord, say } from './word.ts'

const STATION = { site: 'site', line: 'line', station: 'station' }
/** Appends under way at a time. */
const WIDTH = 64

const [url = '', port = ''] = process.argv.slice(2)
const [what, dir] = awaitWord().split(' ')
// Whoever would have let it go is gone.
if (dir === undefined) process.exit(0)

const common = { clock: systemClock, log: silentLog }
const topics = stationTopics(STATION)
const store = await openStore({ dir, deviceId: 'poincon-test', ...common })
const broker = new Broker({ host: '127.0.0.1', port: Number(port), log: silentLog, topics })

const sinkTo = (name: string, endpoint: Endpoint): MqttSink =>
  new MqttSink({
    ...{ name, endpoint, topics, ...common },
    facts: () => ({ device_id: 'poincon-test', ...STATION, software: '0.1.0' }),
    backoff: { firstMs: 10, longestMs: 100 },
  })
const own = { url: `mqtt://127.0.0.1:${port}`, protocolVersion: '3.1.1', ...broker.credentials } as const
const sinks = [
  sinkTo('broker', { ...own, clientId: 'poincon-own' }),
  sinkTo('upstream', { url, protocolVersion: '5', clientId: 'poincon-victim' }),
]
for (const { name } of sinks) await store.registerSink(name)
const pumps = sinks.map(
  (sink) => new Pump({ outbox: store, sink, backlog: () => store.backlog(sink.name), ...common }),
)
const units = [broker, ...sinks, ...pumps]
for (const unit of units) await unit.start(new AbortController().signal)

const supply = new Supply(process.pid)
let trigger = 0

async function appendForEver(): Promise<never> {
  for (;;) {
    trigger += 1
    const noted = trigger
    store.noteTrigger(noted)
    const { sequence, id } = await store.append(supply.draft(noted), supply.raw, noted)
    say(`ack ${sequence} ${id}`)
  }
}

if (what === 'append') {
  await Promise.all(Array.from({ length: WIDTH }, appendForEver))
} else {
  while (sinks.some(({ name }) => store.backlog(name) > 0)) await systemClock.sleep(5)
  for (const unit of units.reverse()) await unit.stop()
  await store.close()
}
