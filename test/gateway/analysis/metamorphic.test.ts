/**
 * What must hold between two parts, whatever their truth is: no table of expected numbers, only how one verdict may
 * differ from another.
 */
import { test } from 'tap'
import { Random } from '../../../drivers/simulated/random.ts'
import { judge, type Plan, prepare, type Sighting } from '../../../gateway/analysis/judge.ts'
import { GRADES, type Judgement } from '../../../gateway/inspection.ts'
import { parseRecipe } from '../../../gateway/recipe.ts'
import {
  type Body,
  frameOf,
  RECIPE,
  STANDARD,
  type State,
  spectrumOf,
  trayCounts,
  trayOf,
} from './station.ts'

const TRAY = trayOf({}, trayCounts())
const PLAN = prepare(RECIPE, TRAY)
const FRAME = frameOf(STANDARD)
const FRESH: State = { freshness: 0.97, fat: 0.97, oxidation: 0.03 }

function judged(state: State, frame = FRAME, plan: Plan = PLAN): Judgement {
  const sighting: Sighting = { frame, spectrum: spectrumOf(state), gaps: [] }
  return judge(plan, sighting)
}

/** 0 is the best; no grade is worse than any. */
function rank({ verdict }: Judgement): number {
  return verdict.kind === 'graded' ? GRADES.indexOf(verdict.grade) : GRADES.length
}

function scoreOf({ verdict }: Judgement): number {
  if (verdict.kind !== 'graded') throw new Error(verdict.reasons.join())
  return verdict.score
}

test('less fresh, less fat or more oxidised never grades better', (t) => {
  const random = new Random(31)
  for (let round = 0; round < 30; round += 1) {
    const state = {
      freshness: random.between(0.2, 1),
      fat: random.between(0.2, 1),
      oxidation: random.between(0, 0.8),
    }
    const step = random.between(0.005, 0.2)
    const before = judged(state)
    const worse = [
      { ...state, freshness: state.freshness - step },
      { ...state, fat: state.fat - step },
      { ...state, oxidation: state.oxidation + step },
    ].map((one) => judged(one))
    t.ok(
      worse.every((after) => rank(after) >= rank(before) && scoreOf(after) <= scoreOf(before) + 1e-9),
      JSON.stringify(state),
    )
  }
  t.end()
})

test('a part that is turned or moved keeps its grade', (t) => {
  const random = new Random(32)
  for (const level of [0.95, 0.85, 0.7, 0.55]) {
    const state = { freshness: level, fat: level, oxidation: 1 - level }
    const before = judged(state)
    for (let round = 0; round < 4; round += 1) {
      const body: Body = {
        ...STANDARD,
        x: random.between(-12, 12),
        y: random.between(-12, 12),
        rotation: random.between(-1.5, 1.5),
      }
      const after = judged(state, frameOf(body))
      t.equal(rank(after), rank(before), `${level} ${JSON.stringify(body)}`)
    }
  }
  t.end()
})

test('scaling a part changes only what size decides', (t) => {
  const ofSize = /^(volume|mass|height|thickness|fill|label_rouge_thickness)/
  const others = ({ verdict }: Judgement): readonly string[] =>
    verdict.kind === 'graded'
      ? verdict.findings.map(({ code }) => code).filter((code) => !ofSize.test(code))
      : verdict.reasons
  const before = judged(FRESH)
  for (const scale of [0.8, 0.9, 1.05]) {
    const { rx, ry, rz } = STANDARD
    const after = judged(FRESH, frameOf({ ...STANDARD, rx: rx * scale, ry: ry * scale, rz: rz * scale }))
    t.same(others(after), others(before), `${scale}`)
    t.same(after.colour, before.colour)
    const [small, large] = [after.massG?.estimate ?? Number.NaN, before.massG?.estimate ?? Number.NaN]
    t.ok(Math.abs(small / large / scale ** 3 - 1) < 0.04, `mass by the cube: ${small / large}`)
  }
  t.end()
})

test('an added defect never raises a score, nor a grade', (t) => {
  const random = new Random(33)
  const state = { freshness: 0.9, fat: 0.92, oxidation: 0.08 }
  const clean = judged(state)
  for (let round = 0; round < 12; round += 1) {
    const bump = {
      x: random.between(-40, 40),
      y: random.between(-20, 20),
      r: random.between(10, 30),
      mm: random.between(-30, 30),
    }
    const spoilt = judged(state, frameOf({ ...STANDARD, bumps: [bump] }))
    t.ok(rank(spoilt) >= rank(clean), JSON.stringify(bump))
    if (spoilt.fusion !== undefined) t.ok(scoreOf(spoilt) <= scoreOf(clean) + 1e-9, JSON.stringify(bump))
  }
  t.end()
})

test('noise that is doubled doubles the uncertainty of what the spectrum says', (t) => {
  const noisy = (factor: number): Plan => {
    const { material } = RECIPE
    const noise = { counts: 3 * factor, relative: 0.0015 * factor }
    return prepare(parseRecipe({ ...RECIPE, shape: undefined, material: { ...material, noise } }), TRAY)
  }
  const std = (factor: number): number => judged(FRESH, FRAME, noisy(factor)).fusion?.score.std ?? Number.NaN
  t.ok(Math.abs(std(2) / std(1) - 2) < 0.01, `${std(2) / std(1)}`)
  const confidence = (factor: number): number =>
    judged({ freshness: 0.9, fat: 0.91, oxidation: 0.1 }, FRAME, noisy(factor)).fusion?.confidence ?? 1
  t.ok(confidence(4) < confidence(1), 'and a grade near its edge is less sure')
  t.end()
})

test('a head that is missing never grades better: it grades nothing', (t) => {
  for (const level of [0.95, 0.7, 0.35]) {
    const spectrum = spectrumOf({ freshness: level, fat: level, oxidation: 1 - level })
    for (const sighting of [
      { frame: FRAME, gaps: [] },
      { spectrum, gaps: [] },
      { gaps: [] },
    ] satisfies Sighting[]) {
      const { verdict, fusion } = judge(PLAN, sighting)
      t.match(verdict, { kind: 'ungraded', action: 'reject', reasons: ['sensor-absent'] })
      t.equal(fusion, undefined)
    }
  }
  t.end()
})

test('a missing channel makes the verdict less sure, or none', (t) => {
  const whole = spectrumOf(FRESH)
  const before = judge(PLAN, { frame: FRAME, spectrum: whole, gaps: [] })
  for (const channel of ['F1_415nm', 'F5_555nm', 'F7_630nm', 'NIR'] as const) {
    const { [channel]: _, ...counts } = whole.counts
    const after = judge(PLAN, { frame: FRAME, spectrum: { ...whole, counts }, gaps: [] })
    t.ok(rank(after) >= rank(before), channel)
    if (after.fusion === undefined) continue
    t.ok(after.fusion.score.std >= (before.fusion?.score.std ?? Number.NaN), channel)
  }
  t.end()
})
