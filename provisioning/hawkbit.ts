import type { DeviceFacts, FetchOptions, Offer, Offers } from './client.ts'
import { Downloads } from './download.ts'
import { delivered, type Found, itemsOf, notForThis, suiting } from './hawkbit-files.ts'
import { cancelAction, deploymentBase, type Feedback, feedbackOf } from './hawkbit-messages.ts'
import { HawkbitServer, type HawkbitServerOptions } from './hawkbit-server.ts'
import { HawkbitMemory } from './hawkbit-state.ts'
import type { UpdateStatus } from './status.ts'
import { IntegrityError, RepositoryAway } from './tuf-errors.ts'

export interface HawkbitOptions extends HawkbitServerOptions {
  /** Downloads and memory. */
  readonly folder: string
  /** The publisher's root of trust, as `update.root_file`: hawkBit delivers, it does not vouch. */
  readonly rootFile: string
  readonly channel: string
  readonly device: () => Promise<DeviceFacts>
  /** What the server is told of this device, e.g. site and board. */
  readonly attributes: () => Promise<Readonly<Record<string, string>>>
  /** Whether the update can still be given up: not once a switch has begun. */
  readonly mayCancel: () => boolean | Promise<boolean>
  /** Bytes that stay free on the disk of `folder`. */
  readonly reserveBytes: number
  readonly bytesPerSecond?: number
}

/** Updates from an Eclipse hawkBit server through its Direct Device Integration API. */
export class HawkbitOffers implements Offers {
  readonly #options: HawkbitOptions
  readonly #server: HawkbitServer
  readonly #downloads: Downloads
  readonly #memory: HawkbitMemory
  #found: readonly Found[] = []

