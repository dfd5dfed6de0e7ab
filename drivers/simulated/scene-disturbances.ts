import type { Air } from './air.ts'
import { DISTURBED, type Disturbances, HARD, QUIET, RANGING } from './optics.ts'
import type { Random } from './random.ts'
import { newSums, type Sums } from './scene-tray.ts'

export interface DisturbanceOptions {
  /** The neglected station of `HARD` instead of the quiet one. */
  readonly hard?: boolean
  /** Single ones, each in place of that of the station. */
  readonly disturbances?: Partial<Disturbances>
}

/** @throws RangeError for a value that no station has */
export function disturbancesOf({ hard = false, disturbances = {} }: DisturbanceOptions): Disturbances {
  const all = { ...(hard ? HARD : QUIET), ...disturbances }
  for (const [name, value] of Object.entries(all)) {
    if (typeof value === 'number' && !Number.isFinite(value)) throw wrong(name, value, 'a finite number')
  }
  const { zoneCrosstalk, coverGlassKcps, ambientKcps, strayCounts, lampWarmUp, shotNoise } = all
  if (zoneCrosstalk < 0 || zoneCrosstalk > 0.2) throw wrong('zoneCrosstalk', zoneCrosstalk, '0…0.2')
  if (lampWarmUp < 0 || lampWarmUp >= 1) throw wrong('lampWarmUp', lampWarmUp, '0 up to 1')
  for (const [name, value] of Object.entries({ coverGlassKcps, ambientKcps, strayCounts, shotNoise })) {
    if (value < 0) throw wrong(name, value, 'at least 0')
  }
  return all
}

function wrong(name: string, value: unknown, expected: string): RangeError {
  return new RangeError(
    `disturbances.${name}: ${typeof value === 'number' ? value : JSON.stringify(value)}: expected ${expected}`,
  )
}

/** Which of the 64 zones see nothing. @throws RangeError where there are no such zones */
export function drawDeadZones(dead: Disturbances['deadZones'], random: Random): ReadonlySet<number> {
  if (typeof dead !== 'number') {
    if (!dead.every((zone) => Number.isInteger(zone) && zone >= 0 && zone < 64))
      throw wrong('deadZones', dead, 'zones 0…63')
    return new Set(dead)
  }
  if (!(Number.isInteger(dead) && dead >= 0 && dead <= 64)) throw wrong('deadZones', dead, '0…64 zones')
  const zones = new Set<number>()
  while (zones.size < dead) zones.add(Math.floor(64 * random.uniform()))
  return zones
}

/** What the zones see once stray light, cover glass and dead zones are added; the same sums where there is none. */
export function disturbed(sums: Sums, how: Disturbances, dead: ReadonlySet<number>): Sums {
  if (how.zoneCrosstalk === 0 && how.coverGlassKcps === 0 && dead.size === 0) return sums
  const seen = newSums(64)
  for (let zone = 0; zone < 64; zone += 1) {
    if (dead.has(zone)) continue
    take(seen, zone, sums, zone, 1)
    const [row, column] = [Math.floor(zone / 8), zone % 8]
    if (row > 0) take(seen, zone, sums, zone - 8, how.zoneCrosstalk)
    if (row < 7) take(seen, zone, sums, zone + 8, how.zoneCrosstalk)
    if (column > 0) take(seen, zone, sums, zone - 1, how.zoneCrosstalk)
    if (column < 7) take(seen, zone, sums, zone + 1, how.zoneCrosstalk)
    const glass = { signal: how.coverGlassKcps, mm: DISTURBED.glassMm }
    seen.signal[zone] = (seen.signal[zone] ?? 0) + glass.signal
    seen.first[zone] = (seen.first[zone] ?? 0) + glass.signal * glass.mm
    seen.second[zone] = (seen.second[zone] ?? 0) + glass.signal * glass.mm ** 2
  }
  return seen
}

function take(to: Sums, zone: number, from: Sums, other: number, share: number): void {
  to.signal[zone] = (to.signal[zone] ?? 0) + share * (from.signal[other] ?? 0)
  to.first[zone] = (to.first[zone] ?? 0) + share * (from.first[other] ?? 0)
  to.second[zone] = (to.second[zone] ?? 0) + share * (from.second[other] ?? 0)
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** Brightness of the lamp by warmth, air and age; 1 nominal. @param at ms since it was switched on */
export function lampLevel(how: Disturbances, at: number, air: Air): number {
  const warm = 1 - Math.exp(-Math.max(0, at) / DISTURBED.lampWarmUpMs)
  return (
    Math.max(0, 1 + how.lampPerKelvin * (air.temperatureC - DISTURBED.hallC)) *
    (1 - how.lampWarmUp * warm) *
    Math.max(0, 1 - (how.lampAgeingPerHour * Math.max(0, at)) / HOUR_MS)
  )
}

/** The room's light on Clear, counts per ms at gain 1. @param phase of the day at the clock's 0, radians */
export function strayLevel(how: Disturbances, at: number, phase: number): number {
  return how.strayCounts * (1 + DISTURBED.straySwing * Math.sin((2 * Math.PI * at) / DAY_MS + phase))
}

/** Of the ranging chip, °C: it warms up from the clock's 0; before that the head was off. */
export function siliconTemperature(at: number): number {
  const { siliconStartC, siliconEndC, siliconWarmUpMs } = RANGING
  return siliconEndC - (siliconEndC - siliconStartC) * Math.exp(-Math.max(0, at) / siliconWarmUpMs)
}
