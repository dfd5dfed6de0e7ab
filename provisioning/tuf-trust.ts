import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Metadata, MetadataKind } from '@tufjs/models'
import { z } from 'zod'
import { replaceFile } from '../gateway/replace-file.ts'
import { IntegrityError, storageError } from './tuf-errors.ts'
import { describe } from './tuf-http.ts'

/** Our own notes beside the metadata; no `.json`, so that the folder's `.json` files are metadata and nothing else. */
const NOTES = '.trust'
/** Begins the name of the folder that a refresh works in. */
const WORK = '.work-'
/** No refresh takes so long: whoever worked there was killed. */
const WORK_MS = 3_600_000
/** The time is noted anew only after this long: each note is a write to flash. */
const NOTE_EVERY_MS = 3_600_000

const notesSchema = z.object({
  schema: z.literal('poincon.trust/1'),
  /** SHA-256 of the installed root that the cached one descends from. */
  installed_root: z.string(),
  /** The clock when the repository was last found to be in order. */
  seen_at: z.iso.datetime(),
})
type Notes = z.infer<typeof notesSchema>

export interface TrustOptions {
  /** The installed root of trust: `/etc/poincon/update-root.json`, or the one that ships with the release. */
  readonly root: string
  /** Where accepted metadata is kept. */
  readonly folder: string
}

/** Metadata to begin a refresh with, in a folder that may be lost at any time: what is written there is not synced. */
export interface Begun {
  readonly folder: string
  /** The latest time this device has been sure of, ms since 1970; undefined: never yet. */
  readonly seenAt: number | undefined
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** @throws when it is no root metadata, or not signed as it demands itself (TUF 5.3.5) */
function checkRoot(bytes: Buffer): void {
  const root = Metadata.fromJSON(MetadataKind.Root, JSON.parse(bytes.toString('utf8')))
  root.verifyDelegate(MetadataKind.Root, root)
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/**
 * What this device has accepted so far. tuf-js writes where it stands, without fsync: a power cut leaves half a file, and
 * half a timestamp is a rollback not noticed. So it works on a copy, and what it accepted is put here file by file, each
 * whole or not at all, those that others are checked against first.
 */
export class TrustCache {
  readonly #options: TrustOptions

  constructor(options: TrustOptions) {
    this.#options = options
  }

  /**
   * A copy to work on, with a root that can be trusted: the cached one while it descends from the installed one, else the
   * installed one again.
   * @throws IntegrityError `no-root`; StorageError
   */
  async begin(): Promise<Begun> {
    const { folder, root } = this.#options
    const installed = await this.#installed(root)
    try {
      await mkdir(folder, { recursive: true })
      await this.#sweep()
      const notes = await this.#notes()
      const work = await mkdtemp(join(folder, WORK))
      for (const name of await this.#metadata(folder)) {
        await writeFile(join(work, name), await readFile(join(folder, name)))
      }
      const cached = await readIfThere(join(folder, 'root.json'))
      await writeFile(join(work, 'root.json'), this.#choose(installed, cached, notes))
      return { folder: work, seenAt: notes && Date.parse(notes.seen_at) }
    } catch (error) {
      throw storageError(error, `update metadata in ${folder}`)
    }
  }

  /**
   * Keeps what was accepted, also when a later step failed (TUF 5.3.8, 5.4.5, 5.5.7, 5.6.6: each role when it is accepted).
   * @param soundAt the clock, if the whole repository was found to be in order
   * @throws StorageError
   */
  async keep(begun: Begun, soundAt?: number): Promise<void> {
    const { folder, root } = this.#options
    try {
      for (const name of await this.#metadata(begun.folder)) {
        const fresh = await readFile(join(begun.folder, name))
        const kept = await readIfThere(join(folder, name))
        if (kept?.equals(fresh) !== true) await replaceFile(join(folder, name), fresh)
      }
      if (soundAt !== undefined) await this.#note(sha256(await readFile(root)), soundAt)
    } catch (error) {
      throw storageError(error, `update metadata in ${folder}`)
    } finally {
      await this.drop(begun)
    }
  }

  async drop(begun: Begun): Promise<void> {
    await rm(begun.folder, { recursive: true, force: true })
  }

  async #installed(path: string): Promise<Buffer> {
    try {
      const bytes = await readFile(path)
      checkRoot(bytes)
      return bytes
    } catch (error) {
      throw new IntegrityError('no-root', `root of trust ${path}: ${describe(error)}`, { cause: error })
    }
  }

  #choose(installed: Buffer, cached: Buffer | undefined, notes: Notes | undefined): Buffer {
    // Another root was installed since: whoever may do that says whom to trust, and the way from there is walked anew.
    if (cached === undefined || (notes !== undefined && notes.installed_root !== sha256(installed)))
      return installed
    try {
      checkRoot(cached)
      return cached
    } catch {
      return installed
    }
  }

  /** A process that was killed left its work, or beside a file the one that was to replace it. */
  async #sweep(): Promise<void> {
    for (const name of await readdir(this.#options.folder)) {
      const path = join(this.#options.folder, name)
      const dead = name.startsWith(WORK) && Date.now() - (await stat(path)).mtimeMs > WORK_MS
      if (dead || /\.json\.\d+$|^\.trust\.\d+$/.test(name)) await rm(path, { recursive: true, force: true })
    }
  }

  /** Roots first, then what a newer snapshot would be held against, the timestamp last. */
  async #metadata(folder: string): Promise<string[]> {
    const order = ['timestamp.json', 'snapshot.json', 'targets.json', '', 'root.json']
    const rank = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.indexOf(''))
    const entries = await readdir(folder, { withFileTypes: true })
    const names = entries
      .filter((entry) => entry.isFile() && entry.name.endsWith('.json'))
      .map(({ name }) => name)
    return names.sort((a, b) => rank(b) - rank(a) || (a < b ? -1 : 1))
  }

  async #notes(): Promise<Notes | undefined> {
    const bytes = await readIfThere(join(this.#options.folder, NOTES))
    if (bytes === undefined) return undefined
    try {
      return notesSchema.parse(JSON.parse(bytes.toString('utf8')))
    } catch {
      return undefined
    }
  }

  async #note(installedRoot: string, now: number): Promise<void> {
    const notes = await this.#notes()
    const before = notes?.installed_root === installedRoot ? Date.parse(notes.seen_at) : undefined
    if (before !== undefined && now < before + NOTE_EVERY_MS) return
    const said: Notes = {
      schema: 'poincon.trust/1',
      installed_root: installedRoot,
      // What was certain once stays so, whatever the clock or another root says now.
      seen_at: new Date(Math.max(now, Date.parse(notes?.seen_at ?? '1970-01-01T00:00:00Z'))).toISOString(),
    }
    await replaceFile(join(this.#options.folder, NOTES), `${JSON.stringify(said)}\n`)
  }
}
