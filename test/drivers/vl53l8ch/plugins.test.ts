import { test } from 'tap'
import type { RangingSettings } from '../../../drivers/vl53l8ch/configuration.ts'
import {
  binCentreMm,
  type HistogramConfig,
  histogramBytes,
  histogramWindow,
  mostBins,
} from '../../../drivers/vl53l8ch/histogram-plan.ts'
import { histogramsOf } from '../../../drivers/vl53l8ch/histograms.ts'
import { decodeMotion, encodeMotion } from '../../../drivers/vl53l8ch/motion.ts'
import {
  getFrequency,
  getResolution,
  setFrequency,
  setResolution,
} from '../../../drivers/vl53l8ch/settings.ts'
import {
  getSharpener,
  getTargetOrder,
  setSharpener,
  setTargetOrder,
} from '../../../drivers/vl53l8ch/targets.ts'
import {
  decodeThresholds,
  encodeThresholds,
  getThresholds,
  setThresholds,
  type Threshold,
} from '../../../drivers/vl53l8ch/thresholds.ts'
import { Vl53l8ch } from '../../../drivers/vl53l8ch/vl53l8ch.ts'
import { calibrateXtalk, getXtalk, setXtalk } from '../../../drivers/vl53l8ch/xtalk-calibration.ts'
import { bench, between, firmware, initialised } from './bench.ts'

const EIGHT: RangingSettings = { zones: 64, rateHz: 15 }
const QUARTERS = { startX: 0, startY: 0, mergeX: 2, mergeY: 2, columns: 4, rows: 4 }
const HISTOGRAMS: HistogramConfig = { startBin: 4, bins: 20, subSample: 2, grid: QUARTERS }

test('thresholds travel in the chip’s units, and the caller’s stay as they are', async (t) => {
  const thresholds: readonly Threshold[] = [
    { zone: 3, measured: 'distance-mm', when: 'inside', low: -20, high: 600.5 },
    { zone: 3, measured: 'signal-kcps-per-spad', when: 'above', low: 0, high: 12.25, and: true },
    { zone: 4, measured: 'status', when: 'different', low: 5, high: 0 },
    { zone: 63, measured: 'motion', when: 'at-most', low: 10, high: 0 },
  ]
  const before = structuredClone(thresholds)
  const { link } = await initialised()
  await setThresholds(link, thresholds)
  t.same(await getThresholds(link), thresholds)
  t.same(thresholds, before)
  const object = encodeThresholds(thresholds)
  t.equal(Buffer.from(object.subarray(0, 12)).toString('hex'), 'b0ffffff6209000001000300')
  t.equal(Buffer.from(object.subarray(36, 48)).toString('hex'), 'f6ff0900000000001302bf00')
  t.same(decodeThresholds(new Uint8Array(768)), [])
})

test('with thresholds only frames that meet one are delivered, however long that takes', async (t) => {
  const { clock, bus, scene } = bench()
  const thresholds = [between('distance-mm', 100, 250)]
  const chip = await Vl53l8ch.open(bus, clock, { firmware, ...EIGHT, thresholds })
  clock.after(3000, () => {
    scene.rangeMm = 200
  })
  const from = clock.now()
  t.equal((await chip.next()).rangeMm[0], 200)
  t.ok(clock.now() - from >= 2990)
  t.equal((await chip.next()).rangeMm[0], 200, 'and the next one, as long as it is met')
  t.equal(chip.missedFrames, 0)
  scene.rangeMm = 300
  await clock.sleep(200)
  await t.rejects(chip.measure(clock.now()), {
    fault: 'timeout',
    message: /nothing to report within 4 periods/,
  })
  const aborter = new AbortController()
  clock.after(1000, () => aborter.abort(new Error('enough')))
  await t.rejects(chip.next(aborter.signal), { message: 'enough' })
  await chip.close()
  t.ok((await Vl53l8ch.open(bus, clock, { firmware, ...EIGHT, thresholds })).warm, 'silence was no fault')
})

