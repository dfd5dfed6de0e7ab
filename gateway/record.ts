import type { DecidedPart } from './acquisition.ts'
import type { AnomalyBlock } from './anomaly-block.ts'
import type { ClockState } from './clock-discipline.ts'
import type { OldHeadBlock } from './esp32/block.ts'
import type { Identity } from './identity.ts'
import type { Inspected } from './inspect.ts'
import type { Finding, Judgement } from './inspection.ts'
import type { InspectionDraft } from './message.ts'
import { analysisBlocks, cameraBlock, headBlock, round } from './message-blocks.ts'
import { type Air, encodeRaw, type RawRecord, rawRecordOf } from './raw.ts'
import type { InForce } from './setup.ts'

/** What the station was when the part was decided. */
export interface Circumstances {
  /** Of the inspection, UUIDv7. */
  readonly id: string
  readonly identity: Identity
  readonly software: string
  readonly inForce: Omit<InForce, 'plan'>
  readonly clock: ClockState
  /** Wall-clock ms of the trigger. */
  readonly wallMs: number
  readonly dryRun: boolean
  /** Processor and engine; absent: nobody can derive it bit for bit. */
  readonly architecture?: string
  /** How unlike the good parts of this station it is, where that was learnt: advice. */
  readonly anomaly?: AnomalyBlock | undefined
  /** Around the heads. */
  readonly climate?: Air | undefined
  /** Of a part that a head of the old system measured: which one, and its raw data as they came. */
  readonly foreign?: { readonly block: OldHeadBlock; readonly heads: RawRecord['heads'] }
}

/** The record of one decided part: the message without its place in the log, and the raw data beside it. */
export function recordOf(
  part: DecidedPart,
  {
    id,
    identity,
    software,
    inForce,
    clock,
    wallMs,
    dryRun,
    climate,
    architecture,
    anomaly,
    foreign,
  }: Circumstances,
): { readonly draft: InspectionDraft; readonly raw: Uint8Array } {
  const { trigger, inspected, judgement, latencyMs } = part
  const { recipe, lotId, tray, references } = inForce
  const calibration = [...(tray === undefined ? [] : [tray.id]), ...references]
  const timestamp = new Date(wallMs).toISOString()
  const { observation, evidence } = inspected
  // What was concluded too late to be the verdict stays in the record, but grades nothing.
  const { fusion: _fusion, ...advice } = inspected.judgement
  const shown = judgement === inspected.judgement ? judgement : { ...advice, verdict: judgement.verdict }
  const draft: InspectionDraft = {
    schema: 'poincon.inspection/1',
    type: 'sensor_data',
    id,
    timestamp,
    clock,
    device_id: identity.deviceId,
    site: identity.site,
    line: identity.line,
    station: identity.station,
    sample_id: trigger.sampleId ?? `${lotId}-${timestamp.slice(11).replace(/\D/g, '')}`,
    lot_id: lotId,
    recipe: { id: recipe.recipe.id, revision: recipe.revision },
    verdict: verdictBlock(judgement, latencyMs),
    provenance: {
      software,
      recipe_sha256: recipe.sha256,
      calibration,
      models: {},
    },
    meta: { firmware_version: software, ...climateFields(climate), config_profile: recipe.recipe.id },
  }
  // Assigned, not spread: see message-blocks.ts.
  Object.assign(draft, analysisBlocks(shown, evidence.frame, evidence.spectrum), furtherHeads(inspected))
  if (trigger.reinspects !== undefined) draft.reinspection_of = trigger.reinspects
  if (evidence.sight !== undefined) {
    draft.camera = cameraBlock(evidence.sight, recipe.recipe.camera)
    draft.provenance.models = { ...evidence.sight.models }
  }
  if (dryRun) draft.dry_run = true
  if (anomaly !== undefined) draft.anomaly = anomaly
  if (architecture !== undefined) draft.provenance.architecture = architecture
  const raw = rawRecordOf(trigger, { wallMs, climate }, observation, {
    recipe: draft.recipe,
    calibration,
  })
  if (foreign === undefined) return { draft, raw: encodeRaw(raw) }
  draft.old_head = foreign.block
  return { draft, raw: encodeRaw({ ...raw, heads: foreign.heads }) }
}

function climateFields(climate: Air | undefined): Partial<InspectionDraft['meta']> {
  if (climate === undefined) return {}
  const { temperatureC, humidityPercent } = climate
  return {
    temperature_c: round(temperatureC, 1),
    ...(humidityPercent === undefined ? {} : { humidity_percent: round(humidityPercent, 1) }),
  }
}

/** Heads that are not the station's first of their kind: measured and shown, not judged. */
function furtherHeads({ observation, evidence }: Inspected): Pick<InspectionDraft, 'heads'> {
  const further: NonNullable<InspectionDraft['heads']> = {}
  for (const [id, one] of observation.measurements) {
    if (one.kind === 'camera' || one === evidence.frame || one === evidence.spectrum) continue
    further[id] = headBlock(one)
  }
  return Object.keys(further).length === 0 ? {} : { heads: further }
}

type FindingBlock = Extract<InspectionDraft['verdict'], { kind: 'graded' }>['findings'][number]

function findingBlock({ code, value, limit, contribution }: Finding): FindingBlock {
  const block: FindingBlock = { code }
  if (value !== undefined) block.value = round(value, 4)
  if (limit !== undefined) block.limit = round(limit, 4)
  if (contribution !== undefined) block.contribution = round(contribution, 4)
  return block
}

function verdictBlock({ verdict }: Judgement, latencyMs: number): InspectionDraft['verdict'] {
  const latency_ms = round(latencyMs, 2)
  if (verdict.kind === 'ungraded') {
    return { kind: 'ungraded', action: verdict.action, reasons: [...verdict.reasons], latency_ms }
  }
  return {
    kind: 'graded',
    grade: verdict.grade,
    score: round(verdict.score, 4),
    action: verdict.action,
    reasons: [...new Set(verdict.findings.map(({ code }) => code))],
    findings: verdict.findings.map(findingBlock),
    latency_ms,
  }
}
