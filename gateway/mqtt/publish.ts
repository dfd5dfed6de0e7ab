import { ErrorWithReasonCode, type MqttClient } from 'mqtt'
import { type OutboxEntry, RefusedError } from '../outbox.ts'

export interface PublisherOptions {
  readonly client: MqttClient
  readonly topic: string
  /** The payload to send for an entry. */
  readonly encode: (entry: OutboxEntry) => string
  /** Publishes that may wait for their acknowledgement at once; the broker's receive maximum may be lower. */
  readonly inFlight: number
  /** The longest silence of a broker that owes acknowledgements, ms; past it the connection counts as dead. */
  readonly deadlineMs: number
  /** A batch of so many entries has more behind it. */
  readonly window: number
}

/** How a batch ended. `error` is absent when all of it was acknowledged. */
export interface PublishOutcome {
  /** Entries acknowledged without a gap from the first on. */
  readonly acknowledged: number
  readonly error?: Error
  /** The connection is no use any more: it is gone, or it does not answer. */
  readonly broken?: boolean
}

/** Reason codes of a PUBACK (MQTT 5 §3.4.2.1) that speak of this message, so that sending it again is no use. */
const REFUSED_FOR_GOOD: ReadonlySet<number> = new Set([0x90, 0x95, 0x99])

/** What a PUBLISH holds besides topic and payload: fixed header, packet id, properties. */
const OVERHEAD_BYTES = 256

/** An entry of the batch under way. */
interface Sent {
  readonly entry: OutboxEntry
  acknowledged: boolean
}

/** A batch under way. */
interface Batch {
  readonly entries: readonly OutboxEntry[]
  readonly signal: AbortSignal
  /** Entries that may still be owed when it is told how far the broker got. */
  readonly owed: number
  readonly resolve: (outcome: PublishOutcome) => void
}

/**
 * Publishes batches at QoS 1, in order, on one connection; callbacks in place of a promise per message, because thousands
 * a second pass through.
 *
 * A full batch ends while its last entries are still owed, and the next one takes up where they stand, so that the window
 * never runs empty: an empty one costs a delayed TCP acknowledgement (40 ms) with a broker that has Nagle's algorithm on,
 * as mosquitto has.
 */
