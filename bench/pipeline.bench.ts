/**
 * Inspections per second through the whole path: the real drivers on simulated chips, analysis, durable append, lot
 * totals, charts and alerts, QoS 1 acknowledged by a real mosquitto; beside what sqlite3 and mqtt alone do with the same
 * bytes on this machine.
 *   node dist/bench/pipeline.bench.js [COUNT]     default 20000
 * The buses and chips run on virtual time, so that they cost CPU but no waiting; CPU, disk and broker are real.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import mqtt from 'mqtt'
import type { I2cBus } from '../drivers/bus.ts'
import { systemClock } from '../drivers/clock.ts'
import { VirtualClock } from '../drivers/simulated/clock.ts'
import { SimulatedGate } from '../drivers/simulated/gate.ts'
import { Acquisition } from '../gateway/acquisition.ts'
import { alerting } from '../gateway/alerting.ts'
import { judge } from '../gateway/analysis/judge.ts'
import { measureEmptyTray } from '../gateway/calibrate.ts'
import { configSchema } from '../gateway/config.ts'
import { wire } from '../gateway/hardware.ts'
import { HeadRack } from '../gateway/head-rack.ts'
import { PartCounters } from '../gateway/health/counters.ts'
import { inspect, type MeasuringHead } from '../gateway/inspect.ts'
import { InspectionIds } from '../gateway/inspection-ids.ts'
import { silentLog } from '../gateway/log.ts'
import { LotBook } from '../gateway/lot-book.ts'
import { MqttSink } from '../gateway/mqtt/sink.ts'
import { stationTopics } from '../gateway/mqtt/topics.ts'
import type { OutboxEntry, Sink } from '../gateway/outbox.ts'
import { Pump } from '../gateway/pump.ts'
import { QualityWatch } from '../gateway/quality.ts'
import { recordOf } from '../gateway/record.ts'
import { Setup } from '../gateway/setup.ts'
import { ShiftBook } from '../gateway/shift-book.ts'
import { openWriter } from '../gateway/store/connections.ts'
import { openStore } from '../gateway/store/open.ts'
import type { Store } from '../gateway/store/store.ts'
import { Mosquitto } from '../test/fakes/mosquitto.ts'

const COUNT = Number(process.argv[2] ?? 20_000)
const WARM_UP = 2000
/** Distinct parts that the belt goes round and round: drawing one costs more than inspecting it. */
const POOL = 64
const GOAL = { perSecond: 2000, decisionMs: 5, loopMs: 10 }

const config = configSchema.parse({ simulation: { empty_rate: 0 } })
const identity = { deviceId: 'bench', site: 'site', line: 'line', station: 'station' }

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}

/** The station's heads on virtual time, and the real time at which the last byte of any transfer arrived. */
async function openHeads() {
  const clock = new VirtualClock()
  const last = { byteAt: 0 }
  const stamped = (bus: I2cBus): I2cBus => ({
    transfer: async (address, out, length) => {
      const answer = await bus.transfer(address, out, length)
      last.byteAt = performance.now()
      return answer
    },
  })
  const hardware = wire({ config, clock, profile: config.recipe, observed: stamped })
  const rack = new HeadRack(hardware.heads, { clock, log: silentLog, random: () => 0.5 })
  await rack.start(new AbortController().signal)
  const heads: readonly MeasuringHead[] = rack.heads.map((head) => ({
    id: head.id,
    kind: head.kind,
    // The trigger's time is the real clock's; a fresh look on the chips' own clock is what it asks for.
    measure: (_since, signal) => head.measure(clock.now(), signal),
    next: (signal) => head.next(signal),
  }))
  return { clock, heads, hardware, rack, last }
}

/** CPU time of the main thread so far, µs (proc(5), schedstat; Linux): what neighbours on this machine do not change. */
async function threadUs(): Promise<number> {
  return Number((await readFile(`/proc/self/task/${process.pid}/schedstat`, 'utf8')).split(' ')[0]) / 1000
}

interface Sample {
  readonly perSecond: number
  readonly decisionMs: readonly number[]
  readonly entries: readonly OutboxEntry[]
  readonly storedPerSecond: number
}

