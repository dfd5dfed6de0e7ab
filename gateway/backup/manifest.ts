import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { z } from 'zod'
import { replaceFile } from '../replace-file.ts'
import { BackupError, backupError } from './error.ts'

const count = z.int().min(0)
const hex = z.string().regex(/^[0-9a-f]{64}$/)

const catalogueFacts = z.object({
  bytes: count.describe('Its size.'),
  sha256: hex.describe('Its SHA-256.'),
  lenses: count,
  symbols: count,
})
/** What a manifest says of the catalogue of lenses beside a backup. */
export type CatalogueFacts = Readonly<z.infer<typeof catalogueFacts>>

/** `poincon.backup/1`: what stands beside each backup. A backup without it does not count. */
export const backupManifest = z.object({
  schema: z.literal('poincon.backup/1'),
  file: z.string().min(1).max(255).describe('Name of the backup, in the same directory.'),
  bytes: count.describe('Its size.'),
  sha256: hex.describe('Its SHA-256.'),
  device_id: z.string().describe('Whose log it is.'),
  epoch: z.string().describe('Of the newest inspection.'),
  sequence: count.describe('Of the newest inspection; 0 for none.'),
  hash: hex.describe('The newest link of the chain.'),
  inspections: count,
  raw_records: count,
  schema_version: z.int().min(1).describe('Migrations that the database has seen.'),
  software: z.string().describe('The release that made it.'),
  taken_at: z.iso.datetime().describe('The instant that it shows, by the clock of the station.'),
  took_ms: z.number().min(0).describe('Copying and verifying.'),
  catalogue: catalogueFacts
    .optional()
    .describe(
      'The catalogue of lenses, where the station has one: a file called as the backup, with `.catalogue`.',
    ),
  copied: z
    .object({ to: z.string(), at: z.iso.datetime() })
    .optional()
    .describe('Where a copy was sent, and when it was there.'),
})
export type BackupManifest = Readonly<z.infer<typeof backupManifest>>

// A manifest is half a kilobyte; what is longer is none.
const MOST_BYTES = 64 * 1024
// Read and hashed at once: some milliseconds of the main thread on a Pi without SHA instructions.
const CHUNK_BYTES = 256 * 1024

/** Where the manifest of a backup stands. */
export function manifestFile(backup: string): string {
  return `${backup}.json`
}

/** @throws BackupError `damaged` when there is none beside the backup that makes sense */
export async function readManifest(backup: string): Promise<BackupManifest> {
  const file = manifestFile(backup)
  try {
    const { size } = await stat(file)
    if (size > MOST_BYTES) throw new Error(`${size} bytes, expected at most ${MOST_BYTES}`)
    return backupManifest.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error).replaceAll('\n', ' ') : undefined
    throw new BackupError('damaged', `${file}: no manifest of a backup: ${reason ?? String(error)}`, {
      cause: error,
    })
  }
}

/** @throws BackupError `full`, `failed` */
export async function writeManifest(backup: string, manifest: BackupManifest): Promise<void> {
  try {
    await replaceFile(manifestFile(backup), `${JSON.stringify(manifest, undefined, 2)}\n`)
  } catch (error) {
    throw backupError(error, manifestFile(backup))
  }
}

/**
 * SHA-256 of a file, lower-case hex.
 * @param rest awaited after each piece, with what it took of the main thread, ms
 * @throws the signal's reason, or what the file system throws
 */
export async function hashFile(
  file: string,
  { signal, rest }: { readonly signal?: AbortSignal; readonly rest?: (tookMs: number) => Promise<void> } = {},
): Promise<string> {
  const hash = createHash('sha256')
  const stream = createReadStream(file, {
    highWaterMark: CHUNK_BYTES,
    ...(signal === undefined ? {} : { signal }),
  })
  for await (const chunk of stream) {
    const beganAt = performance.now()
    hash.update(chunk)
    await rest?.(performance.now() - beganAt)
  }
  return hash.digest('hex')
}
