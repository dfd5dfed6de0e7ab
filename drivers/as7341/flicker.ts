import type { Link } from '../link.ts'
import { SensorError } from '../sensor.ts'
import { type Chip, SMUX_MS } from './chip.ts'
import * as reg from './registers.ts'
import { chain } from './smux.ts'

/** What FD_STATUS says, bit by bit. A frequency whose calculation is not valid is absent: neither there nor not. */
export interface FlickerStatus {
  /** A measurement is complete. */
  readonly measured: boolean
  /** The detector saturated: what it found may be wrong. */
  readonly saturated: boolean
  /** The light flickers at 100 Hz: lamps on 50 Hz mains. */
  readonly hz100?: boolean
  /** The light flickers at 120 Hz: lamps on 60 Hz mains. */
  readonly hz120?: boolean
}

/** One look for flicker. */
export interface Flicker extends FlickerStatus {
  /** Monotonic ms of the driver's clock when it was read. */
  readonly takenAt: number
}

/**
 * Reads FD_STATUS by its bits: a saturated detector says 0x3d where others look for 0x2d, and one that finds both
 * frequencies says 0x2f.
 */
export function decodeFlicker(status: number): FlickerStatus {
  const measured = (status & reg.FD_STATUS_MEASURED) !== 0
  const known = (valid: number): boolean => measured && (status & valid) !== 0
  return {
    measured,
    saturated: (status & reg.FD_STATUS_SATURATED) !== 0,
    ...(known(reg.FD_STATUS_100HZ_VALID) ? { hz100: (status & reg.FD_STATUS_100HZ) !== 0 } : {}),
    ...(known(reg.FD_STATUS_120HZ_VALID) ? { hz120: (status & reg.FD_STATUS_120HZ) !== 0 } : {}),
  }
}

const FLICKER_CHAIN = chain({ Flicker: 5 })

/** How long a detection takes is not published: public drivers wait 500 or 600 ms and look once. */
const DETECTION = { what: 'finish a flicker detection', firstMs: 100, limitMs: 600, pollMs: 20 }

/**
 * Connects the flicker photodiode and looks until both frequencies are decided, or the time is over. What is connected
 * and enabled after it is the caller's to restore.
 * @throws SensorError `timeout` where the chip completes no measurement, and what the chip throws
 */
export async function lookForFlicker(
  link: Link,
  chip: Chip,
  signal: AbortSignal | undefined,
): Promise<Flicker> {
  await chip.setLamp('off')
  await chip.connect(FLICKER_CHAIN, SMUX_MS, signal)
  // FD_TIME's low byte has no published reset value: what another program set there stays until power is lost.
  await chip.write(reg.CFG10, reg.CFG10_RESET)
  await chip.write(reg.FD_CFG0, reg.FD_CFG0_RESET)
  await chip.write(reg.FD_TIME2, reg.FD_TIME2_RESET)
  await chip.write(reg.FD_STATUS, reg.FD_STATUS_CLEARABLE)
  await chip.write(reg.ENABLE, reg.ENABLE_PON | reg.ENABLE_FDEN)
  let status = decodeFlicker(0)
  const decided = async (): Promise<boolean> => {
    const [byte = 0] = await chip.read(reg.FD_STATUS, 1)
    status = decodeFlicker(byte)
    return status.hz100 !== undefined && status.hz120 !== undefined
  }
  try {
    await link.until(decided, DETECTION, signal)
  } catch (error) {
    const undecided = error instanceof SensorError && error.fault === 'timeout' && status.measured
    if (!undecided) throw error
  }
  return { ...status, takenAt: link.now() }
}
