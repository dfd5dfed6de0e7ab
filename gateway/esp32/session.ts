import type { Clock } from '../../drivers/clock.ts'
import { LineTaken } from '../update-lock.ts'
import {
  ackReply,
  ECHO,
  errorReply,
  type Hello,
  type OldError,
  type OldMessage,
  readMessage,
  type StoredSample,
} from './protocol.ts'
import type { Rate } from './rate.ts'
import type { OldSample } from './sample.ts'
import { type DeviceSocket, type Origin, POLICY } from './socket.ts'

/** Where samples are kept. */
export interface SampleLog {
  /** The inspection that a sample of this device became, of whatever run. */
  find(deviceId: string, sampleId: string): Promise<StoredSample | undefined>
  /**
   * Judges a sample and makes it durable.
   * @param address where it came from
   * @returns what is on disk
   * @throws LineTaken while an update has the line; Error with a reason that the device may read; nothing is stored then
   */
  store(sample: OldSample, address: string): Promise<StoredSample>
}

/** What became of messages, since start. */
export interface SessionCounters {
  stored: number
  repeated: number
  refused: number
}

/** What was heard of a device. */
export type Heard = 'stored' | 'repeated' | OldError

export interface SessionOptions {
  readonly socket: DeviceSocket
  readonly origin: Origin
  readonly clock: Clock
  readonly log: SampleLog
  readonly limits: {
    readonly messageBytes: number
    readonly perSecond: number
    readonly burst: number
    readonly queue: number
  }
  /** Of a device that has not said which it is. */
  readonly rate: Rate
  readonly counters: SessionCounters
  /** Claims a device's id for this session. @returns its rate, or why it cannot have the id */
  readonly claim: (session: Session, hello: Hello) => Promise<Rate | OldError>
  /** Told of every sample and every refusal of a connection that is a device's. */
  readonly heard: (device: string, what: Heard) => void
  readonly timestamp: () => string
}

/** A device that does not read what it is told is cut off: replies must not pile up. */
const MOST_BUFFERED = 256 << 10
/** Messages in a row that were refused, from which on a connection is none of a device. */
const MOST_REFUSED = 500

interface Waiting {
  readonly message: Exclude<OldMessage, { readonly kind: 'alive' }>
  /** How the message began. */
  readonly beginning: string
  /** It came before the connection was a device's: no device's rate has counted it. */
  readonly uncounted: boolean
}

/** One connection of a device. Its messages are dealt with one after the other. */
export class Session {
  readonly origin: Origin
  readonly #options: SessionOptions
  readonly #waiting: Waiting[] = []
  #rate: Rate
  #device: string | undefined
  #mac: string | undefined
  #working: Promise<void> | undefined
  #refusedInARow = 0
  #ended = false
  /** Waits for a sign of life. */
  #asked: ((alive: boolean) => void)[] = []
  #heardSincePing = true

  constructor(options: SessionOptions) {
    this.#options = options
    this.#rate = options.rate
    this.origin = options.origin
  }

  /** Which device it is, as soon as that has been said and granted. */
  get device(): string | undefined {
    return this.#device
  }

  get mac(): string | undefined {
    return this.#mac
  }

