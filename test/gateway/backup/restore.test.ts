import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'tap'
import { systemClock } from '../../../drivers/clock.ts'
import { drill } from '../../../gateway/backup/drill.ts'
import { manifestFile } from '../../../gateway/backup/manifest.ts'
import { type Restored, type RestoreOptions, restoreBackup } from '../../../gateway/backup/restore.ts'
import type { OutboxEntry } from '../../../gateway/outbox.ts'
import { Database } from '../../../gateway/store/database.ts'
import { verifyChain } from '../../../gateway/store/log/chain.ts'
import type { Store } from '../../../gateway/store/store.ts'
import { append, appendMany, reopen, storeIn } from '../store/opening.ts'
import { APPEND } from '../store/syncs.ts'
import { logOf, playground, refusal, taken } from './stations.ts'

const forever = new AbortController().signal

function restored(backup: string, dataDir: string, options: Partial<RestoreOptions> = {}): Promise<Restored> {
  return restoreBackup({ backup, dataDir, force: false, clock: systemClock, ...options })
}

/** Takes everything that waits for a sink. */
async function drained(store: Store, sink: string): Promise<OutboxEntry[]> {
  const got: OutboxEntry[] = []
  while (store.backlog(sink) > 0) {
    const batch = await store.next(sink, 50, forever)
    got.push(...batch)
    await store.advance(sink, batch.at(-1)?.sequence ?? 0)
  }
  return got
}

test('after a restore a new epoch begins, and sinks lose nothing', async (t) => {
  const places = await playground(t)
  const store = await reopen(places.dataDir)
  await store.registerSink('far')
  await appendMany(store, 100)
  await store.next('far', 60, forever)
  await store.advance('far', 60)
  await append(store) // carries the cursor to the disk
  const { epoch: before } = store.epoch
  const backup = await taken(places)
  await appendMany(store, 49)
  t.equal((await drained(store, 'far')).length, 90)
  await store.close()

  const { found, movedTo } = await restored(backup.file, places.dataDir, { force: true })
  t.match(found, { sequence: 101, inspections: 101, verified: 101, rawRecords: 101 })
  const after = await storeIn(t, places.dataDir)
  await after.registerSink('far')
  t.not(after.epoch.epoch, before)
  t.match(after.epoch.reason, /came without its witness file: restored or copied/)
  const fresh = await appendMany(after, 5)
  t.strictSame(
    fresh.map(({ epoch, sequence }) => [epoch, sequence]),
    [1, 2, 3, 4, 5].map((sequence) => [after.epoch.epoch, sequence]),
    'no name of an inspection is used again',
  )
  const got = await drained(after, 'far')
  t.strictSame(
    got.map(({ sequence }) => sequence),
    [...Array.from({ length: 41 }, (_, index) => 61 + index), 1, 2, 3, 4, 5],
    'from the cursor of the backup on, and then the new epoch: some again, none left out',
  )
  t.match(verifyChain(await after.from(1, 1000, after.epochs[0])), { valid: true, count: 101 })
  t.match(verifyChain(await after.from(1, 1000)), { valid: true, count: 5 })

  t.ok(movedTo?.startsWith(join(places.dataDir, 'replaced-')), 'the newer log is not lost either')
  const aside = await storeIn(t, movedTo ?? '')
  t.equal(aside.epochs[0]?.epoch, before)
  t.match(verifyChain(await aside.from(1, 1000, aside.epochs[0])), { valid: true, count: 150 })
})

test('into an empty directory, on another machine', async (t) => {
  const places = await playground(t)
  const epoch = await logOf(places.dataDir, 30)
  const backup = await taken(places)
  const elsewhere = join(places.dir, '..', 'other', 'data')
  t.equal((await restored(backup.file, elsewhere)).movedTo, undefined)
  t.strictSame((await readdir(elsewhere)).sort(), ['lock', 'poincon.db'])
  const store = await storeIn(t, elsewhere, { deviceId: 'poincon-spare' })
  t.match(store.epoch, { deviceId: 'poincon-spare', reason: 'the device was poincon-test', base: 30 })
  t.equal(store.epochs[0]?.epoch, epoch)
})

test('what is no log stays where it is', async (t) => {
  const places = await playground(t)
  await logOf(places.dataDir, 5)
  const backup = await taken(places)
  await mkdir(join(places.dataDir, 'flows'))
  await writeFile(join(places.dataDir, 'flows', 'flows.json'), '[]')
  await restored(backup.file, places.dataDir)
  const [replaced = ''] = (await readdir(places.dataDir)).filter((name) => name.startsWith('replaced-'))
  t.strictSame((await readdir(places.dataDir)).sort(), ['flows', 'lock', 'poincon.db', replaced])
  t.strictSame((await readdir(join(places.dataDir, replaced))).sort(), [
    'poincon.db',
    'triggers.json',
    'witness.json',
  ])
})

