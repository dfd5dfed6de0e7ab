import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { readdir, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Worker } from 'node:worker_threads'
import { createGzip } from 'node:zlib'
import { nameOf, parseName } from './names.ts'

/**
 * Compresses a closed file in place: the plain one goes when the other is on disk under its name.
 * @param signal ends it early: the plain one stays
 * @returns the path of the compressed file; undefined where there is nothing to do
 */
export async function compress(path: string, signal?: AbortSignal): Promise<string | undefined> {
  const name = parseName(basename(path))
  if (name?.last === undefined || name.gzip === true || name.form === 'parquet') return undefined
  signal?.throwIfAborted()
  const target = join(path, '..', nameOf({ ...name, gzip: true }))
  const written = `${target}.tmp`
  // `flush`: synced before it is closed.
  const stages = [createReadStream(path), createGzip(), createWriteStream(written, { flush: true })] as const
  await (signal === undefined ? pipeline(...stages) : pipeline(...stages, { signal }))
  await rename(written, target)
  await rm(path)
  return target
}

/** What the thread that writes Parquet may take: less than 150 MB are used, whatever the file's length. */
const WORKER_MB = 256

/**
 * Makes Parquet of closed lines, on a thread of its own: its encoding would hold up the parts. The lines go when it is
 * on disk under its name.
 * @param signal ends it early: the lines stay
 * @returns the path of the file; undefined where there is nothing to do
 */
export async function columns(path: string, signal?: AbortSignal): Promise<string | undefined> {
  const name = parseName(basename(path))
  if (name?.rows !== true) return undefined
  signal?.throwIfAborted()
  const { rows: _rows, ...whole } = name
  const target = join(path, '..', nameOf(whole))
  const worker = new Worker(new URL('./parquet-worker.js', import.meta.url), {
    workerData: { from: path, to: target },
    resourceLimits: { maxOldGenerationSizeMb: WORKER_MB },
  })
  // `once` tells of it; after an abort nobody listens.
  worker.on('error', () => {})
  try {
    await once(worker, 'message', signal === undefined ? {} : { signal })
  } finally {
    await worker.terminate()
  }
  await rm(path)
  return target
}

/**
 * Deletes the closed files of all but the newest days. Days are counted by the files there are, not by the clock: one
 * that was wrong for a while must not empty the shelf.
 * @returns names of the files that are gone
 */
export async function sweep(dir: string, keepDays: number): Promise<readonly string[]> {
  const found = (await readdir(dir)).map(parseName).filter((name) => name !== undefined)
  const days = [...new Set(found.map(({ day }) => day))].sort()
  const kept = new Set(days.slice(-keepDays))
  const gone = found.filter(({ day, last }) => last !== undefined && !kept.has(day)).map(nameOf)
  for (const name of gone) await rm(join(dir, name), { force: true })
  return gone
}
