import { z } from 'zod'
import type { Rollout, Stage } from '../targets.ts'

const ENDED = ['committed', 'rolled_back', 'failed'] as const

/** What a device says on `poincon/<site>/<line>/<station>/update`; what else it says is not needed here. */
export const updateReport = z.looseObject({
  schema: z.literal('poincon.update/1'),
  device_id: z.string().min(1).max(64),
  state: z.string().max(32),
  kind: z.string().max(32),
  /** Absent: the only one of this kind and version that is rolled out. */
  name: z.string().max(64).optional(),
  to: z.string().max(128).optional(),
  since: z.string().max(64),
  channel: z.string().max(64).optional(),
  failure: z.string().max(2000).optional(),
})
export type UpdateReport = Readonly<z.infer<typeof updateReport>>

/** How a station's last attempt at a release ended. */
export const outcomeSchema = z.strictObject({
  device_id: z.string(),
  state: z.enum(ENDED),
  /** By the device's clock: only to tell one report from the next. */
  since: z.string(),
  /** By the publisher's clock, when it was first heard of. */
  seen_at: z.iso.datetime(),
  failure: z.string().optional(),
})
export type Outcome = Readonly<z.infer<typeof outcomeSchema>>

/** By channel, by release key, by station (`site/line/station`). */
export const outcomesSchema = z.record(z.string(), z.record(z.string(), z.record(z.string(), outcomeSchema)))
export type Outcomes = z.infer<typeof outcomesSchema>

export interface Heard {
  readonly channel: string
  readonly key: string
  readonly outcome: Outcome
}

/**
 * The release a report is about, and how it ended.
 * @returns undefined while it goes on, and for what is not rolled out
 */
export function outcomeOf(
  report: UpdateReport,
  rollouts: ReadonlyMap<string, Rollout>,
  wallMs: number,
): Heard | undefined {
  const state = ENDED.find((ended) => ended === report.state)
  if (state === undefined || report.to === undefined) return undefined
  const found = [...rollouts].flatMap(([channel, { releases }]) =>
    Object.keys(releases).flatMap((key) => {
      const [kind, name, version] = key.split('/')
      const same =
        kind === report.kind && version === report.to && (report.name === undefined || report.name === name)
      return same && (report.channel === undefined || report.channel === channel) ? [{ channel, key }] : []
    }),
  )
  const [only] = found
  // Two that it may be: counted on neither rather than on the wrong one.
  if (only === undefined || found.length > 1) return undefined
  const { device_id, since, failure } = report
  const seen_at = new Date(wallMs).toISOString()
  return {
    ...only,
    outcome: { device_id, state, since, seen_at, ...(failure === undefined ? {} : { failure }) },
  }
}

/** @returns whether it is the same report as before: a retained message that came again */
export function isRepeat(before: Outcome | undefined, now: Outcome): boolean {
  return (
    before !== undefined &&
    before.device_id === now.device_id &&
    before.state === now.state &&
    before.since === now.since
  )
}

/** What has become of a stage so far. */
export interface Tally {
  readonly tried: number
  readonly failed: number
  /** Share of those that tried, 0 to 1; 0 when nobody has. */
  readonly rate: number
  /** Stations whose last attempt did not succeed. */
  readonly stations: readonly string[]
  /** It has lost more than it may. */
  readonly halt: boolean
}

/**
 * Counts how the stations of a stage fared. Only what was first heard of since the stage began counts, by the
 * publisher's clock: a device's own may be years off.
 * @param minimum no stage halts before so many have tried
 */
export function tally(stage: Stage, outcomes: Readonly<Record<string, Outcome>>, minimum: number): Tally {
  const from = Date.parse(stage.from)
  const counted = Object.entries(outcomes).filter(([, { seen_at }]) => Date.parse(seen_at) >= from)
  const stations = counted.filter(([, { state }]) => state !== 'committed').map(([station]) => station)
  const tried = counted.length
  const rate = tried === 0 ? 0 : stations.length / tried
  return {
    ...{ tried, failed: stations.length, rate, stations: stations.sort() },
    halt: stage.state === 'running' && tried >= minimum && rate > stage.failure_limit,
  }
}
