import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { DISTURBED, HARD, RANGING, SPECTRAL } from '../../../drivers/simulated/optics.ts'
import { Scene } from '../../../drivers/simulated/scene.ts'
import type { RangeFrame } from '../../../drivers/vl53l8ch/ranges.ts'
import { measurementOf } from '../../../gateway/raw.ts'
import { readRecording } from '../../../gateway/replay/formats.ts'
import { missing, sharedData } from '../../fakes/shared.ts'

// The parameters beside what real chips recorded (facts/VL53L8CH.md §13: little; enough for orders of magnitude).

const FRAMES = 'vl53l8ch/frames_real.jsonl'
const frames = sharedData(FRAMES) ?? ''
const noFrames = frames === '' && missing(FRAMES)

/** One zone of one frame: a SPAD count is in units of 1/256, as the chip's. */
interface Echo {
  readonly frame: number
  readonly zone: number
  readonly rangeMm: number
  readonly sigmaMm: number
  readonly signal: number
  readonly ambient: number
  readonly spads: number
  readonly reflectance: number
  readonly status: number
}

/** @param part of the recording: `CH`, three frames after the start; `CX`, a hand-held target at contact */
function recorded(part: 'VL53L8CH' | 'VL53L8CX'): Echo[] {
  const { records } = readRecording(FRAMES, readFileSync(frames, 'utf8'))
  const mark = part === 'VL53L8CH' ? 'init' : '15hz_3s'
  return records
    .filter(({ trigger }) => trigger?.sample_id?.includes(mark))
    .flatMap((record, frame) =>
      Object.values(record.heads).flatMap((head) => {
        const measured = measurementOf(head, 0)
        return measured.kind === 'vl53l8ch' ? echoesOf(measured, frame) : []
      }),
    )
}

function echoesOf(seen: RangeFrame, frame: number): Echo[] {
  return Array.from({ length: 64 }, (_, zone) => ({
    frame,
    zone,
    rangeMm: seen.rangeMm[zone] ?? 0,
    sigmaMm: seen.sigmaMm?.[zone] ?? 0,
    signal: seen.signalKcpsPerSpad?.[zone] ?? 0,
    ambient: seen.ambientKcpsPerSpad?.[zone] ?? 0,
    spads: (seen.spads?.[zone] ?? 0) / RANGING.spadUnit,
    reflectance: seen.reflectancePercent[zone] ?? 0,
    status: seen.status[zone] ?? 255,
  }))
}

/** √((signal + ambient) / (signal² SPADs)): what a range's shot noise is proportional to. */
function shot({ signal, ambient, spads }: Echo): number {
  return Math.sqrt((signal + ambient) / (signal * signal * spads))
}

function modelled(echo: Echo): number {
  return Math.hypot(RANGING.rangeFloorMm, (RANGING.pulseRmsMm / Math.sqrt(RANGING.countingMs)) * shot(echo))
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function deviation(values: readonly number[]): number {
  const centre = mean(values)
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1))
}

/** The 38 frames in which the target at contact stood still, by zone. */
function still(): Echo[][] {
  const echoes = recorded('VL53L8CX').filter(({ frame }) => frame < 38)
  return Array.from({ length: 64 }, (_, zone) => echoes.filter((echo) => echo.zone === zone))
}

test('reflectance is signal × distance², as the constant says', { skip: noFrames }, (t) => {
  const constants = recorded('VL53L8CH')
    .filter(({ rangeMm, reflectance, status }) => rangeMm > 100 && reflectance >= 20 && status !== 255)
    .map(({ signal, rangeMm, reflectance }) => (1e-4 * signal * rangeMm ** 2) / reflectance)
  t.ok(constants.length > 50, `${constants.length} echoes`)
  const worst = Math.max(...constants.map((constant) => Math.abs(constant / RANGING.signalAtOneMetre - 1)))
  t.ok(worst < 0.015, `${median(constants).toFixed(1)} at 1 m, worst ${(100 * worst).toFixed(1)} % off`)
  t.end()
})

test('range noise at contact is the model’s', { skip: noFrames }, (t) => {
  const ratios = still().map(
    (zone) => deviation(zone.map(({ rangeMm }) => rangeMm)) / modelled(zoneMean(zone)),
  )
  const ratio = median(ratios)
  t.ok(ratio > 0.8 && ratio < 1.25, `${ratio.toFixed(2)} of the model, 64 zones at 26 mm or nearer`)
  const signal = median(
    still().map((zone) => deviation(zone.map((echo) => echo.signal)) / mean(zone.map((echo) => echo.signal))),
  )
  t.ok(signal > RANGING.signalFloor && signal < 0.01, `signal ±${(100 * signal).toFixed(2)} %`)
  t.end()
})

