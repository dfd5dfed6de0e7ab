/**
 * Durable appends through the store, each in a commit of its own and in group commits, as a ratio to sqlite3 alone with
 * the same bytes and the same syncs, in turns; and what an append costs the main thread at the pace of the fastest line.
 *   node dist/bench/store.bench.js [DIR]     DIR on the disk to measure; default: the directory for temporary files
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { v7 as uuidv7 } from 'uuid'
import { systemClock } from '../drivers/clock.ts'
import { silentLog } from '../gateway/log.ts'
import type { InspectionDraft } from '../gateway/message.ts'
import { openWriter } from '../gateway/store/connections.ts'
import { canonical } from '../gateway/store/log/canonical.ts'
import { openStore } from '../gateway/store/open.ts'
import type { Store } from '../gateway/store/store.ts'
import { inspectionDraft, randomFrom, rawRecord } from '../test/gateway/store/drafts.ts'
import { appendRate, OUTSTANDING } from './appends.ts'
import { load, percentile, threadUs } from './figures.ts'

const ROUNDS = 5
const SINGLE = 200
const GROUP = 5120
const PACE_PER_S = 2000
const PACED = 10_000
const BATCH = 256

const random = randomFrom(1)
const bodies = Array.from({ length: 1000 }, () => inspectionDraft(random))
const raw = rawRecord(random)

/** The `index`th inspection: a body that comes again, under an id that does not. */
function draftAt(index: number): InspectionDraft {
  const body = bodies[index % bodies.length]
  if (body === undefined) throw new RangeError(`no body ${index}`)
  return { ...body, id: uuidv7() }
}

async function perSecond(count: number, work: () => Promise<void>): Promise<number> {
  const beganAt = performance.now()
  await work()
  return (count * 1000) / (performance.now() - beganAt)
}

/** sqlite3 alone: inserts of the same bytes, `rows` a transaction, each commit synced. @returns rows per second */
async function rawInserts(file: string, count: number, rows: number): Promise<number> {
  const database = await openWriter(file)
  await database.exec(
    'CREATE TABLE IF NOT EXISTS rows (n INTEGER PRIMARY KEY, payload TEXT NOT NULL, raw BLOB NOT NULL) STRICT',
  )
  const insert = await database.prepare('INSERT INTO rows (payload, raw) VALUES (?, ?)')
  const payloads = bodies.map((body) => canonical(body))
  const rate = await perSecond(count, async () => {
    for (let done = 0; done < count; done += rows) {
      if (rows > 1) await database.exec('BEGIN')
      const inserts = Array.from({ length: rows }, (_, row) =>
        insert.run([payloads[(done + row) % payloads.length] ?? '', raw]),
      )
      await Promise.all(inserts)
      if (rows > 1) await database.exec('COMMIT')
    }
  })
  await database.close()
  return rate
}

function single(store: Store): Promise<number> {
  return perSecond(SINGLE, async () => {
    for (let index = 0; index < SINGLE; index += 1) await store.append(draftAt(index), raw)
  })
}

async function drain(store: Store, sink: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const last = (await store.next(sink, 200, signal)).at(-1)
    if (last !== undefined) await store.advance(sink, last.sequence)
  }
}

interface Paced {
  /** CPU time of the main thread an inspection. */
  readonly mainThreadUs: number
  readonly latencyMs: readonly number[]
  /** Appends that found no room to wait: the disk does not keep the pace. */
  readonly refused: number
  readonly loop: { readonly p99: number; readonly p999: number; readonly max: number }
}

