import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../drivers/clock.ts'
import { everyInterval } from '../drivers/trigger/interval.ts'
import { Acquisition, type DecidedPart, type Fire } from './acquisition.ts'
import { judge } from './analysis/judge.ts'
import { ApiServer } from './api/server.ts'
import { ClockDiscipline } from './clock-discipline.ts'
import type { Config } from './config.ts'
import { FeedHub } from './feed.ts'
import { FlowsProcess } from './flows.ts'
import { type Hardware, wire } from './hardware.ts'
import { HeadRack } from './head-rack.ts'
import { PartCounters } from './health/counters.ts'
import { HealthBoard, type HealthReport } from './health/health.ts'
import { Metrics } from './health/metrics.ts'
import { type Identity, identityOf } from './identity.ts'
import { InfluxSink } from './influx/sink.ts'
import { inspect } from './inspect.ts'
import type { Trigger } from './inspection.ts'
import { InspectionIds } from './inspection-ids.ts'
import { lineCommands } from './line-commands.ts'
import type { Log } from './log.ts'
import type { InspectionDraft } from './message.ts'
import { Broker } from './mqtt/broker.ts'
import { CommandServer } from './mqtt/commands.ts'
import { MqttSink, type MqttSinkOptions } from './mqtt/sink.ts'
import { stationTopics } from './mqtt/topics.ts'
import type { OutboxEntry, Sink } from './outbox.ts'
import { Pump } from './pump.ts'
import { recordOf } from './record.ts'
import { Player, type ReplayOptions } from './replay/player.ts'
import { type InForce, Setup } from './setup.ts'
import { run, type Unit, type UnitStatus } from './station.ts'
import { describeStation } from './station-view.ts'
import { StoreError } from './store/error.ts'
import { openStore } from './store/open.ts'
import type { Store } from './store/store.ts'
import { TrayCalibration } from './tray-calibration.ts'

export interface StationOptions {
  readonly config: Config
  readonly version: string
  readonly log: Log
  /** Everything but the gate. */
  readonly dryRun: boolean
  /** Recorded parts in place of the heads. */
  readonly replay?: Omit<ReplayOptions, 'heads' | 'clock'>
  /** Of the process; a child is given little of it. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborts to end the station. */
  readonly signal: AbortSignal
  /** Called once, when parts are inspected and stored. */
  readonly ready: (where: { readonly url: string | undefined; readonly mqttPort: number | undefined }) => void
}

/** One station: makes every part of it, runs it until the signal aborts, and takes it apart again. */
export async function runStation(options: StationOptions): Promise<void> {
  const { config, log } = options
  const clock = systemClock
  const identity = identityOf(config)
  const hardware = wire(config, clock, config.recipe)
  try {
    const store = await openStore({
      dir: config.data_dir,
      deviceId: identity.deviceId,
      clock,
      log,
      groupCommitMs: config.store.group_commit_ms,
      cursorCommitMs: config.store.cursor_commit_ms,
      ...(config.store.quota_mb === undefined ? {} : { maxBytes: config.store.quota_mb * 1_000_000 }),
      maxPending: 2 * config.limits.appending,
    })
    try {
      const setup = await Setup.load(store, {
        recipeId: config.recipe,
        subject: headsSubject(config),
        wallMs: clock.wall(),
      })
      const station = assemble({ ...options, identity, store, hardware, setup })
      await run(station.units, options.signal, log, station.ready)
    } finally {
      await store.close()
    }
  } finally {
    await hardware.close()
  }
}

/** A calibration belongs to the heads it was taken with; a simulated one also to the seed of its scene. */
function headsSubject({ heads, simulation, buses }: Config): string {
  return Object.entries(heads)
    .map(
      ([id, { kind, bus }]) =>
        `${id}=${kind}${buses[bus]?.kind === 'simulated' ? `#${simulation.seed}` : ''}`,
    )
    .join(',')
}

interface Parts extends StationOptions {
  readonly identity: Identity
  readonly store: Store
  readonly hardware: Hardware
  readonly setup: Setup
}

