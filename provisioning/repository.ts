import type { TargetFile } from '@tufjs/models'
import { type Fetcher as TufFetcher, Updater } from 'tuf-js'
import { DownloadHTTPError } from 'tuf-js/dist/error.js'
import { TrustedMetadataStore } from 'tuf-js/dist/store.js'
import type { Clock } from '../drivers/clock.ts'
import type { Fetcher } from './fetcher.ts'
import { IntegrityError, RepositoryAway } from './tuf-errors.ts'
import { checkKeys } from './tuf-keys.ts'
import { refusal } from './tuf-refusal.ts'
import type { Begun, TrustCache } from './tuf-trust.ts'

/** The longest a refresh may take, all its files together, ms. */
const REFRESH_MS = 600_000

export interface RepositoryOptions {
  /** Folder addresses, ending in `/`. */
  readonly metadata: URL
  readonly targets: URL
  readonly cache: TrustCache
  readonly fetcher: Fetcher
  readonly clock: Clock
  /** When this software was built, ms since 1970: no honest clock says less. */
  readonly builtAt: number
  /** Whether somebody has set the clock since boot; absent: it is believed. */
  readonly clockIsSet?: () => boolean | Promise<boolean>
}

/** A repository that was found to be in order, while a task with it lasts. */
export interface Trusted {
  /**
   * The target that the most trusted role says a path has (TUF 5.6.7).
   * @returns undefined: no role that may speak of this path knows it
   */
  find(path: string): Promise<TargetFile | undefined>
  /**
   * What a delegated role lists. Nothing of it counts until `find` has said so: a role may list paths that are not its own.
   * @param path any path that is delegated to it
   * @throws RepositoryAway `no-channel` when nobody delegates to it
   */
  listed(role: string, path: string): Promise<readonly TargetFile[]>
  address(target: TargetFile): URL
}

/** The names of the private fields are tuf-js 6's: it offers no other way to say what time it is. */
function storeOf(updater: Updater, now: number): TrustedMetadataStore {
  const store: unknown = Reflect.get(updater, 'trustedSet')
  if (!(store instanceof TrustedMetadataStore) || !(Reflect.get(store, 'referenceTime') instanceof Date)) {
    throw new TypeError(
      'tuf-js keeps its trusted metadata elsewhere: this version of it cannot be told the time',
    )
  }
  Reflect.set(store, 'referenceTime', new Date(now))
  return store
}

/** RFC 3986: what a path's parts may hold stays in its part; `..` and the like never leave the folder. */
function below(folder: URL, path: string): URL {
  const parts = path.split('/').map((part) => encodeURIComponent(part))
  const url = new URL(parts.join('/').replace(/^\/+/, ''), folder)
  if (!url.href.startsWith(folder.href)) {
    throw new IntegrityError('malformed', `target path ${JSON.stringify(path)} leaves the repository`)
  }
  return url
}

/** One TUF repository: refreshed for each task anew, as the client workflow demands (TUF 5). */
export class Repository {
  readonly #options: RepositoryOptions

  constructor(options: RepositoryOptions) {
    this.#options = options
  }

  /**
   * Brings the metadata up to date, then does `task` with it.
   * @throws IntegrityError, RepositoryAway, StorageError, and what `task` throws
   */
  async refreshed<T>(signal: AbortSignal, task: (trusted: Trusted) => Promise<T>): Promise<T> {
    const { cache, clock } = this.#options
    const limit = new AbortController()
    const late = (): void => limit.abort(new RepositoryAway('slow', 'the repository took too long in all'))
    const begun = await cache.begin()
    const cancel = clock.after(REFRESH_MS, late)
    let soundAt: number | undefined
    try {
      const done = await this.#run(begun, AbortSignal.any([signal, limit.signal]), task)
      soundAt = clock.wall()
      return done
    } catch (error) {
      signal.throwIfAborted()
      throw await this.#inDoubt(error, begun)
    } finally {
      cancel()
      await cache.keep(begun, soundAt)
    }
  }

  async #run<T>(begun: Begun, signal: AbortSignal, task: (trusted: Trusted) => Promise<T>): Promise<T> {
    let lastFetch: unknown
    const guarded = async <R>(act: () => Promise<R>): Promise<R> => {
      lastFetch = undefined
      try {
        return await act()
      } catch (error) {
        throw refusal(error, lastFetch)
      }
    }
    const fetcher = this.#tufFetcher(signal, (error) => {
      lastFetch = error
    })
    const open = (): Promise<[Updater, TrustedMetadataStore]> => {
      const updater = new Updater({
        metadataDir: begun.folder,
        metadataBaseUrl: this.#options.metadata.href,
        fetcher,
      })
      return Promise.resolve([updater, storeOf(updater, this.#now(begun))])
    }
    const [updater, store] = await guarded(open)
    await guarded(() => updater.refresh())
    checkKeys(store)
    const find = async (path: string) => {
      const found = await guarded(() => updater.getTargetInfo(path))
      checkKeys(store)
      return found
    }
    return await task({
      find,
      listed: async (role, path) => {
        await find(path)
        const metadata = store.getRole(role)
        if (metadata === undefined)
          throw new RepositoryAway('no-channel', `the repository has no channel ${role}`)
        return Object.values(metadata.signed.targets)
      },
      address: (target) => this.#address(target, store.root.signed.consistentSnapshot),
    })
  }

  /** What tuf-js asks for, with our limits. A missing file says so in its words: so ends the walk of the roots (TUF 5.3.3). */
  #tufFetcher(signal: AbortSignal, failed: (error: unknown) => void): TufFetcher {
    const downloadBytes = async (address: string, maxLength: number): Promise<Buffer> => {
      failed(undefined)
      try {
        return await this.#options.fetcher.bytes(new URL(address), maxLength, signal)
      } catch (error) {
        failed(error)
        if (error instanceof RepositoryAway && error.code === 'missing') {
          throw new DownloadHTTPError(error.message, 404)
        }
        throw error
      }
    }
    const downloadFile = (): Promise<never> =>
      Promise.reject(new TypeError('targets are brought by download.ts'))
    return { downloadBytes, downloadFile }
  }

  #address(target: TargetFile, consistent: boolean): URL {
    const [hash] = Object.values(target.hashes)
    const cut = target.path.lastIndexOf('/') + 1
    const named = `${target.path.slice(0, cut)}${hash}.${target.path.slice(cut)}`
    return below(this.#options.targets, consistent ? named : target.path)
  }

  /** No honest clock says less, however wrong this one is. */
  #floor(begun: Begun): number {
    return Math.max(this.#options.builtAt, begun.seenAt ?? 0)
  }

  /** The one time that all of a refresh is held against (TUF 5.1): a clock that runs behind does not make young again. */
  #now(begun: Begun): number {
    return Math.max(this.#options.clock.wall(), this.#floor(begun))
  }

  /** A clock that nobody has set proves nothing expired: wait for it, do not raise an alarm. */
  async #inDoubt(error: unknown, begun: Begun): Promise<unknown> {
    if (!(error instanceof IntegrityError) || error.code !== 'expired') return error
    const { clock, clockIsSet } = this.#options
    const now = clock.wall()
    if (now <= this.#floor(begun) || clockIsSet === undefined || (await clockIsSet())) return error
    const said = `${error.message}, by a clock that nobody has set: ${new Date(now).toISOString()}`
    return new RepositoryAway('clock', said, { cause: error })
  }
}
