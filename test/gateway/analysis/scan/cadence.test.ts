import { test } from 'tap'
import { cadenceProblem, footprintMm, stepMm } from '../../../../gateway/analysis/scan/cadence.ts'

const PACE = { mmPerS: 100, rateHz: 15, travelMm: 200, zones: 64, clearanceMm: 240 } as const

test('0.1 m/s at 15 Hz is a look every 7 mm, a zone 25 mm on top of the part', (t) => {
  t.ok(Math.abs(stepMm(PACE) - 6.7) < 0.05)
  t.ok(Math.abs(footprintMm(PACE) - 24.9) < 0.05)
  t.equal(cadenceProblem(PACE), undefined)
  t.end()
})

test('a belt too fast for the rate, and a travel too short, are said', (t) => {
  t.match(cadenceProblem({ ...PACE, mmPerS: 500 }), '500 mm/s at 15 Hz is a look every 33.3 mm')
  t.match(cadenceProblem({ ...PACE, travelMm: 20 }), '20 mm of travel are 4 looks')
  t.type(cadenceProblem({ ...PACE, mmPerS: 0 }), 'string', 'a belt that stands makes no scan')
  t.end()
})
