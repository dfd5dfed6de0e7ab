import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../../drivers/clock.ts'
import { MOMENT_FORMS, momentOf } from '../aggregates/moment-text.ts'
import { MEASURE_NAMES } from '../aggregates/part.ts'
import { type ReportQuery, reportSums, type SumsReport } from '../aggregates/report.ts'
import type { SumsOnWire } from '../aggregates/sums.ts'
import { commandConfig } from '../config-file.ts'
import { GRADES } from '../inspection.ts'
import { openReader } from '../store/connections.ts'
import { findAggregates } from '../store/registry/aggregates.ts'

const USAGE = `poincon aggregates [--by hour|day] [--from T] [--to T] [--recipe ID] [--lot ID] [--each lot|period]
                   [--measure NAME] [--json]

What the parts of each hour or day (UTC) came to: kept when the inspections are gone. T is a day (2026-11-21) or a time
with its zone (2026-11-21T08:00:00Z); without --from the last day by hours, the last month by days. --each lot gives
each station, recipe revision and lot a row of its own. --measure is what is told beside the grades (default score):
${MEASURE_NAMES.slice(0, 7).join(', ')},
${MEASURE_NAMES.slice(7).join(', ')}.
Reads the data directory, whether the station runs or not. --config FILE names the station's configuration.

Exit codes: 0 told · 1 nothing found, or it cannot be read · 2 wrong usage
`

const DAY_MS = 24 * 3_600_000
const DEFAULT_SPAN_MS = { hour: DAY_MS, day: 31 * DAY_MS } as const

type Values = ReturnType<typeof parsed>['values']

function parsed(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      config: { type: 'string', short: 'c' },
      by: { type: 'string', default: 'day' },
      from: { type: 'string' },
      to: { type: 'string' },
      recipe: { type: 'string' },
      lot: { type: 'string' },
      each: { type: 'string', default: 'period' },
      measure: { type: 'string', default: 'score' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
}

/** `poincon aggregates`. */
export async function aggregatesCommand(args: readonly string[]): Promise<number> {
  const { values } = parsed(args)
  if (values.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const query = queryOf(values, systemClock.wall())
  if (typeof query === 'string') {
    process.stderr.write(`poincon aggregates: ${query}\n`)
    return 2
  }
  const { config } = commandConfig(values.config)
  const database = await openReader(join(config.data_dir, 'poincon.db'))
  try {
    const report = await reportSums({ find: (asked) => findAggregates(database, asked) }, query)
    process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : tableOf(report, values.measure))
    return report.rows.length > 0 ? 0 : 1
  } finally {
    await database.close()
  }
}

/** @returns what is wrong with the words: option, value, expectation */
function queryOf(values: Values, nowMs: number): ReportQuery | string {
  const { by, each, recipe, lot, measure } = values
  if (by !== 'hour' && by !== 'day') return `--by ${by}: expected hour or day`
  if (each !== 'lot' && each !== 'period') return `--each ${each}: expected lot or period`
  if (!MEASURE_NAMES.some((known) => known === measure)) {
    return `--measure ${measure}: expected one of ${MEASURE_NAMES.join(', ')}`
  }
  const from = momentOf(values.from ?? new Date(nowMs - DEFAULT_SPAN_MS[by]).toISOString())
  if (from === undefined) return `--from ${values.from}: ${MOMENT_FORMS}`
  const to = values.to === undefined ? undefined : momentOf(values.to)
  if (values.to !== undefined && to === undefined) return `--to ${values.to}: ${MOMENT_FORMS}`
  if (to !== undefined && to <= from) return `--to ${to}: expected a time after --from (${from})`
  return { period: by, each, from, to, recipe, lot, limit: Number.POSITIVE_INFINITY }
}

type Row = SumsReport['rows'][number]

const HEADINGS = [
  'from',
  'parts',
  ...GRADES,
  'none',
  'count',
  'mean',
  'std',
  'min',
  'p05',
  'p50',
  'p95',
  'max',
]

function tableOf({ by, rows, total }: SumsReport, measure: string): string {
  if (rows.length === 0) return 'no sums of that time: nothing was inspected, or the hours are gone\n'
  const lines = [
    [...HEADINGS, ''],
    ...rows.map((row) => [momentShown(row, by), ...cells(row, measure), madeOf(row)]),
    ['total', ...cells(total, measure), ''],
  ]
  const widths = HEADINGS.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  const told = lines.map((line) =>
    line
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  )
  return `${told.join('\n')}\n(count to max: ${measure})\n`
}

function momentShown({ starts_at: at }: Row, by: SumsReport['by']): string {
  return by === 'day' ? at.slice(0, 10) : `${at.slice(0, 16)}Z`
}

function cells({ parts, grades, ungraded, measures }: SumsOnWire, measure: string): string[] {
  const { count = 0, mean, std, min, p05, p50, p95, max } = measures[measure] ?? {}
  const counts = [parts, ...GRADES.map((grade) => grades[grade] ?? 0), ungraded, count].map(String)
  return [...counts, ...[mean, std, min, p05, p50, p95, max].map(shown)]
}

/** Four digits say what a mean is worth. */
function shown(value: number | undefined): string {
  if (value === undefined) return '-'
  return Math.abs(value) >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(4)))
}

function madeOf({ station, recipe, lot_id: lot }: Row): string {
  return recipe === undefined ? '' : `${station}, ${recipe.id} revision ${recipe.revision}, ${lot}`
}