  constructor(options: HawkbitOptions) {
    this.#options = options
    this.#server = new HawkbitServer(options)
    const { clock, folder, reserveBytes, bytesPerSecond } = options
    this.#downloads = new Downloads({
      ...{ fetcher: this.#server.http, folder, clock, reserveBytes },
      ...(bytesPerSecond !== undefined && { bytesPerSecond }),
    })
    this.#memory = new HawkbitMemory(folder, options.rootFile)
  }

  /** How long the server wants to be left alone, ms; undefined: it has not said. */
  get pollMs(): number | undefined {
    return this.#server.pollMs
  }

  async check(signal: AbortSignal): Promise<Offer[]> {
    await this.#deliverEnd(signal)
    const { _links: links = {} } = await this.#server.poll(signal)
    const { configData, cancelAction: cancel, deploymentBase: deployment } = links
    if (configData !== undefined) {
      await this.#server.put(new URL(configData.href), await this.#options.attributes(), signal)
    }
    if (cancel !== undefined) await this.#cancelled(new URL(cancel.href), signal)
    const asked = cancel === undefined ? deployment : undefined
    this.#found = asked === undefined ? [] : await this.#deployment(new URL(asked.href), signal)
    await this.#downloads.keepOnly(this.#found.map(({ target }) => target))
    return this.#found.map(({ url: _url, target: _target, ...offer }) => offer)
  }

  async fetch(offer: Offer, { signal, onProgress }: FetchOptions): Promise<{ path: string }> {
    const found = this.#found.find(({ path, hash }) => path === offer.path && hash === offer.hash)
    if (found === undefined) throw new RepositoryAway('not-offered', `${offer.path}: not offered any more`)
    const { target, url } = found
    try {
      return { path: await this.#downloads.bring({ target, url, signal, ...(onProgress && { onProgress }) }) }
    } catch (error) {
      if (error instanceof IntegrityError) await this.#end('failure', [error.message], signal)
      throw error
    }
  }

  /**
   * Tells the server how it goes; said once for each state. An end that cannot be delivered now is kept, and delivered
   * before anything else is asked.
   * @throws StorageError
   */
  async report(status: UpdateStatus, signal: AbortSignal): Promise<void> {
    const state = await this.#memory.read()
    const feedback = feedbackOf(status)
    const { action } = state
    const mine = action?.items.find(
      ({ kind, version, done }) => !done && kind === status.kind && version === status.to,
    )
    if (action === undefined || mine === undefined || feedback === undefined) return
    if (feedback.execution !== 'closed') {
      const said = [mine.path, feedback.execution, ...feedback.details].join(' ')
      if (action.said === said) return
      await this.#memory.write({ ...state, action: { ...action, said } })
      await this.#server.deploymentFeedback(action.id, feedback, signal).catch(unheard)
      return
    }
    const items = action.items.map((item) => (item === mine ? { ...item, done: true } : item))
    await this.#memory.write({ ...state, action: { ...action, items } })
    if (feedback.finished === 'failure') await this.#end('failure', feedback.details, signal)
    else if (items.every(({ done }) => done)) await this.#end('success', feedback.details, signal)
  }

  /** An action is given up as long as nothing is being switched; else the server hears that it is too late. */
  async #cancelled(url: URL, signal: AbortSignal): Promise<void> {
    const { id, cancelAction: cancel } = await this.#server.get(url, cancelAction, signal)
    const { action, ...rest } = await this.#memory.read()
    const current = action?.id === cancel.stopId
    const gives = !current || (await this.#options.mayCancel())
    const feedback: Feedback = gives
      ? { execution: 'closed', finished: 'success', details: ['given up'] }
      : { execution: 'rejected', finished: 'none', details: ['too late: the switch has begun'] }
    await this.#server.feedback(new URL(`${url.origin}${url.pathname}/feedback`), id, { feedback, signal })
    if (gives && current) await this.#memory.write(rest)
  }

  async #deployment(url: URL, signal: AbortSignal): Promise<Found[]> {
    const asked = await this.#server.get(url, deploymentBase, signal)
    const { deployment, id } = asked
    if (deployment.download === 'skip' || deployment.update === 'skip') return []
    const state = await this.#memory.read()
    const said = state.action?.id === id ? state.action.said : undefined
    const begun = (items: ReturnType<typeof itemsOf>) => ({ id, items, ...(said !== undefined && { said }) })
    try {
      const wallMs = this.#options.clock.wall()
      const { http } = this.#server
      const { files, trust } = await delivered(asked, { http, trust: state.trust, wallMs, signal })
      const { channel } = this.#options
      const device = await this.#options.device()
      const found = suiting(files, channel, device)
      const items = itemsOf(files, found, device)
      await this.#memory.write({ ...state, trust, action: begun(items) })
      if (found.length > 0) return found
      // Also after a restart that swallowed the report: what it asks for is there.
      if (items.length > 0) await this.#end('success', ['in use already'], signal)
      else await this.#end('failure', [notForThis(files, channel, device)], signal)
      return []
    } catch (error) {
      if (!(error instanceof IntegrityError)) throw error
      await this.#memory.write({ ...state, action: begun([]) })
      await this.#end('failure', [`refused: ${error.message}`], signal)
      throw error
    }
  }

  /** The end of an action: on disk first, then told. */
  async #end(
    finished: 'success' | 'failure',
    details: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    const { action, ...rest } = await this.#memory.read()
    if (action === undefined) return
    this.#found = []
    await this.#memory.write({ ...rest, ended: { id: action.id, finished, details: [...details] } })
    await this.#deliverEnd(signal).catch(unheard)
  }

  async #deliverEnd(signal: AbortSignal): Promise<void> {
    const { ended, ...rest } = await this.#memory.read()
    if (ended === undefined) return
    const { id, finished, details } = ended
    await this.#server.deploymentFeedback(id, { execution: 'closed', finished, details }, signal)
    await this.#memory.write(rest)
  }
}

/** The server is away: what matters is kept, and told later. */
function unheard(error: unknown): void {
  if (!(error instanceof RepositoryAway)) throw error
}
