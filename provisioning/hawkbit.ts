import type { DeviceFacts, FetchOptions, Offer, Offers } from './client.ts'
import { Downloads } from './download.ts'
import { type Asked, handlingOf } from './hawkbit-actions.ts'
import { delivered, type Found, itemsOf, notForThis, suiting } from './hawkbit-files.ts'
import type { ActionItem, HawkbitState } from './hawkbit-state.ts'
import type { Trust } from './hawkbit-statement.ts'
import { HawkbitSteering, type SteeringOptions } from './hawkbit-steering.ts'
import { IntegrityError, RepositoryAway } from './tuf-errors.ts'

export interface HawkbitOptions extends SteeringOptions {
  readonly channel: string
  /** Asked at each check: what is installed changes. */
  readonly device: () => Promise<DeviceFacts>
  /** Where downloads are kept. */
  readonly downloads: string
  /** Bytes that stay free on the disk of `downloads`. */
  readonly reserveBytes: number
  readonly bytesPerSecond?: number
  /** When this release was built, ms since 1970: no honest clock says less. */
  readonly builtAt?: number
  /** Whether somebody has set the clock since boot; absent: it is believed. */
  readonly clockIsSet?: () => boolean | Promise<boolean>
}

/** Between two questions during a download, where the server does not say, ms. */
const USUAL_POLL_MS = 300_000

/** Updates from an Eclipse hawkBit server through its Direct Device Integration API. */
export class HawkbitOffers implements Offers {
  readonly #options: HawkbitOptions
  readonly steering: HawkbitSteering
  readonly #downloads: Downloads
  #found: readonly Found[] = []

  constructor(options: HawkbitOptions) {
    this.#options = options
    this.steering = new HawkbitSteering(options)
    const { clock, downloads: folder, reserveBytes, bytesPerSecond } = options
    this.#downloads = new Downloads({
      ...{ fetcher: this.steering.server.http, folder, clock, reserveBytes },
      ...(bytesPerSecond !== undefined && { bytesPerSecond }),
    })
  }

  async check(signal: AbortSignal): Promise<Offer[]> {
    const asked = await this.steering.look(signal)
    this.#found = asked === undefined ? [] : await this.#suiting(asked, signal)
    await this.#downloads.keepOnly(this.#found.map(({ target }) => target))
    return this.#found.map(({ url: _url, target: _target, ...offer }) => offer)
  }

  async fetch(offer: Offer, { signal, onProgress }: FetchOptions): Promise<{ path: string }> {
    const found = this.#found.find(({ path, hash }) => path === offer.path && hash === offer.hash)
    if (found === undefined) throw new RepositoryAway('not-offered', `${offer.path}: not offered any more`)
    const { target, url } = found
    const stop = new AbortController()
    const ended = new AbortController()
    const watching = this.#watch(offer.path, stop, AbortSignal.any([signal, ended.signal]))
    try {
      const both = AbortSignal.any([signal, stop.signal])
      const path = await this.#downloads.bring({
        target,
        url,
        signal: both,
        ...(onProgress && { onProgress }),
      })
      return { path }
    } catch (error) {
      if (error instanceof IntegrityError) {
        this.#found = []
        await this.steering.end('failure', [error.message])
      }
      throw error
    } finally {
      ended.abort()
      await watching
    }
  }

  /** A download of hours is broken off when its action is. */
  async #watch(path: string, stop: AbortController, signal: AbortSignal): Promise<void> {
    const standing = { consent: undefined, ready: false, signal }
    try {
      for (;;) {
        await this.#options.clock.sleep(this.steering.pollMs ?? USUAL_POLL_MS, signal)
        const { cancelled } = await this.steering.orders(path, standing)
        if (cancelled !== undefined) stop.abort(new RepositoryAway('not-offered', cancelled))
      }
    } catch {
      // The download is over, or the disk takes nothing: then it says so itself.
    }
  }

  async #suiting(asked: Asked, signal: AbortSignal): Promise<Found[]> {
    if (asked.deployment.download === 'skip') return []
    const { channel, clock, builtAt = 0 } = this.#options
    const { server, memory } = this.steering
    try {
      const { trust: trusted } = await memory.read()
      const reading = { http: server.http, trust: trusted, wallMs: Math.max(clock.wall(), builtAt), signal }
      const { files, trust } = await delivered(asked.deployment, reading)
      const device = await this.#options.device()
      const found = suiting(files, channel, device)
      const items = itemsOf(files, found, device)
      await memory.change((state) => begun(state, asked, items, trust))
      if (isDownloadOnly(asked))
        await this.steering.end('failure', ['an action that only downloads: expected one that installs'])
      else if (found.length > 0) return found
      // Also after a restart that swallowed the report: what it asks for is there.
      else if (items.length > 0) await this.steering.end('success', ['in use already'])
      else await this.steering.end('failure', [notForThis(files, channel, device)])
      return []
    } catch (error) {
      if (!(error instanceof IntegrityError)) throw error
      if (error.code === 'expired' && (await this.#options.clockIsSet?.()) === false) {
        throw new RepositoryAway('clock', `${error.message}, by a clock that nobody has set`, {
          cause: error,
        })
      }
      await memory.change((state) => begun(state, asked, [], state.trust))
      await this.steering.end('failure', [`refused: ${error.message}`])
      throw error
    }
  }
}

/** An update without a window that is not to be installed: for servers that only fill caches. */
function isDownloadOnly({ deployment: { update, maintenanceWindow } }: Asked): boolean {
  return update === 'skip' && (maintenanceWindow ?? undefined) === undefined
}

/** The action is worked on, with what was said of it so far. */
function begun(
  { action, gone, ...rest }: HawkbitState,
  asked: Asked,
  items: readonly ActionItem[],
  trust: Trust,
): HawkbitState {
  const { id } = asked
  const said = action?.id === id ? action.said : undefined
  const paths = gone?.paths.filter((path) => !items.some((item) => item.path === path)) ?? []
  return {
    ...{ ...rest, trust },
    ...(gone !== undefined && paths.length > 0 && { gone: { ...gone, paths } }),
    action: { id, items: [...items], ...handlingOf(asked), ...(said !== undefined && { said }) },
  }
}
