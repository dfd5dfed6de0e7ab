import { SensorError } from '../sensor.ts'

/** The air around the station. Heads drift with it, and products have their temperature by it. */
export interface Climate {
  readonly kind: 'sht31' | 'bme280'
  /** Monotonic ms of the driver's clock when it was read. */
  readonly takenAt: number
  /** Of the sensor, which is the air's where nothing warms it. */
  readonly temperatureC: number
  /** Relative humidity, 0…100. */
  readonly humidityPercent: number
  /** Absolute, not reduced to sea level; the SHT31 has none. */
  readonly pressureHpa?: number
  /** What it was reckoned from: the chip's bytes, for the BME280 with its calibration before them. */
  readonly raw: Uint8Array
}

/** What a climate may be, ends included. Beyond it the sensor is wrong, not the weather. */
export interface ClimateLimits {
  readonly temperatureC: readonly [least: number, most: number]
  readonly humidityPercent: readonly [least: number, most: number]
  readonly pressureHpa: readonly [least: number, most: number]
}

/** The range in which both chips are specified (SHT31 −40…125 °C, BME280 −40…85 °C and 300…1100 hPa). */
export const CLIMATE_LIMITS: ClimateLimits = {
  temperatureC: [-40, 85],
  humidityPercent: [0, 100],
  pressureHpa: [300, 1100],
}

/**
 * The climate itself, where it can be true.
 * @throws SensorError `corrupt`, naming the value that cannot
 */
export function plausible(climate: Climate, limits: ClimateLimits): Climate {
  const { kind, temperatureC, humidityPercent, pressureHpa } = climate
  within(kind, temperatureC, limits.temperatureC, '°C')
  within(kind, humidityPercent, limits.humidityPercent, '% of humidity')
  if (pressureHpa !== undefined) within(kind, pressureHpa, limits.pressureHpa, 'hPa')
  return climate
}

function within(
  sensor: string,
  value: number,
  [least, most]: readonly [least: number, most: number],
  unit: string,
): void {
  if (value >= least && value <= most) return
  throw new SensorError(sensor, 'corrupt', `${value.toFixed(2)} ${unit} is not within ${least}…${most}`)
}

/** Whether a climate still says something about now. */
export type ClimateAge =
  | { readonly state: 'never' }
  | { readonly state: 'fresh' | 'stale'; readonly ageMs: number }

/**
 * @param climate the last one that was measured
 * @param now monotonic ms of the same clock
 * @param staleAfterMs the air of a hall changes in minutes
 */
export function climateAge(climate: Climate | undefined, now: number, staleAfterMs = 120_000): ClimateAge {
  if (climate === undefined) return { state: 'never' }
  const ageMs = Math.max(0, now - climate.takenAt)
  return { state: ageMs > staleAfterMs ? 'stale' : 'fresh', ageMs }
}