test('a station that runs is not restored into', async (t) => {
  const places = await playground(t)
  const store = await storeIn(t, places.dataDir)
  await appendMany(store, 5)
  const backup = await taken(places)
  for (const force of [false, true]) {
    t.match(await refusal(restored(backup.file, places.dataDir, { force })), {
      fault: 'refused',
      message: /stop the station first: .* is in use by another process/,
    })
  }
  t.equal((await append(store)).sequence, 6, 'and goes on')
})

test('a newer log is only replaced when somebody insists', async (t) => {
  const places = await playground(t)
  const epoch = await logOf(places.dataDir, 20)
  const backup = await taken(places)
  const same = await refusal(restored(backup.file, places.dataDir))
  t.equal(same, undefined, 'a log that ends where the backup ends is in it')

  const store = await reopen(places.dataDir)
  const { epoch: second } = store.epoch
  await appendMany(store, 7)
  await store.close()
  const refused = await refusal(restored(backup.file, places.dataDir))
  t.match(refused, {
    fault: 'refused',
    message: `holds a newer log: it ends at sequence 7 of epoch ${second}, the backup at sequence 20 of epoch ${epoch}`,
  })
  t.notOk((await readdir(places.dataDir)).includes('poincon.db.restoring'))
  const later = await taken(places)
  t.match((await restored(later.file, places.dataDir)).found, { epoch: second, sequence: 7 })
  t.match((await restored(backup.file, places.dataDir, { force: true })).found, { epoch, sequence: 20 })
})

test('a log that cannot be read is only replaced when somebody insists', async (t) => {
  const places = await playground(t)
  await logOf(places.dataDir, 20)
  const backup = await taken(places)
  await writeFile(join(places.dataDir, 'poincon.db'), 'what the disk made of it')
  t.match(await refusal(restored(backup.file, places.dataDir)), {
    fault: 'refused',
    message: /cannot be read, so nobody knows what would be lost .*--force moves it aside/,
  })
  const { movedTo = '' } = await restored(backup.file, places.dataDir, { force: true })
  t.equal(await readFile(join(movedTo, 'poincon.db'), 'utf8'), 'what the disk made of it')
  const store = await storeIn(t, places.dataDir)
  t.equal((await store.from(1, 100, store.epochs[0])).length, 20)
})

