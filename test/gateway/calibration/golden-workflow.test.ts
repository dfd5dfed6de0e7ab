import { test } from 'tap'
import { gaugeStudy } from '../../../gateway/analysis/gauge-rr.ts'
import { measureGauge } from '../../../gateway/calibration/gauge-measure.ts'
import type { Order } from '../../../gateway/calibration/guided.ts'
import { desk } from '../../fakes/calibration-desk.ts'

const by = 'anna'

test('a golden part is defined, passes, and fails where it is another', async (t) => {
  const { take, at, asked } = desk(t)
  const define: Order = { kind: 'golden define', by, part: 'g1', looks: 4, placements: 2 }
  await t.rejects(take(define), { message: /no empty tray was measured with these heads/ })
  await take({ kind: 'tray', by })
  const golden = await take(define)
  t.match(asked.slice(-2), [/^Put golden part g1/, /put it down once more \(2 of 2\)/])
  if (golden.kind !== 'golden') throw new Error(golden.kind)
  t.type(golden.values.volume_mm3?.place_std, 'number')

  const check: Order = { kind: 'golden check', by, part: 'g1', looks: 4, placements: 1 }
  await t.rejects(take(check), { message: /give some with --tolerance/ })
  const tolerances = { volume_percent: 6, height_mm: 4, delta_e: 2 }
  const passed = await take({ ...check, tolerances })
  t.match(passed, { kind: 'golden-check', decision: 'passed', reference: golden.id })

  const was = golden.values.volume_mm3
  if (was === undefined) throw new Error('no volume')
  const larger = { ...golden, values: { ...golden.values, volume_mm3: { ...was, mean: 1.2 * was.mean } } }
  await at(({ store }) =>
    store.calibrations.save({
      id: '01890a5d-ac96-774b-bcce-b302099a8057',
      kind: 'golden',
      subject: golden.subject,
      takenAt: '2026-02-01T00:00:00.000Z',
      takenBy: by,
      calibration: { ...larger, id: '01890a5d-ac96-774b-bcce-b302099a8057', at: '2026-02-01T00:00:00.000Z' },
    }),
  )
  t.match(await take({ ...check, tolerances }), {
    decision: 'failed',
    findings: [
      { name: 'volume_percent', decision: 'failed' },
      { decision: 'passed' },
      { decision: 'passed' },
    ],
  })
  await t.rejects(take({ ...check, part: 'g2', tolerances }), { message: /^golden part g2: missing/ })
})

test('a gauge study on the station: the same parts come round', async (t) => {
  const { take, at, asked } = desk(t)
  await take({ kind: 'tray', by })
  const plan = { parts: 3, operators: 2, repeats: 2, quantity: 'volume_mm3' } as const
  const readings = await at((bench) => measureGauge(plan, bench))
  t.equal(readings.length, 12)
  t.match(asked.at(-1), /^Operator 2, repeat 2 of 2: put part 3 under the heads\.$/)
  const of = (part: string) => readings.filter((one) => one.part === part).map(({ value }) => value)
  const spreadOf = (values: readonly number[]) => Math.max(...values) / Math.min(...values) - 1
  for (const part of ['1', '2', '3']) t.ok(spreadOf(of(part)) < 0.1, `part ${part} is one part`)
  const { components } = gaugeStudy(readings)
  t.ok(components.part.std > components.grr.std, 'parts differ more')
})
