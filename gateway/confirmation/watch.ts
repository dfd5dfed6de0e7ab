import type { Clock } from '../../drivers/clock.ts'
import { type ConfirmedMessage, confirmedMessage } from '../confirmed-message.ts'
import type { Log } from '../log.ts'
import type { Unit, UnitStatus } from '../station.ts'
import { type Confirmation, type ConfirmationLimits, due, heard, type Standing, unheard } from './policy.ts'
import { type OwnLog, readConfirmation } from './position.ts'

/** The station's log and its cursors, in positions: rows counted over all epochs. */
export interface ConfirmationStore {
  readonly deviceId: string
  /** Now, oldest first. */
  epochs(): OwnLog['epochs']
  /** The chain hash of a row; undefined where it is not held any more. */
  hashAt(epoch: string, sequence: number): Promise<string | undefined>
  /** Up to where the broker acknowledged. */
  delivered(): number
  /** Puts the sink's cursor back. @returns where it stands: no further back than the oldest row that is held */
  rewind(position: number): Promise<number>
  /** The position before which retention may free rows; absent: confirmations are watched, and free nothing. */
  readonly kept?: {
    position(): number
    advance(position: number): Promise<void>
    rewind(position: number): Promise<number>
  }
}

export interface ConfirmationWatchOptions {
  readonly topic: string
  readonly store: ConfirmationStore
  /** Hands over what comes on the topic, from now on and after every reconnection. */
  readonly listen: (topic: string, receive: (payload: Uint8Array, retained: boolean) => void) => void
  readonly limits: ConfirmationLimits
  readonly clock: Clock
  readonly log: Log
}

/** A larger one is no confirmation. */
const MAX_BYTES = 64_000

/**
 * Watches what the final store says that it has of this station, and sends again what it has not. An acknowledgement of a
 * broker is no delivery: brokers forget, and the store is asked.
 */
export class ConfirmationWatch implements Unit {
  readonly name = 'confirmation'
  readonly #options: ConfirmationWatchOptions
  #state: Confirmation
  #standing: Standing = 'waiting'
  /** Why no word of the store is believed: names both sides. */
  #contradiction: string | undefined
  #trouble: string | undefined
  #other: string | undefined
  #resent = 0
  #cancel: (() => void) | undefined
  #turn: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: ConfirmationWatchOptions) {
    this.#options = options
    this.#state = unheard(0)
  }

  start(): Promise<void> {
    const { store, listen, topic } = this.#options
    this.#state = unheard(store.kept?.position() ?? 0)
    listen(topic, (payload, retained) => this.#inTurn(() => this.#receive(payload, retained)))
    this.#arm()
    return Promise.resolve()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel?.()
    await this.#turn
  }

  status(): UnitStatus {
    const { confirmed, attempts } = this.#state
    const delivered = this.#options.store.delivered()
    const facts = {
      confirmed,
      unconfirmed: Math.max(0, delivered - confirmed),
      resent: this.#resent,
      attempts,
      standing: this.#standing,
    }
    const detail = this.#contradiction ?? this.#trouble ?? this.#detail()
    return detail === undefined ? { state: 'ok', facts } : { state: 'degraded', detail, facts }
  }

  #detail(): string | undefined {
    const { confirmed, attempts } = this.#state
    if (this.#other !== undefined) return `another device speaks for this station: ${this.#other}`
    if (this.#standing === 'silent')
      return `the final store is silent; delivered, and not confirmed, from position ${confirmed + 1}`
    if (this.#standing === 'resending')
      return `the final store misses position ${confirmed + 1}: sent again ${attempts} times`
    return undefined
  }

  #arm(): void {
    if (this.#stopped) return
    const { clock, limits } = this.#options
    this.#cancel = clock.after(Math.max(10, limits.stalledMs / 10), () => {
      this.#inTurn(() => this.#look())
      this.#arm()
    })
  }

  /** One after the other: a word and a look must not cross. */
  #inTurn(work: () => Promise<void>): void {
    this.#turn = this.#turn.then(work).catch((err: unknown) => {
      const text = err instanceof Error ? err.message : String(err)
      if (this.#trouble !== text) this.#options.log.error({ err }, 'confirmation not followed')
      this.#trouble = text
    })
  }

  async #receive(payload: Uint8Array, retained: boolean): Promise<void> {
    const { store, log, clock } = this.#options
    const message = parse(payload)
    if (typeof message === 'string') {
      this.#trouble = `what came on ${this.#options.topic} is no confirmation: ${message}`
      return
    }
    const own: OwnLog = { deviceId: store.deviceId, epochs: store.epochs() }
    const reading = readConfirmation(message, own, this.#state.confirmed)
    const contradiction = reading.contradiction ?? (await this.#falseClaim(reading.claims))
    if (contradiction !== undefined && contradiction !== this.#contradiction)
      log.error({ contradiction }, 'two histories')
    this.#contradiction = contradiction
    this.#trouble = reading.hole
    this.#other = reading.other
    if (contradiction !== undefined || reading.hole !== undefined) return
    const before = this.#state.confirmed
    this.#state = heard(this.#state, { position: reading.position, live: !retained }, clock.now())
    if (this.#state.confirmed > before) await store.kept?.advance(this.#state.confirmed)
  }

  async #falseClaim(claims: ReturnType<typeof readConfirmation>['claims']): Promise<string | undefined> {
    const { store } = this.#options
    for (const { epoch, sequence, hash } of claims) {
      const own = await store.hashAt(epoch, sequence)
      if (own !== undefined && own !== hash)
        return `two histories of ${store.deviceId} ${epoch} at sequence ${sequence}: the store holds ${hash}, this log ${own}`
    }
    return undefined
  }

  async #look(): Promise<void> {
    // What is told of another history is no reason to send this one again, nor to free anything.
    if (this.#contradiction !== undefined) return
    const { store, limits, clock, log } = this.#options
    const { state, action, standing } = due(this.#state, store.delivered(), clock.now(), limits)
    this.#state = state
    this.#standing = standing
    if (action.kind === 'none') return
    if (action.kind === 'fallen') await store.kept?.rewind(action.to)
    const from = store.delivered()
    const stands = await store.rewind(action.to)
    this.#resent += Math.max(0, from - stands)
    log.warn({ confirmed: action.to, delivered: from, attempts: state.attempts }, 'sent again')
    this.#trouble =
      stands > action.to
        ? `the final store misses position ${action.to + 1} to ${stands}, which are gone here: poincon ingest accept, or a backup`
        : undefined
  }
}

function parse(payload: Uint8Array): ConfirmedMessage | string {
  if (payload.byteLength > MAX_BYTES) return `${payload.byteLength} bytes`
  try {
    const read = confirmedMessage.safeParse(JSON.parse(new TextDecoder().decode(payload)))
    return read.success ? read.data : read.error.message
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
