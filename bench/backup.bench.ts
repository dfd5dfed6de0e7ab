/**
 * What a backup costs: how long it takes for so many inspections, and what the appends of a station that runs feel of
 * it, as a ratio to the same appends without one.
 *   node dist/bench/backup.bench.js [ROWS] [PER_S] [DIR]     default: 20000 rows, 100 appends/s, temporary files
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { v7 as uuidv7 } from 'uuid'
import { systemClock } from '../drivers/clock.ts'
import { drill } from '../gateway/backup/drill.ts'
import { takeBackup } from '../gateway/backup/take.ts'
import { silentLog } from '../gateway/log.ts'
import { openStore } from '../gateway/store/open.ts'
import type { Store } from '../gateway/store/store.ts'
import { inspectionDraft, randomFrom, rawRecord } from '../test/gateway/store/drafts.ts'

const [rows = '20000', perSecond = '100', parent = tmpdir()] = process.argv.slice(2)
const OUTSTANDING = 256
const ALONE_MS = 8000

const random = randomFrom(1)
const bodies = Array.from({ length: 500 }, () => inspectionDraft(random))
const raws = Array.from({ length: 50 }, () => rawRecord(random))
let made = 0

async function append(store: Store): Promise<void> {
  const body = bodies[made % bodies.length]
  const raw = raws[made % raws.length]
  made += 1
  if (body !== undefined && raw !== undefined) await store.append({ ...body, id: uuidv7() }, raw)
}

async function fill(store: Store, count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: OUTSTANDING }, async () => {
      while (made < count) await append(store)
    }),
  )
}

/** Appends at a steady pace until `signal` aborts. @returns latencies, ms, in order of size */
async function paced(store: Store, signal: AbortSignal): Promise<number[]> {
  const latencies: number[] = []
  const pending: Promise<void>[] = []
  const beganAt = performance.now()
  for (let index = 0; !signal.aborted; ) {
    const due = ((performance.now() - beganAt) * Number(perSecond)) / 1000
    for (; index < due; index += 1) {
      const startedAt = performance.now()
      pending.push(append(store).then(() => void latencies.push(performance.now() - startedAt)))
    }
    await systemClock.sleep(1)
  }
  await Promise.all(pending)
  return latencies.sort((one, other) => one - other)
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}

function line(name: string, sorted: readonly number[], peer: readonly number[] = sorted): void {
  const parts = ([0.5, 0.99, 0.999] as const).map((share) => {
    const [own, alone] = [quantile(sorted, share), quantile(peer, share)]
    return `p${share * 100} ${own.toFixed(1)} ms (${(own / alone).toFixed(2)})`
  })
  console.log(`${name}: ${sorted.length} appends, ${parts.join(', ')}, max ${sorted.at(-1)?.toFixed(1)} ms`)
}

const root = await mkdtemp(join(parent, 'poincon-backup-bench-'))
try {
  const dataDir = join(root, 'data')
  const dir = join(root, 'backups')
  const store = await openStore({ dir: dataDir, deviceId: 'bench', clock: systemClock, log: silentLog })
  await fill(store, Number(rows))
  const alone = await paced(store, AbortSignal.timeout(ALONE_MS))
  const done = new AbortController()
  const beside = paced(store, done.signal)
  const backup = await takeBackup({ dataDir, dir, software: 'bench', clock: systemClock })
  done.abort()
  const busy = await beside
  await store.close()
  const { bytes, inspections } = backup.manifest
  const [copyS, verifyS] = [backup.copyMs / 1000, backup.verifyMs / 1000]
  console.log(
    `${inspections} inspections, ${(bytes / 1e9).toFixed(3)} GB, ${Math.round(bytes / inspections)} bytes each`,
  )
  console.log(
    `copied in ${copyS.toFixed(1)} s (${(bytes / 1e6 / copyS).toFixed(0)} MB/s), verified in ${verifyS.toFixed(1)} s`,
  )
  console.log(`the write-ahead log grew by ${(backup.logBytes / 1e6).toFixed(1)} MB`)
  line('alone', alone)
  line('beside a backup', busy, alone)
  const report = await drill({ backup: backup.file, within: root, clock: systemClock })
  const { copyMs, verifyMs } = report.restored
  const parts = [copyMs, verifyMs, report.openMs].map((ms) => `${(ms / 1000).toFixed(1)} s`)
  console.log(
    `restored in ${(report.totalMs / 1000).toFixed(1)} s: copy ${parts[0]}, verify ${parts[1]}, open ${parts[2]}`,
  )
} finally {
  await rm(root, { recursive: true, force: true })
}
