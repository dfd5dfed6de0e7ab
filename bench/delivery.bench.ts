/**
 * End to end: from the call of append, over the disk and the broker, until a subscriber has it on its own disk; to a real
 * mosquitto (MQTT 5), and to three nats-servers that replicate to each other (MQTT 3.1.1 in at one, out at another). The
 * same subscriber gets the same messages from the bare mqtt client, in turns.
 *   node dist/bench/delivery.bench.js [DIR]     default: the directory for temporary files
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import { systemClock } from '../drivers/clock.ts'
import { silentLog } from '../gateway/log.ts'
import { MqttSink } from '../gateway/mqtt/sink.ts'
import { stationTopics } from '../gateway/mqtt/topics.ts'
import type { OutboxEntry } from '../gateway/outbox.ts'
import { Pump } from '../gateway/pump.ts'
import type { Store } from '../gateway/store/store.ts'
import { Mosquitto } from '../test/fakes/mosquitto.ts'
import { NatsCluster } from '../test/faults/cluster/nats-cluster.ts'
import { missing } from '../test/gateway/ingest/servers.ts'
import { inspectionDraft, randomFrom, rawRecord } from '../test/gateway/store/drafts.ts'
import { OUTSTANDING } from './appends.ts'
import { openLog } from './backlog.ts'
import { BareMqtt } from './bare-mqtt.ts'
import { load, monotonicMs, percentile } from './figures.ts'

const ROUNDS = 3
const PACE_PER_S = 200
const PACED = 1000
const FAST = 4000
const IN_FLIGHT = 200

const stored = z.union([z.literal('ready'), z.object({ atMs: z.number(), ids: z.array(z.string()) })])
const random = randomFrom(1)
const bodies = Array.from({ length: 500 }, () => inspectionDraft(random))
const raw = rawRecord(random)

/** When each was handed over, and when the far end had it on disk. */
class Book {
  readonly #begun = new Map<string, number>()
  readonly #latencies: number[] = []
  #done: () => void = () => {}

  begin(id: string): void {
    this.#begun.set(id, monotonicMs())
  }

  stored(id: string, atMs: number): void {
    const begunMs = this.#begun.get(id)
    if (begunMs === undefined) return
    this.#begun.delete(id)
    this.#latencies.push(atMs - begunMs)
    if (this.#begun.size === 0) this.#done()
  }

  /** All that were begun, once none of them is missing. */
  async finished(): Promise<readonly number[]> {
    if (this.#begun.size > 0) {
      await new Promise<void>((resolve) => {
        this.#done = resolve
      })
    }
    return this.#latencies.splice(0)
  }
}

const book = new Book()

async function openSubscriber(url: string, version: 4 | 5, dir: string): Promise<ChildProcess> {
  const script = fileURLToPath(new URL('./subscriber.js', import.meta.url))
  const child = fork(script, [url, String(version), 'poincon/site/line/+/inspection', dir])
  process.once('exit', () => child.kill('SIGKILL'))
  const ready = once(child, 'message')
  child.on('message', (message) => {
    const told = stored.parse(message)
    if (told !== 'ready') for (const id of told.ids) book.stored(id, told.atMs)
  })
  await ready
  return child
}

/** Hands one over. @returns what it waits for before the next one is handed over, when it goes as fast as it can */
type Send = (index: number) => Promise<unknown>

interface Sample {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
}

async function paced(send: Send): Promise<readonly number[]> {
  const beganAt = performance.now()
  const sent: Promise<unknown>[] = []
  for (let index = 0; index < PACED; ) {
    const due = Math.min(PACED, Math.floor(((performance.now() - beganAt) * PACE_PER_S) / 1000))
    for (; index < due; index += 1) sent.push(send(index))
    await systemClock.sleep(1)
  }
  await Promise.all(sent)
  return book.finished()
}

async function fast(send: Send, lanes: number): Promise<number> {
  const beganAt = performance.now()
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < FAST) await send(next++)
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  await book.finished()
  return (FAST * 1000) / (performance.now() - beganAt)
}

async function sample(send: Send, lanes: number): Promise<Sample> {
  const latencies = await paced(send)
  const perSecond = await fast(send, lanes)
  return { perSecond, p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) }
}

