import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { backupsIn, sweep } from '../../../gateway/backup/shelf.ts'
import { logOf, playground, refusal, taken } from './stations.ts'

const TAKE = fileURLToPath(new URL('../../tools/backup-endless.js', import.meta.url))

test('a full disk', async (t) => {
  const places = await playground(t)
  await logOf(places.dataDir, 200)
  await mkdir(places.dir)
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', places.dir], {
    encoding: 'utf8',
  })
  if (status !== 0) {
    t.pass('a small file system', { skip: `NOT PROVEN HERE, mount: ${stderr}` })
    return
  }
  t.teardown(() => spawnSync('umount', [places.dir]))
  const plenty = () => Promise.resolve(1e12)
  t.match(await refusal(taken(places, { freeBytes: plenty })), { fault: 'full', message: /full|ENOSPC/ })
  t.strictSame(await readdir(places.dir), [])
})

test('SIGKILL in the middle of a backup leaves nothing that counts', async (t) => {
  const places = await playground(t)
  await logOf(places.dataDir, 300)
  for (const steps of [1, 3, 5]) {
    const child = spawn(process.execPath, [TAKE, places.dataDir, places.dir, String(steps)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    // Says when it has copied so many steps, and copies no further.
    await once(createInterface(child.stdout), 'line')
    child.kill('SIGKILL')
    await once(child, 'exit')
    t.match(await readdir(places.dir), [/^\.poincon-new-.*\.db\.\d+\.partial$/], `after ${steps} steps`)
    t.strictSame(await backupsIn(places.dir), [])
    await sweep(places.dir)
    t.strictSame(await readdir(places.dir), [], 'the next one clears it away')
  }
  const { manifest } = await taken(places)
  t.equal(manifest.inspections, 300)
})

test('what another process still writes is left alone', async (t) => {
  const { dir } = await playground(t)
  await mkdir(dir)
  // The parent of this process runs as long as this test does.
  const running = `.poincon-new-20260301T080000Z.db.${process.ppid}.partial`
  const mine = `.poincon-new-20260301T080000Z.db.${process.pid}.partial`
  for (const name of [running, mine, 'notes.txt']) await writeFile(join(dir, name), 'x')
  await sweep(dir)
  t.strictSame((await readdir(dir)).sort(), [running, 'notes.txt'])
})
