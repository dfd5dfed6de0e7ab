import { test } from 'tap'
import { initialise } from '../../../drivers/vl53l8ch/boot.ts'
import { busTimeMs } from '../../../drivers/vl53l8ch/bus-time.ts'
import { planRanging, type RangingSettings } from '../../../drivers/vl53l8ch/configuration.ts'
import {
  exposureMs,
  getIntegrationTime,
  getRangingMode,
  setIntegrationTime,
  setRangingMode,
} from '../../../drivers/vl53l8ch/exposure.ts'
import type { HistogramConfig } from '../../../drivers/vl53l8ch/histogram-plan.ts'
import { writeDci } from '../../../drivers/vl53l8ch/mailbox.ts'
import { OUTPUTS } from '../../../drivers/vl53l8ch/outputs.ts'
import { fallAsleep, getPowerMode, wakeUp } from '../../../drivers/vl53l8ch/power.ts'
import { readReadyWord, startRanging } from '../../../drivers/vl53l8ch/ranging.ts'
import {
  getExternalSync,
  getFrequency,
  getResolution,
  setExternalSync,
  setFrequency,
  setResolution,
} from '../../../drivers/vl53l8ch/settings.ts'
import {
  getGlareFilter,
  getSharpener,
  getTargetOrder,
  setGlareFilter,
  setSharpener,
  setTargetOrder,
} from '../../../drivers/vl53l8ch/targets.ts'
import {
  enableThresholds,
  getAutoStop,
  setAutoStop,
  thresholdsEnabled,
} from '../../../drivers/vl53l8ch/thresholds.ts'
import { Vl53l8ch } from '../../../drivers/vl53l8ch/vl53l8ch.ts'
import { getXtalkMargin, setXtalkMargin } from '../../../drivers/vl53l8ch/xtalk-calibration.ts'
import { bench, between, firmware, initialised } from './bench.ts'

const EIGHT: RangingSettings = { zones: 64, rateHz: 15 }
const QUARTERS = { startX: 0, startY: 0, mergeX: 2, mergeY: 2, columns: 4, rows: 4 }
const HISTOGRAMS: HistogramConfig = { startBin: 4, bins: 20, subSample: 2, grid: QUARTERS }

test('every setting is read back as it was set', async (t) => {
  const { link } = await initialised()
  await setIntegrationTime(link, 33)
  t.equal(await getIntegrationTime(link), 33)
  for (const mode of ['continuous', 'autonomous'] as const) {
    await setRangingMode(link, mode)
    t.equal(await getRangingMode(link), mode)
  }
  for (const order of ['closest', 'strongest'] as const) {
    await setTargetOrder(link, order)
    t.equal(await getTargetOrder(link), order)
  }
  await setSharpener(link, 20)
  t.equal(await getSharpener(link), 20)
  await setXtalkMargin(link, 0.5)
  t.equal(await getXtalkMargin(link), 0.5)
  for (const on of [true, false]) {
    await setExternalSync(link, on)
    t.equal(await getExternalSync(link), on)
    await setAutoStop(link, on)
    t.equal(await getAutoStop(link), on)
    await enableThresholds(link, on)
    t.equal(await thresholdsEnabled(link), on)
  }
  for (const filter of [
    { thresholdPercent: 2.5, farthestMm: 600 },
    { thresholdPercent: 0, farthestMm: 300 },
  ]) {
    await setGlareFilter(link, filter)
    t.same(await getGlareFilter(link), filter)
  }
  await writeDci(link, 0xae64, Uint8Array.of(7, 0, 0, 0))
  await t.rejects(getTargetOrder(link), { fault: 'corrupt', message: /order is 7/ })
  await writeDci(link, 0xad30, new Uint8Array(8))
  await t.rejects(getRangingMode(link), { fault: 'corrupt', message: /mode is 0/ })
})

