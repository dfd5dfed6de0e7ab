import { basicCounts, type Spectrum } from '../../drivers/as7341/counts.ts'
import type { RangeFrame } from '../../drivers/vl53l8ch/ranges.ts'
import { measureEmptyTray } from '../calibrate.ts'
import { type EmptyTray, emptyTrayJson } from '../calibration.ts'
import type { HeadKind } from '../inspection.ts'
import { type Bench, type BenchHead, chipsOf } from './bench.ts'
import { offsetsOf } from './offset.ts'
import { originOf, type Taking, validUntil } from './origin.ts'
import { CalibrationRefused } from './refused.ts'
import type { CalibrationRow, DarkRow, OffsetRow, Stage, WhiteRow } from './rows.ts'
import { darkOf, type Tile, whiteReferenceOf } from './spectral.ts'

/** The mean of so many looks: their noise is small beside what is measured. */
const FRAMES = 32
const SPECTRA = 8
/** Fewer zones than this share make no plane of the tray (`trayPlan`). */
const LEAST_SEEN = 0.75
/** Dark and lit basic counts are compared from so many. */
const LIT_SPECTRA = 1

/** @throws SensorError, RangeError; CalibrationRefused before the chips are known */
export async function takeTray(bench: Bench, taking: Taking): Promise<EmptyTray> {
  const { heads, clock, signal, conditions } = bench
  if (chipsOf(heads) === undefined) throw new CalibrationRefused('no head has said which chip it is')
  const tray = await measureEmptyTray(heads, clock, taking.by, signal)
  const seen = tray.rangeMm.filter((range) => range !== null && range > 0).length
  const least = LEAST_SEEN * tray.rangeMm.length
  if (seen < least)
    throw new CalibrationRefused(`${seen} of ${tray.rangeMm.length} zones see the tray: expected ${least}`)
  const { temperature_c: temperatureC, humidity_percent: humidityPercent } = conditions
  const around = {
    ...(temperatureC === undefined ? {} : { temperatureC }),
    ...(humidityPercent === undefined ? {} : { humidityPercent }),
  }
  const until = validUntil(bench, taking)
  return {
    ...tray,
    ...(until === undefined ? {} : { validUntil: until }),
    ...(Object.keys(around).length === 0 ? {} : { conditions: { ...tray.conditions, ...around } }),
  }
}

/** The row of an empty tray. */
export function trayRow(tray: EmptyTray, bench: Bench): CalibrationRow {
  return emptyTrayJson(tray, chipsOf(bench.heads))
}

/** Looks at a flat target at a known distance. @throws SensorError, CalibrationRefused */
export async function takeOffset(
  bench: Bench,
  { distanceMm, ...taking }: Taking & { readonly distanceMm: number },
): Promise<OffsetRow> {
  const head = headOf(bench, 'vl53l8ch', taking.head)
  const frames = await framesOf(head, bench, FRAMES)
  const found = offsetsOf(frames, distanceMm)
  const silicon = frames.reduce((sum, frame) => sum + frame.siliconTemperatureC, 0) / frames.length
  const { conditions, ...origin } = originOf(bench, taking, head)
  return {
    kind: 'offset',
    ...origin,
    conditions: { ...conditions, silicon_temperature_c: silicon },
    ...found,
  }
}

/**
 * Looks at the dark: with the chip's own lamp held off where it has one, else with the head covered.
 * @param lit basic counts under the lamp where they are known; else the head looks, its own lamp on
 * @throws SensorError, CalibrationRefused
 */
export async function takeDark(
  bench: Bench,
  {
    stage,
    lit,
    ...taking
  }: Taking & { readonly stage: Stage; readonly lit?: Readonly<Record<string, number>> },
): Promise<DarkRow> {
  const head = headOf(bench, 'as7341', taking.head)
  const [first] = await spectraOf(head, bench, LIT_SPECTRA)
  const ownLamp = (first?.lampMa ?? 0) > 0
  const take = ownLamp ? head.measureDark?.bind(head) : undefined
  if (ownLamp && take === undefined)
    throw new CalibrationRefused(
      `head ${head.id} drives its lamp, and cannot hold it off while the station runs`,
    )
  const dark: Spectrum[] = []
  while (dark.length < SPECTRA) {
    dark.push(
      take === undefined ? await spectrumOf(head, bench) : await take(bench.clock.now(), bench.signal),
    )
  }
  const against = lit ?? (ownLamp && first !== undefined ? (basicCounts(first) ?? {}) : {})
  return { kind: 'dark', ...originOf(bench, taking, head), stage, ...darkOf(dark, against) }
}

/** Looks at a white tile under the lamp. @throws SensorError, CalibrationRefused */
export async function takeWhite(
  bench: Bench,
  { stage, tile, ...taking }: Taking & { readonly stage: Stage; readonly tile: Tile },
): Promise<WhiteRow> {
  const head = headOf(bench, 'as7341', taking.head)
  const spectra = await spectraOf(head, bench, SPECTRA)
  return { kind: 'white', ...originOf(bench, taking, head), stage, ...whiteReferenceOf(spectra, tile) }
}

/** @throws CalibrationRefused */
function headOf({ heads }: Bench, kind: HeadKind, id: string | undefined): BenchHead {
  const head = heads.find((one) => one.kind === kind && (id === undefined || one.id === id))
  if (head !== undefined) return head
  throw new CalibrationRefused(
    id === undefined ? `no head of kind ${kind}` : `head ${id}: no such ${kind} head`,
  )
}

async function framesOf(head: BenchHead, { clock, signal }: Bench, count: number): Promise<RangeFrame[]> {
  const frames: RangeFrame[] = []
  while (frames.length < count) {
    const next = frames.length > 0 ? head.next?.(signal) : undefined
    const measurement = await (next ?? head.measure(clock.now(), signal))
    if (measurement.kind === 'vl53l8ch') frames.push(measurement)
  }
  return frames
}

async function spectraOf(head: BenchHead, bench: Bench, count: number): Promise<Spectrum[]> {
  const spectra: Spectrum[] = []
  while (spectra.length < count) spectra.push(await spectrumOf(head, bench))
  return spectra
}

async function spectrumOf(head: BenchHead, { clock, signal }: Bench): Promise<Spectrum> {
  const measurement = await head.measure(clock.now(), signal)
  if (measurement.kind === 'as7341') return measurement
  throw new CalibrationRefused(`head ${head.id} gave no spectrum`)
}
