/** Runs one line of the recorded vectors through the formulas of this folder (facts §12). */
import { z } from 'zod'
import { analyseSpectrum } from './as7341.ts'
import { backendRecord } from './backend.ts'
import { type Comparison, compare } from './compare.ts'
import { FUNCTIONS } from './functions.ts'
import { type Fusion, fuse } from './fusion.ts'
import { number } from './numbers.ts'
import type { TofLimits } from './profile.ts'
import { PythonError } from './python.ts'
import { analyseTof, type TofRaw } from './vl53l8ch.ts'

const matrix = z.array(z.array(number))

const functionLine = z.object({
  id: z.string(),
  function: z.string(),
  input: z.unknown(),
  expected: z.unknown(),
})

const pipelineInput = z.object({
  vl53l8ch: z.object({
    distance_matrix: matrix,
    reflectance_matrix: matrix,
    amplitude_matrix: matrix,
    ambient_matrix: matrix,
    bins_matrix: z.union([z.array(matrix), matrix]).nullish(),
    meta: z.object({ height_sensor_mm: number, zone_size_mm: number, n_bins: z.int() }),
  }),
  vl53l8ch_analyzer: z.object({
    density_threshold: number,
    consistency_threshold: number,
    distance_defect_threshold_mm: number,
    critical_foreign_body_severity_threshold: number,
    defect_penalty_weight: number,
  }),
  as7341: z.object({ raw_counts: z.record(z.string(), number).nullish() }).nullish(),
  fusion: z.object({ target_uniformity: number.optional() }).nullish(),
})
const pipelineLine = z.object({ id: z.string(), input: pipelineInput, expected: z.unknown() })
type PipelineInput = z.infer<typeof pipelineInput>

export interface LineResult extends Comparison {
  readonly id: string
}

/**
 * Computes what a line expects and compares every field.
 * @throws SyntaxError or ZodError when the line is no vector of either form
 */
export function checkLine(text: string): LineResult {
  const line: unknown = JSON.parse(text)
  const called = functionLine.safeParse(line)
  if (called.success) {
    const { id, input, expected } = called.data
    const run = FUNCTIONS.get(called.data.function)
    const actual = run ? run(input) : { error: `unknown function ${called.data.function}` }
    return { id, ...compare(expected, actual) }
  }
  const { id, input, expected } = pipelineLine.parse(line)
  return { id, ...compare(expected, runPipeline(input)) }
}

/** An original's exception in the form in which the vectors record it. */
interface Recorded {
  readonly error: string
}

function recordingErrors<T>(compute: () => T): T | Recorded {
  try {
    return compute()
  } catch (error) {
    if (error instanceof PythonError) return { error: error.recorded() }
    throw error
  }
}

/** Everything that the vectors record of one part; what an error keeps from being computed is absent. */
function runPipeline(input: PipelineInput) {
  const raw = rawOf(input)
  const counts = input.as7341?.raw_counts ?? null
  const tof = recordingErrors(() => analyseTof(raw, limitsOf(input)))
  const report = counts === null ? null : recordingErrors(() => analyseSpectrum(counts))
  const analysed = { vl53l8ch: tof, as7341: report }
  if ('error' in tof || (report !== null && 'error' in report)) return analysed
  const spectral = report === null || counts === null ? null : { report, counts }
  const fusion = fuse(tof, spectral, raw.distance)
  const target = input.fusion?.target_uniformity
  return {
    ...analysed,
    fusion,
    fusion_with_profile:
      target === undefined ? undefined : summary(fuse(tof, spectral, raw.distance, target)),
    backend:
      spectral === null || fusion.fusion_mode === 'ToF only'
        ? undefined
        : recordingErrors(() => backendRecord(raw, tof, spectral, fusion)),
  }
}

function rawOf({ vl53l8ch: sensor }: PipelineInput): TofRaw {
  return {
    distance: sensor.distance_matrix,
    reflectance: sensor.reflectance_matrix,
    amplitude: sensor.amplitude_matrix,
    ambient: sensor.ambient_matrix,
    bins: sensor.bins_matrix ?? null,
    sensorHeightMm: sensor.meta.height_sensor_mm,
    zoneSizeMm: sensor.meta.zone_size_mm,
    binCount: sensor.meta.n_bins,
  }
}

function limitsOf({ vl53l8ch_analyzer: analyser }: PipelineInput): TofLimits {
  return {
    densityThreshold: analyser.density_threshold,
    consistencyThreshold: analyser.consistency_threshold,
    distanceDefectMm: analyser.distance_defect_threshold_mm,
    criticalSeverity: analyser.critical_foreign_body_severity_threshold,
    penaltyWeight: analyser.defect_penalty_weight,
  }
}

function summary(fusion: Fusion) {
  if (fusion.fusion_mode === 'ToF only') {
    return { final_grade: fusion.final_grade, final_score: fusion.final_score }
  }
  const { final_grade, final_score, tof_score, spectral_score } = fusion
  return { final_grade, final_score, tof_score, spectral_score }
}
