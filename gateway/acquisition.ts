import type { Clock } from '../drivers/clock.ts'
import type { Gate } from '../drivers/gate/gate.ts'
import type { CountedPart, PartCounters } from './health/counters.ts'
import { type Inspected, notInspected, undecided } from './inspect.ts'
import type { Judgement, Trigger, UngradedReason } from './inspection.ts'
import type { Log } from './log.ts'
import type { OutboxEntry } from './outbox.ts'
import type { Unit, UnitStatus } from './station.ts'

/** A part that has been decided, as it is to be recorded. */
export interface DecidedPart {
  readonly trigger: Trigger
  readonly inspected: Inspected
  /** The decision that the gate was told; `inspected.judgement` may have come too late to be it. */
  readonly judgement: Judgement
  /** From the trigger to the gate's command, ms. */
  readonly latencyMs: number
  /** Monotonic ms at which the gate was told. */
  readonly decidedAt: number
}

/** How long a part may be looked at. */
export interface LookTime {
  /** Until its deadline, ms. */
  readonly leftMs: () => number
  /** Whether another part has come: one that stood still has moved on. */
  readonly nextWaits: () => boolean
  /** Told when what follows only makes it surer: the next part need not wait for it. */
  readonly enough: () => void
}

/** What acquisition needs of the rest of the station. */
export interface AcquisitionOptions {
  readonly clock: Clock
  readonly log: Log
  readonly gate: Gate
  /** Everything but the gate. */
  readonly dryRun: boolean
  readonly limits: {
    /** Parts that may wait for the heads. */
    readonly waiting: number
    /** Inspections that may wait for the disk: from there on no part passes, from twice that on none is recorded. */
    readonly appending: number
  }
  /** From the trigger to the gate, ms, by the recipe in force. */
  readonly deadlineMs: () => number
  /** Why no part can be looked at now, if none can: it is turned away for it. */
  readonly obstacle?: () => UngradedReason | undefined
  /** Asks the heads and judges; what a sensor does is in the judgement, never an exception. */
  readonly inspect: (trigger: Trigger, signal: AbortSignal, time: LookTime) => Promise<Inspected>
  /** Whether the store may take a record later that it refused with this error. */
  readonly retry: (error: unknown) => boolean
  /** Whether the store takes inspections: while it does not, no part passes. */
  readonly storable: () => boolean
  /** Makes the record of a part, once. What it returns makes it durable, and is called again when that failed. */
  readonly record: (part: DecidedPart) => () => Promise<OutboxEntry>
  /** Called with what is on disk. */
  readonly stored: (entry: OutboxEntry, part: DecidedPart) => void
  readonly counters: PartCounters
  /** Called with every trigger's number before the gate can move. */
  readonly seen: (trigger: number) => void
  /** Called when the gate has been told, before the record is made. */
  readonly decided: (part: DecidedPart) => void
  /** Calls `fire` for every part until the signal aborts. */
  readonly source: (fire: Fire, signal: AbortSignal) => Promise<void>
  readonly sourceName: Trigger['source']
}

/** A part, as whatever saw it tells of it. */
export interface SeenPart {
  /** The name the line gives it, where it has one. */
  readonly sampleId?: string | undefined
  /** The inspection that this one repeats. */
  readonly reinspects?: string | undefined
  /** Monotonic ms at which it was seen; default: now. */
  readonly at?: number | undefined
}

/** One part has come; resolves with its record when that is on disk. */
export type Fire = (part?: SeenPart) => Promise<OutboxEntry>

interface Part {
  readonly trigger: Trigger
  readonly counted: CountedPart
  readonly deadlineAt: number
  readonly recorded: (record: Promise<OutboxEntry>) => void
  /** The heads were looking at another part when it came. */
  readonly waited: boolean
  cancelDeadline: () => void
  measuring: boolean
  decision: Pick<DecidedPart, 'judgement' | 'latencyMs' | 'decidedAt'> | undefined
}

/** A store that refused is asked again this often: nothing that was decided is given up. */
const RETRY_APPEND_MS = 500

/** A part without a decision so long after its deadline: whatever decides does not work any more. */
const OVERDUE_MS = 1000

/**
 * The loop of the station: every trigger is one part, and every part ends in exactly one of accept, reject and
 * hold, at the latest when its deadline passes. The gate is told first; the record is made durable after.
 */
export class Acquisition implements Unit {
  readonly name = 'acquisition'
  readonly #options: AcquisitionOptions
  readonly #waiting: Part[] = []
  readonly #ended = new AbortController()
  readonly #records = new Set<Promise<unknown>>()
  #triggers = 0
  #lastTriggerAt: number | undefined
  #measuring: Promise<void> | undefined
  #source: Promise<void> = Promise.resolve()
  #refused = false
  #expired = new AbortController()
  /** How long the last part was looked at that was decided in time, as far as it had to be. */
  #lookMs = 0
  /** Parts without a decision, oldest first. */
  readonly #undecided = new Set<Part>()
  #looking: Part | undefined
  #cycles = 0

