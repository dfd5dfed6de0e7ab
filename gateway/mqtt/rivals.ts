import { z } from 'zod'
import type { Log } from '../log.ts'

/** Who we are, as our messages say. */
export interface OwnName {
  readonly deviceId: string
  readonly epoch: string
}

/** Why we believe that somebody else works under our name. */
export type Rivalry =
  | { readonly kind: 'session'; readonly clientId: string }
  | { readonly kind: 'closed'; readonly clientId: string; readonly times: number }
  | {
      readonly kind: 'topic'
      readonly deviceId: string
      readonly epoch: string | undefined
      readonly sequence?: number | undefined
    }
  | { readonly kind: 'clone'; readonly sequence: number; readonly id: string }

export interface RivalsOptions {
  /** The broker, as a person knows it. */
  readonly where: string
  readonly own: () => OwnName
  /** The id of the inspection that we have under this sequence; undefined: none is kept. */
  readonly known?: (sequence: number) => Promise<{ readonly id?: string; readonly newest: number }>
  /** ms of a clock that never steps */
  readonly now: () => number
  readonly log: Log
}

/** What of a message says who wrote it: of an inspection, or of a state. */
const signature = z.looseObject({
  device_id: z.string().max(64),
  epoch: z.string().max(64).optional(),
  sequence: z.int().min(1).optional(),
  id: z.string().max(64).optional(),
})

/** Connections that a broker closed without a word, within this time, that are no accident any more. */
const SUSPICIOUS_CLOSES = 5
const SUSPICIOUS_MS = 2 * 60_000
/** So long after it was seen last, a rival counts as gone. */
const QUIET_MS = 10 * 60_000
/** Messages looked at within a second: nobody makes us parse a flood. */
const LOOKS_A_SECOND = 20
/** Parsed at most: an inspection with all its matrices is 100 kB. */
const MOST_BYTES = 1 << 20

/**
 * Notices that a second station works under this one's name: another one takes our client id (MQTT 5 reason 0x8E), or
 * publishes on our topics with another device id, another epoch, or, as a copied card does, other inspections under the
 * sequences of ours.
 */
export class Rivals {
  readonly #options: RivalsOptions
  #latest: Rivalry | undefined
  #count = 0
  #firstMs = 0
  #lastMs = Number.NEGATIVE_INFINITY
  #looks = 0
  #closedMs: readonly number[] = []
  #lookingSinceMs = Number.NEGATIVE_INFINITY

  constructor(options: RivalsOptions) {
    this.#options = options
  }

  /** How often, since it began. */
  get count(): number {
    return this.#detailed() ? this.#count : 0
  }

  /** Our session was taken over. */
  takenOver(clientId: string): void {
    this.#saw({ kind: 'session', clientId })
  }

  /**
   * The broker closed our connection and gave no reason. MQTT 3.1.1 has no way to say that another client came with our
   * id, and mosquitto 2.0.11 does not say it in MQTT 5 either: then both throw each other out for ever.
   */
  closed(clientId: string): void {
    const nowMs = this.#options.now()
    this.#closedMs = [...this.#closedMs, nowMs].filter((atMs) => nowMs - atMs < SUSPICIOUS_MS)
    const times = this.#closedMs.length
    if (times >= SUSPICIOUS_CLOSES) this.#saw({ kind: 'closed', clientId, times })
  }

  /**
   * Somebody published on a topic of ours.
   * @param payload of an inspection or a state; anything else is another's as well, and not counted here
   */
  async heard(payload: Uint8Array): Promise<void> {
    const { own, known } = this.#options
    if (payload.length > MOST_BYTES || !this.#mayLook()) return
    const parsed = signature.safeParse(jsonOf(payload))
    if (!parsed.success) return
    const { device_id: deviceId, epoch, sequence, id } = parsed.data
    const { deviceId: ours, epoch: ourEpoch } = own()
    if (deviceId !== ours || (epoch !== undefined && epoch !== ourEpoch)) {
      this.#saw({ kind: 'topic', deviceId, epoch, sequence })
      return
    }
    if (sequence === undefined || id === undefined || known === undefined) return
    const { id: stored, newest } = await known(sequence)
    // What is ours came back: a bridge in a circle. What we do not keep any more says nothing.
    if (stored === id || (stored === undefined && sequence <= newest)) return
    this.#saw({ kind: 'clone', sequence, id })
  }

  /** One line that names both, while it lasts; undefined when all is well. */
  detail(): string | undefined {
    const latest = this.#detailed()
    if (latest === undefined) return undefined
    const { where, own, now } = this.#options
    const { deviceId, epoch } = own()
    const ago = Math.round((now() - this.#lastMs) / 1000)
    const us = `this station, device ${deviceId}, epoch ${epoch}`
    const seen = `seen ${this.#count} ${this.#count === 1 ? 'time' : 'times'}, ${ago} s ago`
    return `${where}: ${describe(latest, us)}; ${seen}`
  }

  #mayLook(): boolean {
    const nowMs = this.#options.now()
    if (nowMs - this.#lookingSinceMs >= 1000) {
      this.#lookingSinceMs = nowMs
      this.#looks = 0
    }
    this.#looks += 1
    return this.#looks <= LOOKS_A_SECOND
  }

  #detailed(): Rivalry | undefined {
    return this.#options.now() - this.#lastMs < QUIET_MS ? this.#latest : undefined
  }

  #saw(rivalry: Rivalry): void {
    const { now, log, where, own } = this.#options
    const quiet = this.#detailed() === undefined
    if (quiet) {
      this.#count = 0
      this.#firstMs = now()
    }
    // What says who they are is worth more than that our session was taken, and that more than a suspicion.
    const stronger = quiet || WEIGHT[rivalry.kind] >= WEIGHT[this.#latest?.kind ?? 'closed']
    const news = quiet || (stronger && this.#latest?.kind !== rivalry.kind)
    if (stronger) this.#latest = rivalry
    this.#count += 1
    this.#lastMs = now()
    if (news) {
      const sinceMs = Math.round(now() - this.#firstMs)
      log.error({ broker: where, own: own(), rivalry, sinceMs }, 'another station works under this name')
    }
  }
}

const WEIGHT = { closed: 0, session: 1, topic: 2, clone: 3 } as const

function describe(rivalry: Rivalry, us: string): string {
  switch (rivalry.kind) {
    case 'session':
      return `another client has taken the client id ${rivalry.clientId} of ${us}: two stations have one device_id or client_id`
    case 'closed':
      return `the broker closed ${rivalry.times} connections within two minutes and gave no reason: another client may have the client id ${rivalry.clientId} of ${us}`
    case 'topic': {
      const { deviceId, epoch = 'unknown', sequence } = rivalry
      const at = sequence === undefined ? '' : `, sequence ${sequence}`
      return `device ${deviceId}, epoch ${epoch}${at}, publishes on the topics of ${us}`
    }
    case 'clone':
      return `somebody publishes inspection ${rivalry.id} as sequence ${rivalry.sequence} of ${us}: a copy of this station’s card is at work`
  }
}

function jsonOf(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8'))
  } catch {
    return undefined
  }
}