/** Store, sink and pump, as a station has them. */
async function openStation(store: Store, url: string, version: 4 | 5) {
  const identity = { site: 'site', line: 'line', station: 'station' }
  const common = { clock: systemClock, log: silentLog }
  const sink = new MqttSink({
    name: 'upstream',
    endpoint: { url, protocolVersion: version === 5 ? '5' : '3.1.1', clientId: 'poincon-bench' },
    topics: stationTopics(identity),
    ...common,
    facts: () => ({ device_id: 'bench', ...identity, software: 'bench' }),
  })
  const pump = new Pump({ outbox: store, sink, backlog: () => store.backlog(sink.name), ...common })
  await store.registerSink(sink.name)
  await sink.start(new AbortController().signal)
  await pump.start()
  return { sink, pump }
}

async function compare(
  name: string,
  { into, out, version }: { readonly into: string; readonly out: string; readonly version: 4 | 5 },
  parent: string,
): Promise<void> {
  const dir = await mkdtemp(join(parent, 'poincon-delivery-'))
  const store = await openLog(dir)
  const subscriber = await openSubscriber(out, version, dir)
  const { sink, pump } = await openStation(store, into, version)
  const bare = await BareMqtt.connect({
    ...{
      url: into,
      protocolVersion: version,
      topic: 'poincon/site/line/bare/inspection',
      inFlight: IN_FLIGHT,
    },
  })
  const entries: OutboxEntry[] = []
  const append: Send = async (index) => {
    const body = bodies[index % bodies.length]
    if (body === undefined) throw new RangeError(`no body ${index}`)
    const id = uuidv7()
    book.begin(id)
    const entry = await store.append({ ...body, id }, raw)
    entries[index] = entry
  }
  const publish: Send = (index) =>
    new Promise((resolve, reject) => {
      const entry = entries[index]
      if (entry === undefined) throw new RangeError(`no entry ${index}`)
      book.begin(entry.id)
      bare.publish(entry, (error) => (error === undefined ? resolve(undefined) : reject(error)))
    })
  const ours: Sample[] = []
  const theirs: Sample[] = []
  await fast(append, OUTSTANDING)
  await fast(publish, bare.inFlight)
  for (let round = 0; round < ROUNDS; round += 1) {
    ours.push(await sample(append, OUTSTANDING))
    theirs.push(await sample(publish, bare.inFlight))
  }
  tell(name, ours, theirs)
  await Promise.all([pump.stop(), bare.close()])
  await sink.stop()
  await store.close()
  subscriber.disconnect()
  await once(subscriber, 'exit')
  await rm(dir, { recursive: true, force: true })
}

function tell(name: string, ours: readonly Sample[], theirs: readonly Sample[]): void {
  const median = (samples: readonly Sample[], of: keyof Sample): number =>
    percentile(
      samples.map((one) => one[of]),
      0.5,
    )
  const line = (who: string, samples: readonly Sample[]): string =>
    `  ${who} ${median(samples, 'perSecond').toFixed(0)}/s; at ${PACE_PER_S}/s p50 ` +
    `${median(samples, 'p50').toFixed(1)} ms, p99 ${median(samples, 'p99').toFixed(1)} ms`
  const ratio = median(ours, 'perSecond') / median(theirs, 'perSecond')
  console.log(
    `${name}, until stored at a subscriber (medians of ${ROUNDS}); ${load()}\n` +
      `${line('append to store ', ours)}\n${line('bare mqtt client', theirs)}\n  ratio of rates ${ratio.toFixed(2)}`,
  )
}

const parent = process.argv[2] ?? tmpdir()
const mosquitto = await Mosquitto.start(() => [`max_inflight_messages ${IN_FLIGHT}`])
try {
  await compare('mosquitto', { into: mosquitto.url, out: mosquitto.url, version: 5 }, parent)
} finally {
  await mosquitto.close()
}
const absent = missing('nats-server')
if (absent === undefined) {
  const cluster = await NatsCluster.start()
  try {
    const [into = '', out = ''] = cluster.nodes.map(({ mqttPort }) => `mqtt://127.0.0.1:${mqttPort}`)
    await compare('NATS, 3 nodes', { into, out, version: 4 }, parent)
  } finally {
    await cluster.close()
  }
} else console.log(absent)
