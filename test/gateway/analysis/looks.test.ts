import { test } from 'tap'
import { Random } from '../../../drivers/simulated/random.ts'
import type { RangeFrame } from '../../../drivers/vl53l8ch/ranges.ts'
import { combineLooks } from '../../../gateway/analysis/looks.ts'
import type { Look } from '../../../gateway/look.ts'
import { blankFrame, frameOf, STANDARD } from './station.ts'

const STILL = frameOf(STANDARD)

/** Frames of one still part with noise of `noiseMm`, which the chip states right. */
function looksOf(count: number, noiseMm: number, seed = 3): readonly Look[] {
  const random = new Random(seed)
  return Array.from({ length: count }, () => ({
    frame: {
      ...STILL,
      rangeMm: STILL.rangeMm.map((range) => range + noiseMm * random.normal()),
      sigmaMm: new Float64Array(64).fill(Math.hypot(1, noiseMm / 0.7)),
      status: STILL.status.slice(),
    },
  }))
}

function rms(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)
}

function errors(frame: RangeFrame): readonly number[] {
  return Array.from(frame.rangeMm, (range, zone) => range - (STILL.rangeMm[zone] ?? 0))
}

test('one look is itself', (t) => {
  const [look] = looksOf(1, 1)
  const combined = combineLooks(look === undefined ? [] : [look])
  t.same(combined.rangeMm, look?.frame.rangeMm)
  t.same(combined.reflectancePercent, look?.frame.reflectancePercent)
  t.equal(combined.looks, 1)
  t.end()
})

test('n looks scatter by the root of n less, and the combined uncertainty says so', (t) => {
  for (const count of [4, 9, 16]) {
    const combined = combineLooks(looksOf(count, 1.5))
    const scatter = rms(errors(combined))
    const stated = rms([...combined.stdMm])
    t.ok(Math.abs(scatter / (1.5 / Math.sqrt(count)) - 1) < 0.25, `${count} looks scatter by ${scatter}`)
    t.ok(Math.abs(stated / scatter - 1) < 0.3, `${count} looks state ${stated}`)
  }
  const quiet = combineLooks(looksOf(16, 0))
  t.ok(Math.min(...quiet.stdMm) > 0.1, 'what the looks have in common is not averaged away')
  t.end()
})

test('where frames scatter more than the chip says, the frames are believed', (t) => {
  const looks = looksOf(12, 4)
  for (const { frame } of looks) frame.sigmaMm.fill(1)
  const stated = rms([...combineLooks(looks).stdMm])
  const said = rms([...combineLooks(looksOf(12, 0.4)).stdMm])
  t.ok(stated > 2.5 * said, `${stated} beside ${said}`)
  t.end()
})

test('a hand in one frame is left out, and counted', (t) => {
  const looks = looksOf(5, 1)
  const hand = looks[2]?.frame
  for (let zone = 8; zone < 40; zone += 1) if (hand !== undefined) hand.rangeMm[zone] = 120
  const combined = combineLooks(looks)
  t.equal(combined.looks, 4)
  t.equal(combined.disturbed, 1)
  t.ok(rms(errors(combined)) < 0.8)
  t.end()
})

test('a single stray range moves nothing', (t) => {
  const looks = looksOf(5, 0.5)
  const frame = looks[0]?.frame
  if (frame !== undefined) frame.rangeMm[27] = 900
  const combined = combineLooks(looks)
  t.ok(Math.abs(errors(combined)[27] ?? 1e9) < 1.5)
  t.equal(combined.disturbed, 0)
  t.end()
})

test('a zone that is valid in half of the frames or fewer stays invalid', (t) => {
  const looks = looksOf(4, 1)
  looks.forEach(({ frame }, index) => {
    if (index < 2) frame.status[10] = 255
    if (index < 1) frame.status[11] = 4
    frame.status[12] = 1
  })
  const combined = combineLooks(looks)
  t.ok(Number.isNaN(combined.rangeMm[10]), 'two of four')
  t.equal(combined.status[10], 255)
  t.equal(combined.status[11], 5, 'three of four')
  t.equal(combined.status[12], 1, 'too little light, as all frames say')
  t.end()
})

test('a range that is no number is not valid, whatever its status', (t) => {
  const looks = looksOf(3, 1)
  for (const { frame } of looks) frame.rangeMm[20] = Number.NaN
  const [first] = looks
  if (first !== undefined) first.frame.rangeMm[21] = Number.NaN
  const combined = combineLooks(looks)
  t.ok(Number.isNaN(combined.rangeMm[20]))
  t.equal(combined.status[20], 255)
  t.ok(Math.abs(errors(combined)[21] ?? 1e9) < 3, 'the others that are count')
  t.end()
})

test('no look, or looks of different resolution, are refused by name', (t) => {
  t.throws(() => combineLooks([]), { message: 'looks: 0, at least one expected' })
  const mixed = [{ frame: blankFrame(64) }, { frame: blankFrame(16) }]
  t.throws(() => combineLooks(mixed), { message: 'looks: zones 16 beside 64, one resolution expected' })
  t.end()
})