test('what each threshold looks at', async (t) => {
  const cases: readonly (readonly [Threshold[], boolean])[] = [
    [[between('distance-mm', 320, 320)], true],
    [[{ ...between('distance-mm', 320, 320), zone: 1 }], false],
    [[between('signal-kcps-per-spad', 40, 41)], true],
    [[between('sigma-mm', 0, 1)], false],
    [[between('ambient-kcps-per-spad', 2.5, 2.5)], true],
    [[between('targets', 1, 1)], true],
    [[between('status', 5, 5)], true],
    [[between('spads', 16, 16)], true],
    [[{ ...between('distance-mm', 300, 310), when: 'outside' }], true],
    [[{ ...between('distance-mm', 319, 0), when: 'at-most' }], false],
    [[{ ...between('distance-mm', 0, 319), when: 'above' }], true],
    [[{ ...between('distance-mm', 320, 0), when: 'equal' }], true],
    [[{ ...between('distance-mm', 320, 0), when: 'different' }], false],
    [[between('distance-mm', 300, 400), { ...between('sigma-mm', 0, 1), and: true }], false],
    [[between('distance-mm', 300, 400), between('sigma-mm', 0, 1)], true],
    [[between('distance-mm', 0, 1), { ...between('sigma-mm', 0, 2), and: true, zone: 2 }], true],
    [[between('global-motion', 1, 1000)], false],
  ]
  for (const [thresholds, raised] of cases) {
    const { clock, bus } = bench()
    const chip = await Vl53l8ch.open(bus, clock, { firmware, ...EIGHT, thresholds })
    const seen = await chip.measure(clock.now()).then(
      () => true,
      () => false,
    )
    t.equal(seen, raised, JSON.stringify(thresholds))
  }
})

test('with auto-stop the chip ranges until something is there, and again when it is asked again', async (t) => {
  const { clock, bus, scene } = bench()
  const thresholds = [between('distance-mm', 100, 250)]
  const chip = await Vl53l8ch.open(bus, clock, { firmware, ...EIGHT, thresholds, autoStop: true })
  clock.after(500, () => {
    scene.rangeMm = 150
  })
  t.equal((await chip.next()).rangeMm[0], 150)
  const looks = scene.looks.length
  await clock.sleep(2000)
  t.equal(scene.looks.length, looks, 'it has stopped')
  scene.rangeMm = 240
  const again = await chip.next()
  t.match(again, { streamCount: 3 })
  t.equal(again.rangeMm[0], 240)
  // A trigger: what was seen before it does not count.
  scene.rangeMm = 230
  await clock.sleep(500)
  scene.rangeMm = 220
  const measured = await chip.measure(clock.now())
  t.match([measured.streamCount, measured.rangeMm[0]], [3, 220])
  await chip.close()
  const anew = await Vl53l8ch.open(bus, clock, { firmware, ...EIGHT, thresholds, autoStop: true })
  t.equal((await anew.next()).rangeMm[0], 220)
})

test('the motion indicator tells where the light changed', async (t) => {
  const { clock, bus, scene } = bench()
  const motion = { nearestMm: 400, farthestMm: 1500 }
  const chip = await Vl53l8ch.open(bus, clock, { firmware, ...EIGHT, motion })
  t.equal(decodeMotion((await chip.next()).raw)?.detectedAggregates, 0)
  const still = scene.look.bind(scene)
  scene.look = (zones, at, integrationMs) => {
    const view = still(zones, at, integrationMs)
    const echoes = view.echoes.map((list, zone) =>
      zone === 63 ? list.map((echo) => ({ ...echo, signalKcpsPerSpad: 140.5 })) : list,
    )
    return { ...view, echoes }
  }
  const seen = decodeMotion((await chip.next()).raw)
  t.match(seen, { aggregates: 16, detectedAggregates: 1, globalIndicator1: 6553500 })
  t.equal((seen?.indicators[15] ?? 0) / 65535, 100)
  // ST's windows, reckoned in single precision.
  const offsets = [
    [400, 1500, 13636, 9],
    [500, 2000, 19094, 12],
    [1000, 2500, 46382, 12],
  ] as const
  for (const [nearestMm, farthestMm, offset, length] of offsets) {
    const object = encodeMotion(64, { nearestMm, farthestMm })
    t.same([new DataView(object.buffer).getInt32(0, true), object[19]], [offset, length])
  }
})

test('histograms come with the frames, and say where their light came from', async (t) => {
  for (const settings of [{}, { pingPong: true }, { variance: true }, { startBin: 0, bins: 24 }]) {
    const { clock, bus, scene } = bench()
    scene.rangeMm = 700
    const histograms: HistogramConfig = { ...HISTOGRAMS, ...settings }
    const chip = await Vl53l8ch.open(bus, clock, { firmware, ...EIGHT, histograms })
    const frame = await chip.next()
    const seen = histogramsOf(frame.raw)
    if (seen === undefined) return t.fail('no histograms')
    const { bins, aggregates, mantissas, variance } = seen
    t.same([bins, aggregates], [histograms.bins, 16])
    t.equal(variance !== undefined, 'variance' in settings)
    const first = [...mantissas.subarray(0, bins)]
    const peak = binCentreMm(histograms, first.indexOf(Math.max(...first)))
    t.ok(Math.abs(peak - 700) <= 37.5348, `${peak.toFixed(0)} mm`)
    t.equal(frame.rangeMm[0], 700)
  }
  return undefined
})

