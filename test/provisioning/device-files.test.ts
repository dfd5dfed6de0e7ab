import { chown, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { deviceFiles } from '../../provisioning/device-files.ts'

const NOBODY = 65_534
const skip = process.getuid?.() === 0 ? false : 'SKIPPED: only root gives away what it makes'

test('what root makes in the folder of a service is that service’s, all the way down', {
  skip,
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'poincon-device-files-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await chown(folder, NOBODY, NOBODY)
  const key = join(folder, 'pairs/a1/device.key')
  await deviceFiles.folder(join(folder, 'pairs/a1'))
  await deviceFiles.write(key, 'a key', 0o640)
  for (const path of ['pairs', 'pairs/a1', 'pairs/a1/device.key']) {
    const { uid, gid } = await stat(join(folder, path))
    t.strictSame([uid, gid], [NOBODY, NOBODY], path)
  }
  t.equal((await stat(key)).mode & 0o777, 0o640)

  await deviceFiles.folder(join(folder, 'pairs/b2'))
  t.equal((await stat(join(folder, 'pairs/b2'))).uid, NOBODY, 'beside one that is there')
})
