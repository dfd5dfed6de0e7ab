import type { Action, Estimate, Finding, Grade, Judgement } from '../inspection.ts'
import type { StoredMessage } from './message.ts'

/** A verdict, as two of them are compared. */
export interface Outcome {
  readonly kind: 'graded' | 'ungraded'
  readonly grade?: Grade
  readonly score?: number
  readonly action: Action
  /** Codes of what cost points, or why there is no grade. */
  readonly reasons: readonly string[]
}

export function outcomeOf({ verdict }: Judgement): Outcome {
  if (verdict.kind === 'ungraded') return verdict
  const { kind, grade, score, action, findings } = verdict
  return { kind, grade, score, action, reasons: [...new Set(findings.map(({ code }) => code))] }
}

export function storedOutcome({ verdict }: StoredMessage): Outcome {
  const { kind, grade, score, action, reasons } = verdict
  return {
    kind,
    ...(grade === undefined ? {} : { grade }),
    ...(score === undefined ? {} : { score }),
    action,
    reasons,
  }
}

/** How one verdict differs from another in what it says or does. A score that moves within its grade is no change. */
export interface Change {
  readonly changed: boolean
  /** Reasons that came, and that went. */
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

export function changeOf(before: Outcome, after: Outcome): Change {
  const added = after.reasons.filter((reason) => !before.reasons.includes(reason))
  const removed = before.reasons.filter((reason) => !after.reasons.includes(reason))
  const changed =
    before.kind !== after.kind ||
    before.grade !== after.grade ||
    before.action !== after.action ||
    added.length + removed.length > 0
  return { changed, added, removed }
}

/** One part judged again. */
export interface Rejudged {
  /** Its place: of the log, or the record's number in the recordings. */
  readonly sequence: number
  readonly epoch?: string
  readonly id?: string
  readonly sampleId?: string
  /** Wall-clock microseconds of the trigger. */
  readonly tUs?: number
  /** The verdict that it has; absent where a recording holds none, and its own recipe is not to be had. */
  readonly before?: Outcome
  readonly after: Outcome
  readonly judgement: Judgement
  /** Turned away or overruled by the line: no recipe changes that, so the verdict stays. */
  readonly withoutAnalysis: boolean
}

/** What `--json` prints of one part: everything that was derived, unrounded, and the verdict. */
export function partLine(part: Rejudged): Record<string, unknown> {
  const { before, after, judgement } = part
  const { fusion, verdict } = judgement
  const change = before === undefined ? undefined : changeOf(before, after)
  const findings: readonly Finding[] = verdict.kind === 'graded' ? verdict.findings : []
  return present({
    sequence: part.sequence,
    epoch: part.epoch,
    id: part.id,
    sample_id: part.sampleId,
    t_us: part.tUs,
    kind: after.kind,
    ...derived(judgement),
    grade: after.grade,
    action: after.action,
    score: after.score,
    score_std: fusion?.score.std,
    confidence: fusion?.confidence,
    reasons: after.reasons,
    findings,
    defects: [...(judgement.surface?.defects ?? []), ...(judgement.colour?.defects ?? [])].map(snakeKeys),
    without_analysis: part.withoutAnalysis ? true : undefined,
    changed: change?.changed,
    before: before === undefined ? undefined : present({ ...before }),
  })
}

/** Quantities by the names that messages give them, with their standard uncertainties. */
function derived({ surface, echoes, colour, massG }: Judgement): Record<string, unknown> {
  return {
    ...estimate('volume', 'mm3', surface?.volumeMm3),
    ...estimate('base_area', 'mm2', surface?.baseAreaMm2),
    ...estimate('mass', 'g', massG),
    avg_height_mm: surface?.avgHeightMm,
    max_height_mm: surface?.maxHeightMm,
    height_variation_mm: surface?.heightVariationMm,
    ...estimate('surface_uniformity', undefined, surface?.uniformity),
    outline: surface === undefined ? undefined : snakeKeys(surface.outline),
    reflectance_percent: surface?.reflectancePercent,
    ...estimate('echo_range', 'mm', echoes?.rangeMm),
    ...estimate('echo_width', 'mm', echoes?.widthMm),
    ...estimate('echo_texture', undefined, echoes?.texture),
    ...estimate('echo_tail', undefined, echoes?.tail),
    ...estimate('second_echo', undefined, echoes?.secondShare),
    ...estimate('freshness', undefined, colour?.freshness),
    ...estimate('fat_quality', undefined, colour?.fatQuality),
    ...estimate('oxidation', undefined, colour?.oxidation),
    color_uniformity: colour?.uniformity,
    ratios: colour?.ratios,
    lab: colour?.lab,
    lab_std: colour?.labStd,
    ...estimate('delta_e00', undefined, colour?.deltaE00),
  }
}

function estimate(
  name: string,
  unit: string | undefined,
  value: Estimate | undefined,
): Record<string, unknown> {
  const end = unit === undefined ? '' : `_${unit}`
  return { [`${name}${end}`]: value?.estimate, [`${name}_std${end}`]: value?.std }
}

function snakeKeys(value: object): Record<string, unknown> {
  const snake = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [snake(key), inner]))
}

/** What is not there has no key. */
function present(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined))
}
