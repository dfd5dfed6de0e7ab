import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { type Clock, systemClock } from '../../../drivers/clock.ts'
import { examine } from '../../../gateway/backup/examine.ts'
import { hashFile, manifestFile } from '../../../gateway/backup/manifest.ts'
import { Snapshot } from '../../../gateway/backup/source.ts'
import { append, appendMany, storeIn } from '../store/opening.ts'
import { logOf, playground, refusal, taken } from './stations.ts'

test('a backup of a station that appends meanwhile is the log of one instant', async (t) => {
  const places = await playground(t)
  const store = await storeIn(t, places.dataDir)
  await appendMany(store, 300)
  let more = true
  const appending = (async () => {
    while (more) await append(store)
  })()
  // Each rest of the copy lets an append through: SQLite's own backup would begin anew each time, and never end.
  let rests = 0
  const clock: Clock = {
    ...systemClock,
    sleep: async () => {
      rests += 1
      await append(store)
    },
  }
  const backup = await taken(places, { clock })
  more = false
  await appending
  const { manifest } = backup
  t.ok(rests >= 5, 'it rested while it copied')
  t.ok(manifest.sequence >= 300)
  const later = await store.latest(1)
  t.ok((later[0]?.sequence ?? 0) > manifest.sequence, 'the station went on meanwhile')
  t.match(manifest, {
    schema: 'poincon.backup/1',
    device_id: 'poincon-test',
    epoch: store.epoch.epoch,
    inspections: manifest.sequence,
    raw_records: manifest.sequence,
    software: '0.1.0',
  })
  t.equal(manifest.bytes, (await stat(backup.file)).size)
  t.equal(manifest.sha256, await hashFile(backup.file))
  const [last] = await store.from(manifest.sequence, 1)
  t.match(last?.payload, `"hash":"${manifest.hash}"`)
  const whole = await examine(backup.file, { newest: Number.POSITIVE_INFINITY })
  t.equal(whole.verified, manifest.sequence, 'the chain holds from the first to the last')
  t.strictSame(
    (await readdir(places.dir)).sort(),
    [manifest.file, `${manifest.file}.json`],
    'one file that needs no other, and its manifest',
  )
  t.equal((await stat(backup.file)).mode & 0o777, 0o600)
  t.equal((await append(store)).sequence, (later[0]?.sequence ?? 0) + 1)
})

test('a snapshot leaves no log behind that an append would have to fold', async (t) => {
  const { dataDir, dir } = await playground(t)
  const store = await storeIn(t, dataDir)
  await appendMany(store, 20)
  await mkdir(dir)
  const snapshot = await Snapshot.open(join(dataDir, 'poincon.db'))
  await appendMany(store, 300)
  const { size } = await stat(join(dataDir, 'poincon.db-wal'))
  t.ok(size > 2_000_000, 'a log that could not begin anew')
  await snapshot.close()
  await append(store)
  await append(store)
  const database = await stat(join(dataDir, 'poincon.db'))
  t.ok(database.size > 2_000_000, 'was folded when the snapshot let go')
  t.equal((await stat(join(dataDir, 'poincon.db-wal'))).size, size, 'and begins anew in the room it has')
})

test('a station that does not run is backed up as well, and keeps its epoch', async (t) => {
  const places = await playground(t)
  const epoch = await logOf(places.dataDir, 40)
  const backup = await taken(places)
  t.match(backup.manifest, { epoch, sequence: 40, inspections: 40 })
  t.notOk((await readdir(places.dataDir)).includes('poincon.db-wal'), 'it is left as it was')
  const store = await storeIn(t, places.dataDir)
  t.equal(store.epoch.epoch, epoch)
})

test('a log without inspections', async (t) => {
  const places = await playground(t)
  await logOf(places.dataDir, 0)
  const { manifest } = await taken(places)
  t.match(manifest, { sequence: 0, inspections: 0, hash: '0'.repeat(64) })
})

test('what cannot be backed up is said, and leaves nothing that counts', async (t) => {
  const places = await playground(t)
  t.match(await refusal(taken(places)), {
    fault: 'failed',
    message: /data\/poincon\.db: no such log: name the station's data directory/,
  })
  await logOf(places.dataDir, 200)
  t.match(await refusal(taken(places, { freeBytes: () => Promise.resolve(1_000_000) })), {
    fault: 'full',
    message: /backups: 1\.0 MB free, a backup needs \d\.\d MB: free some space, or set backup\.dir/,
  })
  const stopped = new AbortController()
  const stopping = taken(places, {
    signal: stopped.signal,
    progress: () => stopped.abort(new Error('the station stops')),
  })
  t.match(await refusal(stopping), { message: 'the station stops' })

  const file = join(places.dataDir, 'poincon.db')
  const bytes = await readFile(file)
  bytes.fill(0x5a, 40 * 4096, 44 * 4096)
  await writeFile(file, bytes)
  const damaged = await refusal(taken(places))
  t.match(damaged, { fault: 'damaged' })
  t.strictSame(await readdir(places.dir), [])
  await writeFile(file, 'not a database')
  t.match(await refusal(taken(places)), { fault: 'damaged', message: /not a database/ })
  t.strictSame(await readdir(places.dir), [])
})

test('a name that is taken is left alone', async (t) => {
  const places = await playground(t)
  await logOf(places.dataDir, 3)
  const first = await taken(places, { name: 'before-the-move.db' })
  t.equal(first.file, join(places.dir, 'before-the-move.db'))
  t.match(await refusal(taken(places, { name: 'before-the-move.db' })), {
    fault: 'refused',
    message: /before-the-move\.db: is there already/,
  })
  t.match(JSON.parse(await readFile(manifestFile(first.file), 'utf8')), first.manifest)
})