function zoneMean(zone: readonly Echo[]): Echo {
  const [first] = zone
  if (first === undefined) throw new Error('no echo')
  const of = (value: (echo: Echo) => number): number => mean(zone.map(value))
  return {
    ...first,
    signal: of(({ signal }) => signal),
    ambient: of(({ ambient }) => ambient),
    spads: of(({ spads }) => spads),
  }
}

test('range noise of a wall two metres away lies between the quiet and the hard station’s', {
  skip: noFrames,
}, (t) => {
  const far = recorded('VL53L8CH').filter(({ rangeMm, status }) => rangeMm > 1000 && status === 5)
  const differences = far.flatMap((echo) =>
    far
      .filter(({ zone, frame }) => zone === echo.zone && frame > echo.frame)
      .map((later) => (later.rangeMm - echo.rangeMm) / Math.hypot(modelled(echo), modelled(later))),
  )
  // Median of |z| is 0.6745 σ for a normal distribution.
  const scale = median(differences.map(Math.abs)) / 0.6745
  t.ok(differences.length > 40, `${differences.length} pairs`)
  t.ok(scale > 1 && scale < HARD.shotNoise * 1.1, `${scale.toFixed(2)} of the quiet model`)
  t.end()
})

test('the chip’s own estimate, its SPADs and the ambient light are of the recorded order', {
  skip: noFrames,
}, (t) => {
  const all = recorded('VL53L8CH')
  const far = all.filter(({ rangeMm, status }) => rangeMm > 1000 && status === 5)
  const factor = median(far.map((echo) => Math.sqrt(Math.max(0, echo.sigmaMm ** 2 - 1)) / shot(echo)))
  t.ok(
    factor > 0.8 * RANGING.sigmaShotMm && factor < 1.25 * RANGING.sigmaShotMm,
    `sigma: ${factor.toFixed(0)} × shot noise`,
  )
  const contact = still().map((zone) => mean(zone.map(({ sigmaMm }) => sigmaMm)))
  t.ok(
    contact.every((sigma) => sigma > 0.8 * RANGING.sigmaFloorMm && sigma < 1.4),
    'and no less than its floor',
  )
  // As many SPADs as fit into the budget, whole ones: between half of it and all.
  const shared = all.filter(({ spads, signal }) => spads > 1 && spads < 16 && signal * spads > 10_000)
  const used = median(shared.map(({ spads, signal }) => spads * signal)) / RANGING.spadBudgetKcps
  t.ok(used > 0.5 && used < 1, `SPADs use ${used.toFixed(2)} of the budget`)
  t.ok(all.every(({ spads }) => spads <= RANGING.spadsPerZone))
  const ambient = all.map((echo) => echo.ambient)
  const [least, most] = [Math.min(...ambient), Math.max(...ambient)]
  t.ok(
    RANGING.ambientKcps > least && RANGING.ambientKcps < most,
    `ambient ${least.toFixed(1)}…${most.toFixed(1)} kcps`,
  )
  t.ok(HARD.ambientKcps > most, 'the hard station stands in more light than this room')
  const poisson = still().map((zone) => {
    const { ambient: level, spads } = zoneMean(zone)
    return (
      (deviation(zone.map((echo) => echo.ambient)) * Math.sqrt(RANGING.countingMs * spads)) / Math.sqrt(level)
    )
  })
  t.ok(Math.abs(median(poisson) - 1) < 0.15, `ambient scatters by ${median(poisson).toFixed(2)} of Poisson's`)
  t.end()
})

test('cover glass and stray light of the hard station are small beside what was recorded', {
  skip: noFrames,
}, (t) => {
  const all = recorded('VL53L8CH')
  // A return at a finger's breadth in zones that, in other frames, see the wall.
  const glass = all.filter(
    ({ rangeMm, signal, zone }) => rangeMm < 30 && signal < 2600 && signal > 0 && zone < 40,
  )
  const level = median(glass.map(({ signal }) => signal))
  const place = median(glass.map(({ rangeMm }) => rangeMm))
  t.ok(place > 9 && place < 22 && Math.abs(place - DISTURBED.glassMm) < 5, `at ${place.toFixed(0)} mm`)
  t.ok(HARD.coverGlassKcps < 0.01 * level, `${HARD.coverGlassKcps} left of ${level.toFixed(0)} kcps/spad`)
  // Next to rows with tens of thousands: the most that a neighbour can have leaked there.
  const beside = all.filter(({ zone, rangeMm }) => zone >= 40 && zone < 48 && rangeMm < 30)
  const lit = all.filter(({ zone }) => zone >= 48 && zone < 56)
  const share = median(
    beside.map(({ zone, frame, signal }) => {
      const neighbour = lit.find((echo) => echo.zone === zone + 8 && echo.frame === frame)
      return signal / (neighbour?.signal ?? 1)
    }),
  )
  t.ok(HARD.zoneCrosstalk < share && share < 0.3, `${HARD.zoneCrosstalk} of a bound of ${share.toFixed(2)}`)
  t.end()
})

