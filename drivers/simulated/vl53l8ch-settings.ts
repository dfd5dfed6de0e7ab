import * as reg from '../vl53l8ch/registers.ts'
import type { DciMemory } from './vl53l8ch-dci.ts'
import type { RangeScene } from './vl53l8ch-scene.ts'

/** When and how long light is gathered. */
export interface Exposure {
  readonly periodMs: number
  readonly integrationMs: number
  /** Whether each exposure waits for an edge at the SYNC pin. */
  readonly external: boolean
}

/** The real one never starts at its default of 1 Hz (facts §3). */
const SLOWEST_HZ = 2
const CONTINUOUS = 1
/** One exposure a frame with 16 zones, four with 64, and 1 ms beside (UM2884, integration time). */
const EXPOSURES = { 16: 1, 64: 4 } as const
const OVERHEAD_MS = 1
const SYNC_ON = 0x02
/** What the recorded one took. */
const CALIBRATION_MS = 500
const XTALK_GRID = 0x9ffc
const SIGNAL_UNIT = 2048

/** As the frequency, integration time, ranging mode and sync pin say now; exposures that do not fit stretch the period. */
export function exposureOf(dci: DciMemory): Exposure {
  const zones = dci.byte(reg.DCI_ZONES, 0) * dci.byte(reg.DCI_ZONES, 1) === 64 ? 64 : 16
  const hz = dci.byte(reg.DCI_FREQUENCY, 1)
  const external = (dci.byte(reg.DCI_EXTERNAL_SYNC, 3) & SYNC_ON) !== 0
  if (calibrates(dci)) return { periodMs: CALIBRATION_MS, integrationMs: CALIBRATION_MS, external: false }
  const period = hz < SLOWEST_HZ ? Number.POSITIVE_INFINITY : 1000 / hz
  if (dci.byte(reg.DCI_RANGING_MODE, 1) === CONTINUOUS) {
    return { periodMs: period, integrationMs: (period - OVERHEAD_MS) / EXPOSURES[zones], external }
  }
  const integrationMs = dci.word(reg.DCI_INTEGRATION) / 1000
  return {
    periodMs: Math.max(period, EXPOSURES[zones] * integrationMs + OVERHEAD_MS),
    integrationMs,
    external,
  }
}

/** Whether the output list is that of a crosstalk calibration: the blocks of the crosstalk itself. */
export function calibrates(dci: DciMemory): boolean {
  for (let i = 0; i < 32; i += 1) {
    const enabled = ((dci.word(reg.DCI_OUTPUT_ENABLES) >>> i) & 1) === 1
    if (enabled && dci.word(reg.DCI_OUTPUT_LIST + 4 * i) >>> 16 === reg.DCI_XTALK) return true
  }
  return false
}

/** What a calibration finds, in the unit of the signal (assumed). */
export function storeCrosstalk(dci: DciMemory, scene: RangeScene): void {
  const found = scene.crosstalk?.()
  if (found === undefined) return
  const grid = new DataView(new ArrayBuffer(256))
  for (let zone = 0; zone < 64; zone += 1) {
    grid.setUint32(4 * zone, Math.round((found[zone] ?? 0) * SIGNAL_UNIT))
  }
  dci.store(XTALK_GRID, new Uint8Array(grid.buffer))
}
