import { test } from 'tap'
import { type Evidence, type Score, scoreOf } from '../../../gateway/analysis/fusion.ts'
import { gradeOf } from '../../../gateway/analysis/grade.ts'
import type { Colour, Defect, Finding, Grade, Surface } from '../../../gateway/inspection.ts'
import { parseRecipe, type Recipe } from '../../../gateway/recipe.ts'
import { RECIPE } from './station.ts'

const SURFACE: Surface = {
  volumeMm3: { estimate: 600_000, std: 12_000 },
  baseAreaMm2: { estimate: 11_250, std: 100 },
  avgHeightMm: 600_000 / 11_250,
  maxHeightMm: 80,
  heightVariationMm: 1,
  uniformity: { estimate: 0.92, std: 0.02 },
  outline: { xMm: 0, yMm: 0, lengthMm: 170, widthMm: 85, heightMm: 80, rotationRad: 0 },
  zones: 20,
  defects: [],
}
const COLOUR: Colour = {
  relative: {},
  freshness: { estimate: 0.95, std: 0.01 },
  fatQuality: { estimate: 0.95, std: 0.01 },
  oxidation: { estimate: 0.05, std: 0.01 },
  uniformity: 1,
  ratios: {},
  defects: [],
}
const GOOD: Evidence = { surface: SURFACE, massG: { estimate: 568, std: 12 }, colour: COLOUR }

function recipeWith(shape: Partial<Recipe['shape']>, change: Partial<Recipe> = {}): Recipe {
  return parseRecipe({ ...RECIPE, ...change, shape: { ...RECIPE.shape, ...shape } })
}

/** A part whose mean thickness is so, all else as it is. */
function thick(mm: number, change: Partial<Surface> = {}): Evidence {
  return { ...GOOD, surface: { ...SURFACE, avgHeightMm: mm, ...change } }
}

function findingOf({ findings }: Score, code: string): Finding | undefined {
  return findings.find((finding) => finding.code === code)
}

function gradeWith(evidence: Evidence, recipe: Recipe = RECIPE): Grade {
  return gradeOf(scoreOf(evidence, recipe), recipe).grade
}

test('a liver below the net weight of the law is rejected, whatever it scores', (t) => {
  const light = { ...GOOD, massG: { estimate: 299, std: 3 } }
  const score = scoreOf(light, RECIPE)
  t.match(findingOf(score, 'mass_below_legal'), { value: 299, limit: 300 })
  t.ok(score.score.estimate > RECIPE.grading.thresholds.A, 'by its score it were an A')
  t.match(gradeOf(score, RECIPE), { grade: 'REJECT' })
  t.equal(gradeWith({ ...GOOD, massG: { estimate: 301, std: 3 } }), 'A+')
  t.end()
})

test('near the legal limit the confidence is what the uncertainty leaves', (t) => {
  const at = (grams: number): number =>
    gradeOf(scoreOf({ ...GOOD, massG: { estimate: grams, std: 6 } }, RECIPE), RECIPE).confidence
  t.ok(Math.abs(at(300) - 0.5) < 0.03, 'on the limit: even odds')
  t.ok(Math.abs(at(306) - 0.8413 * at(500)) < 0.01, 'one standard uncertainty above')
  t.ok(Math.abs(at(294) - 0.8413) < 0.01, 'one below: of being rejected rightly')
  t.end()
})

test('a limit with a guard band wants to be shown, not only met', (t) => {
  const guarded = recipeWith({ limits: { massG: { min: 300, legal: true, conformity: 0.95 } } })
  const of = (grams: number): Grade => gradeWith({ ...GOOD, massG: { estimate: grams, std: 6 } }, guarded)
  // z(0.95) = 1.6449: 300 g + 1.6449 × 6 g = 309.87 g.
  t.equal(of(309.8), 'REJECT')
  t.equal(of(309.9), 'A+')
  t.end()
})

test('a size outside its limit costs by how far, and no more than all its points', (t) => {
  const recipe = recipeWith({ limits: { volumeMm3: { min: 800_000, max: 900_000 } } })
  const lost = (volume: number): number | undefined =>
    findingOf(
      scoreOf({ ...GOOD, surface: { ...SURFACE, volumeMm3: { estimate: volume, std: 1 } } }, recipe),
      volume < 800_000 ? 'volume_low' : 'volume_high',
    )?.contribution
  t.equal(lost(700_000), 0.1, '12.5 % below with a tolerance of 25 %: half of 0.2')
  t.equal(lost(500_000), 0.2)
  t.equal(lost(850_000), undefined)
  t.equal(lost(1_012_500), 0.1)
  t.end()
})

test('the class of thickness is found, told where it costs, and its doubt is the score’s', (t) => {
  const lost = (mm: number): readonly [string, number | undefined][] =>
    scoreOf(thick(mm), RECIPE)
      .findings.filter(({ code }) => code.startsWith('thickness'))
      .map(({ code, contribution }) => [code, contribution])
  t.same(lost(50), [])
  t.same(lost(40), [['thickness_premier', 0.02]])
  t.same(lost(30), [['thickness_deuxieme', 0.05]])
  t.same(lost(20), [['thickness_outside', 0.1]])
  t.same(lost(66), [['thickness_outside', 0.1]])
  const std = (mm: number): number => scoreOf(thick(mm), RECIPE).score.std
  t.ok(std(45) > 0.009 && std(45) < 0.011, `even odds of two classes 0.02 apart: ${std(45)}`)
  t.ok(std(53) < 0.001)
  t.end()
})