/** Fires the next part as soon as one is decided, until `count` are decided, stored and acknowledged. */
async function measure(station: Awaited<ReturnType<typeof openStation>>, count: number): Promise<Sample> {
  const { store, setup, heads, hardware, last, sink, quality } = station
  const decisionMs: number[] = []
  const entries: OutboxEntry[] = []
  const records: Promise<unknown>[] = []
  const ids = new InspectionIds()
  let fired = 0
  let finished = (): void => {}
  const done = new Promise<void>((resolve) => {
    finished = resolve
  })
  const next = (): void => {
    if (fired === count) {
      finished()
      return
    }
    fired += 1
    hardware.line?.next()
    records.push(acquisition.trigger('interval'))
  }
  const acquisition: Acquisition = new Acquisition({
    clock: systemClock,
    log: silentLog,
    gate: new SimulatedGate(true),
    dryRun: false,
    limits: { waiting: 16, appending: 100_000 },
    deadlineMs: () => 500,
    inspect: (trigger, signal) =>
      inspect(trigger, heads, (evidence) => judge(setup.inForce.plan, evidence), signal),
    storable: () => store.storable,
    retry: () => false,
    seen: (trigger) => store.noteTrigger(trigger),
    decided: (part) => {
      decisionMs.push(part.decidedAt - last.byteAt)
      quality.decided(part)
      setImmediate(next)
    },
    record: (part) => {
      const { draft, raw } = recordOf(part, {
        id: ids.next(),
        identity,
        software: 'bench',
        inForce: setup.inForce,
        clock: 'synchronised',
        wallMs: Date.now(),
        dryRun: false,
      })
      return () => store.append(draft, raw)
    },
    stored: (entry, part) => {
      quality.stored(entry, part)
      if (entries.length < 1000) entries.push(entry)
    },
    counters: new PartCounters(),
    source: () => Promise.resolve(),
    sourceName: 'interval',
  })
  const beganAt = performance.now()
  next()
  await done
  await Promise.all(records)
  const storedAt = performance.now()
  while (store.backlog(sink.name) > 0) await new Promise((resolve) => setTimeout(resolve, 1))
  const perSecond = (count * 1000) / (performance.now() - beganAt)
  return { perSecond, decisionMs, entries, storedPerSecond: (count * 1000) / (storedAt - beganAt) }
}

async function openStation(dir: string, url: string) {
  const wired = await openHeads()
  const store = await openStore({ dir, deviceId: identity.deviceId, clock: systemClock, log: silentLog })
  const setup = await Setup.load(store, {
    recipeId: 'foiegras_standard_barquette',
    wallMs: Date.now(),
  })
  await setup.useChips('bench')
  const never = new AbortController().signal
  await setup.calibrated(await measureEmptyTray(wired.heads, wired.clock, 'bench', never))
  wired.hardware.line?.repeat(POOL)
  const sink = new MqttSink({
    name: 'upstream',
    endpoint: { url, protocolVersion: '5', clientId: 'poincon-bench' },
    topics: stationTopics(identity),
    clock: systemClock,
    log: silentLog,
    facts: () => ({ device_id: 'bench', site: 'site', line: 'line', station: 'station', software: 'bench' }),
  })
  await sink.start(never)
  const pumps = [sink, new LotBook({ documents: store.documents, clock: systemClock })].map((one) =>
    pumpOf(store, one),
  )
  for (const { name } of [sink, { name: 'lots' }]) await store.registerSink(name)
  for (const pump of pumps) await pump.start()
  return { ...wired, store, setup, sink, pumps, quality: watchOf(store, setup) }
}

function pumpOf(store: Store, sink: Sink): Pump {
  const backlog = (): number => store.backlog(sink.name)
  return new Pump({ outbox: store, sink, backlog, clock: systemClock, log: silentLog })
}

/** Charts, key figures and alerts as a station without words of its own has them. */
function watchOf(store: Store, setup: Setup): QualityWatch {
  const common = { config, clock: systemClock, log: silentLog }
  const { alerts } = alerting({ ...common, store, identity, publishers: [] })
  return new QualityWatch({
    ...{ ...common, alerts, state: store.state, units: () => [] },
    shifts: new ShiftBook(store.documents, silentLog),
    lot: () => setup.lot.id,
    recipe: () => setup.recipe.recipe,
    gate: { lineStopped: false, stopLine: () => {} },
    updating: () => false,
  })
}

