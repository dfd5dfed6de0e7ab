import type { I2cBus } from '../../drivers/bus.ts'
import type { Clock } from '../../drivers/clock.ts'
import { initialise } from '../../drivers/vl53l8ch/boot.ts'
import type { FirmwareImage } from '../../drivers/vl53l8ch/firmware.ts'
import { calibrateXtalk, type XtalkTarget } from '../../drivers/vl53l8ch/xtalk-calibration.ts'
import { CalibrationRefused } from './refused.ts'
import type { CrosstalkRow } from './rows.ts'

const BYTES = 776
/** Where the 64 signals of the grid stand, and their unit per kcps/spad (facts of the chip, §6 and §4). */
const SIGNAL_GRID = 0x34
const SIGNAL_UNIT = 2048
const ZONES = 64
/** More comes from no clean cover glass, but from a target that is too near or a finger on the glass. */
const MOST_KCPS_PER_SPAD = 10_000

/** A ranging chip on its wires, closed before: nothing else may talk to it meanwhile. */
export interface BareChip {
  readonly bus: I2cBus
  readonly clock: Clock
  readonly address: number
  readonly firmware: FirmwareImage
  readonly signal: AbortSignal
}

/**
 * Restarts the chip and measures what its cover glass throws back, some seconds. The chip keeps it until its power
 * goes: whoever opens it hands it the row's bytes (`xtalkOf`).
 * @throws RangeError for a target the chip has not, FirmwareError without ST's table for it, SensorError
 * @throws CalibrationRefused for a result that no cover glass gives
 */
export async function measureCrosstalk(
  { bus, clock, address, firmware, signal }: BareChip,
  target: XtalkTarget,
): Promise<
  Pick<CrosstalkRow, 'distance_mm' | 'reflectance_percent' | 'samples' | 'xtalk' | 'kcps_per_spad'>
> {
  const link = { bus, clock, address, signal }
  const nvm = await initialise(link, firmware, 1)
  const chip = { image: firmware, targetsPerZone: 1, nvm, xtalk: firmware.xtalk } as const
  const xtalk = await calibrateXtalk(link, target, chip)
  return {
    distance_mm: target.distanceMm,
    reflectance_percent: target.reflectancePercent,
    samples: target.samples,
    xtalk: Buffer.from(xtalk).toString('base64'),
    kcps_per_spad: signalsOf(xtalk),
  }
}

/** @throws CalibrationRefused */
function signalsOf(xtalk: Uint8Array): CrosstalkRow['kcps_per_spad'] {
  const view = new DataView(xtalk.buffer, xtalk.byteOffset, xtalk.byteLength)
  const signals = Array.from(
    { length: ZONES },
    (_, zone) => view.getUint32(SIGNAL_GRID + 4 * zone) / SIGNAL_UNIT,
  )
  const most = Math.max(...signals)
  if (most > MOST_KCPS_PER_SPAD) {
    throw new CalibrationRefused(
      `${most.toFixed(0)} kcps/spad of crosstalk: at most ${MOST_KCPS_PER_SPAD} expected; clean the cover glass, and keep the field free`,
    )
  }
  return { mean: signals.reduce((sum, signal) => sum + signal, 0) / ZONES, most }
}

/** What the chip is opened with: `RangingSettings.xtalk`. */
export function xtalkOf({ xtalk }: CrosstalkRow): Uint8Array {
  const bytes = Buffer.from(xtalk, 'base64')
  if (bytes.length !== BYTES) throw new RangeError(`xtalk: ${bytes.length} bytes: expected ${BYTES}`)
  return new Uint8Array(bytes)
}