/** Calls `append` at a steady pace. */
async function paced(append: (index: number) => Promise<unknown>): Promise<Paced> {
  const latencyMs: number[] = []
  let refused = 0
  const appends: Promise<unknown>[] = []
  const loop = monitorEventLoopDelay({ resolution: 1 })
  loop.enable()
  const before = await threadUs()
  const beganAt = performance.now()
  for (let index = 0; index < PACED; ) {
    const due = Math.min(PACED, Math.floor(((performance.now() - beganAt) * PACE_PER_S) / 1000))
    for (; index < due; index += 1) {
      const startedAt = performance.now()
      const done = append(index).then(
        () => latencyMs.push(performance.now() - startedAt),
        () => {
          refused += 1
        },
      )
      appends.push(done)
    }
    await systemClock.sleep(2)
  }
  await Promise.all(appends)
  const mainThreadUs = ((await threadUs()) - before) / PACED
  loop.disable()
  const ms = (percent: number): number => loop.percentile(percent) / 1e6
  return {
    mainThreadUs,
    latencyMs,
    refused,
    loop: { p99: ms(99), p999: ms(99.9), max: loop.max / 1e6 },
  }
}

/** The pace with a store and one sink that takes everything, and without either. */
async function pacedStore(store: Store): Promise<string> {
  const idle = await paced((index) => Promise.resolve(draftAt(index)))
  const stop = new AbortController()
  await store.registerSink('bench')
  const sink = drain(store, 'bench', stop.signal).catch(() => {})
  while (store.backlog('bench') > 0) await systemClock.sleep(10)
  const { mainThreadUs, latencyMs, refused, loop } = await paced((index) => {
    store.noteTrigger(index + 1)
    return store.append(draftAt(index), raw, index + 1)
  })
  stop.abort()
  await sink
  const beganUs = await threadUs()
  for (let index = 0; index < PACED; index += 1) JSON.stringify(bodies[index % bodies.length])
  const stringifyUs = ((await threadUs()) - beganUs) / PACED
  const latency = (share: number): string => percentile(latencyMs, share).toFixed(1)
  return (
    `at ${PACE_PER_S}/s with one sink: ${(mainThreadUs - idle.mainThreadUs).toFixed(0)} µs of the main thread an ` +
    `inspection, JSON.stringify alone ${stringifyUs.toFixed(0)} µs; append p50 ${latency(0.5)} ms, ` +
    `p99 ${latency(0.99)} ms, ${refused} refused; loop delay p99 ${loop.p99.toFixed(1)} ms, p99.9 ${loop.p999.toFixed(1)} ms, ` +
    `max ${loop.max.toFixed(1)} ms`
  )
}

/** Ours and sqlite3 alone, in turns. @param rows that one commit carries */
async function compared(
  name: string,
  rows: number,
  ours: () => Promise<number>,
  alone: () => Promise<number>,
): Promise<string> {
  const rates: { readonly ours: number; readonly alone: number }[] = []
  for (let round = 0; round < ROUNDS; round += 1) rates.push({ ours: await ours(), alone: await alone() })
  const median = (of: (rate: (typeof rates)[number]) => number): number => percentile(rates.map(of), 0.5)
  const ratios = rates.map((rate) => rate.ours / rate.alone)
  return (
    `${name}: ${median((rate) => rate.ours).toFixed(0)} durable appends/s; sqlite3 alone, ${rows} a commit, ` +
    `${median((rate) => rate.alone).toFixed(0)} rows/s; ratio ${percentile(ratios, 0.5).toFixed(2)} ` +
    `(${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)} in ${ROUNDS} rounds)`
  )
}

const dir = await mkdtemp(join(process.argv[2] ?? tmpdir(), 'poincon-bench-'))
try {
  const store = await openStore({
    dir: join(dir, 'store'),
    deviceId: 'bench',
    clock: systemClock,
    log: silentLog,
  })
  const alone = join(dir, 'alone.db')
  await appendRate(store, 1000)
  console.log(`message ${canonical(draftAt(0)).length} B of JSON, ${raw.length} B raw; ${load()}`)
  console.log(
    await compared(
      'single (one waits for the other)',
      1,
      () => single(store),
      () => rawInserts(alone, SINGLE, 1),
    ),
  )
  console.log(
    await compared(
      `group commit (${OUTSTANDING} at once)`,
      BATCH,
      () => appendRate(store, GROUP),
      () => rawInserts(alone, GROUP, BATCH),
    ),
  )
  console.log(await pacedStore(store))
  await store.close()
} finally {
  await rm(dir, { recursive: true })
}
