import type { Clock } from '../../drivers/clock.ts'
import { type ConfirmedMessage, confirmedTopic, MAX_OTHERS } from '../confirmed-message.ts'
import type { Log } from '../log.ts'
import type { Progress, StationKey } from './places.ts'

export interface ConfirmerOptions {
  /** Stations that something is to be said to, taken so that no other worker says it meanwhile. */
  readonly claim: () => Promise<readonly StationKey[]>
  readonly unclaim: (stations: readonly StationKey[]) => Promise<void>
  /** Every log that spoke for these stations, the one heard last first. */
  readonly places: (stations: readonly StationKey[]) => Promise<readonly Progress[]>
  /** Publishes retained at QoS 1; resolves when the broker has it. */
  readonly publish: (topic: string, payload: string) => Promise<void>
  readonly everyMs: number
  readonly clock: Clock
  readonly log: Log
}

/** Tells stations what the final store has. It speaks from the database alone, so any worker may, and several do. */
export class Confirmer {
  readonly #options: ConfirmerOptions
  readonly #ended = new AbortController()
  #running: Promise<void> | undefined
  #said = 0
  #trouble: string | undefined

  constructor(options: ConfirmerOptions) {
    this.#options = options
  }

  get counts(): { readonly said: number; readonly trouble: string | undefined } {
    return { said: this.#said, trouble: this.#trouble }
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Says what moved last, and ends. */
  async stop(): Promise<void> {
    this.#ended.abort()
    await this.#running
    await this.#turn()
  }

  async #run(): Promise<void> {
    const { clock, everyMs } = this.#options
    while (!this.#ended.signal.aborted) {
      await this.#turn()
      await clock.sleep(everyMs, this.#ended.signal).catch(() => {})
    }
  }

  async #turn(): Promise<void> {
    const { claim, unclaim, log } = this.#options
    let stations: readonly StationKey[] = []
    try {
      stations = await claim()
      if (stations.length > 0) await this.#say(stations)
      if (this.#trouble !== undefined) log.info('confirmations go out again')
      this.#trouble = undefined
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      if (this.#trouble !== text) log.warn({ err: error }, 'confirmations do not go out')
      this.#trouble = text
      // If that fails as well, the heartbeat says it.
      if (stations.length > 0) await unclaim(stations).catch(() => {})
    }
  }

  async #say(stations: readonly StationKey[]): Promise<void> {
    const { places, publish, clock } = this.#options
    const byTopic = new Map<string, Progress[]>()
    for (const progress of await places(stations)) {
      const topic = confirmedTopic(progress)
      byTopic.set(topic, [...(byTopic.get(topic) ?? []), progress])
    }
    const at = new Date(clock.wall()).toISOString()
    for (const [topic, logs] of byTopic) {
      const message = messageOf(logs, at)
      if (message === undefined) continue
      await publish(topic, JSON.stringify(message))
      this.#said += 1
    }
  }
}

/** @param logs heard last, first */
function messageOf(logs: readonly Progress[], at: string): ConfirmedMessage | undefined {
  const [newest, ...others] = logs.map(({ place }) => place)
  if (newest === undefined) return undefined
  return { schema: 'poincon.confirmed/1', at, ...newest, others: others.slice(0, MAX_OTHERS) }
}
