import { v7 as uuid } from 'uuid'
import type { Clock } from '../drivers/clock.ts'
import { emptyTrayOf } from './analysis/empty-tray.ts'
import type { EmptyTray } from './calibration.ts'
import type { MeasuringHead } from './inspect.ts'
import type { Measurement } from './inspection.ts'

/** Looks at the tray that are averaged: the noise of the mean is small beside that of one frame. */
const FRAMES = 12
const SPECTRA = 3

/**
 * Looks at the empty tray with the station's first head of each kind: heights and reflectances are measured from
 * what is found here. Takes about a second.
 * @param by who says that the tray is empty
 * @throws SensorError when a head does not deliver; RangeError without a ranging head
 */
export async function measureEmptyTray(
  heads: readonly MeasuringHead[],
  clock: Clock,
  by: string,
  signal: AbortSignal,
): Promise<EmptyTray> {
  const ranging = heads.find(({ kind }) => kind === 'vl53l8ch')
  const spectral = heads.find(({ kind }) => kind === 'as7341')
  const looks = await Promise.all([
    look(ranging, FRAMES, clock, signal),
    look(spectral, SPECTRA, clock, signal),
  ])
  const measurements = looks.flat()
  const frames = measurements.filter((measurement) => measurement.kind === 'vl53l8ch')
  const tray = emptyTrayOf(
    frames,
    measurements.filter((measurement) => measurement.kind === 'as7341'),
    {
      id: uuid(),
      at: new Date(clock.wall()).toISOString(),
      by,
      heads: [ranging, spectral].flatMap((head) => (head === undefined ? [] : [head.id])),
    },
  )
  const temperatures = frames.map(({ siliconTemperatureC }) => siliconTemperatureC)
  const siliconTemperatureC = temperatures.reduce((sum, one) => sum + one, 0) / temperatures.length
  return { ...tray, conditions: { siliconTemperatureC } }
}

/** Nothing moves: after the first fresh look any frame will do. */
async function look(
  head: MeasuringHead | undefined,
  times: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<Measurement[]> {
  if (head === undefined) return []
  const measurements = [await head.measure(clock.now(), signal)]
  while (measurements.length < times) {
    measurements.push(await (head.next?.(signal) ?? head.measure(clock.now(), signal)))
  }
  return measurements
}
