import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Action } from '../inspection.ts'
import type { Log } from '../log.ts'
import { replaceFile } from '../replace-file.ts'
import type { Unit, UnitStatus } from '../station.ts'

/** `store.evidence` of `poincon.yaml`. */
export const evidenceOptions = z.strictObject({
  keep: z
    .enum(['all', 'not-accepted', 'none'])
    .default('all')
    .describe('Of which parts the picture is kept.'),
  quota_mb: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(1024)
    .describe('The oldest pictures go when all of them take more, MB.'),
})

export interface EvidenceOptions {
  /** Made when it is not there. */
  readonly folder: string
  readonly keep: z.infer<typeof evidenceOptions>['keep']
  readonly quotaBytes: number
  readonly log: Log
}

interface Kept {
  readonly hash: string
  readonly bytes: number
}

/**
 * The pictures that verdicts were given by, one file each, named by its SHA-256, under a quota of their own: the oldest
 * go first. They are evidence, and no part of the log: that one cannot be written, or has gone, changes no verdict, and
 * the inspection still names its hash.
 */
export class EvidenceStore implements Unit {
  readonly name = 'evidence'
  readonly #options: EvidenceOptions
  /** Oldest first. */
  readonly #kept = new Map<string, Kept>()
  #bytes = 0
  #dropped = 0
  #failed = 0
  #fault: string | undefined
  /** Files are written and removed one after another. */
  #work: Promise<void> = Promise.resolve()

  constructor(options: EvidenceOptions) {
    this.#options = options
  }

  /** Takes stock of what is there. A folder that cannot be used is a state, never an exit. */
  async start(): Promise<void> {
    if (this.#options.keep === 'none') return
    try {
      for (const { hash, bytes } of await this.#found()) this.#add(hash, bytes)
      await this.#shrink()
    } catch (error) {
      this.#failure(error)
    }
  }

  async stop(): Promise<void> {
    await this.#work
  }

  /**
   * Keeps the picture of a part, where such parts' are kept. Never rejects: what cannot be written is counted and told.
   * @param hash SHA-256 of `jpeg`, hexadecimal
   * @returns when the file is there
   */
  async keep(hash: string, jpeg: Uint8Array, action: Action): Promise<void> {
    const { keep } = this.#options
    if (keep === 'none' || (keep === 'not-accepted' && action === 'accept')) return
    this.#work = this.#work.then(() => this.#write(hash, jpeg))
    await this.#work
  }

  /** The picture; undefined when it was not kept, or has gone. @param hash SHA-256, hexadecimal */
  async read(hash: string): Promise<Uint8Array | undefined> {
    if (!/^[0-9a-f]{64}$/.test(hash)) return undefined
    try {
      const jpeg = await readFile(this.#file(hash))
      // What is not the picture that was judged is no evidence.
      return createHash('sha256').update(jpeg).digest('hex') === hash ? jpeg : undefined
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  status(): UnitStatus {
    const facts = {
      pictures: this.#kept.size,
      mb: Number((this.#bytes / 1e6).toFixed(1)),
      quota_mb: this.#options.quotaBytes / 1e6,
      dropped: this.#dropped,
      failed: this.#failed,
    }
    return this.#fault === undefined
      ? { state: 'ok', facts }
      : { state: 'degraded', detail: `pictures are not kept: ${this.#fault}`, facts }
  }

  async #write(hash: string, jpeg: Uint8Array): Promise<void> {
    try {
      const file = this.#file(hash)
      if (this.#kept.has(hash)) {
        // The same picture again: as new as its last part.
        await utimes(file, new Date(), new Date())
        this.#drop(hash)
      } else {
        await replaceFile(file, jpeg)
      }
      this.#add(hash, jpeg.length)
      await this.#shrink()
      this.#fault = undefined
    } catch (error) {
      this.#failure(error)
    }
  }

  #add(hash: string, bytes: number): void {
    this.#kept.set(hash, { hash, bytes })
    this.#bytes += bytes
  }

  #drop(hash: string): void {
    this.#bytes -= this.#kept.get(hash)?.bytes ?? 0
    this.#kept.delete(hash)
  }

  async #shrink(): Promise<void> {
    for (const { hash } of this.#kept.values()) {
      if (this.#bytes <= this.#options.quotaBytes) return
      await rm(this.#file(hash), { force: true })
      this.#drop(hash)
      this.#dropped += 1
    }
  }

  /** By age, oldest first; what a power cut left half written goes. */
  async #found(): Promise<readonly Kept[]> {
    const { folder } = this.#options
    await mkdir(folder, { recursive: true })
    const found: (Kept & { readonly at: number })[] = []
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const path = join(entry.parentPath, entry.name)
      const [, hash] = /^([0-9a-f]{64})\.jpg$/.exec(entry.name) ?? []
      if (hash === undefined) {
        if (/\.jpg\.\d+$/.test(entry.name)) await rm(path, { force: true })
        continue
      }
      const { size, mtimeMs } = await stat(path)
      found.push({ hash, bytes: size, at: mtimeMs })
    }
    return found.sort((one, other) => one.at - other.at)
  }

  /** Two hundred and fifty-six folders: no folder becomes too long for a directory listing. */
  #file(hash: string): string {
    return join(this.#options.folder, hash.slice(0, 2), `${hash}.jpg`)
  }

  #failure(error: unknown): void {
    this.#failed += 1
    const said = error instanceof Error ? error.message : String(error)
    // A disk that is full says so for every part.
    if (this.#fault === undefined) this.#options.log.warn({ err: error }, 'evidence picture not kept')
    this.#fault = said
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
