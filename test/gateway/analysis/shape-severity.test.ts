import { test } from 'tap'
import { severityOf } from '../../../gateway/analysis/shape-severity.ts'

const SUSPECT = { evidence: 36, sureScore: 5, size: 1.5, criticalIfReal: 0.99 }

test('what stands well out of relief and is probably critical rejects', (t) => {
  const { severity, criticalProbability } = severityOf(SUSPECT)
  t.equal(severity, 1)
  t.ok(criticalProbability > 0.98 && criticalProbability < 0.99, 'never surer than its depth')
  t.end()
})

test('what may be relief, or may be too small, is told and does not reject, however large it seems', (t) => {
  const relief = severityOf({ ...SUSPECT, evidence: 17, size: 5 })
  t.ok(relief.severity < 0.1, `${relief.severity}`)
  const shallow = severityOf({ ...SUSPECT, size: 0.95, criticalIfReal: 0.4 })
  t.ok(shallow.severity > 0.9 && shallow.severity < 1, `${shallow.severity}`)
  const wide = severityOf({ ...SUSPECT, evidence: 24.9, size: 5 })
  t.equal(wide.severity, 0.99, 'half of what it is worth is more than critical, and still no rejection')
  t.ok(wide.criticalProbability < 0.5)
  t.end()
})

test('at the sure score, a defect is as likely as none', (t) => {
  t.equal(severityOf({ evidence: 25, sureScore: 5, size: 0.6, criticalIfReal: 0 }).severity, 0.3)
  t.equal(
    severityOf({ evidence: 25, sureScore: 5, size: 0.6, criticalIfReal: 0.5 }).criticalProbability,
    0.25,
  )
  t.end()
})

test('more evidence and more depth never count for less', (t) => {
  const severities = [16, 20, 24, 25, 26, 30, 60].map(
    (evidence) => severityOf({ ...SUSPECT, evidence }).severity,
  )
  t.same(
    severities,
    [...severities].sort((a, b) => a - b),
  )
  const sizes = [0, 0.2, 0.5, 0.9].map(
    (size) => severityOf({ ...SUSPECT, size, criticalIfReal: size / 2 }).severity,
  )
  t.same(
    sizes,
    [...sizes].sort((a, b) => a - b),
  )
  t.end()
})
