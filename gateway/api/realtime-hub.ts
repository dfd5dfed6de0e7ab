import type { WebSocket } from 'ws'
import type { Clock } from '../../drivers/clock.ts'
import type { Log } from '../log.ts'
import type { AskStation, Feed, FeedEvent, History } from './ports.ts'
import { type ClientLimits, RealtimeClient } from './realtime-client.ts'
import { type ClientMessage, LiveInspection, latestEvent, parseClientMessage } from './realtime-messages.ts'

export interface RealtimeOptions {
  readonly version: string
  readonly history: Pick<History, 'latest'>
  readonly station: AskStation
  readonly feed: Feed
  readonly clock: Clock
  readonly log: Log
  readonly limits?: Partial<RealtimeLimits>
}

export interface RealtimeLimits extends ClientLimits {
  readonly clients: number
  /** Inspections a client starts with. */
  readonly latest: number
  /** The state of the station goes out at least this often. */
  readonly stationEveryMs: number
  /** A client that answered no ping within this time is cut off. */
  readonly pingEveryMs: number
}

const LIMITS: RealtimeLimits = {
  clients: 64,
  latest: 50,
  stationEveryMs: 2000,
  pingEveryMs: 15_000,
  bufferedBytes: 1 << 20,
  pending: 256,
  watchPerSecond: 20,
}

/** A change of state goes out at once, but not more often than this. */
const STATION_PAUSE_MS = 100
/** The longest message a client has to say. */
export const MAX_MESSAGE_BYTES = 4096
/** RFC 6455 §7.4.1. */
const GOING_AWAY = 1001
const TOO_BIG = 1009
const TRY_AGAIN_LATER = 1013

interface Watcher {
  readonly socket: WebSocket
  readonly client: RealtimeClient
  alive: boolean
}

/** Tells every watcher what happens: parts as they are stored, the station as it changes. */
export class RealtimeHub {
  readonly #options: RealtimeOptions
  readonly #limits: RealtimeLimits
  readonly #watchers = new Set<Watcher>()
  readonly #ended = new AbortController()
  #unsubscribe: () => void = () => {}
  #stationDue = false

  constructor(options: RealtimeOptions) {
    this.#options = options
    this.#limits = { ...LIMITS, ...options.limits }
  }

  start(): void {
    this.#unsubscribe = this.#options.feed.subscribe((event) => this.#take(event))
    this.#every(this.#limits.stationEveryMs, () => this.#tellStation())
    this.#every(this.#limits.pingEveryMs, () => this.#pingAll())
  }

  /** Says goodbye and cuts the sockets: a client that does not read must not hold up the stop. */
  stop(): void {
    this.#ended.abort()
    this.#unsubscribe()
    for (const { socket, client } of this.#watchers) {
      client.end()
      socket.close(GOING_AWAY, 'the gateway stops')
      setImmediate(() => socket.terminate())
    }
    this.#watchers.clear()
  }

  /** Takes over an open socket: greets it, sends the last inspections, then everything that happens. */
  async welcome(socket: WebSocket): Promise<void> {
    if (this.#watchers.size >= this.#limits.clients || this.#ended.signal.aborted) {
      socket.close(TRY_AGAIN_LATER, 'too many clients')
      return
    }
    const { clock, log, history } = this.#options
    const client = new RealtimeClient(socket, clock, this.#limits)
    const watcher: Watcher = { socket, client, alive: true }
    this.#watchers.add(watcher)
    socket.on('pong', () => {
      watcher.alive = true
    })
    socket.on('message', (heard) => {
      const text = String(heard)
      if (Buffer.byteLength(text) > MAX_MESSAGE_BYTES) socket.close(TOO_BIG, 'too long a message')
      else this.#hear(client, text)
    })
    socket.on('close', () => {
      client.end()
      this.#watchers.delete(watcher)
      if (client.dropped > 0)
        log.info({ dropped: client.dropped }, 'a realtime client left, it was too slow for all')
    })
    client.tell(this.#greeting())
    try {
      const latest = await history.latest(this.#limits.latest)
      client.catchUp(latestEvent(latest), latest[0]?.sequence ?? 0)
    } catch (error) {
      log.warn({ err: error }, 'no history for a realtime client')
      client.tell(JSON.stringify({ type: 'error', title: 'The last inspections cannot be read', errors: [] }))
      client.catchUp(undefined, 0)
    }
    client.tell(this.#stationEvent())
  }

  #take(event: FeedEvent): void {
    if (this.#watchers.size === 0) return
    if (event.type === 'inspection') {
      const inspection = new LiveInspection(event.inspection)
      for (const { client } of this.#watchers) client.offer(inspection)
    } else if (!this.#stationDue) {
      this.#stationDue = true
      this.#after(STATION_PAUSE_MS, () => this.#tellStation())
    }
  }

  #hear(client: RealtimeClient, text: string): void {
    const heard = parseClientMessage(text)
    client.tell('error' in heard ? heard.error : this.#answer(client, heard.message))
  }

  #answer(client: RealtimeClient, message: ClientMessage): string {
    switch (message.type) {
      case 'subscribe': {
        const { filters, rate } = message
        client.subscribe(filters, rate)
        return JSON.stringify({ type: 'subscribe_ack', filters, rate })
      }
      case 'unsubscribe':
        client.subscribe({}, 'watch')
        return JSON.stringify({ type: 'unsubscribe_ack' })
      case 'ping':
        return JSON.stringify({ type: 'pong', timestamp: this.#timestamp() })
      case 'heartbeat':
        return JSON.stringify({ type: 'heartbeat_ack', timestamp: this.#timestamp() })
    }
  }

  #greeting(): string {
    const { version, station } = this.#options
    const { device_id, site, line, station: name } = station()
    const timestamp = this.#timestamp()
    return JSON.stringify({
      type: 'connection_established',
      timestamp,
      version,
      device_id,
      site,
      line,
      station: name,
    })
  }

  #stationEvent(): string {
    return JSON.stringify({ type: 'station', data: this.#options.station() })
  }

  #tellStation(): void {
    this.#stationDue = false
    if (this.#watchers.size === 0) return
    const event = this.#stationEvent()
    for (const { client } of this.#watchers) client.tell(event)
  }

  /** A browser answers by itself; whoever did not answer the last one is gone without a word. */
  #pingAll(): void {
    for (const watcher of this.#watchers) {
      if (!watcher.alive) watcher.socket.terminate()
      watcher.alive = false
      watcher.socket.ping()
    }
  }

  #every(ms: number, act: () => void): void {
    this.#after(ms, () => {
      this.#every(ms, act)
      act()
    })
  }

  /** Acts after a while, unless the hub has ended; what goes wrong then harms nobody else. */
  #after(ms: number, act: () => void): void {
    const { clock, log } = this.#options
    const { signal } = this.#ended
    clock
      .sleep(ms, signal)
      .then(act)
      .catch((error: unknown) => {
        if (!signal.aborted) log.error({ err: error }, 'realtime event left out')
      })
  }

  #timestamp(): string {
    return new Date(this.#options.clock.wall()).toISOString()
  }
}
