import { z } from 'zod'
import type { Action, Grade } from '../inspection.ts'
import { inspectionMessage } from '../message.ts'
import type { OutboxEntry } from '../outbox.ts'

const number = z.number().optional()

/** What the sums want of a message: matrices are passed over, they are most of it. */
const wanted = inspectionMessage
  .pick({
    timestamp: true,
    site: true,
    line: true,
    station: true,
    lot_id: true,
    recipe: true,
    mass_g: true,
    verdict: true,
  })
  .extend({
    vl53l8ch: z
      .object({
        volume_mm3: number,
        avg_height_mm: number,
        max_height_mm: number,
        height_variation_mm: number,
        surface_uniformity: number,
      })
      .optional(),
    as7341: z
      .object({
        freshness_index: number,
        fat_quality_index: number,
        oxidation_index: number,
        color_uniformity: number,
        color_analysis: z.object({ l: number, a: number, b: number }).optional(),
      })
      .optional(),
    meta: z.object({ temperature_c: number }),
  })
type Wanted = z.infer<typeof wanted>

const MEASURES = {
  score: ({ verdict }) => (verdict.kind === 'graded' ? verdict.score : undefined),
  mass_g: ({ mass_g: mass }) => mass?.estimate,
  volume_mm3: ({ vl53l8ch: tof }) => tof?.volume_mm3,
  avg_height_mm: ({ vl53l8ch: tof }) => tof?.avg_height_mm,
  max_height_mm: ({ vl53l8ch: tof }) => tof?.max_height_mm,
  height_variation_mm: ({ vl53l8ch: tof }) => tof?.height_variation_mm,
  surface_uniformity: ({ vl53l8ch: tof }) => tof?.surface_uniformity,
  freshness_index: ({ as7341: colour }) => colour?.freshness_index,
  fat_quality_index: ({ as7341: colour }) => colour?.fat_quality_index,
  oxidation_index: ({ as7341: colour }) => colour?.oxidation_index,
  color_uniformity: ({ as7341: colour }) => colour?.color_uniformity,
  lab_l: ({ as7341: colour }) => colour?.color_analysis?.l,
  lab_a: ({ as7341: colour }) => colour?.color_analysis?.a,
  lab_b: ({ as7341: colour }) => colour?.color_analysis?.b,
  temperature_c: ({ meta }) => meta.temperature_c,
  latency_ms: ({ verdict }) => verdict.latency_ms,
} as const satisfies Readonly<Record<string, (part: Wanted) => number | undefined>>

export type MeasureName = keyof typeof MEASURES
export const MEASURE_NAMES = Object.keys(MEASURES).filter((name): name is MeasureName =>
  Object.hasOwn(MEASURES, name),
)

/** One inspection, as far as sums are made of it. */
export interface CountedPart {
  /** RFC 3339, UTC, milliseconds. */
  readonly timestamp: string
  /** `site/line/station`. */
  readonly station: string
  readonly recipe: string
  readonly revision: number
  readonly lot: string
  /** Absent of one without a grade. */
  readonly grade: Grade | undefined
  readonly action: Action
  /** What was measured, whatever the verdict. */
  readonly measures: Readonly<Partial<Record<MeasureName, number>>>
}

/** @returns undefined of a message that this release cannot read */
export function partOf({
  message,
  payload,
}: Pick<OutboxEntry, 'message' | 'payload'>): CountedPart | undefined {
  const part: Wanted | undefined = message ?? parsed(payload)
  if (part === undefined) return undefined
  const measures: Partial<Record<MeasureName, number>> = {}
  for (const name of MEASURE_NAMES) {
    const value = MEASURES[name](part)
    if (value !== undefined) measures[name] = value
  }
  const { verdict } = part
  return {
    timestamp: part.timestamp,
    station: `${part.site}/${part.line}/${part.station}`,
    recipe: part.recipe.id,
    revision: part.recipe.revision,
    lot: part.lot_id,
    grade: verdict.kind === 'graded' ? verdict.grade : undefined,
    action: verdict.action,
    measures,
  }
}

function parsed(payload: string): Wanted | undefined {
  try {
    return wanted.parse(JSON.parse(payload))
  } catch {
    return undefined
  }
}
