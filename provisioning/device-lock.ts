import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { uptime } from 'node:os'
import { join } from 'node:path'
import { EnrolError } from './enrol-error.ts'

/**
 * Does something that only one process may do to a device's folder at a time.
 * @throws EnrolError `away` while another is at it
 */
export async function alone<T>(dir: string, work: () => Promise<T>): Promise<T> {
  const file = join(dir, 'lock')
  await take(file)
  try {
    return await work()
  } finally {
    await rm(file, { force: true })
  }
}

async function take(file: string): Promise<void> {
  for (let tries = 0; tries < 2; tries += 1) {
    try {
      await writeFile(file, String(process.pid), { flag: 'wx', mode: 0o640 })
      return
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
    const holder = Number(await readFile(file, 'utf8').catch(() => ''))
    const beforeThisBoot = (await bornAt(file)) < Date.now() - uptime() * 1000
    if (!beforeThisBoot && lives(holder)) throw new EnrolError('away', `${file}: process ${holder} is at it`)
    // Left by one that was killed.
    await rm(file, { force: true })
  }
  throw new EnrolError('away', `${file}: another process took it`)
}

async function bornAt(file: string): Promise<number> {
  return (await stat(file).catch(() => undefined))?.mtimeMs ?? 0
}

/** Our own number in a lock is that of an earlier life: within one process nobody asks twice. */
function lives(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
