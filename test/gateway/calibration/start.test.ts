import { type Test, test } from 'tap'
import { openBench } from '../../../gateway/calibration/bench.ts'
import { rowsOf } from '../../../gateway/calibration/register.ts'
import {
  type CalibrationStarted,
  calibrationStartPayload,
  type RunningStation,
  startCalibration,
} from '../../../gateway/calibration/start.ts'
import { judgingBench, type Workbench } from '../../../gateway/calibration/workbench.ts'
import { GoldenWatch } from '../../../gateway/golden-watch.ts'
import { type Desk, desk } from '../../fakes/calibration-desk.ts'

const golden = {
  part: 'g1',
  everyH: 8,
  tolerances: { volumePercent: 6, deltaE: 2 },
  hold: true,
}

/** What a running station lends, on a bench of its own; its tray is measured. */
async function started(t: Test): Promise<{
  readonly start: (payload: object, watch?: GoldenWatch) => Promise<CalibrationStarted>
  readonly on: Desk
}> {
  const on = desk(t)
  await on.take({ kind: 'tray', by: 'anna' })
  const start = (payload: object, watch?: GoldenWatch): Promise<CalibrationStarted> =>
    on.at(async (workbench) =>
      startCalibration(calibrationStartPayload.parse(payload), await lent(workbench, watch)),
    )
  return { start, on }
}

async function lent(workbench: Workbench, watch: GoldenWatch | undefined): Promise<RunningStation> {
  const { hardware, clock, signal, store } = workbench
  const bench = await openBench(hardware, { clock, signal })
  const { look } = await judgingBench(workbench, bench)
  const recipe: RunningStation['recipe'] & { readonly golden: unknown } = { id: 'r', stage: 'raw', golden }
  return {
    exclusively: (lies, work) => {
      if (lies === 'empty') hardware.line?.clear()
      else hardware.line?.next()
      return work(bench)
    },
    measureTray: () => Promise.reject(new Error('measured by its own unit')),
    registry: store.calibrations,
    recipe,
    look,
    ...(watch === undefined ? {} : { watch }),
  }
}

test('a running station takes offset and white, and keeps them', async (t) => {
  const { start, on } = await started(t)
  const offset = await start({ kind: 'offset', distance_mm: 320, by: 'luc', valid_days: 1 })
  t.match(offset, { kind: 'offset', valid_until: String })
  t.match(await start({ kind: 'white', reflectance: 0.75 }), { kind: 'white' })
  await on.at(async ({ store }) => {
    t.match(await rowsOf(store.calibrations, 'offset'), [{ id: offset.id, by: 'luc' }])
    t.match(
      await rowsOf(store.calibrations, 'white'),
      [{ stage: 'raw', by: 'unnamed' }],
      'the recipe’s stage',
    )
  })
})

test('what a running station cannot do it says', async (t) => {
  const { start } = await started(t)
  await t.rejects(start({ kind: 'crosstalk' }), {
    message: /stop the station, then `poincon calibrate crosstalk`/,
  })
  await t.rejects(start({ kind: 'offset' }), { message: 'distance_mm: missing: expected millimetres' })
  await t.rejects(start({ kind: 'white' }), { message: 'reflectance: missing: expected 0 to 1' })
  await t.rejects(start({ kind: 'golden' }), { message: /^golden part g1: missing/ })
  await t.rejects(start({ kind: 'empty-tray' }), { message: 'measured by its own unit' })
  t.throws(() => calibrationStartPayload.parse({ kind: 'grey' }), /kind/)
  t.throws(() => calibrationStartPayload.parse({ colour: 1 }), /colour/)
})

test('a golden check releases the line', async (t) => {
  const { start, on } = await started(t)
  await on.take({ kind: 'golden define', by: 'anna', part: 'g1', looks: 3, placements: 1 })
  const options = { part: 'g1', every_h: 8, tolerances: { volume_percent: 6 }, hold: true }
  const watch = new GoldenWatch(options)
  t.equal(watch.standing(0).obstacle, 'golden-due')
  const answer = await start({ kind: 'golden', looks: 3 }, watch)
  t.match(answer, { kind: 'golden-check', decision: 'passed' })
  t.strictSame(
    answer.findings?.map(({ name }) => name),
    ['volume_percent', 'delta_e'],
  )
  t.equal(watch.standing(Date.parse(answer.at)).state, 'passed')
})