test('fill is the mean height or the volume, over what the recipe or the tray calls full', (t) => {
  const fill = { minPercent: 92, maxPercent: 108, points: 0.05 }
  const found = (recipe: Recipe): Finding | undefined =>
    scoreOf(GOOD, recipe).findings.find(({ code }) => code.startsWith('fill'))
  t.equal(found(recipeWith({ fill: { ...fill, heightMm: 53 } })), undefined)
  t.match(found(recipeWith({ fill: { ...fill, heightMm: 66 } })), {
    code: 'fill_low',
    value: 80.8081,
    limit: 92,
  })
  t.match(found(recipeWith({ fill: { ...fill, volumeMm3: 500_000 } })), { code: 'fill_high', value: 120 })
  // 300 × 180 × 5 mm
  t.match(found(recipeWith({ fill })), { code: 'fill_high', value: 222.2222, contribution: 0.05 })
  t.end()
})

test('a colour difference costs from the good one on, and may reject at the critical one', (t) => {
  const target = { ...RECIPE.material?.labTarget, l: 80, a: 3, b: 15, points: 0.12 }
  const strict = (reject: boolean): Recipe =>
    parseRecipe({ ...RECIPE, material: { ...RECIPE.material, labTarget: { ...target, reject } } })
  const at = (deltaE: number, recipe = strict(false)): readonly (number | string | undefined)[] => {
    const score = scoreOf({ ...GOOD, deltaE00: { estimate: deltaE, std: 0.3 } }, recipe)
    const finding = score.findings.find(({ code }) => code.startsWith('colour'))
    return [finding?.code, finding?.limit, finding?.contribution, gradeOf(score, recipe).grade]
  }
  t.same(at(1.5), [undefined, undefined, undefined, 'A+'])
  t.same(at(4), ['colour', 2, 0.04, 'A+'])
  t.same(at(5), ['colour_off', 5, 0.06, 'A'])
  t.same(at(9), ['colour_critical', 8, 0.12, 'A'])
  t.same(at(9, strict(true)), ['colour_critical', 8, 0.12, 'REJECT'])
  t.end()
})

test('rules of labels are told, and bind where the recipe says so', (t) => {
  const codes = (evidence: Evidence, recipe = RECIPE): readonly string[] =>
    scoreOf(evidence, recipe)
      .findings.map(({ code }) => code)
      .filter((code) => /^(igp|label)/.test(code))
  const near = { deltaE00: { estimate: 3, std: 0.3 } }
  t.same(codes({ ...GOOD, ...near }), [])
  t.same(codes({ ...thick(38), ...near }), ['label_rouge_thickness'])
  t.same(codes({ ...GOOD, deltaE00: { estimate: 6, std: 0.3 } }), ['label_rouge_delta_e00'])
  t.same(codes(GOOD), ['label_rouge_delta_e00'], 'what was not measured is not kept')
  const oxidised = { ...COLOUR, oxidation: { estimate: 0.25, std: 0.01 } }
  t.same(codes({ ...GOOD, ...near, colour: oxidised }), ['igp_oxidation'])
  const binding = recipeWith({}, { labels: [{ name: 'ours', deltaE00: { max: 5 }, bestGrade: 'B' }] })
  t.equal(gradeWith({ ...GOOD, ...near }, binding), 'A+')
  t.equal(gradeWith({ ...GOOD, deltaE00: { estimate: 6, std: 0.3 } }, binding), 'B')
  t.equal(gradeWith(GOOD, binding), 'B')
  t.end()
})

test('every point lost is told with value and limit, and they add up', (t) => {
  const deformation: Defect = { type: 'deformation', severity: 0.6, deviationMm: -12 }
  const evidence = { ...thick(38, { defects: [deformation] }), massG: { estimate: 280, std: 5 } }
  const { score, findings } = scoreOf(evidence, RECIPE)
  const lost = findings.reduce((sum, { contribution = 0 }) => sum + contribution, 0)
  t.ok(Math.abs(1 - lost - score.estimate) < 1e-3)
  t.same(
    findings.map(({ code }) => code),
    [
      'mass_below_legal',
      'thickness_premier',
      'deformation',
      'freshness',
      'fat',
      'oxidation',
      'label_rouge_thickness',
      'label_rouge_delta_e00',
    ],
  )
  t.end()
})

test('what forbids a grade is weighed into its confidence, grade by grade', (t) => {
  const veto = (probability: number) => ({ bestGrade: 'REJECT', applies: false, probability }) as const
  const score: Score = {
    score: { estimate: 0.82, std: 0.01 },
    findings: [],
    vetoes: [veto(0.1), { bestGrade: 'B', applies: true, probability: 0.75 }],
    defects: [],
  }
  const { grade, confidence } = gradeOf(score, RECIPE)
  t.equal(grade, 'B', 'an A by score, but no better than B')
  // Truly B: not forbidden at all (0.9), and the label truly broken (0.75).
  t.ok(Math.abs(confidence - 0.9 * 0.75) < 1e-6)
  t.end()
})
