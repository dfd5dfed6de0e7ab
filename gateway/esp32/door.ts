import type { Clock } from '../../drivers/clock.ts'
import type { Log } from '../log.ts'
import type { Unit, UnitStatus } from '../station.ts'
import type { Esp32Options } from './options.ts'
import { errorReply, type Hello, type OldError } from './protocol.ts'
import { Rate } from './rate.ts'
import { type Heard, type SampleLog, Session, type SessionCounters } from './session.ts'
import { type DeviceSocket, GOING_AWAY, type Origin, originText, POLICY, TRY_AGAIN_LATER } from './socket.ts'

export interface Esp32DoorOptions {
  readonly config: Esp32Options
  readonly version: string
  readonly samples: SampleLog
  readonly clock: Clock
  readonly log: Log
  readonly times?: Partial<DoorTimes>
}

/** How long what may take, ms. */
export interface DoorTimes {
  /** From the greeting until a device has said which it is. */
  readonly hello: number
  /** A connection is asked for a sign of life so often; one that gave none since the last time is cut. */
  readonly watch: number
  /** Within which the holder of an id must answer where a second connection claims it. */
  readonly probe: number
  /** How long a second device of one id is shown as a fault, after its last attempt. */
  readonly shown: number
}

/** The old firmware waits 5 s for its greeting and comes back every 5 s, so that a probe must be done before. */
const TIMES: DoorTimes = { hello: 15_000, watch: 30_000, probe: 2000, shown: 60_000 }

/** Characters of a refusal that are remembered: it may quote what the device sent. */
const MOST_TOLD = 300

/** Devices of which rate and last MAC address are remembered; beyond, the one that was seen longest ago is forgotten. */
const REMEMBERED = 1024

interface Known {
  readonly rate: Rate
  mac: string | undefined
  origin: Origin
  readonly tally: DeviceTally
}

/** What was heard of a device since start. */
interface DeviceTally extends SessionCounters {
  /** RFC 3339. */
  lastAt?: string
  refusal?: { readonly at: string; readonly code: string; readonly error: string }
}

/** A device that was seen since start. */
export interface SeenDevice extends Readonly<DeviceTally> {
  readonly deviceId: string
  readonly connected: boolean
  readonly address: string
  readonly mac?: string
}

interface Conflict {
  readonly detail: string
  readonly at: number
}

/** Takes the connections of old devices: who may come in, and which device each one is. */
export class Esp32Door implements Unit {
  readonly name = 'esp32'
  readonly #options: Esp32DoorOptions
  readonly #times: DoorTimes
  /** Each with what cancels its wait for a hello. */
  readonly #sessions = new Map<Session, () => void>()
  readonly #holders = new Map<string, Session>()
  /** In the order they were last seen. */
  readonly #known = new Map<string, Known>()
  readonly #ended = new AbortController()
  readonly #counters: SessionCounters = { stored: 0, repeated: 0, refused: 0 }
  readonly #conflicts = new Map<string, Conflict>()
  #turnedAway = 0
  /** When any device's sample came last. */
  #lastAt: string | undefined

  constructor(options: Esp32DoorOptions) {
    this.#options = options
    this.#times = { ...TIMES, ...options.times }
  }

  /** No message may be longer. */
  get maxMessageBytes(): number {
    return this.#options.config.max_message_bytes
  }

  start(): Promise<void> {
    this.#watchAll()
    return Promise.resolve()
  }

