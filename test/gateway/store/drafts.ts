import { v7 as uuidv7 } from 'uuid'
import type { InspectionDraft } from '../../../gateway/message.ts'

/** Mulberry32: same seed, same numbers in [0, 1). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Bytes that do not compress, as the raw record of one part has them. */
export function rawRecord(random: () => number, length = 1600): Uint8Array {
  return Uint8Array.from({ length }, () => Math.floor(random() * 256))
}

const CHANNELS = [
  'F1_415nm',
  'F2_445nm',
  'F3_480nm',
  'F4_515nm',
  'F5_555nm',
  'F6_590nm',
  'F7_630nm',
  'F8_680nm',
]

/** An inspection of the size that the real station makes, about 5 KB of JSON, with rounded measures. */
export function inspectionDraft(random: () => number, sampleId = 'S-000001'): InspectionDraft {
  const measure = (from: number, to: number, digits: number): number =>
    Number((from + random() * (to - from)).toFixed(digits))
  const matrix = (from: number, to: number, digits: number): number[][] =>
    Array.from({ length: 8 }, () => Array.from({ length: 8 }, () => measure(from, to, digits)))
  return {
    schema: 'poincon.inspection/1',
    type: 'sensor_data',
    id: uuidv7(),
    timestamp: '2026-03-01T08:00:00.000Z',
    clock: 'synchronised',
    device_id: 'poincon-test',
    site: 'site',
    line: 'line',
    station: 'station',
    sample_id: sampleId,
    lot_id: 'LOT-0001',
    recipe: { id: 'foiegras_standard_barquette', revision: 1 },
    vl53l8ch: {
      distance_matrix: matrix(280, 330, 2),
      reflectance_matrix: matrix(10, 90, 1),
      amplitude_matrix: matrix(50, 2000, 2),
      ambient_matrix: matrix(0, 12, 3),
      status_matrix: matrix(5, 5, 0),
      height_matrix: matrix(0, 35, 2),
      volume_mm3: measure(90_000, 160_000, 1),
      avg_height_mm: measure(15, 30, 2),
      surface_uniformity: measure(0.7, 1, 3),
      quality_score: measure(0.6, 1, 3),
      grade: 'A',
      defects: [{ type: 'deformation', zone: [3, 4], severity: measure(0, 1, 3), deviation_mm: -1.25 }],
    },
    as7341: {
      channels: Object.fromEntries(CHANNELS.map((channel) => [channel, measure(10, 4000, 1)])),
      integration_time: 50,
      gain: 64,
      saturated: [],
      freshness_index: measure(0, 1, 3),
      spectral_analysis: { slope: measure(-1, 1, 6), ratio: measure(0, 3, 6) },
      grade: 'A',
      defects: [],
    },
    fusion: { final_score: measure(0.7, 1, 3), final_grade: 'A', confidence: 0.92, defects: [] },
    verdict: {
      kind: 'graded',
      grade: 'A',
      score: 0.9,
      action: 'accept',
      reasons: [],
      findings: [],
      latency_ms: measure(30, 60, 3),
    },
    provenance: { software: '0.1.0', recipe_sha256: 'a'.repeat(64), calibration: [uuidv7()], models: {} },
    meta: { firmware_version: '1.2.3', temperature_c: 4.2, config_profile: 'foiegras_standard_barquette' },
  }
}
