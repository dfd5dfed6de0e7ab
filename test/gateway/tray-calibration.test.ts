import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { v7 as uuid } from 'uuid'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import type { EmptyTray } from '../../gateway/calibration.ts'
import type { MeasuringHead } from '../../gateway/inspect.ts'
import { silentLog } from '../../gateway/log.ts'
import { Setup } from '../../gateway/setup.ts'
import { openStore } from '../../gateway/store/open.ts'
import { TrayCalibration } from '../../gateway/tray-calibration.ts'

const never = new AbortController().signal

function trayAt(rangeMm: number): EmptyTray {
  return {
    kind: 'empty-tray',
    id: uuid(),
    at: '2026-03-01T08:00:00.000Z',
    by: 'anna',
    heads: ['tof'],
    rangeMm: Array.from({ length: 64 }, () => rangeMm),
    sigmaMm: Array.from({ length: 64 }, () => 1),
    frames: 12,
  }
}

const unseeing: MeasuringHead = {
  id: 'tof',
  kind: 'vl53l8ch',
  measure: () => Promise.reject(new Error('nobody said that the tray is empty')),
}

/** A station whose head says which chip it has; nothing else of it matters here. */
async function station(t: Test) {
  const clock = new VirtualClock()
  const dir = await mkdtemp(join(tmpdir(), 'poincon-tray-'))
  const store = await openStore({ dir, deviceId: 'press-4', clock, log: silentLog })
  t.teardown(async () => {
    await store.close()
    await rm(dir, { recursive: true })
  })
  const setup = await Setup.load(store, { recipeId: 'foiegras_standard_barquette', wallMs: clock.wall() })
  const chip: { now: string | undefined } = { now: 'tof=vl53l8ch@aaaa' }
  const calibration = new TrayCalibration({
    setup,
    heads: [unseeing],
    chips: () => chip.now,
    clock,
    log: silentLog,
    idle: () => Promise.resolve(),
    clear: () => {},
  })
  return { setup, chip, calibration }
}

test('a head that is exchanged is noticed: no part is judged by the calibration of another chip', async (t) => {
  const { setup, chip, calibration } = await station(t)
  await setup.useChips(chip.now)
  await setup.calibrated(trayAt(320))
  await calibration.start(never)
  t.equal(setup.tray?.rangeMm[0], 320)
  t.equal(calibration.status().state, 'ok')

  chip.now = 'tof=vl53l8ch@bbbb'
  await calibration.headsChanged()
  t.equal(setup.tray, undefined)
  t.match(calibration.status(), {
    state: 'failed',
    detail: /no empty tray measured with these heads.*cmd\/calibration\/start/,
    facts: { chips: 'tof=vl53l8ch@bbbb' },
  })

  await setup.calibrated(trayAt(318))
  chip.now = 'tof=vl53l8ch@aaaa'
  await calibration.headsChanged()
  t.equal(setup.tray?.rangeMm[0], 320, 'the head before is still calibrated')
})

test('a station that was calibrated before does not measure unasked what lies under another chip', async (t) => {
  const { setup, chip, calibration } = await station(t)
  await setup.useChips(chip.now)
  await setup.calibrated(trayAt(320))
  chip.now = 'tof=vl53l8ch@bbbb'
  await calibration.start(never)
  t.equal(setup.tray, undefined)
  t.match(calibration.status(), {
    state: 'failed',
    detail: /^no empty tray measured with these heads; empty it/,
  })
})

test('as long as no head has said which chip it is, nothing is calibrated', async (t) => {
  const { setup, chip, calibration } = await station(t)
  chip.now = undefined
  await calibration.start(never)
  t.equal(setup.subject, undefined)
  t.equal(calibration.status().state, 'failed')
  await t.rejects(setup.calibrated(trayAt(320)), { message: 'no head has said which chip it is' })
  t.notOk(await setup.everCalibrated())
})

test('one calibration at a time has the heads; that another asks is no trouble with the tray', async (t) => {
  const { calibration } = await station(t)
  let finish = (_: string): void => {}
  const work = new Promise<string>((resolve) => {
    finish = resolve
  })
  const first = calibration.exclusively('as-is', undefined, () => work)
  t.ok(calibration.running)
  await t.rejects(calibration.measure('anna'), {
    name: 'CalibrationBusy',
    message: 'a calibration is running already',
  })
  t.notMatch(calibration.status().detail, /running already/)
  finish('taken')
  t.equal(await first, 'taken')
  t.notOk(calibration.running)
})
