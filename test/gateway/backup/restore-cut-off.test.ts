import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Test, test } from 'tap'
import { verifyChain } from '../../../gateway/store/log/chain.ts'
import { randomFrom } from '../store/drafts.ts'
import { appendMany, reopen } from '../store/opening.ts'
import { playground, taken } from './stations.ts'

const RESTORE = fileURLToPath(new URL('../../tools/restore-slowly.js', import.meta.url))

/** Inspections of the first epoch in a directory, all of them verified. */
async function stored(dir: string): Promise<number> {
  const store = await reopen(dir)
  try {
    const report = verifyChain(await store.from(1, 1000, store.epochs[0]))
    return report.valid ? report.count : Number.NaN
  } finally {
    await store.close()
  }
}

/** Kills a restore so long after it began to move the old log. */
async function killed(backup: string, dataDir: string, afterMs: number): Promise<void> {
  const child = spawn(process.execPath, [RESTORE, backup, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exit = once(child, 'exit')
  await once(createInterface(child.stdout), 'line')
  if (afterMs > 0) await delay(afterMs)
  child.kill('SIGKILL')
  await exit
}

async function expectNothingLost(t: Test, dataDir: string, afterMs: number): Promise<void> {
  const found = await stored(dataDir)
  const asides = (await readdir(dataDir)).filter((name) => name.startsWith('replaced-'))
  t.ok(found === 30 || found === 10, `after ${afterMs.toFixed(1)} ms: ${found} inspections`)
  if (found === 30) return
  t.equal(await stored(join(dataDir, asides[0] ?? 'none')), 30, 'the old log is aside, whole')
}

test('SIGKILL while the log is replaced leaves the old one or the new one', async (t) => {
  const { dataDir, dir } = await playground(t)
  const store = await reopen(dataDir)
  await appendMany(store, 10)
  const { file } = await taken({ dataDir, dir })
  await appendMany(store, 20)
  // As a crash leaves it: the newest inspections are in the write-ahead log only.
  const crashed = join(dir, 'crashed')
  await cp(dataDir, crashed, { recursive: true })
  await store.close()
  const random = randomFrom(11)
  for (let round = 0; round < 8; round += 1) {
    const copy = join(dir, `round-${round}`)
    await cp(crashed, copy, { recursive: true })
    // Folding, moving and renaming take some milliseconds.
    const afterMs = round === 0 ? 0 : random() * 25
    await killed(file, copy, afterMs)
    await expectNothingLost(t, copy, afterMs)
  }
})