test('the room for histograms, and the distances that they see', (t) => {
  const cases = [
    [4, 4, 75],
    [6, 4, 50],
    [8, 4, 37],
    [6, 6, 33],
    [8, 6, 24],
    [8, 8, 18],
  ] as const
  for (const [columns, rows, bins] of cases) {
    const grid = { ...QUARTERS, columns, rows, mergeX: 1, mergeY: 1 }
    t.equal(mostBins({ ...HISTOGRAMS, grid }), bins, `${columns}×${rows}`)
  }
  t.equal(histogramBytes(HISTOGRAMS), 1708)
  const at = (startBin: number) => histogramWindow({ ...HISTOGRAMS, startBin, bins: 24, subSample: 4 })
  t.ok(Math.abs(at(0).nearestMm - 262) < 1 && Math.abs(at(0).farthestMm - 3338) < 4, 'ST says 262 to 3338')
  t.ok(Math.abs(at(10).nearestMm - at(0).nearestMm - 375.348) < 1e-9, 'a later start sees farther')
  t.end()
})

test('the largest frame of all is read in pieces', async (t) => {
  const { clock, bus } = bench()
  const grid = { startX: 0, startY: 0, mergeX: 1, mergeY: 1, columns: 8, rows: 8 }
  const histograms: HistogramConfig = { startBin: 0, bins: 18, subSample: 4, grid }
  const chip = await Vl53l8ch.open(bus, clock, {
    firmware,
    zones: 64,
    rateHz: 5,
    targetsPerZone: 4,
    histograms,
  })
  const frame = await chip.next()
  t.equal(frame.raw.length, 9476)
  t.equal(histogramsOf(frame.raw)?.aggregates, 64)
  t.equal(frame.rangeMm[4], 319)
})

test('the crosstalk is calibrated, read, kept and sent again', async (t) => {
  const { link, scene, calibration } = await initialised()
  scene.coverGlass = 3
  const chip = { image: firmware, targetsPerZone: 1, ...calibration } as const
  await setResolution(link, 64, calibration)
  await setFrequency(link, 12, 64)
  await setTargetOrder(link, 'closest')
  await setSharpener(link, 20)
  const target = { reflectancePercent: 3, samples: 4, distanceMm: 600 }
  const before = await getXtalk(link, calibration)
  t.same(before.subarray(0, 768), firmware.xtalk.subarray(0, 768))
  const xtalk = await calibrateXtalk(link, target, chip)
  t.equal(new DataView(xtalk.buffer).getUint32(16 + 24 + 8 + 4), 3 * 2048, 'what the cover glass throws back')
  t.same(
    [
      await getResolution(link),
      await getFrequency(link),
      await getTargetOrder(link),
      await getSharpener(link),
    ],
    [64, 12, 'closest', 20],
    'the settings are back',
  )
  await setXtalk(link, calibration)
  t.same(await getXtalk(link, calibration), before)
  await setXtalk(link, { ...calibration, xtalk })
  t.same(await getXtalk(link, { ...calibration, xtalk }), xtalk)
  for (const wrong of [{ reflectancePercent: 0 }, { samples: 17 }, { distanceMm: 599 }]) {
    await t.rejects(calibrateXtalk(link, { ...target, ...wrong }, chip), RangeError)
  }
  const { xtalkCalibration: _, ...bare } = firmware
  await t.rejects(calibrateXtalk(link, target, { ...chip, image: bare }), {
    name: 'FirmwareError',
    message: /import ST's vl53lmz_plugin_xtalk\.h/,
  })
})

test('a calibrated head is opened with its own crosstalk', async (t) => {
  const { clock, bus, link, scene, calibration } = await initialised()
  scene.coverGlass = 3
  const chip = { image: firmware, targetsPerZone: 1, ...calibration } as const
  const target = { reflectancePercent: 3, samples: 4, distanceMm: 600 }
  const xtalk = await calibrateXtalk(link, target, chip)
  await (await Vl53l8ch.open(bus, clock, { firmware, ...EIGHT, xtalk })).close()
  t.same(await getXtalk(link, { ...calibration, xtalk }), xtalk)
})
