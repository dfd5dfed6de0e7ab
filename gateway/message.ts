import { z } from 'zod'
import { ACTIONS, GRADES } from './inspection.ts'

const unit = z.number().min(0).max(1)
const matrix = z.array(z.array(z.number()))
const name = z.string().regex(/^[a-z0-9-]{1,64}$/)
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const grade = z.enum(GRADES)

const defect = z.object({
  type: z.string(),
  zone: z.tuple([z.int(), z.int()]).optional(),
  severity: unit,
  deviation_mm: z.number().optional(),
})

const tofBlock = z.object({
  kind: z.literal('vl53l8ch').optional(),
  distance_matrix: matrix.optional(),
  reflectance_matrix: matrix.optional(),
  amplitude_matrix: matrix.optional(),
  ambient_matrix: matrix.optional(),
  status_matrix: matrix.optional(),
  /** Height over the empty tray, mm; absent where a zone gave no valid range. */
  height_matrix: z.array(z.array(z.number().nullable())).optional(),
  volume_mm3: z.number().min(0).optional(),
  volume_std_mm3: z.number().min(0).optional(),
  base_area_mm2: z.number().min(0).optional(),
  avg_height_mm: z.number().optional(),
  max_height_mm: z.number().optional(),
  height_variation_mm: z.number().optional(),
  surface_uniformity: unit.optional(),
  quality_score: unit.optional(),
  grade: grade.optional(),
  defects: z.array(defect).optional(),
  bins_analysis: z.record(z.string(), z.number()).optional(),
  reflectance_analysis: z.record(z.string(), z.number()).optional(),
})

const spectralBlock = z.object({
  kind: z.literal('as7341').optional(),
  channels: z.record(z.string(), z.number().min(0)),
  integration_time: z.number().positive().optional(),
  gain: z.number().positive().optional(),
  saturated: z.array(z.string()),
  freshness_index: unit.optional(),
  fat_quality_index: unit.optional(),
  oxidation_index: unit.optional(),
  color_uniformity: unit.optional(),
  quality_score: unit.optional(),
  grade: grade.optional(),
  defects: z.array(defect).optional(),
  spectral_analysis: z.record(z.string(), z.number()).optional(),
  color_analysis: z.record(z.string(), z.number()).optional(),
})

/** The message of one inspection on every wire: `poincon.inspection/1` (CONTRACTS). */
export const inspectionMessage = z.object({
  schema: z.literal('poincon.inspection/1'),
  type: z.literal('sensor_data'),
  id: z.uuid(),
  epoch: z.uuid(),
  sequence: z.int().min(1),
  timestamp: z.iso.datetime({ precision: 3 }),
  clock: z.enum(['synchronised', 'holdover']),
  device_id: name,
  site: name,
  line: name,
  station: name,
  sample_id: z.string().max(128),
  lot_id: z.string().max(128),
  dry_run: z.literal(true).optional(),
  recipe: z.object({ id: z.string().max(64), revision: z.int().min(1) }),
  vl53l8ch: tofBlock.optional(),
  as7341: spectralBlock.optional(),
  heads: z.record(z.string(), z.union([tofBlock, spectralBlock])).optional(),
  fusion: z
    .object({
      final_score: unit,
      final_grade: grade,
      vl53l8ch_score: unit.optional(),
      as7341_score: unit.optional(),
      confidence: unit.optional(),
      defects: z.array(defect),
    })
    .optional(),
  mass_g: z.object({ estimate: z.number().min(0), std: z.number().min(0) }).optional(),
  verdict: z.object({
    kind: z.enum(['graded', 'ungraded']),
    grade: grade.optional(),
    score: unit.optional(),
    action: z.enum(ACTIONS),
    reasons: z.array(z.string()),
    /** One entry per point lost: what was measured, its limit, and its cost in score. */
    findings: z
      .array(
        z.object({
          code: z.string(),
          value: z.number().optional(),
          limit: z.number().optional(),
          contribution: z.number().optional(),
        }),
      )
      .optional(),
    /** From the trigger to the gate's command, ms of the monotonic clock. */
    latency_ms: z.number().min(0),
  }),
  provenance: z.object({
    software: z.string(),
    recipe_sha256: sha256,
    calibration: z.array(z.string()),
    models: z.record(z.string(), z.string()),
    raw_sha256: sha256,
    previous: sha256,
    hash: sha256,
  }),
  meta: z.object({
    firmware_version: z.string(),
    temperature_c: z.number().optional(),
    humidity_percent: z.number().optional(),
    config_profile: z.string(),
  }),
})
export type InspectionMessage = z.infer<typeof inspectionMessage>

/** A message before the store has given it its place: no epoch, sequence, previous or hash yet. */
export type InspectionDraft = Omit<InspectionMessage, 'epoch' | 'sequence' | 'provenance'> & {
  readonly provenance: Omit<InspectionMessage['provenance'], 'raw_sha256' | 'previous' | 'hash'>
}

const rawHead = z.object({
  kind: z.string(),
  /** The bytes the chip sent, base64, or the decoded values where only those were recorded. */
  payload: z.union([z.string(), z.record(z.string(), z.unknown())]),
})

/** One line of raw data: `poincon.raw/1` (CONTRACTS). A head that is missing is an absent sensor. */
export const rawRecord = z.object({
  schema: z.literal('poincon.raw/1'),
  /** Wall-clock microseconds since 1970 of the trigger. */
  t_us: z.number().min(0),
  trigger: z.object({
    number: z.int().min(1),
    source: z.string(),
    sample_id: z.string().optional(),
  }),
  heads: z.record(z.string(), rawHead.loose()),
  recipe: z.object({ id: z.string(), revision: z.int() }).optional(),
  calibration: z.array(z.string()).optional(),
})
export type RawRecord = z.infer<typeof rawRecord>
