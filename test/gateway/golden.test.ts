import { test } from 'tap'
import { Random } from '../../drivers/simulated/random.ts'
import { checkGolden, type GoldenMeasured } from '../../gateway/golden.ts'
import { type GoldenLook, goldenStatistics } from '../../gateway/golden-statistics.ts'

function measured(values: GoldenMeasured['values'], looks = 10, placements = 1): GoldenMeasured {
  return { values, looks, placements }
}

const volume = (mean: number, look_std: number) => ({ volume_mm3: { mean, look_std } })

test('in tolerance only with 95 % probability, out of it by the measured value (JCGM 106:2012, 8.2 and 8.3.2)', (t) => {
  // u of the difference: 10 000/√10 twice is 4472 mm³, 0.4472 % of 1 000 000.
  const reference = measured(volume(1_000_000, 10_000))
  const decide = (mean: number) =>
    checkGolden(reference, measured(volume(mean, 10_000)), { volume_percent: 3 }).findings[0]
  t.match(decide(1_010_000), { decision: 'passed', deviation: 1 })
  const near = decide(1_025_000)
  t.equal(near?.decision, 'inconclusive')
  t.ok(Math.abs((near?.z ?? 0) - 2.5 / 0.44721) < 1e-3)
  // Φ((3 − 2.5)/0.4472) = Φ(1.118) = 0.8682 (table of the normal distribution).
  t.ok(Math.abs((near?.probability ?? 0) - 0.8682) < 2e-4)
  t.equal(decide(1_031_000)?.decision, 'failed')
  t.equal(decide(969_000)?.decision, 'failed', 'on either side')
  t.end()
})

test('the acceptance limit is the tolerance less 1.645 standard uncertainties', (t) => {
  const reference = measured({ height_mm: { mean: 50, look_std: 0.5 } }, 2)
  const at = (mean: number) =>
    checkGolden(reference, measured({ height_mm: { mean, look_std: 0.5 } }, 2), { height_mm: 2 }).decision
  // u = √(0.5²/2 + 0.5²/2) = 0.5; 2 − 1.645 · 0.5 = 1.1776.
  t.equal(at(51.17), 'passed')
  t.equal(at(51.19), 'inconclusive')
  t.end()
})

test('a colour is in tolerance by ΔE00, with the uncertainty of all three coordinates', (t) => {
  const lab = (l: number) => ({
    l: { mean: l, look_std: 0.1 },
    a: { mean: 2, look_std: 0.1 },
    b: { mean: 16, look_std: 0.1 },
  })
  const decide = (l: number) => checkGolden(measured(lab(80)), measured(lab(l)), { delta_e: 2 })
  t.equal(decide(80.5).decision, 'passed')
  t.equal(decide(86).decision, 'failed')
  const { a: _, ...incomplete } = lab(80)
  t.match(checkGolden(measured(lab(80)), measured(incomplete), { delta_e: 2 }), {
    decision: 'failed',
    findings: [{ decision: 'not-measured' }],
  })
  t.end()
})

test('one tolerance that failed is enough, and a value that was not measured is no pass', (t) => {
  const values = { ...volume(100, 0), height_mm: { mean: 50, look_std: 0 } }
  const tolerances = { volume_percent: 1, height_mm: 1 }
  t.equal(
    checkGolden(measured(values), measured(values), tolerances).decision,
    'passed',
    'without any noise too',
  )
  const worse = { ...values, height_mm: { mean: 52, look_std: 0 } }
  t.equal(checkGolden(measured(values), measured(worse), tolerances).decision, 'failed')
  t.equal(checkGolden(measured(values), measured(volume(100, 0)), tolerances).decision, 'failed')
  t.end()
})

test('scatter of looks and of placements are told apart', (t) => {
  const random = new Random(5, 1)
  const placements = Array.from({ length: 400 }, () => {
    const placed = 50 + 0.8 * random.normal()
    return Array.from({ length: 5 }, (): GoldenLook => ({ height_mm: placed + 0.3 * random.normal() }))
  })
  const { height_mm: height } = goldenStatistics(placements)
  t.ok(Math.abs((height?.look_std ?? 0) - 0.3) < 0.03)
  t.ok(Math.abs((height?.place_std ?? 0) - 0.8) < 0.12)
  t.equal(
    goldenStatistics(placements.slice(0, 1)).height_mm?.place_std,
    undefined,
    'of one placement nothing is known',
  )
  t.strictSame(goldenStatistics([[{ score: 1 }, {}]]), {}, 'a value that a look lacks is left out')
  t.throws(() => goldenStatistics([[{ score: 1 }]]), /^1 looks: expected at least 2/)
  t.end()
})
