import type { KeyObject } from 'node:crypto'
import type { Clock } from '../../drivers/clock.ts'
import type { Log } from '../log.ts'
import type { Unit, UnitStatus } from '../station.ts'
import {
  type Checkpoint,
  type CheckpointReason,
  checkpointId,
  checkpointRecord,
  signatureProblem,
  signed,
} from './checkpoint.ts'
import { type DeviceKey, keyId, trusting } from './device-key.ts'
import type { ChainEnd } from './stored-chain.ts'

/** Where checkpoints are kept. */
export interface CheckpointDocuments {
  save(
    kind: 'checkpoint',
    document: { readonly id: string; readonly at: string; readonly open: boolean; readonly value: unknown },
  ): Promise<void>
  /** Those with the greatest ids, greatest first. */
  lastById(kind: 'checkpoint', limit: number): Promise<readonly { readonly value: unknown }[]>
}

export interface CheckpointsParts {
  readonly deviceId: string
  readonly documents: CheckpointDocuments
  /** Made or found when the station starts. */
  readonly key: () => Promise<DeviceKey>
  readonly end: () => Promise<ChainEnd>
  readonly everyInspections: number
  readonly everyMs: number
  /** Told of each one that is on disk: whoever publishes it. Never throws. */
  readonly taken?: (checkpoint: Checkpoint) => void
  readonly clock: Clock
  readonly log: Log
}

/** How often the end of the log is looked at, ms. */
const LOOK_MS = 1000
/** What failed is tried again after this, ms. */
const RETRY_MS = 30_000

/**
 * Signs the end of the chain: at start, every so many inspections or minutes, and last of all at a clean stop. Start it
 * before whatever appends: units stop in reverse.
 */
export class Checkpoints implements Unit {
  readonly name = 'checkpoints'
  readonly #parts: CheckpointsParts
  #key: DeviceKey | undefined
  #last: Checkpoint | undefined
  /** By the monotonic clock. */
  #lastAt = 0
  #fault: string | undefined
  /** The end as it was found: what is signed first, also where that works only after something was appended. */
  #found: ChainEnd | undefined
  /** What was found at start to have happened meanwhile. */
  #finding: string | undefined
  #cancel: (() => void) | undefined
  #busy: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(parts: CheckpointsParts) {
    this.#parts = parts
  }

  /** The newest one that is on disk. */
  get last(): Checkpoint | undefined {
    return this.#last
  }

  /** What signatures are to be checked with; undefined while there is no key. */
  get publicKey(): KeyObject | undefined {
    return this.#key?.publicKey
  }

  /** Resolves also where nothing can be signed: parts are inspected all the same, and the status says so. */
  async start(): Promise<void> {
    await this.#try('interval')
    this.#wait()
  }

  /** Signs the end. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel?.()
    await this.#busy
    await this.#try('stop')
  }

  status(): UnitStatus {
    const last = this.#last
    const facts = {
      ...(this.#key === undefined ? {} : { key_id: keyId(this.#key.publicKey) }),
      ...(last === undefined ? {} : { number: last.number, sequence: last.sequence, at: last.at }),
    }
    const detail = this.#fault ?? this.#finding
    return detail === undefined ? { state: 'ok', facts } : { state: 'degraded', detail, facts }
  }

  #wait(): void {
    if (this.#stopped) return
    const restMs = this.#fault === undefined ? LOOK_MS : RETRY_MS
    this.#cancel = this.#parts.clock.after(restMs, () => {
      this.#busy = this.#try('interval').then(() => this.#wait())
    })
  }

  /** Never rejects. */
  async #try(reason: CheckpointReason): Promise<void> {
    try {
      if (this.#key === undefined) await this.#open()
      if (this.#found !== undefined) {
        await this.#sign('start', this.#found)
        this.#found = undefined
      }
      const end = await this.#parts.end()
      if (reason === 'stop' || this.#isDue(end)) await this.#sign(reason, end)
      this.#fault = undefined
    } catch (err) {
      const detail = `the chain is not signed: ${err instanceof Error ? err.message : String(err)}`
      if (detail !== this.#fault) this.#parts.log.warn({ err }, 'the chain is not signed')
      this.#fault = detail
    }
  }

  async #open(): Promise<void> {
    const { documents, log } = this.#parts
    const end = this.#found ?? (await this.#parts.end())
    this.#found = end
    const key = await this.#parts.key()
    const [newest] = await documents.lastById('checkpoint', 1)
    const last = newest === undefined ? undefined : checkpointRecord.parse(newest.value)
    this.#finding = last === undefined ? undefined : foundBehind(last, end, key)
    if (this.#finding !== undefined) log.error({ number: last?.number }, this.#finding)
    this.#last = last
    this.#key = key
  }

  async #sign(reason: CheckpointReason, end: ChainEnd): Promise<void> {
    const { clock, documents, deviceId, taken } = this.#parts
    if (this.#key === undefined) return
    const at = new Date(clock.wall()).toISOString()
    const checkpoint = await signed({ device_id: deviceId, ...end, reason, at }, this.#last, this.#key)
    const id = checkpointId(checkpoint.number)
    await documents.save('checkpoint', { id, at, open: false, value: checkpoint })
    this.#last = checkpoint
    this.#lastAt = clock.now()
    taken?.(checkpoint)
  }

  #isDue({ count }: ChainEnd): boolean {
    const { everyInspections, everyMs, clock } = this.#parts
    const fresh = count - (this.#last?.count ?? 0)
    return fresh >= everyInspections || (fresh > 0 && clock.now() - this.#lastAt >= everyMs)
  }
}

/** What the log must have come to since its newest checkpoint, by anybody but a run of this station. */
function foundBehind(last: Checkpoint, end: ChainEnd, key: DeviceKey): string | undefined {
  const where = `checkpoint ${last.number} (sequence ${last.sequence} of epoch ${last.epoch})`
  const problem = signatureProblem(last, trusting([key.publicKey]))
  if (problem !== undefined) return `${where}: ${problem}: run poincon verify`
  if (end.count < last.count) return `the log ends before ${where}: run poincon verify`
  if (last.reason !== 'stop' || last.epoch !== end.epoch) return undefined
  const same = end.count === last.count && end.hash === last.hash
  return same
    ? undefined
    : `the log was changed behind ${where}, while the station did not run: run poincon verify`
}
