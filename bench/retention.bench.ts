/**
 * What retention costs an append: the latency of durable appends at the pace of a line, with and without old rows going
 * at the same time; and the room and the flash that one inspection takes.
 *   node dist/bench/retention.bench.js [DIR]     DIR on the disk to measure; default: the directory for temporary files
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../drivers/clock.ts'
import { silentLog } from '../gateway/log.ts'
import { openReader } from '../gateway/store/connections.ts'
import { openStore } from '../gateway/store/open.ts'
import { readSpace, writtenBytes } from '../gateway/store/retention/space.ts'
import type { Store } from '../gateway/store/store.ts'
import { inspectionDraft, randomFrom, rawRecord } from '../test/gateway/store/drafts.ts'

const STORED = 6000
const PACED = 1200
const PACE_MS = 10

const random = randomFrom(9)
const forever = new AbortController().signal

async function fill(store: Store, count: number): Promise<void> {
  for (let done = 0; done < count; done += 250) {
    await Promise.all(
      Array.from({ length: 250 }, () => store.append(inspectionDraft(random), rawRecord(random))),
    )
  }
}

/** One append every 10 ms. @returns their latencies, ms, ascending */
async function paced(store: Store): Promise<number[]> {
  const latencies: number[] = []
  const running: Promise<void>[] = []
  const beganAt = performance.now()
  for (let index = 0; index < PACED; index += 1) {
    await systemClock.sleep(Math.max(0, beganAt + index * PACE_MS - performance.now()))
    const at = performance.now()
    const one = store.append(inspectionDraft(random), rawRecord(random))
    running.push(one.then(() => void latencies.push(performance.now() - at)))
  }
  await Promise.all(running)
  return latencies.sort((a, b) => a - b)
}

function say(name: string, latencies: readonly number[]): number {
  const at = (share: number): number => latencies[Math.floor(share * (latencies.length - 1))] ?? Number.NaN
  const [p50, p99, most] = [at(0.5), at(0.99), at(1)]
  console.log(`${name}: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, largest ${most.toFixed(1)} ms`)
  return p99
}

async function singleWear(store: Store): Promise<void> {
  const before = await writtenBytes()
  for (let index = 0; index < 300; index += 1) await store.append(inspectionDraft(random), rawRecord(random))
  const after = await writtenBytes()
  if (before === undefined || after === undefined) return
  console.log(`flash: ${((after - before) / 300 / 1000).toFixed(1)} kB an inspection, one commit each`)
}

const dir = await mkdtemp(join(process.argv[2] ?? tmpdir(), 'poincon-retention-'))
try {
  const store = await openStore({ dir, deviceId: 'bench', clock: systemClock, log: silentLog })
  await store.registerSink('plant')
  await fill(store, STORED)
  const reader = await openReader(join(dir, 'poincon.db'))
  const { fileBytes, freeBytes } = await readSpace(reader)
  console.log(
    `room: ${((fileBytes - freeBytes) / STORED).toFixed(0)} bytes an inspection with its raw record`,
  )
  await store.advance('plant', STORED)
  await singleWear(store)
  const alone = say('appends alone', await paced(store))

  const ended = new AbortController()
  const retention = store.retention({
    limits: {
      ...{ age: {}, most: { raw: 500, inspections: 1000 }, beginShare: 0.8, leastFreeBytes: 0 },
      ...{ rowsAtOnce: 32, alertHours: 0, flashBytesPerYear: 2e12 },
    },
    ...{ clock: systemClock, log: silentLog, clockTrusted: () => true },
  })
  const sweeping = retention.sweep(ended.signal).catch(() => {})
  const beside = say('appends while retention removes', await paced(store))
  ended.abort()
  await sweeping
  const { removed_raw, removed_inspections } = retention.status().facts ?? {}
  console.log(`removed meanwhile: ${removed_raw} raw records, ${removed_inspections} inspections`)
  console.log(`p99 beside retention: ${(beside / alone).toFixed(2)} of alone`)

  await retention.sweep(forever)
  await reader.close()
  await store.close()
} finally {
  await rm(dir, { recursive: true, force: true })
}
