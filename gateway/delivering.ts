import { join } from 'node:path'
import { systemClock } from '../drivers/clock.ts'
import { MQTT_LOCAL_FILE } from './command-client.ts'
import type { Config } from './config.ts'
import { CONFIRMED_CURSOR, confirming } from './confirming.ts'
import type { FilesSink } from './export/sink.ts'
import type { HealthReport } from './health/health.ts'
import type { Identity } from './identity.ts'
import type { InfluxSink } from './influx/sink.ts'
import type { Log } from './log.ts'
import { Broker } from './mqtt/broker.ts'
import type { CommandChannel } from './mqtt/commands.ts'
import { MqttSink, type MqttSinkOptions } from './mqtt/sink.ts'
import { stationTopics } from './mqtt/topics.ts'
import type { Aside, Sink } from './outbox.ts'
import type { PreviewScreen } from './preview.ts'
import { Pump } from './pump.ts'
import { Quarantine } from './quarantine.ts'
import { shelfOver } from './quarantine-shelf.ts'
import type { Setup } from './setup.ts'
import type { SparkplugOptions } from './sparkplug/options.ts'
import type { SparkplugSink } from './sparkplug/sink.ts'
import type { Unit, UnitStatus } from './station.ts'
import type { Store } from './store/store.ts'
import { WebhookSink } from './webhook/sink.ts'

/** What delivery is made of. */
export interface DeliveringParts {
  readonly config: Config
  readonly identity: Identity
  readonly setup: Setup
  readonly version: string
  readonly log: Log
  readonly store: Store
  /** Who of the station itself reads the log, each behind a cursor of its own. */
  readonly readers: readonly Sink[]
  /** Asked every 10 s for the retained `health` and the measurement `station`. */
  readonly health: () => HealthReport
  /** The newest signed place of the chain, for the retained `checkpoint`. */
  readonly checkpoint: () => unknown
  /** Where an update stands, for the retained `update`. */
  readonly update: () => unknown
}

/** The way from the store to whoever subscribes. */
export interface Delivering {
  readonly broker: Broker | undefined
  /** What receivers refused for good. */
  readonly quarantine: Quarantine
  /** The store's counts for each sink, with what is set aside told from what is delivered. */
  counts(): ReturnType<Quarantine['counts']>[]
  /** In the order to start them in: the store's cursors, the broker, the sinks, what drives them. */
  readonly units: readonly Unit[]
  /** Where commands come from, and replies go. */
  readonly channels: readonly (CommandChannel & Unit)[]
  /** Who looks at a live view: the clients of the embedded broker. Of others nobody knows whether they do. */
  readonly screen: PreviewScreen
  /** Every broker, for alerts. */
  readonly publishers: readonly MqttSink[]
  /** Recipe or lot are others now: the retained state says so. */
  announce(): void
  /** The chain was signed: the retained checkpoint says so. */
  signed(): void
  /** An update is at another point: the retained update says so. */
  updated(): void
  /** Whether this cursor is of the station itself, and no delivery. */
  isReader(name: string): boolean
  /** Whose cursor it is: of a delivery, of a reader of the station, of what the final store confirmed. */
  roleOf(name: string): 'sink' | 'station' | 'confirmation'
  /** A sink is as well as the worse of its connection and its pump. */
  sinkStatus(name: string): UnitStatus
}

/** The cursor of the embedded broker's sink. */
const EMBEDDED_SINK = 'broker'
/** The cursor of the plant's broker. */
const UPSTREAM_SINK = 'upstream'

