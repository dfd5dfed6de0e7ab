import { systemClock } from '../drivers/clock.ts'
import type { Climate } from '../drivers/environment/climate.ts'
import type { Acquisition, DecidedPart } from './acquisition.ts'
import { judge } from './analysis/judge.ts'
import type { AnomalyScorer } from './anomaly.ts'
import type { ClockDiscipline } from './clock-discipline.ts'
import type { FeedHub } from './feed.ts'
import type { FirstPart } from './first-part.ts'
import type { GoldenKeeper } from './golden-keeper.ts'
import type { Metrics } from './health/metrics.ts'
import type { HeldParts } from './held-parts.ts'
import type { Identity } from './identity.ts'
import { inspect, type MeasuringHead } from './inspect.ts'
import type { Trigger } from './inspection.ts'
import { InspectionIds } from './inspection-ids.ts'
import { type BeltTravel, lookingHeads } from './look-plan.ts'
import type { InspectionDraft } from './message.ts'
import type { OutboxEntry } from './outbox.ts'
import type { Preview } from './preview.ts'
import type { QualityWatch } from './quality.ts'
import { conditionsOf } from './raw.ts'
import { recordOf } from './record.ts'
import { architectureOf } from './rejudge/architecture.ts'
import type { Player } from './replay/player.ts'
import type { InForce, Setup } from './setup.ts'
import { StoreError } from './store/error.ts'
import type { EvidenceStore } from './store/evidence.ts'
import type { Store } from './store/store.ts'

/** What a part is judged and recorded with. */
export interface JudgingParts {
  readonly identity: Identity
  readonly version: string
  readonly setup: Setup
  readonly store: Store
  readonly metrics: Metrics
  readonly feed: FeedHub
  readonly discipline: ClockDiscipline
  /** What is watched over the parts. */
  readonly quality: Pick<QualityWatch, 'decided' | 'stored'>
  readonly firstPart: Pick<FirstPart, 'over'>
  /** How unlike the good parts of this station a part is, where that was learnt. */
  readonly anomalies: AnomalyScorer
  /** Keeps the pictures that verdicts were given by. */
  readonly evidence: Pick<EvidenceStore, 'keep'>
  readonly dryRun: boolean
}

type Judging = Pick<
  ConstructorParameters<typeof Acquisition>[0],
  'inspect' | 'storable' | 'retry' | 'seen' | 'decided' | 'record' | 'stored'
>

/** What parts are measured with, and who is told of them. */
export interface Sources {
  readonly heads: readonly MeasuringHead[]
  readonly player: Player | undefined
  /** Around the station, where it is known. */
  readonly climate: () => Climate | undefined
  readonly preview: Preview
  readonly held: HeldParts
  readonly golden: Pick<GoldenKeeper, 'inspected'>
  /** The camera: asked where the recipe judges by it. */
  readonly lens: MeasuringHead
  /** Where the belt has an encoder. */
  readonly travel: BeltTravel | undefined
}

/** What a part is judged with, whatever has been selected since. */
interface Moment {
  readonly inForce: InForce
  /** Of the trigger, ms since 1970. */
  readonly wallMs: number
  readonly climate: Climate | undefined
}

/** A part is recorded with what was in force when it was judged, whatever has been selected since. */
export function judging(
  parts: JudgingParts,
  { heads, player, climate, preview, held, golden, lens, travel }: Sources,
): Judging {
  const {
    identity,
    version,
    setup,
    store,
    metrics,
    feed,
    discipline,
    quality,
    anomalies,
    firstPart,
    evidence,
    dryRun,
  } = parts
  const clock = systemClock
  const ids = new InspectionIds()
  const architecture = architectureOf(process)
  const judgedBy = new WeakMap<Trigger, Moment>()
  const nowInForce = (): InForce =>
    player === undefined ? setup.inForce : setup.inForceOver(player.tray(setup.tray))
  const momentOf = (trigger: Trigger): Moment => ({
    inForce: nowInForce(),
    wallMs: clock.wall() - (clock.now() - trigger.at),
    climate: player === undefined ? climate() : undefined,
  })
  return {
    inspect: (trigger, signal, time) => {
      const moment = momentOf(trigger)
      judgedBy.set(trigger, moment)
      const { inForce } = moment
      const { shape, camera } = inForce.recipe.recipe
      const conditions = conditionsOf(moment)
      const looking = lookingHeads(heads, { shape, at: trigger.at, time, clock, travel })
      return inspect(
        trigger,
        camera === undefined ? looking : [...looking, lens],
        (evidence) => firstPart.over(judge(inForce.plan, { ...evidence, conditions })),
        signal,
      )
    },
    storable: () => store.storable,
    retry: (error) => error instanceof StoreError && PASSING.has(error.fault),
    seen: (trigger) => {
      preview.makeWay()
      store.noteTrigger(trigger)
    },
    decided: (part) => {
      metrics.decided(decisionOf(part))
      preview.measured(part.inspected.observation.measurements)
      if (part.judgement.verdict.action === 'hold') held.held()
      quality.decided(part)
      golden.inspected()
    },
    record: (part) => {
      const { inForce, wallMs, climate: around } = judgedBy.get(part.trigger) ?? momentOf(part.trigger)
      const { draft, raw } = recordOf(part, {
        id: ids.next(),
        identity,
        software: version,
        inForce,
        architecture,
        anomaly: anomalies.score(part.inspected.judgement, inForce.recipe.recipe),
        clock: discipline.state,
        wallMs,
        dryRun,
        climate: around,
      })
      const { sight } = part.inspected.evidence
      const kept =
        sight?.jpeg === undefined
          ? undefined
          : evidence.keep(sight.picture, sight.jpeg, part.judgement.verdict.action)
      return async () => {
        // Whoever is told of an inspection finds its picture.
        const [entry] = await Promise.all([append(store, draft, raw, part.trigger.number), kept])
        return entry
      }
    },
    stored: (entry, part) => {
      metrics.appended(clock.now() - part.decidedAt)
      feed.emit({ type: 'inspection', inspection: entry })
      quality.stored(entry, part)
    },
  }
}

/** What a store refuses for now. Anything else it would refuse for ever. */
const PASSING: ReadonlySet<string> = new Set(['full', 'io', 'locked', 'overloaded', 'failed'])

/** A commit that failed may have reached the disk all the same: then the record is there already. */
async function append(
  store: Store,
  draft: InspectionDraft,
  raw: Uint8Array,
  trigger: number,
): Promise<OutboxEntry> {
  try {
    return await store.append(draft, raw, trigger)
  } catch (error) {
    const stored =
      error instanceof StoreError && error.fault === 'duplicate' ? await store.get(draft.id) : undefined
    if (stored === undefined) throw error
    return stored
  }
}

function decisionOf({
  judgement,
  inspected,
  latencyMs,
  decidedAt,
}: DecidedPart): Parameters<Metrics['decided']>[0] {
  const { verdict } = judgement
  const read = [...inspected.observation.measurements.values()].map(({ takenAt }) => takenAt)
  return {
    action: verdict.action,
    latencyMs,
    ...(read.length === 0 ? {} : { decisionMs: Math.max(0, decidedAt - Math.max(...read)) }),
    ...(verdict.kind === 'graded' ? { grade: verdict.grade, reasons: [] } : { reasons: verdict.reasons }),
  }
}
