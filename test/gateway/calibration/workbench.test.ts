import { test } from 'tap'
import { chipsOf } from '../../../gateway/calibration/bench.ts'
import { xtalkOf } from '../../../gateway/calibration/crosstalk.ts'
import type { Order } from '../../../gateway/calibration/guided.ts'
import { rowsOf } from '../../../gateway/calibration/register.ts'
import { evenTile } from '../../../gateway/calibration/tile.ts'
import { parseCalibration } from '../../../gateway/calibration.ts'
import { HeadRack } from '../../../gateway/head-rack.ts'
import { silentLog } from '../../../gateway/log.ts'
import { desk } from '../../fakes/calibration-desk.ts'

const signal = new AbortController().signal
const by = 'anna'

test('the empty tray: kept under the chips’ names, with its conditions, and in force at the next start', async (t) => {
  const { take, at, asked } = desk(t)
  const row = await take({ kind: 'tray', by, validDays: 30 })
  t.match(asked, [/^Take everything off the tray/])
  t.match(row, { kind: 'empty-tray', by: 'anna', frames: 12, heads: ['tof', 'spectral'] })
  t.match(row.subject, /^tof=vl53l8ch@[0-9a-f]{16} spectral=as7341$/)
  t.equal(Date.parse(row.valid_until ?? '') - Date.parse(row.at), 30 * 86_400_000)
  const tray = parseCalibration(row)
  t.ok((tray.conditions?.siliconTemperatureC ?? 0) > 30)
  t.type(tray.conditions?.humidityPercent, 'number')
  await at(async ({ store }) => {
    t.strictSame(await rowsOf(store.calibrations, 'empty-tray'), [row])
  })
})

test('chips are named as the running station names them', async (t) => {
  const { at } = desk(t)
  await at(async ({ hardware, clock, open }) => {
    const bench = await open()
    const here = chipsOf(bench.heads)
    await bench.close()
    const rack = new HeadRack(hardware.heads, { clock, log: silentLog, random: () => 0 })
    await rack.start(signal)
    t.equal(here, rack.chips)
    await rack.stop()
  })
})

test('a flat target: the offsets are the head’s own; a wrong distance is refused', async (t) => {
  const { take, at } = desk(t)
  const row = await take({ kind: 'offset', by, distanceMm: 320 })
  if (row.kind !== 'offset') throw new Error(row.kind)
  const truth = await at(({ hardware }) => Promise.resolve(hardware.line?.scene.head.offsetMm ?? []))
  // The tilt that is taken out eats the plane in the offsets; a seventh of a zone's 3 mm is left of it in each.
  const errors = row.offset_mm.map((offset, zone) => (offset ?? Number.NaN) - (truth[zone] ?? 0))
  const rms = Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / errors.length)
  t.ok(rms < 1.2, `rms ${rms}`)
  t.match(row.subject, /^[0-9a-f]{64}$/, 'the chip’s own serial')
  await t.rejects(take({ kind: 'offset', by, distanceMm: 400 }), {
    name: 'CalibrationRefused',
    message: /^the target is seen at 3\d\d\.\d mm, 400 mm were said: at most 20 mm between them expected/,
  })
  await at(async ({ store }) => {
    t.equal((await rowsOf(store.calibrations, 'offset')).length, 1, 'nothing is kept of what was refused')
  })
})

test('crosstalk: 776 bytes that the chip is opened with', async (t) => {
  const { take } = desk(t)
  const order = { kind: 'crosstalk', by, distanceMm: 600, reflectancePercent: 3, samples: 4 } as const
  const row = await take(order)
  if (row.kind !== 'crosstalk') throw new Error(row.kind)
  t.equal(xtalkOf(row).length, 776)
  t.ok(row.kcps_per_spad.most >= row.kcps_per_spad.mean)
  await t.rejects(take({ ...order, head: 'other' }), { message: 'no ranging head other' })
  await t.rejects(take({ ...order, distanceMm: 500 }), RangeError)
})

test('white and dark, each of its stage; a lamp that burns is no darkness', async (t) => {
  const { take } = desk(t)
  const row = await take({ kind: 'white', by, stage: 'raw', tile: evenTile(0.75, 0.02) })
  t.match(row, { stage: 'raw', tile: { F1_415nm: 0.75 }, tile_std: 0.02, subject: 'spectral' })
  const dark: Order = { kind: 'dark', by, stage: 'raw' }
  await t.rejects(take(dark), { message: /^no light to compare with/ })
  await take({ kind: 'tray', by })
  await t.rejects(take(dark), { message: /of the light is still there: at most 2\.0 % expected/ })
})

test('whoever gives up leaves everything as it was', async (t) => {
  const { take, at } = desk(t, false)
  await t.rejects(take({ kind: 'tray', by }), { message: 'it was not finished' })
  await at(async ({ store }) => t.strictSame(await rowsOf(store.calibrations, 'empty-tray'), []))
})

test('not while a gateway runs with this data directory', async (t) => {
  const { at } = desk(t)
  await at(() =>
    t.rejects(
      at(() => Promise.resolve()),
      {
        name: 'CalibrationRefused',
        message: /^a gateway runs with .*station, and has the heads: stop it first/,
      },
    ),
  )
})