  constructor(options: AcquisitionOptions) {
    this.#options = options
  }

  start(): Promise<void> {
    const { source, sourceName, log } = this.#options
    const { signal } = this.#ended
    this.#source = source((part) => this.trigger(sourceName, part), signal).catch((error: unknown) => {
      if (!signal.aborted) log.error({ err: error }, 'the trigger source ended')
    })
    return Promise.resolve()
  }

  /** Takes no new part, ends the one under the heads, leaves the gate safe, and waits for the disk. */
  async stop(): Promise<void> {
    this.#ended.abort()
    await this.#source
    for (const part of this.#waiting.splice(0)) this.#turnAway(part)
    await this.#measuring
    this.#options.gate.safe()
    await Promise.allSettled(this.#records)
  }

  /** One part has come. @returns its record, when it is on disk */
  trigger(
    source: Trigger['source'],
    { sampleId, reinspects, at: seenAt }: SeenPart = {},
  ): Promise<OutboxEntry> {
    const { clock, counters, limits, dryRun, gate, seen } = this.#options
    this.#triggers += 1
    const at = seenAt ?? clock.now()
    this.#lastTriggerAt = at
    const deadlineAt = at + this.#deadlineMs()
    let recorded: Part['recorded'] = () => {}
    const record = new Promise<OutboxEntry>((resolve) => {
      recorded = resolve
    })
    // Whoever triggers need not wait for the disk; a record that fails is logged and counted here.
    record.catch(() => {})
    const part: Part = {
      trigger: {
        ...{ number: this.#triggers, at, source },
        ...(sampleId === undefined ? {} : { sampleId }),
        ...(reinspects === undefined ? {} : { reinspects }),
      },
      counted: counters.triggered(),
      deadlineAt,
      recorded,
      waited: this.#measuring !== undefined,
      cancelDeadline: () => {},
      measuring: false,
      decision: undefined,
    }
    this.#undecided.add(part)
    seen(part.trigger.number)
    if (!dryRun) gate.expect(part.trigger.number, at)
    const obstacle = this.#options.obstacle?.()
    if (obstacle !== undefined) {
      this.#turnAway(part, obstacle)
    } else if (this.#ended.signal.aborted || this.#waiting.length >= limits.waiting) {
      this.#turnAway(part)
    } else {
      part.cancelDeadline = clock.after(deadlineAt - clock.now(), () => this.#expire(part))
      this.#waiting.push(part)
      this.#measuring ??= this.#measureWaiting()
    }
    return record
  }

  /** The recipe's, but never later than the part reaches the gate. */
  #deadlineMs(): number {
    const { deadlineMs, dryRun, gate } = this.#options
    return Math.min(
      deadlineMs(),
      dryRun ? Number.POSITIVE_INFINITY : (gate.decideWithinMs ?? Number.POSITIVE_INFINITY),
    )
  }

  /** Whether a part is under the heads. */
  get busy(): boolean {
    return this.#measuring !== undefined
  }

  /** Parts that came, and are not decided. */
  get undecided(): number {
    return this.#undecided.size
  }

  /** Inspections that were decided, and are not on disk. */
  get recording(): number {
    return this.#records.size
  }

  /** Monotonic ms at which the last part was seen; undefined: none has come. */
  get lastTriggerAt(): number | undefined {
    return this.#lastTriggerAt
  }

  /** Whether every part is decided when it should be: what the gate's relay is kept up for. */
  get alive(): boolean {
    if (this.#ended.signal.aborted) return false
    const [oldest] = this.#undecided
    return oldest === undefined || this.#options.clock.now() - oldest.deadlineAt < OVERDUE_MS
  }

  /** Looks that have ended since the start. */
  get cycles(): number {
    return this.#cycles
  }

  /** Whether the look under the heads has outlived its part's deadline: what it waits for does not come any more. */
  get stuck(): boolean {
    const part = this.#looking
    return part !== undefined && this.#options.clock.now() - part.deadlineAt >= OVERDUE_MS
  }

  /** Resolves when no part is under the heads. */
  idle(): Promise<void> {
    return this.#measuring ?? Promise.resolve()
  }

  /** A person has dealt with the held part. */
  resumeLine(): void {
    this.#options.gate.resumeLine()
  }

  status(): UnitStatus {
    const { dryRun, storable, gate } = this.#options
    const facts = { dry_run: dryRun, waiting: this.#waiting.length, line_stopped: gate.lineStopped }
    if (!storable()) return { state: 'failed', detail: 'the store takes nothing: parts are held', facts }
    if (gate.lineStopped) return { state: 'degraded', detail: 'a held part stopped the line', facts }
    return { state: 'ok', facts }
  }

  /** One part at a time, in belt order: the heads cannot look at two. */
  async #measureWaiting(): Promise<void> {
    for (let part = this.#waiting.shift(); part !== undefined; part = this.#waiting.shift()) {
      if (part.decision !== undefined) continue
      if (this.#comesTooLate(part)) {
        this.#turnAway(part)
        continue
      }
      part.measuring = true
      this.#looking = part
      const inspected = await this.#look(part)
      this.#looking = undefined
      this.#decide(part, inspected.judgement)
      this.#record(part, inspected)
      this.#cycles += 1
    }
    this.#measuring = undefined
  }

  async #look(part: Part): Promise<Inspected> {
    const { trigger, deadlineAt } = part
    const { inspect, log, clock } = this.#options
    const since = clock.now()
    let enoughAt: number | undefined
    try {
      const inspected = await inspect(trigger, this.#deadlineSignal(), {
        leftMs: () => deadlineAt - clock.now(),
        nextWaits: () => this.#waiting.length > 0,
        enough: () => {
          enoughAt ??= clock.now()
        },
      })
      if (part.decision === undefined) this.#lookMs = (enoughAt ?? clock.now()) - since
      return inspected
    } catch (error) {
      log.error({ err: error, trigger: trigger.number }, 'an inspection broke')
      return notInspected(undecided('sensor-failed'))
    }
  }

  /** One part is looked at at a time, so one controller serves until a part's deadline used it up. */
  #deadlineSignal(): AbortSignal {
    if (this.#expired.signal.aborted) this.#expired = new AbortController()
    return this.#expired.signal
  }

  /** To look at a part that waited too long to be finished in time would only make the one behind it late as well. */
  #comesTooLate({ waited, deadlineAt }: Part): boolean {
    return waited && deadlineAt - this.#options.clock.now() <= this.#lookMs
  }

  /** The deadline has passed: the gate acts now; the record follows when the heads have let go. */
  #expire(part: Part): void {
    if (part.measuring) {
      this.#decide(part, undecided('late'))
      this.#expired.abort()
    } else {
      this.#turnAway(part)
    }
  }

  #turnAway(part: Part, reason: UngradedReason = 'busy'): void {
    const judgement = undecided(reason)
    this.#decide(part, judgement)
    this.#record(part, notInspected(judgement))
  }

  /** Tells the gate, once: the first decision about a part stands. */
  #decide(part: Part, proposed: Judgement): void {
    if (part.decision !== undefined) return
    part.cancelDeadline()
    this.#undecided.delete(part)
    const { clock, dryRun, gate, limits, storable } = this.#options
    const full = !storable() || this.#records.size >= limits.appending
    const wanted = full ? undecided('storage-full', 'hold') : proposed
    const inTime = dryRun || gate.act(wanted.verdict.action, part.trigger.number) === 'in-time'
    // The gate rejected what was in front of it before its verdict came: that is what was done with the part.
    const judgement = inTime || wanted.verdict.action === 'reject' ? wanted : undecided('late')
    const { action } = judgement.verdict
    if (action === 'hold' && !dryRun && !gate.holdLane) gate.stopLine()
    const decidedAt = clock.now()
    part.decision = { judgement, decidedAt, latencyMs: decidedAt - part.trigger.at }
    part.counted.decide(action, judgement.verdict.kind === 'ungraded' ? judgement.verdict.reasons : [])
  }

  #record(part: Part, inspected: Inspected): void {
    if (part.decision === undefined) return
    if (this.#records.size >= 2 * this.#options.limits.appending) {
      part.counted.lost()
      part.recorded(Promise.reject(new Error('too many records wait for the disk')))
      return
    }
    const decided = { ...part.decision, trigger: part.trigger, inspected }
    this.#options.decided(decided)
    const record = this.#append(decided, part.counted)
    this.#records.add(record)
    part.recorded(record)
    record.finally(() => this.#records.delete(record)).catch(() => {})
  }

  /** @throws when no record can be made of the part, or the station stops before it is stored: it is lost, and said */
  async #append(decided: DecidedPart, counted: CountedPart): Promise<OutboxEntry> {
    const { record, stored, log } = this.#options
    let entry: OutboxEntry
    try {
      entry = await this.#untilStored(record(decided))
    } catch (error) {
      counted.lost()
      log.error({ err: error, trigger: decided.trigger.number }, 'decided, and not recorded')
      throw error
    }
    counted.stored()
    stored(entry, decided)
    return entry
  }

  /** Tries until the store takes it. @throws what the store says, when that is for ever or the station stops */
  async #untilStored(append: () => Promise<OutboxEntry>): Promise<OutboxEntry> {
    const { clock, log, retry } = this.#options
    for (;;) {
      try {
        const entry = await append()
        if (this.#refused) log.info({ sequence: entry.sequence }, 'the store takes inspections again')
        this.#refused = false
        return entry
      } catch (error) {
        if (this.#ended.signal.aborted || !retry(error)) throw error
        if (!this.#refused) log.error({ err: error }, 'the store refuses inspections: parts are held')
        this.#refused = true
        await clock.sleep(RETRY_APPEND_MS, this.#ended.signal).catch(() => {})
      }
    }
  }
}
