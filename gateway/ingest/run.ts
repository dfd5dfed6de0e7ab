import type { Clock } from '../../drivers/clock.ts'
import type { Log } from '../log.ts'
import type { Admitted } from './admission.ts'
import type { Source } from './arrival.ts'
import { Confirmer } from './confirmer.ts'
import { JetStreamSource } from './jetstream-source.ts'
import { MqttSource } from './mqtt-source.ts'
import type { IngestOptions } from './options.ts'
import { claim, placesOf, unclaim } from './places.ts'
import { FinalStore } from './store.ts'
import { IngestWorker } from './worker.ts'

/** The connection that confirmations go out on. */
export interface ConfirmationLink {
  start(): void
  /** Retained, QoS 1; resolves when the broker has it. */
  publish(topic: string, payload: string): Promise<void>
  stop(): Promise<void>
}

export interface IngestParts {
  readonly options: IngestOptions
  /** Of this worker, unlike every other's. */
  readonly name: string
  readonly link: ConfirmationLink | undefined
  readonly also?: (taken: readonly Admitted[], signal: AbortSignal) => Promise<void>
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

/** How long a stop may write on. */
const GRACE_MS = 10_000
/** How often old partitions are looked for. */
const RETENTION_MS = 3_600_000
/** How often the log says what was done. */
const REPORT_MS = 60_000

/**
 * One worker, from the first connection to the last acknowledgement; ends when `signal` aborts.
 * @throws StoreUnfitError, StoreAwayError, or what the source says, when it cannot begin
 */
export async function runIngest(parts: IngestParts): Promise<void> {
  const { options, link, log, signal } = parts
  const store = await FinalStore.connect(options.database)
  try {
    const { steps, flavour } = await store.open()
    log.info({ steps, flavour }, 'store open')
    const worker = workerOf(parts, store)
    const confirmer = link === undefined ? undefined : confirmerOf(parts, store, link)
    link?.start()
    confirmer?.start()
    const over = new AbortController()
    const rounds = Promise.all([retain(parts, store, over.signal), report(parts, worker, over.signal)])
    try {
      // The far end may be away for long: a stop does not wait for it.
      await Promise.race([worker.start(), aborted(signal)])
      if (!signal.aborted) log.info({ worker: parts.name, source: options.source.kind }, 'ready')
      await aborted(signal)
    } finally {
      await worker.stop(GRACE_MS)
      await confirmer?.stop()
      await link?.stop()
      over.abort()
      await rounds
    }
    log.info(worker.counts, 'stopped')
  } finally {
    await store.close()
  }
}

function workerOf({ options, name, also, clock, log }: IngestParts, store: FinalStore): IngestWorker {
  const { batch, gather_ms, max_bytes, hashes } = options
  return new IngestWorker({
    source: sourceOf(options, name, { clock, log }),
    write: (admitted, refused) => store.write(admitted, refused),
    ...(also === undefined ? {} : { also }),
    rules: { maxBytes: max_bytes, hashes },
    ...{ clock, log, batch, gatherMs: gather_ms },
  })
}

function sourceOf(
  { source, batch }: IngestOptions,
  name: string,
  { clock, log }: Pick<IngestParts, 'clock' | 'log'>,
): Source {
  // Two batches are written while the next one comes.
  const ahead = 3 * batch
  return source.kind === 'nats'
    ? new JetStreamSource({ nats: source, name: `poincon-ingest-${name}`, ahead, clock, log })
    : new MqttSource({ mqtt: source, name, ahead, log })
}

function confirmerOf(
  { options, clock, log }: IngestParts,
  store: FinalStore,
  link: ConfirmationLink,
): Confirmer {
  const { every_ms = 1000, heartbeat_s = 30, topics_quiet_days = 90 } = options.confirm ?? {}
  return new Confirmer({
    claim: () => store.ask((client) => claim(client, heartbeat_s, topics_quiet_days)),
    unclaim: (stations) => store.ask((client) => unclaim(client, stations)),
    places: (stations) => store.ask((client) => placesOf(client, stations)),
    publish: (topic, payload) => link.publish(topic, payload),
    ...{ everyMs: every_ms, clock, log },
  })
}

async function retain(
  { options, clock, log }: IngestParts,
  store: FinalStore,
  signal: AbortSignal,
): Promise<void> {
  const days = options.database.retention_days
  while (days !== undefined && !signal.aborted) {
    try {
      const gone = await store.keepFor(days)
      if (gone.length > 0) log.info({ gone, days }, 'old inspections went')
    } catch (err) {
      log.warn({ err }, 'old inspections could not go')
    }
    await clock.sleep(RETENTION_MS, signal).catch(() => {})
  }
}

async function report({ clock, log }: IngestParts, worker: IngestWorker, signal: AbortSignal): Promise<void> {
  let before = ''
  while (!signal.aborted) {
    await clock.sleep(REPORT_MS, signal).catch(() => {})
    const counts = worker.counts
    const now = JSON.stringify(counts)
    if (now !== before) log.info(counts, 'so far')
    before = now
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