  heard(text: string): void {
    if (this.#ended) return
    const { clock, limits } = this.#options
    this.ponged()
    const bytes = Buffer.byteLength(text)
    if (!this.#rate.take(clock.now())) {
      this.#refuse({ ...this.#tooMany(), ...sampleIdIn(text, bytes <= limits.messageBytes) })
    } else if (bytes > limits.messageBytes) {
      const { messageBytes } = limits
      this.#refuse({
        code: 'too-large',
        error: `max_message_bytes: ${bytes}: expected at most ${messageBytes}`,
      })
    } else {
      this.#take(readMessage(text), text)
    }
  }

  /** The old protocol is text. */
  heardBytes(): void {
    if (this.#ended) return
    this.#refuse({ code: 'not-json', error: 'a binary message: expected text' })
  }

  /** The far end gave a sign of life. */
  ponged(): void {
    this.#heardSincePing = true
    this.#answer(true)
  }

  closed(): void {
    this.#ended = true
    this.#waiting.length = 0
    this.#answer(false)
  }

  /** Closes it; resolves when nothing of it is on its way to the disk any more. */
  async end(code: number, reason: string): Promise<void> {
    if (!this.#ended) this.#options.socket.close(code, reason)
    this.closed()
    await this.#working
  }

  /** Cuts it; resolves as `end` does. */
  async cut(): Promise<void> {
    if (!this.#ended) this.#options.socket.terminate()
    this.closed()
    await this.#working
  }

  /** Whether the far end answers within `ms`. */
  alive(ms: number): Promise<boolean> {
    if (this.#ended) return Promise.resolve(false)
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(ms, () => this.#answer(false))
      this.#asked.push((alive) => {
        cancel()
        resolve(alive)
      })
      this.#options.socket.ping()
    })
  }

  /** Asks for a sign of life. @returns false where there was none since the last time */
  watch(): boolean {
    const heard = this.#heardSincePing
    this.#heardSincePing = false
    if (heard && !this.#ended) this.#options.socket.ping()
    return heard
  }

  tell(error: OldError): void {
    this.#send(errorReply(error))
  }

  #tooMany(): OldError {
    const { perSecond, burst } = this.#options.limits
    const error = `messages_per_second: more than ${perSecond} a second, ${burst} at once: send it again later`
    return { code: 'rate-limit', error }
  }

  #take(message: OldMessage | OldError, text: string): void {
    if ('error' in message) {
      this.#refuse(message, text)
    } else if (message.kind === 'alive') {
      this.#refusedInARow = 0
      this.#send(JSON.stringify({ type: 'pong', timestamp: this.#options.timestamp() }))
    } else if (this.#waiting.length >= this.#options.limits.queue) {
      const sampleId = message.kind === 'sample' ? { sampleId: message.sample.sampleId } : {}
      const error = `queue: ${this.#waiting.length} messages wait for the disk: send it again later`
      this.#refuse({ code: 'queue-full', error, ...sampleId }, text)
    } else {
      this.#waiting.push({ message, beginning: beginningOf(text), uncounted: this.#device === undefined })
      this.#working ??= this.#work()
    }
  }

  /** Never rejects. */
  async #work(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const { message, beginning, uncounted } = next
      try {
        const error =
          message.kind === 'hello'
            ? await this.#greet(message.hello)
            : await this.#keep(message.sample, uncounted)
        if (error === undefined) this.#refusedInARow = 0
        else this.#refuse(error, beginning)
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        const sampleId = message.kind === 'sample' ? { sampleId: message.sample.sampleId } : {}
        const code = error instanceof LineTaken ? 'updating' : 'not-stored'
        this.#refuse({ code, error: `not stored: ${reason}`, ...sampleId }, beginning)
      }
    }
    this.#working = undefined
  }

  async #greet(hello: Hello): Promise<OldError | undefined> {
    const error = await this.#become(hello)
    if (error !== undefined) return error
    const { timestamp } = this.#options
    this.#send(JSON.stringify({ type: 'hello_ack', device_id: hello.deviceId, timestamp: timestamp() }))
    return undefined
  }

  async #keep(sample: OldSample, uncounted: boolean): Promise<OldError | undefined> {
    const { sampleId, deviceId, measuredSha256, said } = sample
    const mac = said.mac_address
    const refused = await this.#become({ deviceId, ...(mac === undefined ? {} : { mac }) })
    if (refused !== undefined) return { ...refused, sampleId }
    const { log, origin, counters, clock, heard } = this.#options
    if (uncounted && !this.#rate.take(clock.now())) return { ...this.#tooMany(), sampleId }
    const found = await log.find(deviceId, sampleId)
    const stored = found ?? (await log.store(sample, origin.address))
    if (stored.measuredSha256 !== measuredSha256) {
      return {
        code: 'sample-id-taken',
        error: `sample_id: ${sampleId}: inspection ${stored.id} of this device has it, and measured something else (${stored.measuredSha256.slice(0, 12)}… against ${measuredSha256.slice(0, 12)}…): expected a name of its own for each part`,
        sampleId,
      }
    }
    const what = found === undefined ? 'stored' : 'repeated'
    counters[what] += 1
    heard(deviceId, what)
    this.#send(ackReply(sampleId, stored))
    return undefined
  }

  /** A connection is one device's, from the first message that names one. */
  async #become(hello: Hello): Promise<OldError | undefined> {
    const { deviceId, mac } = hello
    if (this.#device === undefined) {
      const rate = await this.#options.claim(this, hello)
      if ('error' in rate) return rate
      this.#rate = rate
      this.#device = deviceId
    } else if (this.#device !== deviceId) {
      const error = `device_id: ${deviceId}: this connection is ${this.#device}'s: expected one connection for each device`
      return { code: 'other-device', error }
    }
    this.#mac ??= mac
    return undefined
  }

  #refuse(error: OldError, heard?: string): void {
    this.#options.counters.refused += 1
    if (this.#device !== undefined) this.#options.heard(this.#device, error)
    this.#refusedInARow += 1
    this.#send(errorReply(error, heard))
    if (this.#refusedInARow < MOST_REFUSED || this.#ended) return
    this.#options.socket.close(POLICY, `${MOST_REFUSED} messages in a row were refused`)
    this.closed()
  }

  #send(text: string): void {
    const { socket } = this.#options
    if (this.#ended) return
    if (socket.bufferedAmount <= MOST_BUFFERED) {
      socket.send(text)
      return
    }
    socket.terminate()
    this.closed()
  }

  #answer(alive: boolean): void {
    for (const asked of this.#asked.splice(0)) asked(alive)
  }
}

/** As much of a message as a reply tells. A copy: a slice would keep the whole text as long as the message waits. */
function beginningOf(text: string): string {
  return Buffer.from(text.slice(0, ECHO)).toString()
}

/** Of a message that is not even read: a device must know which sample it has to send again. */
function sampleIdIn(text: string, readable: boolean): { readonly sampleId?: string } {
  const found = readable ? /"sample_id"\s*:\s*"([\x20-\x7e]{1,128}?)"/.exec(text)?.[1] : undefined
  return found === undefined ? {} : { sampleId: found }
}
