/**
 * `node dist/test/guest/update-cuts.js [--full | --points N] [--seed N]`: power cuts in the middle of updates, on ext4 of a
 * real kernel, at writes of the updater's journal first. Prints how many of how many; exit code 1 when one was not as it
 * should be. Recording takes minutes, a cut about two seconds.
 */
import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { z } from 'zod'
import { GuestError, guestMissing, runInGuest } from './guest.ts'
import { driveArgs } from './guest-command.ts'
import { DISK_BYTES, FILE_SYSTEM_BYTES } from './power-disk.ts'
import { type Recording, recordingSchema } from './update-recording.ts'

const REPLAY = fileURLToPath(new URL('update-replay.js', import.meta.url))
const POINTS = 60
/** Sparse. */
const LOG_BYTES = 512 * 2 ** 20
/** Against hanging only. */
const RECORD_MS = 3_600_000

const run = promisify(execFile)

const findings = z.strictObject({
  /** Of the updater, and how many of them write its journal. */
  steps: z.int(),
  journalWrites: z.int(),
  /** Instants at which the power could be cut: before each write to the disk. */
  writes: z.int(),
  cuts: z.int(),
  wrong: z.int(),
  violations: z.array(z.string()),
  /** Cuts of a disk that had said of flushes what was not so, and how many of them were found wrong. */
  lies: z.int(),
  foundOut: z.int(),
})

/** Records the two updates in a guest. @throws GuestError */
async function recorded(dir: string): Promise<Recording> {
  const [base, disk, log] = ['base', 'disk', 'log'].map((name) => join(dir, name))
  if (base === undefined || disk === undefined || log === undefined) throw new TypeError('three files')
  for (const [file, bytes] of [
    [base, DISK_BYTES],
    [log, LOG_BYTES],
  ] as const) {
    await writeFile(file, '')
    await truncate(file, bytes)
  }
  const options = ['-b', '4096', '-m', '0', '-J', 'size=4', '-E', 'lazy_itable_init=0,lazy_journal_init=0']
  await run('mkfs.ext4', ['-q', '-F', ...options, base, `${FILE_SYSTEM_BYTES / 1024}k`], {
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  })
  await copyFile(base, disk)
  const { exitCode, output, kernelLog } = await runInGuest({
    script: 'dist/test/guest/update-record.js',
    args: ['/dev/vda', '/dev/vdb'],
    modules: ['virtio_blk', 'ext4', 'dm-log-writes'],
    qemuArgs: driveArgs([disk, log]),
    timeoutMs: RECORD_MS,
  })
  if (exitCode !== 0) throw new GuestError(`ended with ${exitCode}: ${output}\n${kernelLog}`)
  return recordingSchema.parse(JSON.parse(output.trim().split('\n').at(-1) ?? ''))
}

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      full: { type: 'boolean', default: false },
      points: { type: 'string', default: String(POINTS) },
      seed: { type: 'string', default: '1' },
    },
  })
  const missing = guestMissing()
  if (missing !== undefined) {
    process.stdout.write(`${missing}\n`)
    return 0
  }
  const dir = await mkdtemp(join(tmpdir(), 'poincon-update-cuts-'))
  const began = performance.now()
  try {
    const recording = await recorded(dir)
    const recordedS = Math.round((performance.now() - began) / 1000)
    await writeFile(join(dir, 'recording.json'), JSON.stringify(recording))
    const points = values.full ? '1000000' : values.points
    // Its mounts nobody else sees, and they are gone when it is, however it ends.
    const words = ['--pdeathsig', 'KILL', 'unshare', '--mount', process.execPath, REPLAY]
    const files = [join(dir, 'base'), join(dir, 'log'), dir, points, values.seed, join(dir, 'recording.json')]
    const { stdout } = await run('setpriv', [...words, ...files], { maxBuffer: 2 ** 26 })
    const found = findings.parse(JSON.parse(stdout))
    for (const violation of found.violations) process.stdout.write(`${violation}\n`)
    const { steps, journalWrites, writes, cuts, wrong, lies, foundOut } = found
    const seconds = Math.round((performance.now() - began) / 1000)
    process.stdout.write(
      `two updates, ${steps} steps, ${journalWrites} of them writes of the journal: cut at ${cuts} of ${writes} block ` +
        `writes, ${wrong} wrong; a disk that lies of flushes found out at ${foundOut} of ${lies}; ${seconds} s, ${recordedS} of them recording, load ${loadavg()[0]?.toFixed(1)}\n`,
    )
    return wrong === 0 && foundOut > 0 ? 0 : 1
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

process.exitCode = await main(process.argv.slice(2))