test('a log that a crash left with its write-ahead log is moved whole', async (t) => {
  const places = await playground(t)
  await logOf(places.dataDir, 2)
  const backup = await taken(places)
  const child = spawn(process.execPath, [APPEND, places.dataDir, 'endless', '8'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let acknowledged = 0
  const lines = createInterface(child.stdout).on('line', () => {
    acknowledged += 1
    if (acknowledged === 100) child.kill('SIGKILL')
  })
  await Promise.all([once(child, 'exit'), once(lines, 'close')])
  t.ok((await stat(join(places.dataDir, 'poincon.db-wal'))).size > 0)
  const { movedTo = '' } = await restored(backup.file, places.dataDir, { force: true })
  const aside = await storeIn(t, movedTo)
  const all = (await Promise.all(aside.epochs.map((epoch) => aside.from(1, 10_000, epoch)))).flat()
  t.ok(all.length >= 2 + acknowledged, `${all.length} inspections, ${acknowledged} acknowledged`)
})

test('a backup that is not what was written is refused, with the reason', async (t) => {
  const places = await playground(t)
  await logOf(places.dataDir, 60)
  const { file } = await taken(places)
  const other = join(places.dir, '..', 'other')
  const copy = join(places.dir, 'copy.db')
  const refusedAfter = async (spoil: () => Promise<unknown>, force = false) => {
    await copyFile(file, copy)
    await copyFile(manifestFile(file), manifestFile(copy))
    await spoil()
    const found = await refusal(restored(copy, other, { force }))
    t.notOk((await readdir(other).catch(() => [])).some((name) => name.startsWith('poincon.db')))
    return found
  }
  const { size } = await stat(file)
  t.match(await refusedAfter(() => truncate(copy, size - 4096)), {
    fault: 'damaged',
    message: `copy.db: ${size - 4096} bytes, its manifest says ${size}`,
  })
  const flip = async (): Promise<void> => {
    const bytes = await readFile(copy)
    const place = Math.floor(size / 2)
    bytes[place] = (bytes[place] ?? 0) ^ 1
    await writeFile(copy, bytes)
  }
  t.match(await refusedAfter(flip), {
    fault: 'damaged',
    message: /copy\.db: SHA-256 [0-9a-f]{64}, its manifest says/,
  })
  t.match(await refusedAfter(() => rm(manifestFile(copy))), {
    fault: 'damaged',
    message: /no manifest of a backup: .*ENOENT/,
  })
  t.match(await refusedAfter(() => writeFile(manifestFile(copy), '{"schema":"poincon.backup/1"}'), true), {
    fault: 'damaged',
    message: /no manifest of a backup: .*sha256/,
  })

  // Whoever changes a row and recomputes what is beside the database has the chain against them.
  const forge = (sql: string) => async (): Promise<void> => {
    await rm(manifestFile(copy))
    const database = await Database.open(copy, 'write')
    await database.exec(sql)
    await database.close()
  }
  const better = `UPDATE inspections SET payload = replace(payload, '"score":0.9', '"score":0.8') WHERE position = 30`
  t.match(await refusedAfter(forge(better), true), {
    fault: 'damaged',
    message: /the chain breaks at epoch .*, sequence 30: hash is/,
  })
  t.match(await refusedAfter(forge('DELETE FROM inspections WHERE position = 31'), true), {
    fault: 'damaged',
    message: /copy\.db: the chain breaks at .*, sequence 32: expected sequence 31/,
  })
  t.match(await refusedAfter(forge('UPDATE raw SET record = zeroblob(1600) WHERE position = 32'), true), {
    fault: 'damaged',
    message: /the raw record of epoch .*, sequence 32 has SHA-256/,
  })
  t.match(await refusedAfter(forge('PRAGMA user_version = 99'), true), {
    fault: 'newer',
    message: /written by a newer release \(schema 99/,
  })
  t.equal(await refusal(restored(join(places.dir, 'none.db'), other)).then((it) => it?.fault), 'failed')
})

test('a manifest that belongs to another backup', async (t) => {
  const places = await playground(t)
  await logOf(places.dataDir, 10)
  const { file, manifest } = await taken(places)
  await writeFile(manifestFile(file), JSON.stringify({ ...manifest, sequence: 11 }))
  t.match(await refusal(restored(file, join(places.dir, 'other'))), {
    fault: 'damaged',
    message: /sequence is 10, its manifest says 11/,
  })
})

test('in a hurry only the newest are followed, the hash vouches for the rest', async (t) => {
  const places = await playground(t)
  await logOf(places.dataDir, 50)
  const { file } = await taken(places)
  const seen: [number, number][] = []
  const { found } = await restored(file, join(places.dir, 'other'), {
    newest: 20,
    progress: (done, total) => seen.push([done, total]),
  })
  t.match(found, { inspections: 50, verified: 20 })
  t.strictSame(seen, [
    [8, 20],
    [16, 20],
    [20, 20],
  ])
})

test('a drill restores, opens, verifies and leaves nothing', async (t) => {
  const places = await playground(t)
  await logOf(places.dataDir, 50)
  const { file } = await taken(places)
  const within = join(places.dir, '..', 'drills')
  await mkdir(within)
  const report = await drill({ backup: file, within, clock: systemClock })
  t.match(report.restored.found, { inspections: 50, verified: 50, rawRecords: 50, sequence: 50 })
  t.match(report.newEpochReason, /restored or copied/)
  t.ok(report.totalMs >= report.openMs)
  t.strictSame(await readdir(within), [])

  await truncate(file, 8192)
  t.match(await refusal(drill({ backup: file, within, clock: systemClock })), { fault: 'damaged' })
  t.strictSame(await readdir(within), [], 'nor when it fails')
})

test('a log of several epochs, of which retention took the oldest part', async (t) => {
  const places = await playground(t)
  await logOf(places.dataDir, 10)
  await rm(join(places.dataDir, 'witness.json'))
  await logOf(places.dataDir, 10)
  const database = await Database.open(join(places.dataDir, 'poincon.db'), 'write')
  await database.exec('DELETE FROM inspections WHERE position <= 4; DELETE FROM raw WHERE position <= 7')
  await database.close()
  const { file, manifest } = await taken(places)
  t.match(manifest, { inspections: 16, raw_records: 13, sequence: 10 })
  const { restored: found } = await drill({ backup: file, clock: systemClock })
  t.match(found.found, { verified: 16 })
})
