import { execFile, spawnSync } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { GuestError, type GuestRun, guestMissing, runInGuest } from '../../guest/guest.ts'
import { DISK_BYTES, FILE_SYSTEM_BYTES } from '../../guest/power-disk.ts'
import { countOf, figure, notHere, type Outcome, type Scale } from '../outcome.ts'
import { type Findings, findings } from './replay.ts'

const FAMILY = 'power cut'
const FAULT =
  'ext4 over dm-log-writes, cut between any two block writes; un-flushed: kept, partial in any order, dropped'
const POINTS = 1000
/** Enough for a few checkpoints. */
const INSPECTIONS = 450
/** What the store that does not sync is given: enough for each cut to lose some. */
const UNSYNCED = { inspections: 60, points: 20 }
/** Sparse. */
const LOG_BYTES = 512 * 2 ** 20
/** An emulated processor that others take time from: against hanging only. */
const RECORD_MS = 1_800_000
const POINT_MS = 20_000

const REPLAY = fileURLToPath(new URL('../../guest/power-replay.js', import.meta.url))

const run = promisify(execFile)

/**
 * Power cuts of the disk under a file system of a real kernel, of a store and of one that does not sync: that one must be
 * found out. The guest records; what is left of the disk is mounted here, or in the guest where that is not allowed.
 * @param where default: here where this process may mount
 */
export async function blockCuts(scale: Scale, where?: 'here' | 'guest'): Promise<Outcome> {
  const missing = missingHere()
  if (missing !== undefined) return notHere(FAMILY, FAULT, missing)
  const dir = await mkdtemp(join(tmpdir(), 'poincon-disks-'))
  try {
    const place = where ?? ((await mountsHere(dir)) ? 'here' : 'guest')
    const plan = { where: place, seed: scale.seed }
    const sound = await record(join(dir, 'sound'), INSPECTIONS)
    const found = await replay(dir, sound, { ...plan, points: countOf(scale, POINTS) })
    const unsynced = await record(join(dir, 'unsynced'), UNSYNCED.inspections, 'unsynced')
    return outcome(found, await replay(dir, unsynced, { ...plan, points: UNSYNCED.points }))
  } catch (error) {
    if (!(error instanceof GuestError)) throw error
    return { family: FAMILY, fault: FAULT, count: 0, seen: '', violations: [error.message] }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

function outcome(found: Findings, unsynced: Findings): Outcome {
  const { writes, flushes, bytes, stored, cuts, atStake } = found
  const seen =
    `${figure(writes)} block writes (${figure(bytes / 2 ** 20)} MiB), ${figure(flushes)} flushes, ${stored} ` +
    `inspections, ${figure(atStake)} points with something to lose; all acknowledged present, chain and raw data ` +
    `whole; a store without syncs is found out at ${unsynced.wrong} of ${unsynced.cuts} points`
  const blind = unsynced.wrong === 0 ? ['a store without syncs was not found out'] : []
  return { family: FAMILY, fault: FAULT, count: cuts, seen, violations: [...found.violations, ...blind] }
}

/** Whether this process may mount a file as a file system. */
async function mountsHere(dir: string): Promise<boolean> {
  const image = join(dir, 'trial')
  await makeDisk(image)
  await mkdir(`${image}-mount`)
  return await privately('mount', '-t', 'ext4', '-o', 'loop', image, `${image}-mount`).then(
    () => true,
    () => false,
  )
}

/** Why there is no guest with such a disk; undefined where there is. */
function missingHere(): string | undefined {
  const packages = Object.entries({
    dmsetup: 'dmsetup',
    'mkfs.ext4': 'e2fsprogs',
    mount: 'mount',
    unshare: 'util-linux',
  })
    .filter(([command]) => spawnSync('sh', ['-c', `PATH=$PATH:/sbin:/usr/sbin command -v ${command}`]).status)
    .map(([, name]) => name)
  const install = packages.length === 0 ? undefined : `apt-get install ${packages.join(' ')}`
  return guestMissing()?.replace('SKIPPED: ', '') ?? install
}

interface Disks {
  readonly base: string
  readonly log: string
}

/** A recording: the disk as it was made, and the log of what was written to it. */
async function record(dir: string, inspections: number, ...how: string[]): Promise<Disks> {
  const [base, disk, log] = [join(dir, 'base'), join(dir, 'disk'), join(dir, 'log')]
  await mkdir(dir)
  await makeDisk(base)
  await copyFile(base, disk)
  await writeFile(log, '')
  await truncate(log, LOG_BYTES)
  await inGuest({
    script: 'dist/test/guest/power-record.js',
    args: ['/dev/vda', '/dev/vdb', String(inspections), ...how],
    modules: ['virtio_blk', 'ext4', 'dm-log-writes'],
    qemuArgs: drives([disk, log]),
    timeoutMs: RECORD_MS,
  })
  return { base, log }
}

async function makeDisk(file: string): Promise<void> {
  await writeFile(file, '')
  await truncate(file, DISK_BYTES)
  // All of it now: what the kernel would do later in the background is not the store's.
  const options = ['-b', '4096', '-m', '0', '-J', 'size=4', '-E', 'lazy_itable_init=0,lazy_journal_init=0']
  await run('mkfs.ext4', ['-q', '-F', ...options, file, `${FILE_SYSTEM_BYTES / 1024}k`], {
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  })
}

interface Plan {
  readonly where: 'here' | 'guest'
  readonly points: number
  readonly seed: number
}

async function replay(dir: string, { base, log }: Disks, { where, points, seed }: Plan): Promise<Findings> {
  const said =
    where === 'here'
      ? await privately(process.execPath, REPLAY, base, log, dir, String(points), String(seed))
      : await inGuest({
          script: REPLAY,
          args: ['/dev/vda', '/dev/vdb', '/run', String(points), String(seed)],
          modules: ['virtio_blk', 'ext4', 'loop'],
          qemuArgs: drives([base, log]),
          timeoutMs: RECORD_MS + points * POINT_MS,
        })
  return findings.parse(JSON.parse(said))
}

/** Runs a command whose mounts nobody else sees, and which are gone when it is, however it ends; it ends with us. */
async function privately(...command: readonly string[]): Promise<string> {
  const words = ['--pdeathsig', 'KILL', 'unshare', '--mount', ...command]
  return (await run('setpriv', words, { maxBuffer: 2 ** 26 })).stdout
}

async function inGuest(options: GuestRun): Promise<string> {
  const { exitCode, output, kernelLog } = await runInGuest(options)
  if (exitCode !== 0) throw new GuestError(`ended with ${exitCode}: ${output}\n${kernelLog}`)
  return output
}

function drives(files: readonly string[]): string[] {
  return files.flatMap((file, number) => [
    ...['-drive', `file=${file},format=raw,if=none,id=disk${number},cache=unsafe`],
    ...['-device', `virtio-blk-pci,drive=disk${number}`],
  ])
}