function counts(file: string): Record<string, number>[] {
  const { records } = readRecording(file, readFileSync(sharedData(file) ?? '', 'utf8'))
  return records.flatMap(({ heads }) =>
    Object.values(heads).flatMap((head) =>
      head.kind === 'as7341' && !('atime' in head) ? [{ ...head.payload }] : [],
    ),
  )
}

const VISIBLE = [
  'F1_415nm',
  'F2_445nm',
  'F3_480nm',
  'F4_515nm',
  'F5_555nm',
  'F6_590nm',
  'F7_630nm',
  'F8_680nm',
]

const SCENE_FILTERS = ['F1', 'F2', 'F3', 'F4', 'F5', 'F6', 'F7', 'F8'] as const

const FILTERS = 'sensors/as7341_minipar_manual_spec_readings.csv'
const noFilters = sharedData(FILTERS) === undefined && missing(FILTERS)

test('the spectral chip is linear: Clear is a fixed share of its filters, whatever colour and level', {
  skip: noFilters,
}, (t) => {
  const shares = counts(FILTERS)
    .map((reading) => {
      const sum = VISIBLE.reduce((total, channel) => total + (reading[channel] ?? 0), 0)
      return { sum, share: (reading.Clear ?? 0) / sum }
    })
    // Whole counts: a reading of a hundred says nothing to a percent.
    .filter(({ sum }) => sum > 300)
  t.equal(shares.length, 10)
  const spread = deviation(shares.map(({ share }) => share)) / mean(shares.map(({ share }) => share))
  t.ok(spread < 0.02, `±${(100 * spread).toFixed(1)} % over ten colours from 325 to 689 counts`)
  const seen = mean(shares.map(({ share }) => share))
  const table = DISTURBED.warmWhite.Clear / sumOf(DISTURBED.warmWhite)
  t.ok(
    seen / table > 0.7 && seen / table < 1.4,
    `${seen.toFixed(2)} recorded, ${table.toFixed(2)} in the datasheet's table`,
  )
  const { channels } = SPECTRAL
  const ours =
    channels.Clear.reference / SCENE_FILTERS.reduce((sum, channel) => sum + channels[channel].reference, 0)
  t.comment(
    `the scene's own reference, the original's numbers, has ${ours.toFixed(2)}: no lamp that was recorded`,
  )
  t.end()
})

function sumOf(table: Readonly<Record<(typeof SCENE_FILTERS)[number], number>>): number {
  return SCENE_FILTERS.reduce((sum, channel) => sum + table[channel], 0)
}

test('white light is least in F1 and most in F7, as in the table that stray light follows', {
  skip: noFilters,
}, (t) => {
  const [white] = counts(FILTERS)
  const order = (values: readonly number[]): [number, number] => [
    values.indexOf(Math.min(...values)),
    values.indexOf(Math.max(...values)),
  ]
  const recordedOrder = order(VISIBLE.map((channel) => white?.[channel] ?? 0))
  t.same(recordedOrder, [0, 6])
  t.same(order(SCENE_FILTERS.map((channel) => DISTURBED.warmWhite[channel])), recordedOrder)
  t.end()
})

const REPEATS = 'sensors/as7341_sparksbaird_2rows.csv'
const noRepeats = sharedData(REPEATS) === undefined && missing(REPEATS)

test('two readings eleven minutes apart differ no more than the quiet lamp drifts', {
  skip: noRepeats,
}, (t) => {
  const [one, other] = counts(REPEATS)
  const bright = VISIBLE.filter((channel) => (one?.[channel] ?? 0) > 1000)
  const changes = bright.map((channel) => Math.abs((other?.[channel] ?? 0) / (one?.[channel] ?? 1) - 1))
  const worst = Math.max(...changes)
  t.equal(bright.length, 4)
  t.ok(worst < 2 * SPECTRAL.driftAmplitude, `recorded ${(100 * worst).toFixed(2)} %`)
  const scene = new Scene({ seed: 3 })
  const drifts = Array.from({ length: 60 }, (_, minute) => {
    const at = (minutes: number): number => scene.light(60_000 * minutes, 0).F4
    return Math.abs(at(minute + 11) / at(minute) - 1)
  })
  t.ok(Math.max(...drifts) > worst, `the scene's up to ${(100 * Math.max(...drifts)).toFixed(2)} %`)
  t.end()
})