export class Publisher {
  readonly #options: PublisherOptions
  readonly #limit: number
  /** What was published of the batch, or of the one before and is owed still, from its first entry on. */
  #sent: Sent[] = []
  /** When the broker last acknowledged something, or was first owed something, ms of the monotonic clock. */
  #aliveAt = 0
  #inFlight = 0
  /** Entries of the batch before this one are acknowledged. */
  #low = 0
  #error: Error | undefined
  #batch: Batch | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: PublisherOptions) {
    this.#options = options
    this.#limit = Math.min(options.inFlight, options.client.serverProperties?.receiveMaximum ?? 65_535)
  }

  get client(): MqttClient {
    return this.#options.client
  }

  /** One batch at a time; never rejects. @param signal ends it early; what was acknowledged counts */
  send(entries: readonly OutboxEntry[], signal: AbortSignal): Promise<PublishOutcome> {
    const { client, window } = this.#options
    return new Promise((resolve) => {
      const owed = entries.length < window ? 0 : Math.min(this.#limit, Math.floor(entries.length / 2))
      this.#batch = { entries, signal, owed, resolve }
      // Before anything settles: what was acknowledged of another batch must not count for this one.
      this.#resume(entries)
      if (!client.connected || client.disconnecting) this.#settle(new Error('the connection is gone'), true)
      else if (signal.aborted) this.#settle(abortError(signal))
      if (this.#batch === undefined) return
      // What is owed of the batch before may have come, and lie unread.
      this.#aliveAt = performance.now()
      client.on('close', this.#onClose)
      signal.addEventListener('abort', this.#onAbort)
      this.#watch()
      this.#fill()
    })
  }

  readonly #onClose = (): void => this.#settle(new Error('the connection was lost'), true)
  readonly #onAbort = (): void => {
    if (this.#batch !== undefined) this.#settle(abortError(this.#batch.signal))
  }

  /** Goes on with what is owed of the batch before; one that begins elsewhere is sent whole. */
  #resume(entries: readonly OutboxEntry[]): void {
    if (this.#sent[0]?.entry.id !== entries[0]?.id) {
      this.#sent = []
      this.#error = undefined
    }
    this.#low = 0
    this.#pass()
  }

  #pass(): void {
    while (this.#sent[this.#low]?.acknowledged === true) this.#low += 1
  }

  #fill(): void {
    const { entries = [], owed = 0 } = this.#batch ?? {}
    while (this.#batch !== undefined && this.#error === undefined && this.#sent.length < entries.length) {
      if (this.#inFlight >= this.#limit) return
      const entry = entries[this.#sent.length]
      if (entry !== undefined) this.#publish(entry)
    }
    if (this.#batch === undefined) return
    if (this.#error !== undefined) {
      if (this.#inFlight === 0) this.#settle(this.#error)
      return
    }
    const left = entries.length - this.#low
    if (left <= 0 || (this.#low > 0 && left <= owed)) this.#settle(undefined)
  }

  #publish(entry: OutboxEntry): void {
    const { client, topic } = this.#options
    const payload = this.#encode(entry)
    if (payload === undefined) return
    if (this.#inFlight === 0) this.#aliveAt = performance.now()
    this.#inFlight += 1
    const sent: Sent = { entry, acknowledged: false }
    this.#sent.push(sent)
    const properties = {
      payloadFormatIndicator: true,
      contentType: 'application/json',
      userProperties: { id: entry.id, sequence: String(entry.sequence), epoch: entry.epoch },
    }
    // For 3.1.1 the client leaves the properties out.
    client.publish(topic, payload, { qos: 1, properties }, (error) => this.#answered(sent, error))
  }

  /** @returns undefined, and the error is set, for an entry that cannot be sent at all */
  #encode(entry: OutboxEntry): string | undefined {
    const { client, topic, encode } = this.#options
    try {
      const payload = encode(entry)
      const largest = client.serverProperties?.maximumPacketSize
      if (largest === undefined || Buffer.byteLength(payload) + topic.length + OVERHEAD_BYTES <= largest)
        return payload
      this.#error = new RefusedError(entry.sequence, `the broker takes at most ${largest} bytes a packet`)
    } catch (error) {
      this.#error = new RefusedError(entry.sequence, 'it cannot be encoded', { cause: error })
    }
    return undefined
  }

  #answered(sent: Sent, error: Error | undefined): void {
    this.#inFlight -= 1
    this.#aliveAt = performance.now()
    if (!(error instanceof Error)) sent.acknowledged = true
    else if (this.#sent.includes(sent)) this.#error ??= refusal(sent.entry, error)
    this.#pass()
    // At every one, not by the dozen: a broker with Nagle's algorithm on (mosquitto's default) holds its further
    // acknowledgements back until the TCP acknowledgement of this one, which travels with what is sent now.
    this.#fill()
  }

  #watch(): void {
    const { deadlineMs } = this.#options
    const silentMs = this.#inFlight === 0 ? 0 : performance.now() - this.#aliveAt
    if (silentMs >= deadlineMs) this.#settle(new Error(`no acknowledgement within ${deadlineMs} ms`), true)
    else this.#timer = setTimeout(() => this.#watch(), deadlineMs - silentMs)
  }

  #settle(error: Error | undefined, broken = false): void {
    const batch = this.#batch
    if (batch === undefined) return
    this.#batch = undefined
    clearTimeout(this.#timer)
    this.#options.client.removeListener('close', this.#onClose)
    batch.signal.removeEventListener('abort', this.#onAbort)
    const acknowledged = Math.min(this.#low, batch.entries.length)
    // After an error whatever is not acknowledged without a gap is sent again.
    this.#sent = error === undefined ? this.#sent.slice(acknowledged) : []
    this.#low = 0
    this.#error = undefined
    batch.resolve({ acknowledged, ...(error === undefined ? {} : { error }), broken })
  }
}

function refusal(entry: OutboxEntry, error: Error): Error {
  if (error instanceof ErrorWithReasonCode && REFUSED_FOR_GOOD.has(error.code)) {
    return new RefusedError(entry.sequence, error.message, { cause: error })
  }
  return new Error(`inspection ${entry.sequence} is not taken: ${error.message}`, { cause: error })
}

function abortError(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('aborted')
}
