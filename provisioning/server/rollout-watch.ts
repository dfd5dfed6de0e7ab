import { connect, type IClientOptions, type MqttClient } from 'mqtt'
import type { Clock } from '../../drivers/clock.ts'
import { backoffMs } from '../../gateway/backoff.ts'
import { messageOf } from './repo-error.ts'
import type { RepoFolder } from './repo-folder.ts'
import type { Signer } from './repo-keys.ts'
import { withLock } from './repo-lock.ts'
import { ROLLOUT } from './repo-metadata.ts'
import { publish } from './repo-publish.ts'
import { changeStage, readRollouts } from './rollout.ts'
import { kept, readOutcomes, writeOutcomes } from './rollout-memory.ts'
import {
  isRepeat,
  type Outcomes,
  outcomeOf,
  tally,
  type UpdateReport,
  updateReport,
} from './rollout-tally.ts'

/** Every station's. */
export const UPDATE_TOPICS = 'poincon/+/+/+/update'
const LONGEST_REPORT_BYTES = 64 * 1024
/** Stations that one release keeps in mind; a broker that lets anybody write could name more. */
const MOST_STATIONS = 100_000

/** What the watch says; one line each. */
export type WatchEvent =
  | { readonly event: 'connected' | 'disconnected' }
  | {
      readonly event: 'outcome'
      readonly channel: string
      readonly key: string
      readonly station: string
      readonly state: string
      readonly tried: number
      readonly failed: number
      readonly failure?: string
    }
  | {
      readonly event: 'halted'
      readonly channel: string
      readonly key: string
      readonly tried: number
      readonly failed: number
      readonly failure_limit: number
      readonly stations: readonly string[]
    }
  | { readonly event: 'error'; readonly message: string; readonly retry_in_ms?: number }

export interface WatchOptions {
  readonly folder: RepoFolder
  readonly signers: readonly Signer[]
  /** No stage halts before so many stations have tried. */
  readonly minimum: number
  readonly clock: Clock
  readonly random: () => number
  readonly tell: (event: WatchEvent) => void
}

/**
 * Listens to how devices fare, and halts a stage that loses more than it may: signed, published, remembered. It never
 * resumes one.
 */
export class RolloutWatch {
  readonly #options: WatchOptions
  #outcomes: Outcomes = {}
  #queue: Promise<void> = Promise.resolve()
  #client: MqttClient | undefined
  readonly #ended = new AbortController()

  constructor(options: WatchOptions) {
    this.#options = options
  }

  /** Reads what it knew, then listens until `close`. A broker that is away is tried again. */
  async start(url: string, mqtt: IClientOptions = {}): Promise<void> {
    this.#outcomes = await readOutcomes(this.#options.folder)
    const client = connect(url, { protocolVersion: 5, reconnectPeriod: 2000, ...mqtt, clean: true })
    this.#client = client
    client.on('connect', () => {
      this.#options.tell({ event: 'connected' })
      client.subscribe(UPDATE_TOPICS, { qos: 1 }, (error) => {
        if (error) this.#options.tell({ event: 'error', message: `${UPDATE_TOPICS}: ${error.message}` })
      })
    })
    client.on('close', () => this.#options.tell({ event: 'disconnected' }))
    client.on('error', (error) => this.#options.tell({ event: 'error', message: error.message }))
    client.on('message', (topic, payload) => this.#heard(topic, payload))
    // What was heard before a crash and not yet acted on.
    this.#then(() => this.#judgeAll())
  }

  /** Ends it; what was heard is written. */
  async close(): Promise<void> {
    this.#ended.abort()
    await this.#client?.endAsync(true)
    await this.#queue
  }

  /** One thing after the other, each tried until it is done. */
  #then(work: () => Promise<void>): void {
    this.#queue = this.#queue.then(() => this.#untilDone(work))
  }

  async #untilDone(work: () => Promise<void>): Promise<void> {
    const { clock, random, tell } = this.#options
    for (let failures = 1; ; failures++) {
      try {
        await work()
        return
      } catch (error) {
        if (this.#ended.signal.aborted) return
        const wait = backoffMs(failures, { firstMs: 500, longestMs: 60_000 }, random)
        tell({ event: 'error', message: messageOf(error), retry_in_ms: Math.round(wait) })
        await clock.sleep(wait, this.#ended.signal).catch(() => {})
      }
    }
  }

  #heard(topic: string, payload: Buffer): void {
    const [, site, line, station] = topic.split('/')
    if (payload.length === 0 || payload.length > LONGEST_REPORT_BYTES) return
    const report = updateReport.safeParse(parsed(payload))
    if (report.success) this.#then(() => this.#took(`${site}/${line}/${station}`, report.data))
  }

  async #took(station: string, report: UpdateReport): Promise<void> {
    const { folder, clock, tell, minimum } = this.#options
    const rollouts = await readRollouts(folder)
    const heard = outcomeOf(report, rollouts, clock.wall())
    if (heard === undefined) return
    const { channel, key, outcome } = heard
    const known = this.#outcomes[channel]?.[key] ?? {}
    if (isRepeat(known[station], outcome)) return
    if (known[station] === undefined && Object.keys(known).length >= MOST_STATIONS) return
    const stations = { ...known, [station]: outcome }
    const outcomes = kept(this.#outcomes, rollouts)
    outcomes[channel] = { ...outcomes[channel], [key]: stations }
    // On disk before it counts: a watch that starts again knows what this one knew.
    await writeOutcomes(folder, outcomes)
    this.#outcomes = outcomes
    const stage = rollouts.get(channel)?.releases[key]
    if (stage === undefined) return
    const now = tally(stage, stations, minimum)
    const { tried, failed } = now
    const { failure, state } = outcome
    tell({
      ...{ event: 'outcome', channel, key, station, state, tried, failed },
      ...(failure === undefined ? {} : { failure }),
    })
    if (now.halt) await this.#halt(channel, key)
  }

  async #judgeAll(): Promise<void> {
    const { folder, minimum } = this.#options
    for (const [channel, { releases }] of await readRollouts(folder)) {
      for (const [key, stage] of Object.entries(releases)) {
        if (tally(stage, this.#outcomes[channel]?.[key] ?? {}, minimum).halt) await this.#halt(channel, key)
      }
    }
  }

  /** Under the lock, judged again: somebody at a terminal may have halted or resumed it meanwhile. */
  async #halt(channel: string, key: string): Promise<void> {
    const { folder, signers, clock, tell, minimum } = this.#options
    await withLock(folder.dir, async () => {
      const stage = (await readRollouts(folder)).get(channel)?.releases[key]
      if (stage === undefined) return
      const now = tally(stage, this.#outcomes[channel]?.[key] ?? {}, minimum)
      if (!now.halt) return
      const wallMs = clock.wall()
      await changeStage(folder, { channel, key, state: 'halted', wallMs })
      await publish(folder, { signers, wallMs, roles: [ROLLOUT] })
      tell({
        ...{ event: 'halted', channel, key, tried: now.tried, failed: now.failed },
        ...{ failure_limit: stage.failure_limit, stations: now.stations },
      })
    })
  }
}

function parsed(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8'))
  } catch {
    return undefined
  }
}
