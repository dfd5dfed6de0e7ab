import type { Offer } from './client.ts'
import { type Asked, concerns, known, leaving } from './hawkbit-actions.ts'
import {
  type ControllerBase,
  cancelAction,
  confirmationBase,
  confirmationBody,
  deploymentBase,
  type Feedback,
  feedbackBody,
} from './hawkbit-messages.ts'
import { ended, feedbackOn, Outbox, told } from './hawkbit-outbox.ts'
import { HawkbitServer, type HawkbitServerOptions } from './hawkbit-server.ts'
import { HawkbitMemory } from './hawkbit-state.ts'
import type { UpdateStatus } from './status.ts'
import type { Orders, Standing, Steering } from './steering.ts'
import { RepositoryAway } from './tuf-errors.ts'

/** Asked again so often where the server does not say, ms. */
const USUAL_POLL_MS = 300_000
/** What was heard so shortly before a switch is still so, ms. */
const FRESH_MS = 10_000

export interface SteeringOptions extends HawkbitServerOptions {
  /** Where it remembers. */
  readonly folder: string
  /** The publisher's root of trust, as `update.root_file`: hawkBit delivers, it does not vouch. */
  readonly rootFile: string
  /** What the server is told of this device, e.g. site and board. */
  readonly attributes: () => Promise<Readonly<Record<string, string>>>
  /** Whether the update can still be given up: not once a switch has begun. */
  readonly mayCancel: () => boolean | Promise<boolean>
}

/** What a hawkBit server wants of this device, and what it is told. */
export class HawkbitSteering implements Steering {
  readonly #options: SteeringOptions
  readonly server: HawkbitServer
  readonly memory: HawkbitMemory
  readonly #outbox: Outbox
  #reports: Promise<unknown> = Promise.resolve()
  #askedAt = Number.NEGATIVE_INFINITY

  constructor(options: SteeringOptions) {
    this.#options = options
    this.server = new HawkbitServer(options)
    this.memory = new HawkbitMemory(options.folder, options.rootFile)
    this.#outbox = new Outbox({ server: this.server, memory: this.memory, clock: options.clock })
  }

  get pollMs(): number | undefined {
    return this.server.pollMs
  }

  /**
   * Asks what there is to do: hears of a cancellation, tells of the device where that is wanted.
   * @returns the action, unless it was said no to
   * @throws RepositoryAway, StorageError, IntegrityError `no-root`
   */
  async look(signal: AbortSignal): Promise<Asked | undefined> {
    this.#askedAt = this.#options.clock.now()
    // What has just ended is told first: else the server still asks for it.
    await this.#reports
    await this.#outbox.deliver(signal)
    const { _links: links = {} } = await this.server.poll(signal)
    this.#outbox.there()
    const { configData, cancelAction: cancel } = links
    if (configData !== undefined) {
      // What is told of the device holds nothing up.
      const attributes = await this.#options.attributes()
      await this.server.put(new URL(configData.href), attributes, signal).catch(unheard)
    }
    if (cancel !== undefined) {
      await this.#cancelled(cancel.href, signal)
      return undefined
    }
    const asked = await this.#asked(links, signal)
    const { denied } = await this.memory.change((state) => known(state, asked))
    return asked?.id === denied ? undefined : asked
  }