/** Makes broker, sinks and pumps, as far as they are configured; of what is not configured nothing is loaded. */
export async function delivering(parts: DeliveringParts): Promise<Delivering> {
  const { config, log, store, readers } = parts
  const broker = config.mqtt.enabled
    ? new Broker({
        ...{ host: config.mqtt.host, port: config.mqtt.port, log, topics: stationTopics(config) },
        usersFile: config.mqtt.users_file,
        tls: config.mqtt.tls,
        localFile: join(config.data_dir, MQTT_LOCAL_FILE),
      })
    : undefined
  const sinks = await openSinks(parts, broker)
  const { preview } = stationTopics(config)
  // What the sums by hour have not counted yet they count after the next start: a stop waits for none of it.
  const graceOf = ({ name }: Sink): { graceMs?: number } => (name === 'aggregates' ? { graceMs: 0 } : {})
  const pumpOf = (sink: Sink, aside?: Aside): Pump =>
    new Pump({
      ...{ outbox: store, sink, backlog: () => store.backlog(sink.name), clock: systemClock, log },
      ...graceOf(sink),
      ...(aside === undefined ? {} : { aside }),
    })
  const quarantine: Quarantine = new Quarantine({
    options: config.quarantine,
    shelf: shelfOver(store.documents),
    resend: (name, entry) => {
      const pump = pumps[sinks.findIndex((sink) => sink.name === name)]
      return pump?.resend(entry) ?? Promise.reject(new Error(`${name}: not configured any more`))
    },
    clock: systemClock,
    log,
  })
  const pumps = sinks.map((sink) => pumpOf(sink, quarantine.of(sink.name)))
  const publishers = sinks.filter((sink) => sink instanceof MqttSink)
  const upstream = publishers.find(({ name }) => name === UPSTREAM_SINK)
  const confirmation =
    upstream === undefined
      ? undefined
      : confirming({ config, deviceId: parts.identity.deviceId, store, upstream, log })
  const confirmed = config.mqtt.upstream?.confirmed === 'required' ? [{ name: CONFIRMED_CURSOR }] : []
  const roleOf: Delivering['roleOf'] = (name) => {
    if (name === CONFIRMED_CURSOR) return 'confirmation'
    return readers.some((reader) => reader.name === name) ? 'station' : 'sink'
  }
  return {
    broker,
    quarantine,
    counts: () => store.sinks().map((sink) => quarantine.counts(sink)),
    units: [
      storeUnit(parts, [...readers, ...sinks, ...confirmed]),
      ...readers.map((reader) => pumpOf(reader)),
      quarantine,
      ...(broker === undefined ? [] : [broker]),
      ...sinks,
      ...pumps,
      ...(confirmation === undefined ? [] : [confirmation]),
    ],
    channels: [
      ...(broker === undefined ? [] : [broker]),
      // The embedded broker takes commands itself, and knows who asks.
      ...publishers.filter(({ name }) => name !== EMBEDDED_SINK),
    ],
    screen: {
      watched: (name) => broker?.listensTo(preview(name)) ?? false,
      show: (name, payload) => broker?.show(preview(name), payload),
    },
    publishers,
    announce: () => {
      for (const sink of sinks) if ('announce' in sink) sink.announce()
    },
    signed: () => {
      for (const publisher of publishers) publisher.signed()
    },
    updated: () => {
      for (const publisher of publishers) publisher.updated()
    },
    isReader: (name) => roleOf(name) !== 'sink',
    roleOf,
    sinkStatus: (name) => sinkStatus(name, sinks, pumps),
  }
}

type DeliverySink = MqttSink | InfluxSink | SparkplugSink | WebhookSink | FilesSink

type MqttFacts = Pick<
  MqttSinkOptions,
  'topics' | 'clock' | 'log' | 'facts' | 'health' | 'checkpoint' | 'update' | 'inspection'
>