  /** Sends all away; waits for what is on its way to the disk. */
  async stop(): Promise<void> {
    this.#ended.abort()
    const sessions = [...this.#sessions.keys()]
    await Promise.all(sessions.map((session) => session.end(GOING_AWAY, 'the gateway stops')))
    for (const session of sessions) this.left(session)
  }

  /** A connection is open. @returns who hears it; undefined: it was sent away */
  welcome(socket: DeviceSocket, origin: Origin): Session | undefined {
    const full = this.#full(origin)
    if (full !== undefined) {
      this.#turnedAway += 1
      socket.send(errorReply({ code: 'connections', error: full }))
      socket.close(TRY_AGAIN_LATER, full.slice(0, 120))
      return undefined
    }
    const { config, clock, samples, version } = this.#options
    const session = new Session({
      socket,
      origin,
      clock,
      log: samples,
      limits: {
        messageBytes: config.max_message_bytes,
        perSecond: config.messages_per_second,
        burst: config.burst,
        queue: config.queue,
      },
      rate: this.#newRate(),
      counters: this.#counters,
      claim: (claimant, hello) => this.#claim(claimant, hello),
      heard: (device, what) => this.#heard(device, what),
      timestamp: () => this.#timestamp(),
    })
    this.#sessions.set(
      session,
      clock.after(this.#times.hello, () => this.#expectHello(session)),
    )
    socket.send(JSON.stringify({ type: 'connection_established', timestamp: this.#timestamp(), version }))
    return session
  }

  /** A connection is gone. */
  left(session: Session): void {
    session.closed()
    this.#sessions.get(session)?.()
    this.#sessions.delete(session)
    const { device } = session
    if (device !== undefined && this.#holders.get(device) === session) this.#holders.delete(device)
  }

  status(): UnitStatus {
    const { clock } = this.#options
    const { stored, repeated, refused } = this.#counters
    const facts = {
      connections: this.#sessions.size,
      devices: this.#holders.size,
      ...{ stored, repeated, refused },
      turned_away: this.#turnedAway,
      ...(this.#lastAt === undefined ? {} : { last_sample_at: this.#lastAt }),
    }
    for (const [device, { at }] of this.#conflicts) {
      if (clock.now() - at > this.#times.shown) this.#conflicts.delete(device)
    }
    const [conflict] = this.#conflicts.values()
    return conflict === undefined
      ? { state: 'ok', facts }
      : { state: 'degraded', detail: conflict.detail, facts }
  }

  /** Every device that is remembered, the one seen last behind. */
  devices(): readonly SeenDevice[] {
    return [...this.#known].map(([deviceId, { mac, origin, tally }]) => ({
      ...{ deviceId, connected: this.#holders.has(deviceId), address: origin.address },
      ...(mac === undefined ? {} : { mac }),
      ...tally,
    }))
  }

  /** Connections that were sent away since start, because there were too many. */
  get turnedAway(): number {
    return this.#turnedAway
  }

  #heard(device: string, what: Heard): void {
    const tally = this.#known.get(device)?.tally
    if (tally === undefined) return
    const at = this.#timestamp()
    if (typeof what === 'object') {
      tally.refused += 1
      tally.refusal = { at, code: what.code, error: what.error.slice(0, MOST_TOLD) }
      return
    }
    tally[what] += 1
    tally.lastAt = at
    this.#lastAt = at
  }

  #full({ address }: Origin): string | undefined {
    if (this.#ended.signal.aborted) return 'the gateway stops'
    const { max_connections: most, max_connections_per_address: mostOfOne } = this.#options.config
    if (this.#sessions.size >= most) return `max_connections: ${most} are open: come again later`
    const same = [...this.#sessions.keys()].filter(({ origin }) => origin.address === address).length
    return same < mostOfOne
      ? undefined
      : `max_connections_per_address: ${mostOfOne} are open from ${address}: come again later`
  }

  /** Only one connection has a device's id. Who came first keeps it as long as it answers. */
  async #claim(session: Session, { deviceId, mac }: Hello): Promise<Rate | OldError> {
    for (
      let holder = this.#holders.get(deviceId);
      holder !== undefined;
      holder = this.#holders.get(deviceId)
    ) {
      if (await holder.alive(this.#times.probe)) return this.#taken(deviceId, holder, session)
      await holder.cut()
      this.left(holder)
    }
    // It may have gone while the holder was asked.
    if (!this.#sessions.has(session)) return { code: 'no-hello', error: 'the connection is closed' }
    this.#holders.set(deviceId, session)
    return this.#remember(deviceId, session, mac).rate
  }

  #taken(deviceId: string, holder: Session, session: Session): OldError {
    const [one, other] = [originText(holder.origin), originText(session.origin)]
    const error = `device_id: ${deviceId}: two devices have this id, ${one} (connected) and ${other} (refused): give one another`
    const before = this.#conflicts.get(deviceId)
    this.#conflicts.set(deviceId, { detail: error, at: this.#options.clock.now() })
    const refused: OldError = { code: 'device-taken', error }
    this.#heard(deviceId, refused)
    if (before === undefined) {
      this.#options.log.warn({ device: deviceId, connected: one, refused: other }, 'two devices of one id')
      holder.tell(refused)
    }
    return refused
  }

  /** A device that comes back with another MAC address is let in, and said: it may have been exchanged. */
  #remember(deviceId: string, { origin }: Session, mac: string | undefined): Known {
    const before = this.#known.get(deviceId)
    if (before?.mac !== undefined && mac !== undefined && before.mac !== mac) {
      const { log, clock } = this.#options
      const [one, other] = [
        `${before.mac} at ${originText(before.origin)}`,
        `${mac} at ${originText(origin)}`,
      ]
      log.warn({ device: deviceId, before: one, now: other }, 'a device id came from another device')
      const detail = `device_id: ${deviceId}: was ${one}, is ${other}: exchanged, or two devices have this id`
      this.#conflicts.set(deviceId, { detail, at: clock.now() })
    }
    const tally = before?.tally ?? { stored: 0, repeated: 0, refused: 0 }
    const known = { rate: before?.rate ?? this.#newRate(), mac: mac ?? before?.mac, origin, tally }
    this.#known.delete(deviceId)
    this.#known.set(deviceId, known)
    const [oldest] = this.#known.keys()
    if (this.#known.size > REMEMBERED && oldest !== undefined) this.#known.delete(oldest)
    return known
  }

  #newRate(): Rate {
    const { config, clock } = this.#options
    return new Rate({ perSecond: config.messages_per_second, burst: config.burst }, clock.now())
  }

  #expectHello(session: Session): void {
    if (session.device !== undefined || !this.#sessions.has(session)) return
    session.tell({ code: 'no-hello', error: `no esp32_hello within ${this.#times.hello / 1000} s` })
    this.#settle(session.end(POLICY, 'no esp32_hello'))
    this.left(session)
  }

  /** Cuts who gave no sign of life since the last time. */
  #watchAll(): void {
    const { clock } = this.#options
    const { signal } = this.#ended
    clock
      .sleep(this.#times.watch, signal)
      .then(() => {
        for (const session of [...this.#sessions.keys()]) {
          if (session.watch()) continue
          this.#settle(session.cut())
          this.left(session)
        }
        this.#watchAll()
      })
      .catch((error: unknown) => {
        if (!signal.aborted) this.#options.log.error({ err: error }, 'connections are not watched any more')
      })
  }

  #settle(work: Promise<void>): void {
    work.catch((error: unknown) => this.#options.log.error({ err: error }, 'a connection did not end'))
  }

  #timestamp(): string {
    return new Date(this.#options.clock.wall()).toISOString()
  }
}
