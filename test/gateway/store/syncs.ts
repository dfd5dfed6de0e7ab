import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** The program that appends, compiled. */
export const APPEND = fileURLToPath(new URL('../../tools/append.js', import.meta.url))

/** What the system calls of one run of `append` show. */
export interface Syncs {
  readonly acknowledged: number
  /** Completed `fsync` and `fdatasync` calls on the write-ahead log. */
  readonly walSyncs: number
  /** Acknowledgements before any sync, or more of them between two syncs than one commit can hold. */
  readonly unsynced: number
}

const run = promisify(execFile)

/** Whether strace works here; the reason when it does not. */
export function straceFault(): string | undefined {
  const { error, status, stderr } = spawnSync('strace', ['-f', '-e', 'trace=fsync', 'true'], {
    encoding: 'utf8',
  })
  if (error !== undefined) return `strace: ${error.message} (Debian package strace)`
  return status === 0 ? undefined : `strace: ${stderr.trim()}`
}

/** Runs `append` under strace and counts. @throws when it fails */
export async function countSyncs(mode: 'sequential' | 'concurrent', count: number): Promise<Syncs> {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-syncs-'))
  try {
    const trace = join(dir, 'trace')
    // A database that is opened again is the case that goes wrong where `synchronous` is not set on every open.
    await run(process.execPath, [APPEND, join(dir, 'store'), 'sequential', '1'])
    await run('strace', [
      ...['-f', '-y', '-qq', '-e', 'trace=fsync,fdatasync,write', '-o', trace],
      ...[process.execPath, APPEND, join(dir, 'store'), mode, String(count)],
    ])
    return readTrace(await readFile(trace, 'utf8'), mode === 'sequential' ? 1 : count)
  } finally {
    await rm(dir, { recursive: true })
  }
}

// A call that another thread's interrupts is told in two lines: `fdatasync(20</…-wal> <unfinished ...>` and
// `<... fdatasync resumed>) = 0`; it is done at the second.
function readTrace(trace: string, perCommit: number): Syncs {
  const unfinished = new Set<string>()
  let acknowledged = 0
  let walSyncs = 0
  let unsynced = 0
  let covered = 0
  for (const line of trace.split('\n')) {
    const thread = line.split(' ', 1)[0] ?? ''
    if (/ f(data)?sync\(\d+<[^>]*-wal> <unfinished/.test(line)) unfinished.add(thread)
    const done = / f(data)?sync\(\d+<[^>]*-wal>\)\s*= 0/.test(line)
    const resumed = /<\.\.\. f(data)?sync resumed>.*= 0/.test(line) && unfinished.delete(thread)
    if (done || resumed) {
      walSyncs += 1
      covered = perCommit
    }
    if (/ write\(1<[^>]*>, "ack /.test(line)) {
      acknowledged += 1
      if (covered === 0) unsynced += 1
      else covered -= 1
    }
  }
  return { acknowledged, walSyncs, unsynced }
}