test('settings that are wrong are refused by name, before the chip hears of them', async (t) => {
  const { clock, bus } = bench()
  const refused: readonly (readonly [Partial<RangingSettings>, RegExp])[] = [
    [{ rateHz: 1 }, /rateHz 1 with 64 zones/],
    [{ integrationMs: 1 }, /integrationMs 1, a whole number from 2 to 1000/],
    [{ integrationMs: 1001 }, /integrationMs 1001/],
    [{ integrationMs: 20 }, /takes 81 ms with 64 zones, the period of rateHz 15 is 66\.7 ms/],
    [{ integrationMs: 5, rangingMode: 'continuous' }, /in continuous mode, which has none/],
    [{ sharpenerPercent: 100 }, /sharpenerPercent 100/],
    [{ xtalkMarginKcpsPerSpad: 10_001 }, /margin 10001/],
    [{ xtalk: new Uint8Array(5) }, /xtalk has 5 bytes, 776/],
    [{ glareFilter: { thresholdPercent: 101, farthestMm: 1 } }, /thresholdPercent 101/],
    [{ glareFilter: { thresholdPercent: 1, farthestMm: 40_000 } }, /farthestMm 40000/],
    [{ thresholds: [] }, /0 thresholds, 1 to 64/],
    [{ thresholds: [{ ...between('spads', 1, 2), zone: 64 }] }, /thresholds\[0\]\.zone 64, 0 to 63/],
    [{ thresholds: [between('motion', 0, 40_000)] }, /thresholds\[0\]\.high 40000 is beyond ±32768/],
    [{ autoStop: true }, /autoStop without thresholds/],
    [{ motion: { nearestMm: 399, farthestMm: 900 } }, /motion from 399 to 900 mm/],
    [{ motion: { nearestMm: 400, farthestMm: 1901 } }, /at most 1500 mm wide/],
    [{ motion: { nearestMm: 400, farthestMm: 900 }, histograms: HISTOGRAMS }, /exclude each other/],
    [{ histograms: { ...HISTOGRAMS, bins: 0 } }, /histograms\.bins 0/],
    [{ histograms: { ...HISTOGRAMS, grid: { ...QUARTERS, startX: 1 } } }, /reaches 9×8 zones of 8×8/],
    [{ histograms: { ...HISTOGRAMS, grid: { ...QUARTERS, rows: 1.5 } } }, /grid\.rows 1\.5/],
    [
      { histograms: { ...HISTOGRAMS, bins: 76 } },
      /of 6188 bytes, at most 6160 expected: 75 bins fit with 16/,
    ],
    [{ busHz: 100_000 }, /1444 bytes takes 131\.1 ms at 100 kHz, at most 7\.6 Hz are achievable/],
    [{ histograms: HISTOGRAMS, busHz: 400_000 }, /rateHz 15: .*3156 bytes.*at most 14\.0 Hz/],
  ]
  for (const [settings, message] of refused) {
    await t.rejects(Vl53l8ch.open(bus, clock, { firmware, ...EIGHT, ...settings }), { message })
    t.throws(() => planRanging({ ...EIGHT, ...settings }), RangeError)
  }
  t.equal(bus.traffic.transfers, 0)
})

test('what a frame costs on the bus is known beforehand', (t) => {
  const four: RangingSettings = { zones: 16, rateHz: 60 }
  const all = { startX: 0, startY: 0, mergeX: 1, mergeY: 1, columns: 8, rows: 8 }
  // Hz at 100 kHz, 400 kHz and 1 MHz, as ST's driver was counted.
  const cases = [
    [{ ...four, layout: 'uld' }, 10.4, 41.4, 104],
    [four, 20.4, 81.6, 204],
    [{ ...four, targetsPerZone: 4 }, 10.8, 43.4, 108],
    [EIGHT, 7.6, 30.5, 76],
    [{ ...EIGHT, targetsPerZone: 4 }, 3.3, 13.2, 33],
    [{ ...EIGHT, outputs: ['range', 'status'] }, 42, 168, 420],
    [{ ...EIGHT, histograms: HISTOGRAMS }, 3.5, 14.0, 35],
    [{ ...EIGHT, histograms: { startBin: 0, bins: 18, subSample: 4, grid: all } }, 1.5, 5.9, 14.7],
  ] as const
  for (const [settings, ...rates] of cases) {
    for (const [i, busHz] of [100_000, 400_000, 1_000_000].entries()) {
      const hz = 1000 / busTimeMs(planRanging(settings), busHz)
      const digits = String(rates[i]).includes('.') ? 1 : 0
      t.equal(Number(hz.toFixed(digits)), rates[i], `${JSON.stringify(settings)} at ${busHz} Hz`)
    }
  }
  t.end()
})

