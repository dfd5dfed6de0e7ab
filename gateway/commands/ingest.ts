import { readFileSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { parseArgs } from 'node:util'
import { LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import { systemClock } from '../../drivers/clock.ts'
import { ConfigError } from '../config.ts'
import { influxOptions } from '../influx/options.ts'
import { InfluxSink } from '../influx/sink.ts'
import type { Admitted } from '../ingest/admission.ts'
import { connectionOptions, waitingIn } from '../ingest/jetstream.ts'
import { type IngestOptions, ingestOptions } from '../ingest/options.ts'
import { accept, overview, type Progress, quarantined } from '../ingest/places.ts'
import { type ConfirmationLink, runIngest } from '../ingest/run.ts'
import { FinalStore } from '../ingest/store.ts'
import { type Log, openLog } from '../log.ts'
import { MqttLink } from '../mqtt/link.ts'
import { type OutboxEntry, RefusedError } from '../outbox.ts'
import { problemsOf } from '../problems.ts'
import { lineOf } from '../yaml-lines.ts'

const USAGE = `poincon ingest run [--name NAME]
poincon ingest migrate
poincon ingest status [--json]
poincon ingest accept --device ID --epoch UUID [--from SEQUENCE] [--by NAME]

Takes the inspections of a fleet out of NATS JetStream (or a shared MQTT subscription), writes them into PostgreSQL, and
tells every station what is stored. run works until SIGTERM; run as many as wanted. migrate brings the database's
schema up to date, which run does as well. status says how far each station's log is stored, what waits and what was
set aside. accept lets a log go on behind a hole that nobody can fill any more, or forgets a conflict that was looked
into; it is written down. --config FILE names ingest.yaml (default /etc/poincon/ingest.yaml).

Exit codes: 0 done · 1 failed; for status: a hole, a conflict, or something set aside · 2 wrong usage
            78 the configuration is wrong
`

/** What the file holds: the worker's own options, and the second store's. */
const fileSchema = ingestOptions.extend({
  influx: influxOptions.optional().describe('A time series database beside; absent: none.'),
})
type FileOptions = z.infer<typeof fileSchema>

function parsed(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c', default: '/etc/poincon/ingest.yaml' },
      name: { type: 'string' },
      json: { type: 'boolean', default: false },
      device: { type: 'string' },
      epoch: { type: 'string' },
      from: { type: 'string' },
      by: { type: 'string', default: userInfo().username },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
}
type Values = ReturnType<typeof parsed>['values']

/** `poincon ingest …`. */
export async function ingestCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parsed(args)
  const [verb, ...more] = positionals
  if (values.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const accepts = values.device !== undefined && values.epoch !== undefined
  const known = verb === 'run' || verb === 'migrate' || verb === 'status' || (verb === 'accept' && accepts)
  const wrongFrom = values.from !== undefined && !/^[1-9]\d{0,15}$/.test(values.from)
  const wrongEpoch = values.epoch !== undefined && !z.uuid().safeParse(values.epoch).success
  if (!known || more.length > 0 || wrongFrom || wrongEpoch) {
    process.stderr.write(USAGE)
    return 2
  }
  const options = loadIngestOptions(values.config)
  if (verb === 'run') return await run(options, values)
  const store = await FinalStore.connect(options.database)
  try {
    const { steps, flavour } = await store.open()
    if (verb === 'status') return await status(store, options, values)
    if (verb === 'accept') return await acceptLog(store, values)
    process.stdout.write(`schema poincon: ${steps} steps, ${flavour}\n`)
    return 0
  } finally {
    await store.close()
  }
}

/** @throws ConfigError with one line per problem: file, line, path, value, expectation */
export function loadIngestOptions(file: string): FileOptions {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new ConfigError(`${file}: cannot be read: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    })
  }
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  const broken = document.errors[0]
  if (broken !== undefined)
    throw new ConfigError(`${file}:${broken.linePos?.[0].line ?? 1}: not YAML: ${broken.message}`)
  const read = fileSchema.safeParse(document.toJS() ?? {}, { reportInput: true })
  if (read.success) return read.data
  const problems = problemsOf(read.error).map(({ path, value, expectation }) => {
    const line = lineOf(document, lines, path)
    const shown = JSON.stringify(value) ?? 'missing'
    return `${file}${line === undefined ? '' : `:${line}`}: ${path.join('.')}: ${shown}: ${expectation}`
  })
  throw new ConfigError(problems.join('\n'))
}

async function run(options: FileOptions, values: Values): Promise<number> {
  const log = openLog(options.log_level)
  const name = nameOf(options, values)
  const end = new AbortController()
  const signalled = (signal: NodeJS.Signals): void => {
    if (end.signal.aborted) process.exit(1)
    log.info({ signal }, 'stopping')
    end.abort()
  }
  process.on('SIGTERM', signalled).on('SIGINT', signalled)
  await runIngest({
    ...{ options, name, log, clock: systemClock, signal: end.signal },
    link: linkOf(options, name, log),
    ...(options.influx === undefined ? {} : { also: influxOf(options.influx, log) }),
  })
  return 0
}

/** Of a worker that listens on a broker the session bears the name, so it must be the same after a restart. */
function nameOf({ name, source }: FileOptions, values: Values): string {
  const given = values.name ?? name
  if (given === undefined && source.kind === 'mqtt')
    throw new ConfigError('name: missing: expected a name of this worker (or --name): its session bears it')
  return (given ?? `${hostname()}-${process.pid}`).replace(/[^A-Za-z0-9_-]/g, '-').slice(0, 64)
}

function linkOf({ confirm }: IngestOptions, name: string, log: Log): ConfirmationLink | undefined {
  if (confirm === undefined) return undefined
  const topic = `poincon-ingest/${name}/state`
  const link = new MqttLink({
    endpoint: {
      url: confirm.url,
      protocolVersion: confirm.protocol_version,
      clientId: `poincon-confirm-${name}`,
      username: confirm.username,
      passwordFile: confirm.password_file,
      caFile: confirm.ca_file,
      certFile: confirm.cert_file,
      keyFile: confirm.key_file,
    },
    ...{ clock: systemClock, log },
    will: () => ({ topic, payload: '{"state":"offline"}' }),
    opened: (client) => client.publish(topic, '{"state":"online"}', { qos: 1, retain: true }, () => {}),
  })
  return {
    start: () => link.start(),
    publish: async (to, payload) => {
      const client = await link.connected(PUBLISH_MS, AbortSignal.timeout(PUBLISH_MS))
      await answered(client.publishAsync(to, payload, { qos: 1, retain: true }))
    },
    stop: async () => {
      link.client?.publish(topic, '{"state":"offline"}', { qos: 1, retain: true }, () => {})
      await link.stop(1000)
    },
  }
}

/** The longest wait for a connection, and for the acknowledgement of one confirmation. */
const PUBLISH_MS = 10_000

async function answered(work: Promise<unknown>): Promise<void> {
  let late: () => void = () => {}
  const deadline = new Promise<never>((_resolve, reject) => {
    late = systemClock.after(PUBLISH_MS, () =>
      reject(new Error(`no acknowledgement of a confirmation within ${PUBLISH_MS} ms`)),
    )
  })
  try {
    await Promise.race([work, deadline])
  } finally {
    late()
  }
}

/** The same lines that a station writes. What InfluxDB refuses for good is said and left out: PostgreSQL has it. */
function influxOf(influx: z.infer<typeof influxOptions>, log: Log) {
  const sink = new InfluxSink({ influx, clock: systemClock, log })
  return async (taken: readonly Admitted[], signal: AbortSignal): Promise<void> => {
    // Sequences repeat from device to device, so each log goes by itself.
    const logs = new Map<string, OutboxEntry[]>()
    for (const { message, payload } of taken) {
      const { device_id, epoch, sequence, id } = message
      const key = `${device_id} ${epoch}`
      const entries = logs.get(key) ?? []
      entries.push({ epoch, sequence, id, payload })
      logs.set(key, entries)
    }
    for (const entries of logs.values()) {
      let rest = entries.toSorted((a, b) => a.sequence - b.sequence)
      while (rest.length > 0) {
        const upTo = await sent(sink, rest, { signal, log })
        rest = rest.filter(({ sequence }) => sequence > upTo)
      }
    }
  }
}

async function sent(
  sink: InfluxSink,
  rest: readonly OutboxEntry[],
  { signal, log }: { readonly signal: AbortSignal; readonly log: Log },
): Promise<number> {
  try {
    return (await sink.send(rest, signal)) ?? Number.MAX_SAFE_INTEGER
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error
    log.error({ err: error, id: rest[0]?.id }, 'left out of InfluxDB')
    return error.sequence
  }
}

async function status(store: FinalStore, options: FileOptions, { json }: Values): Promise<number> {
  const logs = await store.ask(overview)
  const aside = await store.ask(quarantined)
  const waiting = await waitingOf(options)
  const wrong = logs.some(isWrong) || Object.keys(aside).length > 0
  if (json) {
    const shown = logs.map(({ place, heardAt, ...station }) => ({ ...station, ...place, heard_at: heardAt }))
    process.stdout.write(`${JSON.stringify({ ok: !wrong, waiting, quarantined: aside, logs: shown })}\n`)
    return wrong ? 1 : 0
  }
  for (const one of logs) process.stdout.write(`${described(one)}\n`)
  if (logs.length === 0) process.stdout.write('nothing was stored yet\n')
  process.stdout.write(`waiting: ${JSON.stringify(waiting)}\nset aside: ${JSON.stringify(aside)}\n`)
  return wrong ? 1 : 0
}

/** Something that a person has to look at; what is only on its way is none. */
function isWrong({ place }: Progress): boolean {
  return place.conflict !== undefined || place.beyond > 0 || place.count !== place.up_to - place.from + 1
}

function described(progress: Progress): string {
  const { site, line, station, place, heardAt } = progress
  const { device_id, epoch, up_to, beyond, conflict } = place
  const hole = beyond > 0 ? `, misses ${up_to + 1}, has ${beyond} behind it` : ''
  const parted =
    conflict === undefined
      ? ''
      : `, CONFLICT at ${conflict.sequence}: ${conflict.held} held, ${conflict.came} came`
  return `${site}/${line}/${station}  ${device_id}  ${epoch}  up to ${up_to}${hole}${parted}  heard ${heardAt}`
}

async function waitingOf({ source }: FileOptions): Promise<unknown> {
  if (source.kind !== 'nats') return { unknown: 'a broker does not say what waits in a shared subscription' }
  try {
    const { connect } = await import('nats')
    const connection = await connect({
      ...(await connectionOptions(source, 'poincon-ingest-status')),
      maxReconnectAttempts: 1,
    })
    try {
      return await waitingIn(connection, source)
    } finally {
      await connection.close()
    }
  } catch (error) {
    return { unknown: error instanceof Error ? error.message : String(error) }
  }
}

async function acceptLog(store: FinalStore, { device, epoch, from, by }: Values): Promise<number> {
  const accepted = await store.ask((client) =>
    accept(client, {
      ...{ deviceId: device ?? '', epoch: epoch ?? '', by },
      ...(from === undefined ? {} : { from: Number(from) }),
    }),
  )
  if (accepted === undefined) {
    process.stderr.write(`the store has no ${device} ${epoch}${from === undefined ? '' : ` ${from}`}\n`)
    return 1
  }
  process.stdout.write(`${described(accepted)}\n`)
  return 0
}
