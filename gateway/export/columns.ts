import type { InspectionMessage } from '../message.ts'

/** Names the columns below and their order: whoever changes either, other than by adding at the end, counts on. */
export const CSV_SCHEMA = 'poincon.inspection.csv/1'

const CHANNELS = [
  ...['F1_415nm', 'F2_445nm', 'F3_480nm', 'F4_515nm', 'F5_555nm', 'F6_590nm', 'F7_630nm', 'F8_680nm'],
  ...['Clear', 'NIR'],
]
/** Of a part that a head of the system before measured. */
const OLD_HEAD = [
  ...['kind', 'device_id', 'address', 'mac_address', 'firmware_version', 'timestamp', 'measured_sha256'],
  ...['location', 'site_code', 'lot_abattage', 'eleveur', 'provenance', 'advice.vl53l8ch.volume_mm3'],
  ...['advice.vl53l8ch.surface_uniformity', 'advice.vl53l8ch.quality_score', 'advice.vl53l8ch.grade'],
  ...['advice.vl53l8ch.avg_distance_mm', 'advice.vl53l8ch.std_distance_mm', 'advice.as7341.freshness_index'],
  ...['advice.as7341.fat_quality_index', 'advice.as7341.oxidation_index', 'advice.as7341.quality_score'],
  ...['advice.as7341.grade', 'advice.as7341.ratio_red_nir', 'advice.as7341.ratio_clear_nir'],
  ...['advice.fusion.final_score', 'advice.fusion.final_grade', 'advice.fusion.is_compliant'],
  'advice.fusion.confidence_level',
]
/** Lists of texts; of every other list the length is written. */
const TEXT_LISTS: ReadonlySet<string> = new Set([
  'verdict.reasons',
  'as7341.saturated',
  'provenance.calibration',
  'camera.expected.symbols',
  'camera.expected.texts',
])

/**
 * Where in the message each column's value stands. The name is the same, joined with `_`. Never reorder: a column is
 * only ever added at the end.
 */
const PATHS: readonly string[] = [
  ...['epoch', 'sequence', 'id', 'timestamp', 'clock', 'device_id', 'site', 'line', 'station', 'sample_id'],
  ...['lot_id', 'reinspection_of', 'dry_run', 'recipe.id', 'recipe.revision'],
  ...['verdict.kind', 'verdict.grade', 'verdict.score', 'verdict.action', 'verdict.reasons'],
  ...['verdict.findings', 'verdict.latency_ms', 'mass_g.estimate', 'mass_g.std'],
  ...['fusion.final_score', 'fusion.final_grade', 'fusion.vl53l8ch_score', 'fusion.as7341_score'],
  ...['fusion.confidence', 'fusion.defects', 'anomaly.score', 'anomaly.features', 'anomaly.model'],
  ...['vl53l8ch.volume_mm3', 'vl53l8ch.volume_std_mm3', 'vl53l8ch.base_area_mm2', 'vl53l8ch.avg_height_mm'],
  ...['vl53l8ch.max_height_mm', 'vl53l8ch.height_variation_mm', 'vl53l8ch.surface_uniformity'],
  ...['vl53l8ch.quality_score', 'vl53l8ch.grade', 'vl53l8ch.defects', 'vl53l8ch.scan.looks'],
  ...['vl53l8ch.scan.misfit', 'vl53l8ch.scan.travel_scale', 'vl53l8ch.scan.travel_scale_std'],
  ...['vl53l8ch.bins_analysis', 'vl53l8ch.reflectance_analysis'],
  ...CHANNELS.map((channel) => `as7341.channels.${channel}`),
  ...['as7341.integration_time', 'as7341.gain', 'as7341.saturated', 'as7341.freshness_index'],
  ...['as7341.fat_quality_index', 'as7341.oxidation_index', 'as7341.color_uniformity'],
  ...['as7341.quality_score', 'as7341.grade', 'as7341.defects', 'as7341.spectral_analysis'],
  ...['as7341.color_analysis', 'provenance.software', 'provenance.architecture'],
  ...['provenance.recipe_sha256', 'provenance.calibration', 'provenance.models', 'provenance.raw_sha256'],
  ...['provenance.previous', 'provenance.hash', 'meta.firmware_version', 'meta.temperature_c'],
  ...['meta.humidity_percent', 'meta.config_profile'],
  ...OLD_HEAD.map((path) => `old_head.${path}`),
  ...['camera.symbol', 'camera.lens_id', 'camera.evidence', 'camera.detail', 'camera.engravings'],
  ...['camera.lens_candidates', 'camera.expected.lens.supplier', 'camera.expected.lens.name'],
  ...['camera.expected.lens.index', 'camera.expected.symbols', 'camera.expected.texts'],
]

/** Where in the message the value of each column but the first (`schema`) stands. */
export const PLACES: readonly { readonly keys: readonly string[]; readonly texts: boolean }[] = PATHS.map(
  (path) => ({
    keys: path.split('.'),
    texts: TEXT_LISTS.has(path),
  }),
)

/** The names of the columns, in order. */
export const COLUMNS: readonly string[] = ['schema', ...PATHS.map((path) => path.replaceAll('.', '_'))]

/** The header, without its line end. */
export const CSV_HEADER = COLUMNS.join(',')

/**
 * One inspection as a record of RFC 4180, without its line end. What was not measured is empty. Matrices and further
 * heads have no columns.
 */
export function csvRecord(message: InspectionMessage): string {
  let record = CSV_SCHEMA
  for (const value of cellsOf(message)) record += `,${field(value)}`
  return record
}

/**
 * What stands in each column but the first: a text, number or boolean, undefined where nothing was measured. A list of
 * texts is one text joined with commas, of a list of others the count, a block whose names are not fixed its JSON.
 */
export function cellsOf(message: InspectionMessage): unknown[] {
  return PLACES.map(({ keys, texts }) => cell(valueAt(message, keys), texts))
}

function valueAt(message: object, keys: readonly string[]): unknown {
  let value: unknown = message
  for (const key of keys) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = Reflect.get(value, key)
  }
  return value
}

function cell(value: unknown, texts: boolean): unknown {
  if (typeof value !== 'object' || value === null) return value ?? undefined
  if (!Array.isArray(value)) return JSON.stringify(value)
  return texts ? value.join(',') : value.length
}

function field(value: unknown): string {
  if (value === undefined) return ''
  return typeof value === 'string' ? quoted(value) : String(value)
}

/** RFC 4180 §2.6 and §2.7. */
function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** The first `count` fields of a record; fewer where it has no more. */
export function firstFields(record: string, count: number): string[] {
  const fields: string[] = []
  for (let from = 0; fields.length < count && from <= record.length; ) {
    const quotes = record[from] === '"'
    let end = from
    if (quotes) {
      end += 1
      while (end < record.length && (record[end] !== '"' || record[end + 1] === '"'))
        end += record[end] === '"' ? 2 : 1
      fields.push(record.slice(from + 1, end).replaceAll('""', '"'))
      end += 1
    } else {
      const comma = record.indexOf(',', from)
      end = comma === -1 ? record.length : comma
      fields.push(record.slice(from, end))
    }
    from = end + 1
  }
  return fields
}