/** Wires everything to everything; nothing runs yet. */
function assemble(parts: Parts): { readonly units: readonly Unit[]; readonly ready: () => void } {
  const { config, log, identity, store, hardware, setup, version } = parts
  const clock = systemClock
  const dryRun = parts.dryRun || config.dry_run || parts.replay !== undefined
  const counters = new PartCounters()
  counters.foundUnrecorded(store.unrecorded.last?.parts ?? 0)
  const feed = new FeedHub()
  const discipline = new ClockDiscipline()
  const metrics = Metrics.open({
    version,
    counters: () => counters.sinceStart(),
    sinks: () => store.sinks(),
  })

  const rack = new HeadRack(hardware.heads, { clock, log, random: Math.random })
  const player =
    parts.replay === undefined ? undefined : new Player({ ...parts.replay, heads: hardware.heads, clock })
  const heads = player?.heads ?? rack.heads
  const calibration = new TrayCalibration({ setup, heads, clock, log, clear: () => hardware.line?.clear() })

  const nowInForce = (): InForce =>
    player === undefined ? setup.inForce : setup.inForceOver(player.tray(setup.tray))
  const ids = new InspectionIds()
  const judgedBy = new WeakMap<Trigger, InForce>()
  const acquisition = new Acquisition({
    clock,
    log,
    gate: hardware.gate,
    dryRun,
    limits: { waiting: config.limits.waiting_triggers, appending: config.limits.appending },
    deadlineMs: () => setup.recipe.recipe.deadlineMs,
    inspect: (trigger, signal) => {
      const inForce = nowInForce()
      judgedBy.set(trigger, inForce)
      return inspect(trigger, heads, (evidence) => judge(inForce.plan, evidence), signal)
    },
    storable: () => store.storable,
    seen: (trigger) => store.noteTrigger(trigger),
    decided: (part) => metrics.decided(decisionOf(part)),
    record: (part) => {
      const { draft, raw } = recordOf(part, {
        id: ids.next(),
        identity,
        software: version,
        inForce: judgedBy.get(part.trigger) ?? nowInForce(),
        clock: discipline.state,
        wallMs: clock.wall() - (clock.now() - part.trigger.at),
        dryRun,
      })
      return () => append(store, draft, raw, part.trigger.number)
    },
    stored: (entry, part) => {
      metrics.appended(clock.now() - part.decidedAt)
      feed.emit({ type: 'inspection', inspection: entry })
    },
    counters,
    source: player === undefined ? beltSource(config, hardware) : (fire, signal) => player.play(fire, signal),
    sourceName: player === undefined ? 'interval' : 'replay',
  })

  const topics = stationTopics(config)
  const broker = config.mqtt.enabled
    ? new Broker({ host: config.mqtt.host, port: config.mqtt.port, log })
    : undefined
  const sinks = openSinks(parts, broker, () => board.report())
  const commands = lineCommands({
    acquisition,
    setup,
    calibration,
    counters,
    clock,
    log,
    changed: () => {
      for (const sink of sinks) if (sink instanceof MqttSink) sink.announce()
      feed.emit({ type: 'station' })
    },
  })
  const channels = [broker, ...sinks].filter(
    (channel) => channel instanceof Broker || channel instanceof MqttSink,
  )
  const servers = channels
    .filter((channel) => channel.name !== EMBEDDED_SINK)
    .map((channel) => new CommandServer({ topics, channel, handlers: commands, clock, log }))
  const pumps = sinks.map(
    (sink) => new Pump({ outbox: store, sink, backlog: () => store.backlog(sink.name), clock, log }),
  )
  const flows =
    config.flows.enabled && broker !== undefined
      ? new FlowsProcess({
          flows: config.flows,
          mqtt: {
            host: config.mqtt.host,
            get port() {
              return broker.port
            },
            topicBase: topics.base,
          },
          folder: fileURLToPath(new URL('../../flows/', import.meta.url)),
          userDir: join(config.data_dir, 'flows'),
          env: parts.env,
          clock,
          log,
        })
      : undefined
  const stored = storeUnit(store, sinks)

  const units: Unit[] = [stored, discipline, ...(broker === undefined ? [] : [broker])]
  units.push(...sinks, ...pumps)
  const measuring: Unit[] = [...(player === undefined ? [rack, calibration] : []), acquisition]
  const board: HealthBoard = new HealthBoard({
    version,
    clock,
    units: [...units, ...(player === undefined ? rack.heads : []), ...measuring],
    needed: [stored, ...measuring].map(({ name }) => name),
    counters,
    sinks: () => store.sinks(),
  })
  const api = new ApiServer({
    host: config.http.host,
    port: config.http.port,
    version,
    history: store,
    health: board,
    metrics,
    station: () =>
      describeStation({
        config,
        identity,
        version,
        clock,
        discipline,
        board,
        setup,
        dryRun,
        heads: player === undefined ? rack.heads : player.heads,
        store,
        sinkStatus: (name) => sinkStatus(name, sinks, pumps),
        lineStopped: () => hardware.gate.lineStopped,
        counters,
      }),
    feed,
    consoleDir: fileURLToPath(new URL('../console/', import.meta.url)),
    clock,
    log,
  })
  return {
    units: [...units, ...servers, api, ...measuring, ...(flows === undefined ? [] : [flows])],
    ready: () => {
      board.enter('running')
      parts.signal.addEventListener('abort', () => board.enter('draining'), { once: true })
      feed.emit({ type: 'station' })
      parts.ready({ url: api.url, mqttPort: broker?.port })
    },
  }
}

/** The cursor of the embedded broker's sink. */
const EMBEDDED_SINK = 'broker'