  async orders(path: string, { consent, ready, signal }: Standing): Promise<Orders> {
    if (!concerns(await this.memory.read(), path)) return { waitFor: [] }
    if (!this.#outbox.pausing && (await this.#isDue(ready, consent))) {
      await this.look(signal).catch((error: unknown) => this.#away(error))
    }
    const { action, gone } = await this.memory.read()
    if (gone?.paths.includes(path) === true) return { waitFor: [], cancelled: gone.why }
    if (action === undefined) return { waitFor: [] }
    const waitFor = action.closed ? ['the maintenance window of the hawkBit server'] : []
    const { soft, confirm } = action
    if (confirm !== undefined && consent !== undefined && !(await this.#confirmed(confirm, consent, signal)))
      waitFor.push('the hawkBit server to hear of the consent')
    const ask = confirm === undefined ? 'the update is a soft one' : 'the hawkBit server asks for it'
    return { waitFor, ...((soft || confirm !== undefined) && { ask }) }
  }

  /** When the server wants to be asked, and once more where nothing that is known holds the switch back. */
  async #isDue(ready: boolean, consent: string | undefined): Promise<boolean> {
    const since = this.#options.clock.now() - this.#askedAt
    if (since >= (this.pollMs ?? USUAL_POLL_MS)) return true
    const { action } = await this.memory.read()
    const asks = action?.soft === true || action?.confirm !== undefined
    const held = action?.closed === true || (asks && consent === undefined)
    return ready && !held && since >= FRESH_MS
  }

  /** The server is left alone for a while. @throws what is not its doing */
  #away(error: unknown): void {
    unheard(error)
    this.#outbox.away()
  }

  report(status: UpdateStatus): void {
    const at = this.#options.clock.wall()
    // A disk that does not take it: the next pass tells how it ended.
    const done = this.memory.change((state) => told(state, status, at)).catch(() => undefined)
    this.#reports = Promise.all([
      this.#reports,
      done.then((state) => (state?.unheard.length ?? 0) > 0 && this.#outbox.soon()),
    ])
  }

  async declined({ path }: Offer, why: string): Promise<void> {
    const { action } = await this.memory.read()
    if (action?.items.some((item) => item.path === path) === true) await this.end('failure', [why])
  }

  /** The end of the action that is worked on: on disk first, then told. @throws StorageError */
  async end(finished: 'success' | 'failure', details: readonly string[]): Promise<void> {
    const at = this.#options.clock.wall()
    await this.memory.change((state) => ended(state, finished, details, at))
    this.#outbox.soon()
  }

  async settled(): Promise<void> {
    await this.#reports
    await this.#outbox.settled()
  }

  async #asked(
    links: NonNullable<ControllerBase['_links']>,
    signal: AbortSignal,
  ): Promise<Asked | undefined> {
    const { deploymentBase: deployment, confirmationBase: confirmation } = links
    if (deployment !== undefined) return this.server.get(new URL(deployment.href), deploymentBase, signal)
    if (confirmation === undefined) return undefined
    const { href } = confirmation
    return { ...(await this.server.get(new URL(href), confirmationBase, signal)), confirm: href }
  }

  /** An action is given up as long as nothing is being switched; else the server hears that it is too late. */
  async #cancelled(href: string, signal: AbortSignal): Promise<void> {
    const { id, cancelAction: cancel } = await this.server.get(new URL(href), cancelAction, signal)
    const { action } = await this.memory.read()
    const current = action?.id === cancel.stopId
    const gives = !current || (await this.#options.mayCancel())
    if (gives) {
      // On disk first: what was said to be given up is not gone on with after a power cut.
      await this.memory.change((state) =>
        state.action?.id === cancel.stopId
          ? leaving(state, state.action, 'called off on the hawkBit server')
          : state,
      )
    }
    const said: Feedback = gives
      ? { execution: 'closed', finished: 'success', details: ['given up'] }
      : { execution: 'rejected', finished: 'none', details: ['too late: the switch has begun'] }
    await this.server.feedback(feedbackOn(href), feedbackBody(id, said, this.#options.clock.wall()), signal)
  }

  /** @returns whether the server knows now that somebody agreed */
  async #confirmed(href: string, by: string, signal: AbortSignal): Promise<boolean> {
    if (this.#outbox.pausing) return false
    try {
      await this.server.feedback(feedbackOn(href), confirmationBody('confirmed', [`${by} agreed`]), signal)
    } catch (error) {
      this.#away(error)
      return false
    }
    await this.memory.change((state) => {
      if (state.action?.confirm !== href) return state
      const { confirm: _, ...action } = state.action
      return { ...state, action }
    })
    return true
  }
}

/** The server is away: what matters is kept, and told later. */
function unheard(error: unknown): void {
  if (!(error instanceof RepositoryAway)) throw error
}
