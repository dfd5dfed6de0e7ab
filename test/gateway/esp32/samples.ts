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

export type Json = Record<string, unknown>

function matrix(of: (row: number, column: number) => number): number[][] {
  return Array.from({ length: 8 }, (_, row) => Array.from({ length: 8 }, (_, column) => of(row, column)))
}

/** A dome on a tray 300 mm below the head, or the tray alone, in whole millimetres as the old consumer had them. */
export function ranges(random: () => number, heightMm = 40): Json {
  const noise = (): number => 2 * (random() + random() - 1)
  return {
    distance: matrix((row, column) => {
      const away = Math.hypot(row - 3.5, column - 3.5) / 2.6
      const height = away < 1 ? heightMm * Math.sqrt(1 - away ** 2) : 0
      return Math.round(300 - height + noise())
    }),
    reflectance: matrix(() => Math.round(52 + noise())),
    amplitude: matrix(() => Math.round(850 + 20 * noise())),
    ambient: matrix(() => Math.round(95 + 5 * noise())),
    status: matrix(() => 5),
  }
}

/** Counts of a fresh part at gain 4 and 100 ms (facts §2). */
export function counts(random: () => number): Json {
  const near = (count: number): number => Math.round(count * (0.99 + 0.02 * random()))
  return {
    F1_415nm: near(1600),
    F2_445nm: near(2400),
    F3_480nm: near(2000),
    F4_515nm: near(7600),
    F5_555nm: near(3600),
    F6_590nm: near(2400),
    F7_630nm: near(4600),
    F8_680nm: near(3000),
    Clear: near(26_000),
    NIR: near(2400),
  }
}

/** `sensor_data` in its nested form (facts §6), with the device's own conclusions. */
export function sample(sampleId: string, deviceId: string, random: () => number, heightMm = 40): Json {
  return {
    type: 'sensor_data',
    sample_id: sampleId,
    device_id: deviceId,
    timestamp: '2026-03-01T08:00:00.123456',
    vl53l8ch: {
      raw: ranges(random, heightMm),
      analysis: { volume_mm3: 1_077_739.9, surface_uniformity: 0.85, quality_score: 0.59, grade: 'C' },
    },
    as7341: {
      raw: counts(random),
      analysis: { freshness_index: 1, fat_quality_index: 0.95, oxidation_index: 0.05, quality_score: 0.82 },
    },
    fusion: {
      final_score: 0.68,
      final_grade: 'B',
      is_compliant: true,
      weight_tof: 0.6,
      weight_spectral: 0.4,
      confidence_level: 0.9,
    },
    firmware_version: '1.0.0',
    temperature_c: 21.5,
    humidity_pct: 45,
  }
}

/** The simulator's flat form: everything in the sensor's block, unrounded. */
export function flatSample(sampleId: string, deviceId: string, random: () => number): Json {
  const raw = ranges(random)
  const matrices = Object.entries(raw).filter(([name]) => name !== 'status')
  return {
    sample_id: sampleId,
    device_id: deviceId,
    vl53l8ch: {
      ...Object.fromEntries(matrices.map(([name, rows]) => [`${name}_matrix`, rows])),
      bins_matrix: null,
      volume_mm3: 1_077_739.9,
      grade: 'REJET - Qualité insuffisante',
    },
    as7341: {
      channels: { ...counts(random), Flicker: 0 },
      integration_time: 100,
      gain: 4,
      quality_score: 0.82,
    },
    fusion: { final_score: 0.2, final_grade: 'REJECT', is_compliant: false },
    meta: { firmware_version: '1.0.0', temperature_c: 20 },
  }
}