type MqttFacts = Pick<MqttSinkOptions, 'topics' | 'clock' | 'log' | 'facts' | 'health' | 'inspection'>

/** Where inspections go: the embedded broker, the plant's, InfluxDB, as far as they are configured. */
function openSinks(
  { config, identity, setup, version, log }: Parts,
  broker: Broker | undefined,
  health: () => HealthReport,
): readonly (MqttSink | InfluxSink)[] {
  const common: MqttFacts = {
    topics: stationTopics(config),
    clock: systemClock,
    log,
    inspection: config.mqtt.inspection,
    health,
    facts: () => ({
      device_id: identity.deviceId,
      site: identity.site,
      line: identity.line,
      station: identity.station,
      software: version,
      recipe: { id: setup.recipe.recipe.id, revision: setup.recipe.revision },
      lot_id: setup.lot.id,
    }),
  }
  const sinks: (MqttSink | InfluxSink)[] = []
  if (broker !== undefined) {
    const endpoint: MqttSinkOptions['endpoint'] = {
      // The port is known when the broker listens.
      get url() {
        return `mqtt://${config.mqtt.host}:${broker.port}`
      },
      protocolVersion: '3.1.1',
      clientId: `poincon-${identity.deviceId}`,
    }
    sinks.push(new MqttSink({ ...common, name: EMBEDDED_SINK, endpoint }))
  }
  const { upstream } = config.mqtt
  if (upstream !== undefined) {
    const endpoint: MqttSinkOptions['endpoint'] = {
      url: upstream.url,
      protocolVersion: upstream.protocol_version,
      clientId: upstream.client_id ?? `poincon-${identity.deviceId}`,
      username: upstream.username,
      password: upstream.password,
      passwordFile: upstream.password_file,
      caFile: upstream.ca_file,
      certFile: upstream.cert_file,
      keyFile: upstream.key_file,
    }
    sinks.push(new MqttSink({ ...common, name: 'upstream', endpoint }))
  }
  if (config.influx !== undefined)
    sinks.push(
      new InfluxSink({
        influx: config.influx,
        clock: systemClock,
        log,
        health: {
          tags: {
            site: identity.site,
            line: identity.line,
            station: identity.station,
            device: identity.deviceId,
          },
          facts: () => {
            const { status, uptime_s, counters } = health()
            return { status, uptime_s, ...counters.since_start }
          },
        },
      }),
    )
  return sinks
}

/** The store was opened before everything else and is closed after it; as a unit it registers the cursors. */
function storeUnit(store: Store, sinks: readonly Sink[]): Unit {
  return {
    name: 'store',
    start: async () => {
      for (const { name } of sinks) await store.registerSink(name)
    },
    stop: () => Promise.resolve(),
    status: () => store.status(),
  }
}

/** A commit that failed may have reached the disk all the same: then the record is there already. */
async function append(
  store: Store,
  draft: InspectionDraft,
  raw: Uint8Array,
  trigger: number,
): Promise<OutboxEntry> {
  try {
    return await store.append(draft, raw, trigger)
  } catch (error) {
    const stored =
      error instanceof StoreError && error.fault === 'duplicate' ? await store.get(draft.id) : undefined
    if (stored === undefined) throw error
    return stored
  }
}

/** A sink is as well as the worse of its connection and its pump. */
function sinkStatus(
  name: string,
  sinks: readonly (MqttSink | InfluxSink)[],
  pumps: readonly Pump[],
): UnitStatus {
  const index = sinks.findIndex((sink) => sink.name === name)
  const [sink, pump] = [sinks[index], pumps[index]]
  // A cursor that no sink of this configuration moves.
  if (sink === undefined || pump === undefined)
    return { state: 'degraded', detail: 'not configured any more' }
  const connection = sink.status()
  return connection.state === 'ok' ? pump.status() : connection
}

/** A part every period; on a simulated belt each tick brings the next one. */
function beltSource(
  config: Config,
  { gate, line }: Hardware,
): (fire: Fire, signal: AbortSignal) => Promise<void> {
  const { kind, period_ms: periodMs } = config.trigger
  return (fire, signal) => {
    if (kind === 'command') return Promise.resolve()
    const tick = (): void => {
      if (gate.lineStopped) return
      line?.next()
      void fire()
    }
    return everyInterval(systemClock, periodMs, tick, signal)
  }
}

function decisionOf({
  judgement,
  inspected,
  latencyMs,
  decidedAt,
}: DecidedPart): Parameters<Metrics['decided']>[0] {
  const { verdict } = judgement
  const read = [...inspected.observation.measurements.values()].map(({ takenAt }) => takenAt)
  return {
    action: verdict.action,
    latencyMs,
    ...(read.length === 0 ? {} : { decisionMs: Math.max(0, decidedAt - Math.max(...read)) }),
    ...(verdict.kind === 'graded' ? { grade: verdict.grade, reasons: [] } : { reasons: verdict.reasons }),
  }
}
