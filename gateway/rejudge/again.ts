import { judge, type Plan } from '../analysis/judge.ts'
import type { EmptyTray } from '../calibration.ts'
import { type Evidence, type Inspected, inspect, type MeasuringHead } from '../inspect.ts'
import { type Gap, type Judgement, UNGRADED_REASONS } from '../inspection.ts'
import { looksOf, measurementOf, type RawHead, type RawRecord, recordedConditions } from '../raw.ts'

/** What a raw record does not say of its part, and the verdict that was given does. */
export interface Circumstances {
  /** Heads that were measured and not judged. */
  readonly further: readonly string[]
  /** Heads that gave nothing, and why. */
  readonly gaps: readonly Gap[]
}

/** Verdicts of these were given without an analysis, or in spite of it. */
const WITHOUT_ANALYSIS: ReadonlySet<string> = new Set([
  'late',
  'busy',
  'storage-full',
  'gate-failed',
  'updating',
])
const NEVER = new AbortController().signal

/**
 * One part again, from its raw record to what is concluded: the live path from decoding on.
 * @param tray names the heads that are judged, where a record holds several of one kind
 */
export async function inspectAgain(
  record: RawRecord,
  plan: Plan,
  tray: EmptyTray | undefined,
  { further, gaps }: Circumstances,
): Promise<Inspected> {
  const first = (id: string): number => (tray?.heads.includes(id) === true ? 0 : 1)
  const judgedHeads = Object.entries(record.heads)
    .filter(([id]) => !further.includes(id))
    .sort(([one], [other]) => first(one) - first(other))
  const { number = 1, sample_id } = record.trigger ?? {}
  const trigger = {
    number,
    at: 0,
    source: 'replay',
    ...(sample_id === undefined ? {} : { sampleId: sample_id }),
  } as const
  const judged = (evidence: Evidence): Judgement => {
    const conditions = recordedConditions(record)
    return judge(plan, { ...evidence, conditions, gaps: [...gaps, ...evidence.gaps] })
  }
  const { observation, ...inspected } = await inspect(trigger, judgedHeads.map(headOf), judged, NEVER)
  const shown = further.flatMap((id) => {
    const head = record.heads[id]
    return head === undefined ? [] : [[id, measurementOf(head, 0)] as const]
  })
  const measurements = new Map([...observation.measurements, ...shown])
  return { ...inspected, observation: { ...observation, measurements } }
}

function headOf([id, head]: readonly [string, RawHead]): MeasuringHead {
  // A promise in any case: a head whose bytes contradict themselves is a gap.
  return {
    id,
    kind: head.kind,
    measure: () => new Promise((resolve) => resolve(measurementOf(head, 0))),
    looks: () => new Promise((resolve) => resolve(looksOf(head, 0))),
  }
}

/** The verdict that a part was given, as far as it says what the heads did. */
export interface GivenVerdict {
  readonly kind: 'graded' | 'ungraded'
  readonly reasons: readonly string[]
}

/**
 * Whether a verdict never came from the analysis: the part was turned away, or the decision was made without it.
 * @param looked some head delivered something
 */
export function isWithoutAnalysis({ kind, reasons }: GivenVerdict, looked: boolean): boolean {
  if (kind !== 'ungraded') return false
  if (reasons.every((reason) => WITHOUT_ANALYSIS.has(reason))) return true
  const [reason = ''] = reasons
  return !looked && reasons.length === 1 && reason !== 'sensor-absent' && !reason.includes(':')
}

/** Which heads gave nothing, by the verdict: a raw record holds only those that delivered. */
export function gapsOf({ kind, reasons }: GivenVerdict, record: RawRecord): readonly Gap[] {
  if (kind === 'graded') return []
  return reasons.flatMap((text) => {
    const colon = text.indexOf(':')
    const head = text.slice(colon + 1)
    const reason = UNGRADED_REASONS.find((known) => known === text.slice(0, Math.max(0, colon)))
    if (reason === undefined || head in record.heads) return []
    // What a head that delivered was blamed for follows from its bytes.
    return reason === 'late' || reason.startsWith('sensor-') ? [{ head, reason }] : []
  })
}
