import type { Grade } from '../../gateway/inspection.ts'
import { type InspectionMessage, inspectionMessage } from '../../gateway/message.ts'

/** What a test says about a message; blocks it names replace the built ones, `undefined` leaves a block out. */
export type MessageOverrides = {
  readonly [Field in keyof InspectionMessage]?: InspectionMessage[Field] | undefined
}

const FIRST_AT = Date.UTC(2026, 10, 21, 8, 0, 0)
const EPOCH = '01909b5e-0000-7000-8000-000000000001'

/** Heights of a domed part on an 8x8 field, mm; the corners see only the tray. */
export const DOME: (number | null)[][] = Array.from({ length: 8 }, (_, row) =>
  Array.from({ length: 8 }, (_, column) => {
    const distance = Math.hypot(row - 3.5, column - 3.5) / 4.2
    return distance < 1 ? Math.round(620 * Math.sqrt(1 - distance ** 2)) / 10 : 0
  }),
)

/** Ten channels as a fresh part gives them, raw counts. */
export const CHANNEL_COUNTS = {
  F1_415nm: 1594,
  F2_445nm: 2377,
  F3_480nm: 2012,
  F4_515nm: 7590,
  F5_555nm: 3613,
  F6_590nm: 2391,
  F7_630nm: 4570,
  F8_680nm: 2941,
  Clear: 25_688,
  NIR: 2425,
}

/** The UUIDv7 that `message` gives the inspection of this sequence. */
export function idOf(sequence: number): string {
  return `01909b5e-0000-7000-8001-${sequence.toString(16).padStart(12, '0')}`
}

/** A valid `poincon.inspection/1`: an accepted part of grade A, one second after the one before. */
export function message(sequence: number, overrides: MessageOverrides = {}): InspectionMessage {
  const entries = Object.entries({ ...gradedMessage(sequence), ...overrides }).filter(
    ([, value]) => value !== undefined,
  )
  return inspectionMessage.parse(Object.fromEntries(entries))
}

/** A part that could not be graded, and was held or rejected for it. */
export function ungraded(
  sequence: number,
  action: 'hold' | 'reject',
  reasons: string[],
  overrides: MessageOverrides = {},
): InspectionMessage {
  const verdict = { kind: 'ungraded' as const, action, reasons, latency_ms: 212.5 }
  return message(sequence, { fusion: undefined, verdict, ...overrides })
}

/** A graded part with the action that goes with its grade. */
export function graded(
  sequence: number,
  grade: Grade,
  score: number,
  overrides: MessageOverrides = {},
): InspectionMessage {
  const action = grade === 'REJECT' ? ('reject' as const) : ('accept' as const)
  const verdict = {
    kind: 'graded' as const,
    grade,
    score,
    action,
    reasons: [],
    findings: [],
    latency_ms: 142,
  }
  const fusion = { final_score: score, final_grade: grade, defects: [] }
  return message(sequence, { verdict, fusion, ...overrides })
}

function gradedMessage(sequence: number): InspectionMessage {
  const hash = (seed: number): string => seed.toString(16).padStart(64, '0')
  return {
    schema: 'poincon.inspection/1',
    type: 'sensor_data',
    id: idOf(sequence),
    epoch: EPOCH,
    sequence,
    timestamp: new Date(FIRST_AT + sequence * 1000).toISOString(),
    clock: 'synchronised',
    device_id: 'station-7',
    site: 'landes',
    line: 'line-1',
    station: 'station-7',
    sample_id: `part-${String(sequence).padStart(5, '0')}`,
    lot_id: 'LL-261121-0001',
    recipe: { id: 'foiegras_standard_barquette', revision: 7 },
    vl53l8ch: {
      height_matrix: DOME,
      volume_mm3: 512_300,
      avg_height_mm: 38.2,
      max_height_mm: 61.4,
      surface_uniformity: 0.86,
      quality_score: 0.84,
      grade: 'A',
      defects: [],
    },
    as7341: {
      channels: CHANNEL_COUNTS,
      integration_time: 50.04,
      gain: 4,
      saturated: [],
      quality_score: 0.81,
      grade: 'A',
      defects: [],
    },
    fusion: {
      final_score: 0.83,
      final_grade: 'A',
      vl53l8ch_score: 0.84,
      as7341_score: 0.81,
      confidence: 0.9,
      defects: [],
    },
    verdict: {
      kind: 'graded',
      grade: 'A',
      score: 0.83,
      action: 'accept',
      reasons: [],
      findings: [],
      latency_ms: 142.25,
    },
    provenance: {
      software: '0.1.0',
      recipe_sha256: hash(7),
      calibration: [],
      models: {},
      raw_sha256: hash(sequence + 1000),
      previous: hash(sequence - 1),
      hash: hash(sequence),
    },
    meta: { firmware_version: '0.1.0', config_profile: 'foiegras_standard_barquette' },
  }
}