test('outputs that are not wanted are not sent', async (t) => {
  for (const outputs of [['range', 'status'], ['targets', 'range', 'sigma'], [...OUTPUTS]] as const) {
    const { clock, bus } = bench()
    const chip = await Vl53l8ch.open(bus, clock, { firmware, ...EIGHT, outputs })
    const frame = await chip.next()
    t.equal(frame.raw.length, planRanging({ ...EIGHT, outputs }).frameBytes)
    t.equal(frame.rangeMm[5], 315)
    t.equal(frame.sigmaMm.length, outputs.some((name) => name === 'sigma') ? 64 : 0)
  }
})

test('the integration time acts: sigma falls with it, and what does not fit stretches the period', async (t) => {
  const sigmaAt = async (settings: Partial<RangingSettings>): Promise<number> => {
    const { clock, bus } = bench()
    const chip = await Vl53l8ch.open(bus, clock, { firmware, ...EIGHT, ...settings })
    return (await chip.next()).sigmaMm[0] ?? 0
  }
  // In the chip's steps of 1/128 mm.
  t.equal(await sigmaAt({}), 1.5)
  t.equal(await sigmaAt({ integrationMs: 5 }), Math.round(1.5 * Math.SQRT2 * 128) / 128)
  t.ok((await sigmaAt({ rangingMode: 'continuous' })) < 1.5, 'in continuous mode the whole period counts')
  t.same([exposureMs(10, 16), exposureMs(10, 64)], [11, 41])
  const { clock, link, calibration } = await initialised()
  await setResolution(link, 64, calibration)
  await setFrequency(link, 15, 64)
  await setIntegrationTime(link, 50)
  t.equal(await getFrequency(link), 15)
  await startRanging(link, 64, planRanging(EIGHT))
  const from = clock.now()
  while ((await readReadyWord(link)).kind !== 'frame') await clock.sleep(1)
  t.ok(Math.abs(clock.now() - from - 201) < 10, 'four exposures of 50 ms and 1 ms')
})

test('with external sync a frame waits for its pulse', async (t) => {
  const { clock, bus, chip: device } = bench()
  const chip = await Vl53l8ch.open(bus, clock, { firmware, ...EIGHT, externalSync: true })
  await t.rejects(chip.measure(clock.now()), { fault: 'timeout', message: /nothing to report/ })
  clock.after(400, () => device.pulse())
  const from = clock.now()
  const frame = await chip.next()
  t.ok(clock.now() - from >= 400 + 1000 / 15)
  t.equal(frame.streamCount, 3)
  clock.after(50, () => device.pulse())
  t.equal((await chip.next()).streamCount, 7)
  t.equal(chip.missedFrames, 0)
})

test('asleep it keeps its firmware, deep asleep it does not', async (t) => {
  const { link } = await initialised()
  let loads = 0
  const load = async (): Promise<void> => {
    loads += 1
    await initialise(link, firmware, 1)
  }
  t.equal(await getPowerMode(link), 'awake')
  await wakeUp(link, load)
  for (const [mode, loaded] of [
    ['asleep', 0],
    ['deep-asleep', 1],
  ] as const) {
    await fallAsleep(link, mode)
    await fallAsleep(link, mode)
    t.equal(await getPowerMode(link), mode)
    await wakeUp(link, load)
    t.equal(await getPowerMode(link), 'awake')
    t.equal(loads, loaded)
    t.equal(await getResolution(link), 16)
  }
})
