import { execFileSync, spawnSync } from 'node:child_process'
import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Random } from '../../../drivers/simulated/random.ts'
import { faultOf } from '../../../gateway/store/error.ts'
import { reopen } from '../../gateway/store/opening.ts'
import { countOf, notHere, type Outcome, type Scale } from '../outcome.ts'
import { controlled } from './duty.ts'
import { buildShim, DISK } from './shim.ts'
import { type SickDisk, suffer } from './sick-disk.ts'

const FAMILY = 'disk'
const ROUNDS = 50

const AILMENTS = [
  { fault: 'EIO on write', letter: DISK.write, faults: ['io'] },
  { fault: 'EIO on sync', letter: DISK.sync, faults: ['io'] },
  { fault: 'ENOSPC on write', letter: DISK.full, faults: ['full'] },
  { fault: 'half of a write, then ENOSPC', letter: DISK.half, faults: ['full'] },
  {
    fault: 'read-only from one moment to the next (EROFS)',
    letter: DISK.readOnly,
    faults: ['io', 'not-writable'],
  },
] as const

/** Disks that refuse, by a library before the kernel's calls. */
export async function* refusingDisks(scale: Scale, folder: string): AsyncGenerator<Outcome> {
  let library: string
  try {
    library = await buildShim(folder)
  } catch (error) {
    const reason = `no C compiler: ${error instanceof Error ? error.message.split('\n')[0] : error}`
    for (const { fault } of AILMENTS) yield notHere(FAMILY, fault, reason)
    return
  }
  for (const [place, ailment] of AILMENTS.entries()) {
    const home = join(folder, `${place}`)
    await mkdir(home)
    const disk = await controlled({ home, library }, ailment)
    const count = countOf(scale, ROUNDS)
    const illness = await suffer(disk, count, new Random(scale.seed, place))
    yield { family: FAMILY, fault: ailment.fault, count, ...illness }
  }
}

/** A small file system of its own: filled to the last byte under a store at work, and read-only when it opens. */
export async function* smallDisk(scale: Scale, folder: string): AsyncGenerator<Outcome> {
  const mount = join(folder, 'small')
  await mkdir(mount)
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=192m', 'tmpfs', mount], { encoding: 'utf8' })
  if (mounted.status !== 0) {
    const reason = `mount: ${mounted.error?.message ?? mounted.stderr.trim()}`
    for (const fault of ['full file system', 'read-only file system']) yield notHere(FAMILY, fault, reason)
    return
  }
  try {
    yield await fullDisk(scale, mount)
    yield await readOnlyDisk(scale, mount)
  } finally {
    spawnSync('umount', [mount])
  }
}

async function fullDisk(scale: Scale, mount: string): Promise<Outcome> {
  const filler = join(mount, 'filler')
  const disk: SickDisk = {
    dir: join(mount, 'store'),
    faults: ['full', 'io'],
    sicken: () => fill(filler),
    heal: () => rm(filler, { force: true }),
  }
  const count = countOf(scale, ROUNDS)
  const illness = await suffer(disk, count, new Random(scale.seed, 100))
  return { family: FAMILY, fault: 'full file system (tmpfs)', count, ...illness }
}

/** Writes until there is no room for one byte more. */
export async function fill(file: string): Promise<void> {
  const handle = await open(file, 'w')
  try {
    for (let bytes = 1 << 20; bytes >= 1; ) {
      const written = await handle.write(Buffer.alloc(bytes)).catch(() => undefined)
      if (written === undefined || written.bytesWritten < bytes) bytes >>= 1
    }
  } finally {
    await handle.close()
  }
}

async function readOnlyDisk(scale: Scale, mount: string): Promise<Outcome> {
  const dir = join(mount, 'store')
  const count = countOf(scale, 10)
  const violations: string[] = []
  const told = new Set<string>()
  for (let round = 0; round < count; round += 1) {
    execFileSync('mount', ['-o', 'remount,ro', mount])
    try {
      await (await reopen(dir)).close()
      violations.push('it opened as if nothing were')
    } catch (error) {
      told.add(faultOf(error))
    } finally {
      execFileSync('mount', ['-o', 'remount,rw', mount])
    }
    await (await reopen(dir)).close()
  }
  for (const fault of told) if (fault !== 'not-writable') violations.push(`told as '${fault}'`)
  const seen = `does not open (${[...told].join(', ')}); opens again when it can be written`
  return { family: FAMILY, fault: 'remounted read-only while closed', count, seen, violations }
}
