import { join } from 'node:path'
import type { Clock } from '../drivers/clock.ts'
import { type DownloadOptions, Downloads } from './download.ts'
import { Fetcher, type FetcherOptions } from './fetcher.ts'
import { Repository } from './repository.ts'
import type { Steering } from './steering.ts'
import { METADATA_FOLDER, type Platform, TARGETS_FOLDER, type TargetFacts } from './targets.ts'
import { UpdateClient } from './tuf-client.ts'
import { TrustCache } from './tuf-trust.ts'

/** What this device is and has, as of now. */
export interface DeviceFacts {
  readonly deviceId: string
  readonly site?: string
  readonly platform: Platform
  readonly variant?: 'jetson'
  /** Version of the release that runs. */
  readonly release: string
  /** Versions of all else it has, by `<kind>/<name>`, e.g. `recipe/cans`. */
  readonly installed: Readonly<Record<string, string>>
}

/** One thing this device may have now: signed, for it, newer than what it has. */
export interface Offer {
  /** Path of the target, `<channel>/<kind>/<file>`. */
  readonly path: string
  readonly channel: string
  readonly facts: TargetFacts
  /** Bytes. */
  readonly length: number
  /** SHA-256 of the file, hex; the SHA-512 where the repository signs only that. */
  readonly hash: string
  /** The version it would replace; absent: there is none. */
  readonly from?: string
}

export interface FetchOptions {
  /** Called as bytes arrive, also with those of an earlier attempt; may be called often. */
  readonly onProgress?: (received: number, length: number) => void
  readonly signal: AbortSignal
}

/** Where updates come from. */
export interface Offers {
  /**
   * Asks the repository what it has for this device: at most one offer for each `<kind>/<name>`, the newest.
   * Files of earlier downloads that are no longer offered are removed.
   * @throws IntegrityError refuse and report; RepositoryAway try later; StorageError make room
   */
  check(signal: AbortSignal): Promise<Offer[]>
  /**
   * Brings what the last `check` offered; goes on where an earlier attempt ended.
   * @returns the file, whole, verified and on disk; it stays until a `check` no longer offers it
   * @throws as `check`
   */
  fetch(offer: Offer, options: FetchOptions): Promise<{ path: string }>
  /** Of a server that also steers; absent: there are files, and the device decides alone. */
  readonly steering?: Steering
}

export interface OpenOptions {
  /** The folder that holds `metadata/` and `targets/`: an https:, http: or file: address. */
  readonly repository: URL
  /** The installed root of trust. */
  readonly rootFile: string
  /** Accepted metadata is kept in `tuf/` in it, downloads in `downloads/`. */
  readonly folder: string
  readonly channel: string
  /** Asked at each check: what is installed changes. */
  readonly device: () => DeviceFacts | Promise<DeviceFacts>
  /** Also offer what the rollout has not reached: for a stick that somebody brings. Halted stays halted. */
  readonly everything?: boolean
  readonly clock: Clock
  /** When this release was built, ms since 1970: no honest clock says less. */
  readonly builtAt: number
  /** Whether somebody has set the clock since boot; absent: it is believed. */
  readonly clockIsSet?: () => boolean | Promise<boolean>
  readonly network: Omit<FetcherOptions, 'clock'>
  readonly disk: Omit<DownloadOptions, 'fetcher' | 'folder' | 'clock'>
}

/** Puts the parts of a client together; nothing is read or asked before the first `check`. */
export function openClient(options: OpenOptions): UpdateClient {
  const { clock, folder, channel, device, everything = false, builtAt, clockIsSet } = options
  const fetcher = new Fetcher({ ...options.network, clock })
  const base = new URL(options.repository.href.replace(/\/*$/, '/'))
  const repository = new Repository({
    metadata: new URL(`${METADATA_FOLDER}/`, base),
    targets: new URL(`${TARGETS_FOLDER}/`, base),
    cache: new TrustCache({ root: options.rootFile, folder: join(folder, 'tuf') }),
    fetcher,
    clock,
    builtAt,
    ...(clockIsSet !== undefined && { clockIsSet }),
  })
  const downloads = new Downloads({ ...options.disk, fetcher, clock, folder: join(folder, 'downloads') })
  return new UpdateClient({ repository, downloads, fetcher, channel, device, everything })
}
