import { test } from 'tap'
import { cadenceProblem, footprintMm, stepMm } from '../../../../gateway/analysis/scan/cadence.ts'

const PACE = { mmPerS: 100, rateHz: 15, travelMm: 200, zones: 64, clearanceMm: 240 } as const

test('0.1 m/s at 15 Hz is a look every 7 mm, a zone 25 mm on top of the part', (t) => {
  t.ok(Math.abs(stepMm(PACE) - 6.7) < 0.05)
  t.ok(Math.abs(footprintMm(64, 240) - 24.9) < 0.05)
  t.equal(cadenceProblem(PACE), undefined)
  t.end()
})

test('a belt too fast for the rate, and a travel too short, are said with what would do', (t) => {
  t.strictSame(cadenceProblem({ ...PACE, mmPerS: 500 }), {
    field: 'mm_per_s',
    value: 500,
    expectation:
      "at 15 Hz it is a look every 33.3 mm; expected at most a zone's width on top of the part, 24.9 mm: 372 mm/s, or 20.1 Hz",
  })
  t.equal(cadenceProblem({ ...PACE, mmPerS: 372 }), undefined, 'as slow as was expected')
  t.match(cadenceProblem({ ...PACE, travelMm: 20 }), {
    field: 'travel_mm',
    value: 20,
    expectation: 'at 100 mm/s and 15 Hz it is 4 looks; expected at least 6: 34 mm',
  })
  t.equal(cadenceProblem({ ...PACE, travelMm: 34 }), undefined)
  t.match(cadenceProblem({ ...PACE, mmPerS: 0 }), { field: 'mm_per_s' }, 'a belt that stands makes no scan')
  t.end()
})

test('before the distance is known, only the number of looks can be told', (t) => {
  const { clearanceMm: _, ...unknown } = PACE
  t.equal(cadenceProblem({ ...unknown, mmPerS: 500 }), undefined)
  t.match(cadenceProblem({ ...unknown, mmPerS: 5000 }), { field: 'travel_mm' })
  t.end()
})
