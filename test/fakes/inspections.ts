import type { InspectionMessage } from '../../gateway/message.ts'
import type { OutboxEntry } from '../../gateway/outbox.ts'

const EPOCH = '01980000-0000-7000-8000-000000000001'
const DIGEST = 'ab'.repeat(32)

/** The id of the inspection with that sequence. */
function idOf(sequence: number): string {
  return `01980000-0000-7000-9000-${sequence.toString(16).padStart(12, '0')}`
}

function matrix(value: number): number[][] {
  return Array.from({ length: 8 }, (_, row) =>
    Array.from({ length: 8 }, (_, column) => value + row + column / 8),
  )
}

/** A complete inspection as every sink sees it, about 4 kB; `changes` replace whole blocks. */
export function inspection(sequence: number, changes: Partial<InspectionMessage> = {}): InspectionMessage {
  return {
    schema: 'poincon.inspection/1',
    type: 'sensor_data',
    id: idOf(sequence),
    epoch: EPOCH,
    sequence,
    timestamp: new Date(Date.UTC(2026, 4, 1, 8, 0, 0, sequence)).toISOString(),
    clock: 'synchronised',
    device_id: 'gw-1',
    site: 'lyon',
    line: 'l1',
    station: 's1',
    sample_id: `part ${sequence}`,
    lot_id: 'L, 42="x"',
    recipe: { id: 'foiegras_standard_barquette', revision: 7 },
    vl53l8ch: {
      distance_matrix: matrix(300),
      reflectance_matrix: matrix(20),
      ambient_matrix: matrix(0.5),
      status_matrix: matrix(5),
      height_matrix: matrix(18),
      volume_mm3: 210_345.5,
      avg_height_mm: 18.25,
      surface_uniformity: 0.93,
      quality_score: 0.9,
      grade: 'A',
      defects: [{ type: 'foreign_body', zone: [3, 4], severity: 0.2, deviation_mm: 1.5 }],
      bins_analysis: { peaks: 64 },
    },
    as7341: {
      channels: { F1_415nm: 1200, F8_680nm: 4000.5, Clear: 9000, NIR: 700 },
      integration_time: 50,
      gain: 4,
      saturated: ['Clear'],
      freshness_index: 0.8,
      quality_score: 0.85,
      grade: 'A',
    },
    fusion: { final_score: 0.88, final_grade: 'A', confidence: 0.95, defects: [] },
    verdict: {
      kind: 'graded',
      grade: 'A',
      score: 0.88,
      action: 'accept',
      reasons: [],
      findings: [],
      latency_ms: 41.5,
    },
    provenance: {
      software: '0.1.0',
      recipe_sha256: DIGEST,
      calibration: [],
      models: {},
      raw_sha256: DIGEST,
      previous: DIGEST,
      hash: DIGEST,
    },
    meta: { firmware_version: '0.1.0', config_profile: 'foiegras_standard_barquette' },
    ...changes,
  }
}

/** The same as the outbox hands it out. */
export function entry(sequence: number, changes: Partial<InspectionMessage> = {}): OutboxEntry {
  const message = inspection(sequence, changes)
  return { epoch: message.epoch, sequence, id: message.id, payload: JSON.stringify(message) }
}

/** Entries `from` to `to`, both included. */
export function entries(from: number, to: number): OutboxEntry[] {
  return Array.from({ length: to - from + 1 }, (_, place) => entry(from + place))
}
