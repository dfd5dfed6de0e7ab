import mqtt, { type MqttClient } from 'mqtt'
import type { OutboxEntry } from '../../gateway/outbox.ts'
import { sha256 } from '../../gateway/store/log/chain.ts'

const INSPECTIONS = 'poincon/+/+/+/inspection'
const HABITS = { protocolVersion: 5, reconnectPeriod: 20 } as const
/** Entries that are asked for at once. */
const PAGE = 500
/** Nothing comes for so long: nothing will. */
const SILENCE_MS = 30_000

/** Somebody at the plant's broker who writes down what came: a digest each, so that a million fit in memory. */
export class Ledger {
  /** SHA-256 of what came under each sequence; the first one stays. */
  readonly digests = new Map<number, string>()
  /** Sequences that came twice and said two things. */
  readonly contradictions: number[] = []
  /** Sequences that came before the one before them ever had. */
  readonly early: number[] = []
  arrivals = 0
  highest = 0
  readonly #client: MqttClient
  #look: (() => void) | undefined

  private constructor(client: MqttClient) {
    this.#client = client
    client.on('error', () => {})
    client.on('message', (_topic, payload) => {
      this.#note(payload)
      this.#look?.()
    })
  }

  /** @param url a broker's; subscribed when it resolves, and again after every break */
  static async open(url: string, options: mqtt.IClientOptions = {}): Promise<Ledger> {
    const client = await mqtt.connectAsync(url, { ...HABITS, ...options })
    const ledger = new Ledger(client)
    await client.subscribeAsync(INSPECTIONS, { qos: 1 })
    return ledger
  }

  /** The same of a broker that is not there yet: it is subscribed whenever it is connected. */
  static follow(url: string, options: mqtt.IClientOptions = {}): Ledger {
    const client = mqtt.connect(url, { ...HABITS, resubscribe: false, ...options })
    client.on('connect', () => client.subscribe(INSPECTIONS, { qos: 1 }, () => {}))
    return new Ledger(client)
  }

  /** Resolves when `seen` holds; asked at every arrival. */
  until(seen: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#look = () => {
        if (!seen()) return
        this.#look = undefined
        resolve()
      }
      this.#look()
    })
  }

  /** Resolves when 1 to `last` have come, or when nothing has come for half a minute. */
  async whole(last: number): Promise<void> {
    while (this.digests.size < last) {
      const { arrivals } = this
      let silence: NodeJS.Timeout | undefined
      const over = new Promise<void>((resolve) => {
        silence = setTimeout(resolve, SILENCE_MS)
      })
      await Promise.race([this.until(() => this.arrivals > arrivals), over])
      clearTimeout(silence)
      if (this.arrivals === arrivals) return
    }
  }

  /**
   * Does what a subscriber does that sees holes in the sequence: asks the log for what lies in them.
   * @param from entries of the log from a sequence on
   * @returns how many it had missed
   */
  async fill(
    last: number,
    from: (sequence: number, limit: number) => Promise<readonly OutboxEntry[]>,
  ): Promise<number> {
    const missing = this.missing(last)
    for (let place = 0; place < missing.length; ) {
      const first = missing[place] ?? 0
      let count = 1
      while (count < PAGE && missing[place + count] === first + count) count += 1
      for (const { payload } of await from(first, count)) this.note(payload)
      place += count
    }
    return missing.length
  }

  /** What of 1 to `last` never came. */
  missing(last: number): number[] {
    return Array.from({ length: last }, (_, place) => place + 1).filter((one) => !this.digests.has(one))
  }

  /** A crash of the subscriber: no word to the broker. */
  async close(): Promise<void> {
    await this.#client.endAsync(true)
  }

  /** Writes down what came over another way, such as a request for what was missed. */
  note(payload: string): void {
    this.#note(Buffer.from(payload))
  }

  #note(payload: Buffer): void {
    // Canonical JSON: `sequence` comes once outside of any text, and no text holds this.
    const sequence = Number(/"sequence":(\d+)/.exec(payload.toString('utf8'))?.[1])
    const digest = sha256(payload)
    const before = this.digests.get(sequence)
    this.arrivals += 1
    if (before === undefined) this.digests.set(sequence, digest)
    else if (before !== digest) this.contradictions.push(sequence)
    if (sequence > this.highest + 1) this.early.push(sequence)
    this.highest = Math.max(this.highest, sequence)
  }
}
