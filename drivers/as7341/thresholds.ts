import { SensorError } from '../sensor.ts'
import { CHANNELS, type Channel, decodeHalf, type Exposure, HALF_LENGTH, type Integration } from './counts.ts'
import * as reg from './registers.ts'
import { chain, HIGH_HALF, LOW_HALF } from './smux.ts'

/** Conversions in a row that lie outside before the interrupt comes, by APERS code; 0 is at each, wherever it lies. */
export const PERSISTENCE: readonly number[] = [0, 1, 2, 3, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60]

/** What the chip watches on its own, conversion after conversion. */
export interface Thresholds {
  readonly channel: Channel
  /** Raw counts; fewer are a crossing. 0 is never. */
  readonly below: number
  /** Raw counts; more are a crossing. 65535 is never. */
  readonly above: number
  /** Conversions in a row outside before it is one: one of PERSISTENCE. */
  readonly persistence: number
  /** What the counts are counts of; default: the driver's fixed exposure. */
  readonly exposure?: Exposure
}

/** The watched channel left its band. */
export interface Crossing {
  /** Monotonic ms of the driver's clock when it was read: up to a poll later than it happened. */
  readonly takenAt: number
  readonly channel: Channel
  /** Since the last crossing was read. Both false: APERS 0 interrupts at each conversion. */
  readonly below: boolean
  readonly above: boolean
  /** Raw counts of the newest conversion, which may be back inside. */
  readonly count: number
  readonly saturated: boolean
}

/** How a channel gets to a converter that can be watched: ADC0…ADC4, so NIR takes the place of Clear. */
interface Route {
  readonly chain: Uint8Array
  readonly adc: number
}

const FILTERS_A_HALF = 4
/** Where Clear is in both halves. */
const CLEAR_ADC = 4

function routeOf(channel: Channel): Route {
  if (channel === 'NIR') return { chain: chain({ NIR: CLEAR_ADC }), adc: CLEAR_ADC }
  if (channel === 'Clear') return { chain: chain(LOW_HALF), adc: CLEAR_ADC }
  const filter = CHANNELS.indexOf(channel)
  return filter < FILTERS_A_HALF
    ? { chain: chain(LOW_HALF), adc: filter }
    : { chain: chain(HIGH_HALF), adc: filter - FILTERS_A_HALF }
}

/** Everything that the chip must be told before it watches. */
export interface Watch {
  readonly chain: Uint8Array
  readonly adc: number
  /** What SP_TH_L and the three registers behind it hold. */
  readonly limits: readonly number[]
  /** Register and values of each write, in order. */
  readonly writes: readonly (readonly [register: number, ...values: number[]])[]
}

/**
 * Both thresholds are one burst from the low byte up: the chip holds a low byte until its high byte comes, so written
 * the other way round it keeps the high bytes only.
 * @throws RangeError for counts outside 0…65535, a band upside down, a persistence the chip has not
 */
export function watchOf({ channel, below, above, persistence }: Thresholds): Watch {
  const isCount = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= 0xffff
  if (!(isCount(below) && isCount(above) && below <= above)) {
    throw new RangeError(`thresholds ${below}, ${above} are not two counts within 0…65535 in rising order`)
  }
  const apers = PERSISTENCE.indexOf(persistence)
  if (apers < 0) throw new RangeError(`no persistence ${persistence}, the chip has ${PERSISTENCE.join(', ')}`)
  const { chain: smuxChain, adc } = routeOf(channel)
  const limits = [below & 0xff, below >> 8, above & 0xff, above >> 8]
  return {
    chain: smuxChain,
    adc,
    limits,
    writes: [
      [reg.SP_TH_L, ...limits],
      [reg.PERS, apers],
      [reg.CFG12, adc],
      [reg.STATUS, reg.STATUS_ALL],
      [reg.INTENAB, reg.INTENAB_SP_IEN],
    ],
  }
}

/** Bytes from ENABLE to STATUS3: one transfer tells settings, interrupt, counts and which threshold. */
export const WATCH_LENGTH = reg.STATUS3 - reg.ENABLE + 1

/** What a watching chip says of itself. */
export interface WatchReport {
  /** At least one conversion is complete since the watch began. */
  readonly valid: boolean
  /** STATUS, to be written back: ones clear. */
  readonly status: number
  readonly crossed: boolean
  readonly below: boolean
  readonly above: boolean
  readonly saturated: boolean
  readonly count: number
}

/**
 * @param block `WATCH_LENGTH` bytes from ENABLE
 * @throws SensorError `corrupt` where the chip does not measure, or not between the thresholds of `watch`
 */
export function decodeWatch(
  block: Uint8Array,
  { adc, limits }: Watch,
  integration: Integration,
): WatchReport {
  const at = (register: number): number => block[register - reg.ENABLE] ?? 0
  const same = limits.every((value, index) => at(reg.SP_TH_L + index) === value)
  if (!same || (at(reg.ENABLE) & reg.ENABLE_SP_EN) === 0) {
    throw new SensorError('as7341', 'corrupt', 'it does not watch what it was told to watch')
  }
  const from = reg.ASTATUS - reg.ENABLE
  const half = decodeHalf(block.subarray(from, from + HALF_LENGTH), integration)
  const status = at(reg.STATUS)
  return {
    valid: (at(reg.STATUS2) & reg.STATUS2_AVALID) !== 0,
    status,
    crossed: (status & reg.STATUS_AINT) !== 0,
    below: (at(reg.STATUS3) & reg.STATUS3_INT_SP_L) !== 0,
    above: (at(reg.STATUS3) & reg.STATUS3_INT_SP_H) !== 0,
    saturated: half.saturated || half.atFullScale[adc] === true,
    count: half.counts[adc] ?? 0,
  }
}
