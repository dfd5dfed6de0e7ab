import { Point } from '@influxdata/influxdb-client'
import type { InspectionMessage } from '../message.ts'

/** Whole numbers that InfluxDB keeps as integers. A field must never change its type, so all others are floats. */
const INTEGERS: ReadonlySet<string> = new Set(['sequence', 'recipe_revision'])

/** What is no field: constants, tags, and the time stamp. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  'schema',
  'type',
  'timestamp',
  'device_id',
  'site',
  'line',
  'station',
  'recipe_id',
  'verdict_grade',
  'verdict_action',
])

/** Lists of texts, which are joined; every other list is counted, also when it is empty: no defect is a finding. */
const TEXT_LISTS = /(^|_)(reasons|saturated|calibration)$/

export interface LineOptions {
  /** Whether texts are written; VictoriaMetrics stores every text as 0, which nobody measured. */
  readonly text: boolean
}

/**
 * One inspection as a line of InfluxDB line protocol (no line end), measurement `inspection`. Fields are the scalars of
 * the message, nested names joined with `_`; reasons and the like as one text joined with commas, of other lists the
 * count; matrices stay out.
 */
export function inspectionLine(message: InspectionMessage, { text }: LineOptions): string {
  const point = new Point('inspection')
    .tag('site', message.site)
    .tag('line', message.line)
    .tag('station', message.station)
    .tag('device', message.device_id)
    .tag('recipe', message.recipe.id)
    .tag('action', message.verdict.action)
    .timestamp(timestampNs(message))
  if (message.verdict.kind === 'graded') point.tag('grade', message.verdict.grade)
  addFields(point, '', message, text)
  return lineOf(point)
}

/**
 * The health of a station as a line, measurement `station`.
 * @param wallMs ms since 1970
 */
export function stationLine(
  tags: { readonly site: string; readonly line: string; readonly station: string; readonly device: string },
  facts: Readonly<Record<string, unknown>>,
  wallMs: number,
  { text }: LineOptions,
): string {
  const point = new Point('station').timestamp(`${BigInt(Math.round(wallMs)) * 1_000_000n}`)
  for (const [key, value] of Object.entries(tags)) point.tag(key, value)
  addFields(point, '', facts, text)
  return lineOf(point)
}

/**
 * Nanoseconds since 1970: the inspection's milliseconds, and the sequence in the digits below, so that two inspections
 * of one device never share a time stamp and a repeat always has its own.
 */
function timestampNs({ timestamp, sequence }: InspectionMessage): string {
  return `${BigInt(Date.parse(timestamp)) * 1_000_000n + BigInt(sequence % 1_000_000)}`
}

function addFields(point: Point, prefix: string, block: object, text: boolean): void {
  for (const [key, value] of Object.entries(block)) {
    if (value === null || value === undefined) continue
    const name = `${prefix}${key}`
    if (ELSEWHERE.has(name)) continue
    if (Array.isArray(value)) addList(point, name, value, text)
    else if (typeof value === 'object') addFields(point, `${name}_`, value, text)
    else addScalar(point, name, value, text)
  }
}

function addScalar(point: Point, name: string, value: unknown, text: boolean): void {
  if (typeof value === 'number') {
    if (INTEGERS.has(name)) point.intField(name, value)
    else point.floatField(name, value)
  } else if (typeof value === 'boolean') {
    point.booleanField(name, value)
  } else if (typeof value === 'string' && text) {
    point.stringField(name, value)
  }
}

function addList(point: Point, name: string, list: readonly unknown[], text: boolean): void {
  if (name.endsWith('_matrix')) return
  if (!TEXT_LISTS.test(name)) point.floatField(`${name}_count`, list.length)
  else if (text && list.length > 0) point.stringField(name, list.join(','))
}

function lineOf(point: Point): string {
  const line = point.toLineProtocol()
  if (line === undefined) throw new Error('a point without fields')
  return line
}
