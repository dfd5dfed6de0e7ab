import { ErrorWithReasonCode, type MqttClient } from 'mqtt'
import { type OutboxEntry, RefusedError } from '../outbox.ts'

export interface PublishOptions {
  readonly client: MqttClient
  readonly topic: string
  /** The payload to send for an entry. */
  readonly encode: (entry: OutboxEntry) => string
  /** Publishes that may wait for their acknowledgement at once; the broker's receive maximum may be lower. */
  readonly inFlight: number
  /** The longest silence of a broker that owes acknowledgements, ms; past it the connection counts as dead. */
  readonly deadlineMs: number
  /** Ends the batch early; what was acknowledged counts. */
  readonly signal: AbortSignal
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

/** Publishes entries at QoS 1, in order; never rejects. */
export function publishBatch(
  batch: readonly OutboxEntry[],
  options: PublishOptions,
): Promise<PublishOutcome> {
  return new Promise((resolve) => {
    new Window(batch, options, resolve).open()
  })
}

/** One batch under way: callbacks in place of a promise per message, because thousands a second pass through. */
class Window {
  readonly #batch: readonly OutboxEntry[]
  readonly #options: PublishOptions
  readonly #resolve: (outcome: PublishOutcome) => void
  readonly #limit: number
  readonly #acknowledged: Uint8Array
  /** When the broker last acknowledged something, or was first owed something, ms of the monotonic clock. */
  #aliveAt = 0
  /** Entries before this one are acknowledged. */
  #low = 0
  #next = 0
  #inFlight = 0
  #error: Error | undefined
  #timer: NodeJS.Timeout | undefined
  #settled = false

  constructor(
    batch: readonly OutboxEntry[],
    options: PublishOptions,
    resolve: (outcome: PublishOutcome) => void,
  ) {
    this.#batch = batch
    this.#options = options
    this.#resolve = resolve
    this.#limit = Math.min(options.inFlight, options.client.serverProperties?.receiveMaximum ?? 65_535)
    this.#acknowledged = new Uint8Array(batch.length)
  }

  open(): void {
    const { client, signal } = this.#options
    if (!client.connected) this.#settle(new Error('the connection is gone'), true)
    else if (signal.aborted) this.#settle(abortError(signal))
    if (this.#settled) return
    client.on('close', this.#onClose)
    signal.addEventListener('abort', this.#onAbort)
    this.#watch()
    this.#fill()
  }

  readonly #onClose = (): void => this.#settle(new Error('the connection was lost'), true)
  readonly #onAbort = (): void => this.#settle(abortError(this.#options.signal))

  #fill(): void {
    while (!this.#settled && this.#error === undefined && this.#next < this.#batch.length) {
      if (this.#inFlight >= this.#limit) return
      this.#publish(this.#next)
      this.#next += 1
    }
    if (this.#inFlight === 0) this.#settle(this.#error)
  }

  #publish(place: number): void {
    const { client, topic } = this.#options
    const entry = this.#batch[place]
    const payload = entry === undefined ? undefined : this.#encode(entry)
    if (entry === undefined || payload === undefined) return
    if (this.#inFlight === 0) this.#aliveAt = performance.now()
    this.#inFlight += 1
    const properties = {
      payloadFormatIndicator: true,
      contentType: 'application/json',
      userProperties: { id: entry.id, sequence: String(entry.sequence), epoch: entry.epoch },
    }
    // For 3.1.1 the client leaves the properties out.
    client.publish(topic, payload, { qos: 1, properties }, (error) => this.#answered(place, entry, error))
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

  #answered(place: number, entry: OutboxEntry, error: Error | undefined): void {
    if (this.#settled) return
    this.#inFlight -= 1
    this.#aliveAt = performance.now()
    if (error instanceof Error) {
      this.#error ??= refusal(entry, error)
    } else {
      this.#acknowledged[place] = 1
      while (this.#acknowledged[this.#low] === 1) this.#low += 1
    }
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
    if (this.#settled) return
    this.#settled = true
    clearTimeout(this.#timer)
    this.#options.client.removeListener('close', this.#onClose)
    this.#options.signal.removeEventListener('abort', this.#onAbort)
    this.#resolve({ acknowledged: this.#low, ...(error === undefined ? {} : { error }), broken })
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
