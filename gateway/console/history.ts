import type { Grade } from '../inspection.ts'
import { GRADES } from '../inspection.ts'
import type { Format } from './format.ts'
import type { Station } from './wire.ts'
import type { History, HistoryRow, MeasureSums, Sums } from './wire-history.ts'

export const PERIODS = ['hour', 'day'] as const
export type Period = (typeof PERIODS)[number]

export const SCOPES = ['all', 'recipe', 'lot'] as const
/** Whose parts: of all, of the recipe in force, of the lot that runs. */
export type Scope = (typeof SCOPES)[number]

const HOUR_MS = 3_600_000
const STEP_MS = { hour: HOUR_MS, day: 24 * HOUR_MS } as const
/** Two days of hours, a month of days: what fits beside each other and can still be read. */
const SHOWN = { hour: 48, day: 31 } as const

/** Of the first hour or day that is shown. @param wallMs of the gateway */
export function firstOf(period: Period, wallMs: number): number {
  const step = STEP_MS[period]
  return Math.floor(wallMs / step) * step - (SHOWN[period] - 1) * step
}

/** What is asked of the gateway. */
export function historyQuery(
  { period, scope }: { readonly period: Period; readonly scope: Scope },
  station: Pick<Station, 'recipe' | 'lot'> | undefined,
  wallMs: number,
): string {
  const from = new Date(firstOf(period, wallMs)).toISOString()
  const query = new URLSearchParams({ by: period, each: 'period', limit: '1000', from })
  if (scope === 'recipe' && station !== undefined) query.set('recipe', station.recipe.id)
  if (scope === 'lot' && station !== undefined) query.set('lot', station.lot.id)
  return `?${query}`
}

export interface ShownRow {
  readonly key: string
  readonly label: string
  readonly cells: readonly string[]
}

/** Every hour or day, also those in which nothing came: a chart must show that it was quiet. Oldest first. */
export function slots(
  history: History,
  wallMs: number,
): readonly { readonly at: string; readonly row: HistoryRow | undefined }[] {
  const rows = new Map(history.rows.map((row) => [Date.parse(row.starts_at), row]))
  const step = STEP_MS[history.by]
  const first = Math.min(firstOf(history.by, wallMs), ...rows.keys())
  const last = Math.max(firstOf(history.by, wallMs) + (SHOWN[history.by] - 1) * step, ...rows.keys())
  const count = Math.round((last - first) / step) + 1
  return Array.from({ length: count }, (_, index) => {
    const at = first + index * step
    return { at: new Date(at).toISOString(), row: rows.get(at) }
  })
}

/** The measures that any part of the time has, in the order of `texts`. */
export function offered(total: Sums, { texts }: Format): readonly string[] {
  const known = Object.keys(texts.history.measures).filter((name) => total.measures[name] !== undefined)
  return [...known, ...Object.keys(total.measures).filter((name) => !known.includes(name))]
}

interface Unit {
  readonly unit: string
  readonly per: number
  /** Behind the point, so that a column can be read downwards. */
  readonly decimals: number
}

const UNITS: Readonly<Record<string, Unit>> = {
  mass_g: { unit: 'g', per: 1, decimals: 1 },
  volume_mm3: { unit: 'cm³', per: 1000, decimals: 1 },
  avg_height_mm: { unit: 'mm', per: 1, decimals: 2 },
  max_height_mm: { unit: 'mm', per: 1, decimals: 2 },
  height_variation_mm: { unit: 'mm', per: 1, decimals: 2 },
  lab_l: { unit: '', per: 1, decimals: 1 },
  lab_a: { unit: '', per: 1, decimals: 1 },
  lab_b: { unit: '', per: 1, decimals: 1 },
  temperature_c: { unit: '°C', per: 1, decimals: 1 },
  latency_ms: { unit: 'ms', per: 1, decimals: 0 },
}

/** What a measure is counted in, and how many of the gateway's unit that is. */
export function unitOf(measure: string): Unit {
  return UNITS[measure] ?? { unit: '', per: 1, decimals: 3 }
}

export function measureTitle(measure: string, { texts }: Format): string {
  const { unit } = unitOf(measure)
  const name = texts.history.measures[measure] ?? measure
  return unit === '' ? name : `${name} (${unit})`
}

/** The whole time first, then the newest: what somebody looks for stands on top. */
export function tableRows(
  { by, rows, total }: History,
  measure: string,
  format: Format,
): readonly ShownRow[] {
  return [
    { key: 'total', label: format.texts.history.total, cells: cellsOf(total, measure, format) },
    ...rows
      .map((row) => ({
        key: row.starts_at,
        label: periodLabel(row.starts_at, by, format),
        cells: cellsOf(row, measure, format),
      }))
      .reverse(),
  ]
}

export const SPREAD = [
  'mean',
  'std',
  'min',
  'p05',
  'p50',
  'p95',
  'max',
] as const satisfies readonly (keyof MeasureSums)[]

/** Parts, grades, what has none, and how the measure is spread. */
function cellsOf(
  { parts, grades, ungraded, measures }: Sums,
  measure: string,
  format: Format,
): readonly string[] {
  const of = measures[measure]
  const { per, decimals } = unitOf(measure)
  return [
    format.whole(parts),
    ...GRADES.map((grade: Grade) => countText(grades[grade] ?? 0, format)),
    countText(ungraded, format),
    ...SPREAD.map((name) => {
      const value = of?.[name]
      return value === undefined ? '–' : format.fixed(value / per, decimals)
    }),
  ]
}

/** Nothing is no number: a table of zeros hides the rejects among them. */
function countText(count: number, { whole }: Format): string {
  return count === 0 ? '·' : whole(count)
}

export function periodLabel(at: string, by: Period, format: Format): string {
  return by === 'day' ? format.utcDay(at) : format.hour(at)
}

/** What stands below a bar of a chart; of hours every sixth has a label, and midnight the date. */
export function axisLabel(at: string, by: Period, format: Format): string {
  if (by === 'day') return format.utcDayShort(at)
  const hour = new Date(at).getHours()
  if (hour === 0) return format.dayShort(at)
  return hour % 6 === 0 ? format.hourOnly(at) : ''
}

/** What the charts show, hour by hour, for those who cannot see them. */
export function describeHistory({ by, rows }: History, measure: string, format: Format): string {
  const { texts, whole, precise } = format
  const { per } = unitOf(measure)
  return rows
    .map((row) => {
      const grades = GRADES.filter((grade) => (row.grades[grade] ?? 0) > 0).map(
        (grade) => `${texts.grades[grade]} ${whole(row.grades[grade] ?? 0)}`,
      )
      const median = row.measures[measure]?.p50
      const told = median === undefined ? [] : [`${texts.history.spread.p50} ${precise(median / per)}`]
      return `${periodLabel(row.starts_at, by, format)}: ${[whole(row.parts), ...grades, ...told].join(', ')}`
    })
    .join('; ')
}