/** Where inspections go: the embedded broker, the plant's, Sparkplug's, InfluxDB, as far as they are configured. */
async function openSinks(
  { config, identity, setup, version, log, health, checkpoint, update, store }: DeliveringParts,
  broker: Broker | undefined,
): Promise<readonly DeliverySink[]> {
  const common: MqttFacts = {
    topics: stationTopics(config),
    clock: systemClock,
    log,
    inspection: config.mqtt.inspection,
    ...{ health, checkpoint, update },
    facts: () => ({
      device_id: identity.deviceId,
      site: identity.site,
      line: identity.line,
      station: identity.station,
      software: version,
      recipe: { id: setup.recipe.recipe.id, revision: setup.recipe.revision },
      lot_id: setup.lot.id,
      epoch: store.epoch.epoch,
    }),
  }
  const sinks: DeliverySink[] = []
  if (broker !== undefined) {
    const endpoint: MqttSinkOptions['endpoint'] = {
      // The port is known when the broker listens.
      get url() {
        return broker.url
      },
      protocolVersion: '3.1.1',
      clientId: `poincon-${identity.deviceId}`,
      ...broker.credentials,
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
      tlsMinVersion: upstream.tls_min_version,
      sessionExpiryS: upstream.session_expiry_s,
    }
    sinks.push(
      new MqttSink({
        ...common,
        name: UPSTREAM_SINK,
        endpoint,
        watch: upstream.watch_own_topics,
        own: () => ({ deviceId: identity.deviceId, epoch: store.epoch.epoch }),
        known: async (sequence) => {
          const [found] = await store.from(sequence, 1)
          const newest = (await store.latest(1))[0]?.sequence ?? 0
          return found?.sequence === sequence ? { id: found.id, newest } : { newest }
        },
      }),
    )
  }
  if (config.sparkplug !== undefined) {
    sinks.push(await edgeNode(config.sparkplug, identity, store, common))
  }
  if (config.influx !== undefined) {
    const { InfluxSink } = await import('./influx/sink.ts')
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
  }
  if (config.webhook !== undefined) {
    sinks.push(new WebhookSink({ webhook: config.webhook, clock: systemClock }))
  }
  for (const [name, webhook] of Object.entries(config.webhooks)) {
    sinks.push(new WebhookSink({ webhook, name, clock: systemClock }))
  }
  if (config.files !== undefined) {
    const { FilesSink } = await import('./export/sink.ts')
    const dir = config.files.dir ?? join(config.data_dir, 'export')
    sinks.push(new FilesSink({ files: config.files, dir, clock: systemClock, log }))
  }
  return sinks
}

/** What `StationState` keeps of Sparkplug. */
const BD_SEQ_STATE = 'sparkplug_bd_seq'

/** The station as an edge node of Sparkplug B. */
async function edgeNode(
  sparkplug: SparkplugOptions,
  identity: Identity,
  store: Store,
  { facts, clock, log }: MqttFacts,
): Promise<SparkplugSink> {
  const { SparkplugSink } = await import('./sparkplug/sink.ts')
  const { site, line, station, deviceId } = identity
  return new SparkplugSink({
    endpoint: {
      url: sparkplug.url,
      protocolVersion: sparkplug.protocol_version,
      clientId: sparkplug.client_id ?? `${deviceId}-sparkplug`,
      username: sparkplug.username,
      password: sparkplug.password,
      passwordFile: sparkplug.password_file,
      caFile: sparkplug.ca_file,
      certFile: sparkplug.cert_file,
      keyFile: sparkplug.key_file,
    },
    ids: {
      group: sparkplug.group_id ?? site,
      edgeNode: sparkplug.edge_node_id ?? `${line}-${station}`,
      device: sparkplug.device_id,
    },
    primaryHost: sparkplug.primary_host,
    bdSeq: {
      read: async () => {
        const kept = await store.state.get(BD_SEQ_STATE)
        return typeof kept === 'number' ? kept : undefined
      },
      write: (bdSeq) => store.state.set(BD_SEQ_STATE, bdSeq),
    },
    facts,
    backlog: () => store.backlog('sparkplug'),
    newest: async () => (await store.latest(1))[0]?.payload,
    clock,
    log,
  })
}

/** The store was opened before everything else and is closed after it; as a unit it registers the cursors. */
function storeUnit({ store, config, log }: DeliveringParts, sinks: readonly Pick<Sink, 'name'>[]): Unit {
  return {
    name: 'store',
    start: async () => {
      for (const { name } of sinks) await store.registerSink(name)
      for (const name of config.store.retention.forget_sinks) {
        if (sinks.some((sink) => sink.name === name)) {
          log.warn({ sink: name }, 'store.retention.forget_sinks names a sink that is at work')
        } else if (await store.forgetSink(name)) log.warn({ sink: name }, 'sink forgotten')
      }
    },
    stop: () => Promise.resolve(),
    status: () => store.status(),
  }
}

function sinkStatus(name: string, sinks: readonly DeliverySink[], pumps: readonly Pump[]): UnitStatus {
  const index = sinks.findIndex((sink) => sink.name === name)
  const [sink, pump] = [sinks[index], pumps[index]]
  // A cursor that no sink of this configuration moves.
  if (sink === undefined || pump === undefined)
    return { state: 'degraded', detail: 'not configured any more' }
  const connection = sink.status()
  return connection.state === 'ok' ? pump.status() : connection
}
