import type { Clock } from '../../drivers/clock.ts'
import type { Filters, LiveInspection, Rate } from './realtime-messages.ts'

/** What a client needs of its WebSocket. */
export interface ClientSocket {
  /** Bytes accepted by `send` and not yet taken by the operating system. */
  readonly bufferedAmount: number
  /** Calls `done` when the operating system has taken the text, or the socket has failed. */
  send(text: string, done: (error?: Error | null) => void): void
}

export interface ClientLimits {
  /** Above this many bytes on their way nothing more is handed to the socket. */
  readonly bufferedBytes: number
  /** Inspections that wait for a client that asked for all. */
  readonly pending: number
  /** Inspections per second for a client that did not. */
  readonly watchPerSecond: number
}

/** What a `watch` client may get at once after a pause, before the rate holds. */
const BURST = 5

/**
 * One watcher. It never slows anything down: what it cannot take in time is dropped, oldest first, and the next
 * inspection it gets says how many were.
 */
export class RealtimeClient {
  readonly #socket: ClientSocket
  readonly #limits: ClientLimits
  readonly #clock: Clock
  readonly #ended = new AbortController()
  #filters: Filters = {}
  #rate: Rate = 'watch'
  #pending: LiveInspection[] = []
  #skipped = 0
  #dropped = 0
  #caughtUp = false
  #tokens = BURST
  #refilledAt: number
  #pausing = false

  constructor(socket: ClientSocket, clock: Clock, limits: ClientLimits) {
    this.#socket = socket
    this.#clock = clock
    this.#limits = limits
    this.#refilledAt = clock.now()
  }

  /** Inspections this client did not get, since it connected. */
  get dropped(): number {
    return this.#dropped
  }

  /**
   * Sends the history it starts with; what came meanwhile follows without gap or repeat.
   * @param text the event, undefined where the history could not be read
   * @param newest the sequence of its newest inspection, 0 for none
   */
  catchUp(text: string | undefined, newest: number): void {
    if (text !== undefined) this.tell(text)
    this.#pending = this.#pending.filter(({ sequence }) => sequence > newest)
    this.#caughtUp = true
    this.#trim()
    this.#pump()
  }

  subscribe(filters: Filters, rate: Rate): void {
    this.#filters = filters
    this.#rate = rate
    this.#trim()
  }

  offer(inspection: LiveInspection): void {
    if (!inspection.passes(this.#filters)) return
    this.#pending.push(inspection)
    this.#trim()
    this.#pump()
  }

  /** Sends anything but an inspection; left out while the client does not read, for a newer one will come. */
  tell(text: string): void {
    if (this.#ended.signal.aborted || this.#socket.bufferedAmount > this.#limits.bufferedBytes) return
    this.#send(text)
  }

  end(): void {
    this.#ended.abort()
    this.#pending = []
  }

  /** Sends what the connection and the rate allow; called again when either allows more. */
  #pump(): void {
    while (this.#caughtUp && !this.#pausing && !this.#ended.signal.aborted) {
      if (this.#pending.length === 0 || this.#socket.bufferedAmount > this.#limits.bufferedBytes) return
      const wait = this.#rate === 'all' ? 0 : this.#waitForToken()
      if (wait > 0) {
        this.#pumpIn(wait)
        return
      }
      const next = this.#pending.shift()
      if (next === undefined) return
      const skipped = this.#skipped
      this.#skipped = 0
      this.#send(next.envelope(skipped))
    }
  }

  #send(text: string): void {
    this.#socket.send(text, (error) => {
      if (error instanceof Error) this.end()
      else this.#pump()
    })
  }

  /** Takes one token. @returns ms until there is one, 0 when it was taken */
  #waitForToken(): number {
    const { watchPerSecond } = this.#limits
    const now = this.#clock.now()
    this.#tokens = Math.min(BURST, this.#tokens + ((now - this.#refilledAt) * watchPerSecond) / 1000)
    this.#refilledAt = now
    if (this.#tokens < 1) return Math.max(1, ((1 - this.#tokens) * 1000) / watchPerSecond)
    this.#tokens -= 1
    return 0
  }

  #pumpIn(ms: number): void {
    this.#pausing = true
    this.#clock.sleep(ms, this.#ended.signal).then(
      () => {
        this.#pausing = false
        this.#pump()
      },
      () => {},
    )
  }

  /** While the history loads as much as possible is kept, so that nothing is missing behind it. */
  #trim(): void {
    const everything = this.#rate === 'all' || !this.#caughtUp
    const room = everything ? this.#limits.pending : Math.max(1, Math.floor(this.#tokens))
    const surplus = this.#pending.length - room
    if (surplus <= 0) return
    this.#pending.splice(0, surplus)
    this.#skipped += surplus
    this.#dropped += surplus
  }
}
