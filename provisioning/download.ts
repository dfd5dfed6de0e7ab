import { type FileHandle, mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { TargetFile } from '@tufjs/models'
import type { Fetcher, Incoming } from './fetcher.ts'
import { IntegrityError, RepositoryAway, StorageError, storageError } from './tuf-errors.ts'
import { strongHash } from './tuf-offers.ts'
import { type Pace, receive, type Wanted } from './tuf-receive.ts'
import { differs, freeBytes, settle } from './tuf-whole.ts'

export interface DownloadOptions extends Pace {
  readonly fetcher: Fetcher
  /** Where downloads are kept, whole ones and begun ones. */
  readonly folder: string
  /** Bytes that stay free on that disk, whatever is downloaded. */
  readonly reserveBytes: number
  /** Free bytes of a folder's disk; absent: asked of the system. */
  readonly freeBytes?: (folder: string) => Promise<number>
}

/** What we name as we do; whatever else lies there is somebody else's. */
const OURS = /^[0-9a-f]{64,128}\.[A-Za-z0-9._%-]+$/

/** Brings targets to disk: resumed, held to length and hash, given on only when they are whole. */
export class Downloads {
  readonly #options: DownloadOptions

  constructor(options: DownloadOptions) {
    this.#options = options
  }

  /** Where a target lies once it is here: its hash first, so that another file of the same name is another file. */
  path(target: TargetFile): string {
    const name = encodeURIComponent(basename(target.path)).slice(0, 100)
    return join(this.#options.folder, `${strongHash(target).hex}.${name}`)
  }

  /** @returns whether the target lies here, whole, and is what was signed for */
  async has(target: TargetFile): Promise<boolean> {
    return (await differs(this.path(target), target)) === undefined
  }

  /**
   * Brings a target, going on where an earlier attempt ended.
   * @returns its path; the file and its name are on disk
   * @throws IntegrityError, RepositoryAway, StorageError, the signal's reason
   */
  async bring(wanted: Wanted): Promise<string> {
    const { target, onProgress } = wanted
    const path = this.path(target)
    await this.#disk(() => mkdir(this.#options.folder, { recursive: true }))
    if (await this.has(target)) {
      onProgress?.(target.length, target.length)
      return path
    }
    const part = `${path}.part`
    const resumed = await this.#receive(part, wanted)
    let wrong = await differs(part, target)
    if (wrong !== undefined && resumed) {
      // What an earlier attempt left may be what is wrong: once more, all of it from here.
      await this.#drop(part)
      await this.#receive(part, wanted)
      wrong = await differs(part, target)
    }
    if (wrong !== undefined) {
      await this.#drop(part)
      throw new IntegrityError('mismatch', `${target.path}: ${wrong}`)
    }
    await this.#disk(() => settle(part, path))
    return path
  }

  /** Removes all files of earlier downloads but those of `targets`. */
  async keepOnly(targets: readonly TargetFile[]): Promise<void> {
    const { folder } = this.#options
    const kept = targets.map((target) => basename(this.path(target)))
    await this.#disk(async () => {
      for (const name of await readdir(folder).catch(() => [])) {
        const whole = name.replace(/\.part(?:\.from)?$/, '')
        if (OURS.test(name) && !kept.includes(whole)) await rm(join(folder, name), { force: true })
      }
    })
  }

  /** Receives into `part` until the target's length is there. @returns whether bytes of an earlier attempt are in it */
  async #receive(part: string, wanted: Wanted): Promise<boolean> {
    const { target, url, signal } = wanted
    const had = await this.#begun(part, target)
    await this.#room(target.length - had, target)
    if (had === target.length) return true
    const validator = had === 0 ? undefined : await readFile(`${part}.from`, 'utf8').catch(() => undefined)
    const incoming = await this.#options.fetcher.open(url, {
      offset: had,
      signal,
      ...(validator !== undefined && { validator }),
    })
    const said = incoming.length === undefined ? undefined : incoming.offset + incoming.length
    if (said !== undefined && said !== target.length) {
      await incoming.close()
      const message = `${url}: ${said} bytes, expected ${target.length}`
      // Fewer than signed for may be a copy still on its way to a mirror; more never is.
      throw said > target.length
        ? new IntegrityError('endless', message)
        : new RepositoryAway('answer', message)
    }
    try {
      const file = await this.#disk(() => this.#openPart(part, incoming))
      try {
        await receive(file, incoming, wanted, this.#options)
        await this.#disk(() => file.sync())
      } finally {
        await file.close()
      }
    } catch (error) {
      await incoming.close()
      // What fills a disk is not kept on it: the store of the line is on it as well.
      if (error instanceof StorageError && error.code === 'space') await this.#drop(part)
      throw error
    }
    return incoming.offset > 0
  }

  async #openPart(part: string, incoming: Incoming): Promise<FileHandle> {
    const file = await open(part, incoming.offset === 0 ? 'w' : 'r+')
    try {
      await file.truncate(incoming.offset)
      if (incoming.validator === undefined) await rm(`${part}.from`, { force: true })
      else {
        const from = await open(`${part}.from`, 'w')
        await from.writeFile(incoming.validator).finally(() => from.close())
      }
      return file
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** Bytes of an earlier attempt that may still be good. */
  async #begun(part: string, target: TargetFile): Promise<number> {
    const size = await stat(part).then(
      (found) => found.size,
      () => 0,
    )
    if (size <= target.length) return size
    await this.#drop(part)
    return 0
  }

  async #drop(part: string): Promise<void> {
    await rm(part, { force: true })
    await rm(`${part}.from`, { force: true })
  }

  async #room(bytes: number, target: TargetFile): Promise<void> {
    const { folder, reserveBytes } = this.#options
    const free = await this.#disk(() => (this.#options.freeBytes ?? freeBytes)(folder))
    if (free - bytes >= reserveBytes) return
    throw new StorageError(
      'space',
      `${target.path}: ${bytes} bytes to come, ${reserveBytes} to stay free, but only ${free} are free in ${folder}`,
    )
  }

  async #disk<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act()
    } catch (error) {
      throw storageError(error, this.#options.folder)
    }
  }
}
