import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { LockedError, UpdateLock } from '../../provisioning/update-lock.ts'

async function fileOf(t: Test): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-lock-'))
  t.teardown(() => rm(dir, { recursive: true }))
  return join(dir, 'lock')
}

test('one has it, until it lets go', async (t) => {
  const file = await fileOf(t)
  const first = await UpdateLock.take(file)
  await t.rejects(UpdateLock.take(file), { name: 'LockedError', message: `process ${process.pid}` })
  await first.assertHeld()
  await first.release()
  const second = await UpdateLock.take(file)
  await t.rejects(first.assertHeld(), LockedError, 'who let go has it no more')
  await second.release()
  t.same(await readdir(join(file, '..')), [], 'nothing is left')
})

test('of many at once one gets it', async (t) => {
  const file = await fileOf(t)
  const all = await Promise.allSettled(Array.from({ length: 20 }, () => UpdateLock.take(file)))
  t.equal(all.filter(({ status }) => status === 'fulfilled').length, 1)
})

test('the dead hold nothing', async (t) => {
  const file = await fileOf(t)
  const child = spawn(process.execPath, ['--eval', ''])
  await once(child, 'close')
  await (await UpdateLock.take(file)).release()
  const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
  const left: readonly (readonly [string, string])[] = [
    ['a process that is gone', JSON.stringify({ pid: child.pid, started: '1', boot })],
    ['another process with its id', JSON.stringify({ pid: process.pid, started: '1', boot })],
    ['a process of the boot before', JSON.stringify({ pid: process.pid, started: '1', boot: 'x' })],
    ['nobody: the power went before a byte was written', ''],
  ]
  for (const [name, text] of left) {
    await writeFile(file, text)
    const all = await Promise.allSettled(Array.from({ length: 8 }, () => UpdateLock.take(file)))
    const held = all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const holders = (await Promise.allSettled(held.map((one) => one.assertHeld()))).filter(
      ({ status }) => status === 'fulfilled',
    )
    t.equal(holders.length, 1, name)
    for (const one of held) await one.release()
    await rm(file, { force: true })
  }
})
