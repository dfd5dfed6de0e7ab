import { copyFile, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { PAGE_BYTES } from '../../../gateway/store/connections.ts'
import { append, appendMany, faultOf, reopen, storeDir, storeIn } from './opening.ts'

const HEADER = 32
const FRAME = 24 + PAGE_BYTES

for (const name of ['poincon.db', 'poincon.db-wal']) {
  test(`${name} deleted under an open store: nothing more is acknowledged`, async (t) => {
    const dir = await storeDir(t)
    const store = await reopen(dir)
    await append(store)
    await rm(join(dir, name))
    t.equal(await faultOf(append(store)), 'io')
    t.match(store.status(), { state: 'failed', detail: /was deleted or replaced while it was open/ })
    t.equal(await faultOf(append(store)), 'io', 'nor later')
    await store.close().catch(() => {})
  })
}

test('a write-ahead log whose commits are damaged is not opened, and left as it is', async (t) => {
  const dir = await storeDir(t)
  const store = await storeIn(t, dir)
  for (let part = 0; part < 5; part += 1) await append(store)
  const crashed = await storeDir(t)
  const log = join(crashed, 'poincon.db-wal')
  /** What a crash would leave now, with one bit of the log turned over. */
  const crashWith = async (at: (length: number) => number): Promise<Buffer> => {
    for (const name of ['poincon.db', 'poincon.db-wal']) await copyFile(join(dir, name), join(crashed, name))
    const content = await readFile(log)
    const place = at(content.length)
    content[place] = (content[place] ?? 0) ^ 1
    await writeFile(log, content)
    return content
  }

  const inFrame = await crashWith(() => HEADER + 2 * FRAME + 100)
  await t.rejects(reopen(crashed), {
    fault: 'corrupt',
    message: /frame 3 is damaged, and commits lie behind it/,
  })
  t.ok(inFrame.equals(await readFile(log)), 'nothing was changed')

  await crashWith(() => 20)
  await t.rejects(reopen(crashed), { fault: 'corrupt', message: /the header is damaged/ })

  await crashWith((length) => length - 100)
  const cut = await storeIn(t, crashed)
  t.equal((await cut.from(1, 10, cut.epochs[0])).length, 4, 'the last commit alone looks cut off, and is')
})

test('a log that has begun anew over older commits is whole', async (t) => {
  const dir = await storeDir(t)
  const store = await storeIn(t, dir)
  // More than the four megabytes after which the log is folded into the database.
  for (let group = 0; group < 45; group += 1) await appendMany(store, 20)
  const crashed = await storeDir(t)
  for (const name of ['poincon.db', 'poincon.db-wal']) await copyFile(join(dir, name), join(crashed, name))
  const again = await storeIn(t, crashed)
  t.equal((await again.from(1, 1000, again.epochs[0])).length, 900)
})
