import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { open, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { Ballast } from '../../../gateway/store/ballast.ts'
import { append, appendMany, faultOf, storeDir, storeIn } from './opening.ts'
import { onDisk, retentionOf } from './retention/limits.ts'

const MB = 1024 * 1024
const forever = new AbortController().signal

/** Fills a disk with a file to its last block. */
async function fill(file: string): Promise<void> {
  const handle = await open(file, 'a')
  const block = Buffer.alloc(4096)
  try {
    for (;;) if ((await handle.write(block)).bytesWritten < block.length) break
  } catch {
    // Full.
  } finally {
    await handle.close()
  }
}

test('a disk that others filled: nothing is stored, what is delivered goes, then it goes on', async (t) => {
  const dir = await storeDir(t)
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${24 * MB}`, 'tmpfs', dir], {
    encoding: 'utf8',
  })
  if (mounted.status !== 0) {
    t.pass('a small file system', { skip: `NOT PROVEN HERE, mount: ${mounted.stderr}` })
    return
  }
  t.teardown(() => spawnSync('umount', [dir]))
  const place = join(dir, 'store')
  const store = await storeIn(t, place, { ballastBytes: 4 * MB, clock: new VirtualClock() })
  await store.registerSink('plant')
  await appendMany(store, 1000)
  const filler = join(dir, 'filler')
  await fill(filler)

  // The write-ahead log begins anew in its old place, so some still find room.
  let fault: unknown
  for (let tries = 0; fault === undefined && tries < 2000; tries += 1) fault = await faultOf(append(store))
  t.equal(fault, 'full')
  t.notOk(existsSync(join(place, 'ballast')), 'its room is given up')
  t.equal(await faultOf(append(store)), 'full', 'and not for inspections')
  t.match(store.status(), { state: 'failed' })
  t.notOk(store.storable)

  await store.advance('plant', 900)
  const retention = retentionOf(store, { leastFreeBytes: 8 * MB, rowsAtOnce: 64 })
  for (let tries = 0; (await onDisk(place)).leastCursor !== 900 && tries < 1000; tries += 1) {
    // The cursor goes to the disk by itself.
  }
  await retention.sweep(forever)
  const { oldest, oldestRaw, chain } = await onDisk(place)
  t.same(chain, [])
  t.ok(
    (oldestRaw ?? 0) > 800 && (oldest ?? 0) > 1,
    `raw data up to ${oldestRaw}, inspections up to ${oldest} went`,
  )

  await rm(filler)
  await append(store)
  t.ok(existsSync(join(place, 'ballast')), 'taken back before the first part is stored')
  t.match(store.status(), { state: 'ok' })
})

test('a disk that is small goes without, and a file that is there is taken over', async (t) => {
  const dir = await storeDir(t)
  const { bavail, bsize } = await statfs(dir)
  await Ballast.open(join(dir, 'huge'), Math.floor(bavail * bsize) / 2)
  t.notOk(existsSync(join(dir, 'huge')))
  await writeFile(join(dir, 'there'), Buffer.alloc(MB))
  const ballast = await Ballast.open(join(dir, 'there'), MB)
  await ballast.giveUp()
  t.notOk(ballast.givenUp, 'the disk has room: a quota is not helped by it')
  t.resolves(ballast.expect())
})
