import type { Clock } from '../drivers/clock.ts'
import { type Backoff, backoffMs } from '../gateway/backoff.ts'
import { confirmationBody, feedbackOf } from './hawkbit-messages.ts'
import type { HawkbitServer } from './hawkbit-server.ts'
import type { HawkbitMemory, HawkbitState, Unheard } from './hawkbit-state.ts'
import type { UpdateStatus } from './status.ts'

/** After a server that did not hear it. */
const BACKOFF: Backoff = { firstMs: 30_000, longestMs: 900_000 }
/** So much is kept for a server that is away; of what has passed since, the oldest goes first. */
const MOST_KEPT = 20
/** What a line is waited for changes with every part: told anew so often at most, ms. */
const REASONS_MS = 3_600_000
/** How long the end of a pass waits for the server, ms. */
const SETTLE_MS = 15_000

/** Adds what is to be told; how an action ended is never dropped. */
function withUnheard(state: HawkbitState, one: Unheard): HawkbitState {
  const all = [...state.unheard, one]
  const spare = Math.max(0, all.length - MOST_KEPT)
  const dropped = new Set(all.filter(({ execution }) => execution !== 'closed').slice(0, spare))
  return { ...state, unheard: all.filter((kept) => !dropped.has(kept)) }
}

/** The end of the action that is worked on. */
export function ended(
  state: HawkbitState,
  finished: 'success' | 'failure',
  details: readonly string[],
  at: number,
): HawkbitState {
  const { action, ...rest } = state
  if (action === undefined) return state
  const { id, confirm } = action
  const one: Unheard = { id, at, execution: 'closed', finished, details: [...details] }
  if (confirm === undefined) return withUnheard(rest, one)
  // For the server it does not run yet: it is said yes or no to, and a no leaves it waiting.
  const answered = withUnheard(rest, { ...one, confirm })
  return finished === 'failure' ? { ...answered, denied: id } : answered
}

/** What is to be told of a state of the updater: once, and only where it is about the action's own things. */
export function told(state: HawkbitState, status: UpdateStatus, at: number): HawkbitState {
  const feedback = feedbackOf(status)
  const { action } = state
  const mine = action?.items.find(
    ({ kind, name, version, done }) =>
      !done && kind === status.kind && version === status.to && name === (status.name ?? name),
  )
  if (action === undefined || mine === undefined || feedback === undefined) return state
  if (feedback.execution !== 'closed') {
    const said = { state: `${mine.path} ${status.state}`, text: feedback.details.join('\n'), at }
    const again = action.said?.state === said.state
    if (again && (action.said?.text === said.text || at - (action.said?.at ?? at) < REASONS_MS)) return state
    const heard = { ...state, action: { ...action, said } }
    const entry = { ...feedback, id: action.id, at, details: [...feedback.details] }
    return action.confirm === undefined ? withUnheard(heard, entry) : heard
  }
  const items = action.items.map((item) => (item === mine ? { ...item, done: true } : item))
  const after = { ...state, action: { ...action, items } }
  if (feedback.finished === 'failure') return ended(after, 'failure', feedback.details, at)
  return items.every(({ done }) => done) ? ended(after, 'success', feedback.details, at) : after
}

export interface OutboxOptions {
  readonly server: HawkbitServer
  readonly memory: HawkbitMemory
  readonly clock: Clock
  /** In [0, 1); for tests. */
  readonly random?: () => number
}

/** Brings to the server what it has not heard yet, in order; what it has heard is forgotten. */
export class Outbox {
  readonly #options: OutboxOptions
  #sending: Promise<unknown> = Promise.resolve()
  #background = new AbortController()
  #failures = 0
  #notBefore = Number.NEGATIVE_INFINITY

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  /** @throws RepositoryAway, StorageError; what was not heard stays */
  async deliver(signal: AbortSignal): Promise<void> {
    const sent = this.#sending.then(() => this.#all(signal))
    this.#sending = sent.catch(() => {})
    await sent
  }

  /** The same, not waited for, and less and less often while the server is away. */
  soon(): void {
    if (!this.pausing) this.deliver(this.#background.signal).catch(() => this.away())
  }

  /** Whether the server is left alone: it was away a short while ago. */
  get pausing(): boolean {
    return this.#options.clock.now() < this.#notBefore
  }

  /** The server did not answer. */
  away(): void {
    const { clock, random = Math.random } = this.#options
    this.#failures++
    this.#notBefore = clock.now() + backoffMs(this.#failures, BACKOFF, random)
  }

  /** The server answered. */
  there(): void {
    this.#failures = 0
    this.#notBefore = Number.NEGATIVE_INFINITY
  }

  /** Ends when nothing is on its way any more. */
  async settled(): Promise<void> {
    const cancel = this.#options.clock.after(SETTLE_MS, () => this.#background.abort())
    await this.#sending
    cancel()
    this.#background = new AbortController()
  }

  async #all(signal: AbortSignal): Promise<void> {
    const { server, memory } = this.#options
    for (;;) {
      const [next] = (await memory.read()).unheard
      if (next === undefined) break
      const { confirm, id, at } = next
      if (confirm === undefined) await server.deploymentFeedback(id, next, at, signal)
      else if (server.isOwn(confirm)) {
        const answer = next.finished === 'success' ? 'confirmed' : 'denied'
        await server.feedback(feedbackOn(confirm), confirmationBody(answer, next.details), signal)
      }
      await memory.change((state) => ({ ...state, unheard: state.unheard.filter((one) => one !== next) }))
      this.there()
    }
  }
}

/** Where feedback on an action goes: below the action's own address, without what names its version. */
export function feedbackOn(href: string): URL {
  const { origin, pathname } = new URL(href)
  return new URL(`${origin}${pathname}/feedback`)
}