/** Rows of the same bytes, 500 a transaction, through sqlite3 alone: what the disk and the driver allow. */
async function rawInserts(dir: string, entries: readonly OutboxEntry[], store: Store): Promise<number> {
  const raw = await store.raw(entries[0]?.sequence ?? 1)
  const database = await openWriter(join(dir, 'raw.db'))
  await database.exec(
    'CREATE TABLE rows (n INTEGER PRIMARY KEY, payload TEXT NOT NULL, raw BLOB NOT NULL) STRICT',
  )
  const insert = await database.prepare('INSERT INTO rows (payload, raw) VALUES (?, ?)')
  const count = Math.min(COUNT, 10_000)
  const beganAt = performance.now()
  for (let row = 0; row < count; row += 500) {
    await database.exec('BEGIN IMMEDIATE')
    const batch = Array.from({ length: 500 }, (_, index) =>
      insert.run([entries[(row + index) % entries.length]?.payload ?? '', raw ?? new Uint8Array(1600)]),
    )
    await Promise.all(batch)
    await database.exec('COMMIT')
  }
  const perSecond = (count * 1000) / (performance.now() - beganAt)
  await database.close()
  return perSecond
}

/** The same payloads published by `mqtt` alone, 200 in flight. */
async function rawPublishes(url: string, entries: readonly OutboxEntry[]): Promise<number> {
  const client = await mqtt.connectAsync(url, { protocolVersion: 5 })
  const count = Math.min(COUNT, 10_000)
  let sent = 0
  const beganAt = performance.now()
  const lane = async (): Promise<void> => {
    while (sent < count) {
      const { payload = '' } = entries[sent % entries.length] ?? {}
      sent += 1
      await client.publishAsync('bench/raw', payload, { qos: 1 })
    }
  }
  await Promise.all(Array.from({ length: 200 }, lane))
  const perSecond = (count * 1000) / (performance.now() - beganAt)
  await client.endAsync()
  return perSecond
}

const dir = await mkdtemp(join(tmpdir(), 'poincon-bench-'))
const mosquitto = await Mosquitto.start()
try {
  const station = await openStation(dir, mosquitto.url)
  await measure(station, WARM_UP)
  const loop = monitorEventLoopDelay({ resolution: 1 })
  loop.enable()
  const before = performance.eventLoopUtilization()
  const beforeUs = await threadUs()
  const sample = await measure(station, COUNT)
  loop.disable()
  const cpuUs = ((await threadUs()) - beforeUs) / COUNT
  const busy = performance.eventLoopUtilization(before).utilization
  const bytes = sample.entries[0]?.payload.length ?? 0
  const inserts = await rawInserts(dir, sample.entries, station.store)
  const publishes = await rawPublishes(mosquitto.url, sample.entries)
  const decision = percentile(sample.decisionMs, 0.99)
  // The monitor counts its own sampling interval in.
  const loopMs = loop.percentile(99.9) / 1e6 - 1
  const lines = [
    `pipeline: ${COUNT} inspections of ${bytes} bytes, drivers → analysis → disk → mosquitto (QoS 1)`,
    `  end to end        ${sample.perSecond.toFixed(0)}/s   goal ${GOAL.perSecond}: ${(sample.perSecond / GOAL.perSecond).toFixed(2)}×`,
    `  until stored      ${sample.storedPerSecond.toFixed(0)}/s`,
    `  decision p50/p99  ${percentile(sample.decisionMs, 0.5).toFixed(2)} / ${decision.toFixed(2)} ms from the last byte   goal ${GOAL.decisionMs} ms`,
    `  loop delay p99.9  ${loopMs.toFixed(1)} ms   goal ${GOAL.loopMs} ms`,
    `  main thread busy  ${(100 * busy).toFixed(0)} %, ${cpuUs.toFixed(0)} µs of CPU an inspection`,
    `  sqlite3 alone     ${inserts.toFixed(0)} rows/s in 500s: we reach ${((100 * sample.perSecond) / inserts).toFixed(0)} %`,
    `  mqtt alone        ${publishes.toFixed(0)}/s, 200 in flight: we reach ${((100 * sample.perSecond) / publishes).toFixed(0)} %`,
    `  RSS               ${(process.memoryUsage.rss() / 1e6).toFixed(0)} MB`,
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
  for (const pump of station.pumps) await pump.stop()
  await station.sink.stop()
  await station.rack.stop()
  await station.store.close()
} finally {
  await mosquitto.close()
  await rm(dir, { recursive: true, force: true })
}
