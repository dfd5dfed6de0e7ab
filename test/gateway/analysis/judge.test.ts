import { test } from 'tap'
import { CHANNELS, type Spectrum } from '../../../drivers/as7341/counts.ts'
import { judge, type Plan, prepare, type Sighting } from '../../../gateway/analysis/judge.ts'
import { type Fusion, GRADES, type Judgement } from '../../../gateway/inspection.ts'
import { parseRecipe, type Recipe } from '../../../gateway/recipe.ts'
import {
  type Body,
  frameOf,
  RECIPE,
  recipeNamed,
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

function sightingOf(state: State, frame = FRAME): Sighting {
  return { frame, spectrum: spectrumOf(state), gaps: [], heads: { ranging: 'tof', spectral: 'spectral' } }
}

function graded(sighting: Sighting, plan: Plan = PLAN): Judgement & { readonly fusion: Fusion } {
  const judgement = judge(plan, sighting)
  if (judgement.fusion === undefined) throw new Error(JSON.stringify(judgement.verdict))
  return { ...judgement, fusion: judgement.fusion }
}

function variant(change: Partial<Recipe>): Recipe {
  return parseRecipe({ ...RECIPE, ...change })
}

test('the classes of the quality table get their grades', (t) => {
  const classes = [
    [0.95, 'A+'],
    [0.85, 'A'],
    [0.7, 'B'],
    [0.55, 'C'],
    [0.35, 'REJECT'],
  ] as const
  for (const [level, grade] of classes) {
    const state = { freshness: level, fat: level, oxidation: 1 - level }
    const { verdict, fusion } = graded(sightingOf(state))
    t.match(verdict, { kind: 'graded', grade, action: grade === 'REJECT' ? 'reject' : 'accept' })
    t.match(fusion, { grade })
    t.ok(fusion.confidence > 0.5 && fusion.confidence <= 1)
  }
  t.end()
})

test('every point lost is a finding, and they add up', (t) => {
  const { verdict } = graded(sightingOf({ freshness: 0.7, fat: 0.8, oxidation: 0.25 }))
  if (verdict.kind !== 'graded') throw new Error('not graded')
  const lost = verdict.findings.reduce((sum, { contribution = 0 }) => sum + contribution, 0)
  t.ok(Math.abs(1 - lost - verdict.score) < 1e-3, `${verdict.score} and ${lost}`)
  t.match(verdict.findings[0], { code: 'freshness', value: 0.7, limit: 1 })
  t.end()
})

test('a critical defect rejects whatever else the part is worth', (t) => {
  const frame = frameOf({ ...STANDARD, bumps: [{ x: 12, y: 12, r: 24, mm: 60 }] })
  const { verdict, fusion } = graded(sightingOf(FRESH, frame))
  t.match(verdict, { grade: 'REJECT', action: 'reject' })
  t.ok(
    verdict.kind === 'graded' && verdict.score > RECIPE.grading.thresholds.C,
    'though its score is not that low',
  )
  t.ok(fusion.defects.some(({ severity }) => severity === 1))
  t.ok(fusion.confidence > 0.5)
  t.end()
})

test('an undersized part loses points for it', (t) => {
  const small: Body = { ...STANDARD, rx: 60, ry: 36, rz: 35 }
  const { verdict } = graded(sightingOf(FRESH, frameOf(small)))
  const findings = verdict.kind === 'graded' ? verdict.findings : []
  t.match(
    findings.find(({ code }) => code === 'volume_low'),
    { limit: 200_000 },
  )
  t.end()
})

test('what is missing makes the part ungraded, by its reason, and never accepted', (t) => {
  const empty: Spectrum = spectrumOf(FRESH)
  const cases: readonly [string, Sighting, readonly string[]][] = [
    ['no heads', { gaps: [] }, ['sensor-absent']],
    [
      'no spectrum',
      { frame: FRAME, gaps: [{ head: 'spectral', reason: 'sensor-timeout' }] },
      ['sensor-timeout:spectral'],
    ],
    [
      'no frame',
      { spectrum: empty, gaps: [{ head: 'tof', reason: 'sensor-absent' }] },
      ['sensor-absent:tof'],
    ],
    [
      'both gone',
      {
        gaps: [
          { head: 'tof', reason: 'late' },
          { head: 'spectral', reason: 'sensor-failed' },
        ],
      },
      ['late:tof', 'sensor-failed:spectral'],
    ],
    ['empty tray', sightingOf(FRESH, frameOf(undefined)), ['no-product']],
    [
      'saturated',
      { ...sightingOf(FRESH), spectrum: { ...empty, saturated: [...CHANNELS] } },
      ['saturated:spectral'],
    ],
    ['half outside', sightingOf(FRESH, frameOf({ ...STANDARD, x: 100 })), ['out-of-view:tof']],
  ]
  for (const [name, sighting, reasons] of cases) {
    const { verdict, fusion, massG } = judge(PLAN, sighting)
    t.match(verdict, { kind: 'ungraded', action: 'reject', reasons }, name)
    t.equal(fusion, undefined, `${name}: no fusion`)
    if (name !== 'saturated' && name !== 'no spectrum') t.equal(massG, undefined, `${name}: no mass`)
  }
  const held = prepare(variant({ actions: { ...RECIPE.actions, ungraded: 'hold' } }), TRAY)
  t.match(judge(held, { gaps: [] }).verdict, { action: 'hold' })
  t.match(judge(prepare(RECIPE), sightingOf(FRESH)).verdict, { reasons: ['not-calibrated:tof'] })
  t.end()
})

test('what was measured of an ungraded part is kept', (t) => {
  const { surface, heightsMm, massG, colour } = judge(PLAN, {
    frame: FRAME,
    gaps: [{ head: 'spectral', reason: 'sensor-absent' }],
  })
  t.ok((surface?.volumeMm3.estimate ?? 0) > 500_000)
  t.ok(Math.abs((massG?.estimate ?? 0) - (surface?.volumeMm3.estimate ?? 0) * 0.947e-3) < 1e-9)
  t.equal(heightsMm?.length, 64)
  t.equal(colour, undefined)
  t.end()
})

test('a recipe that does not judge colour needs no spectrum, nor one without shape a frame', (t) => {
  const { material: _, ...shapeOnly } = RECIPE
  const plan = prepare(parseRecipe(shapeOnly), TRAY)
  t.match(judge(plan, { frame: FRAME, gaps: [{ head: 'spectral', reason: 'sensor-absent' }] }).verdict, {
    kind: 'graded',
    grade: 'A+',
  })
  const { shape: _shape, ...colourOnly } = RECIPE
  const spectral = prepare(parseRecipe(colourOnly), TRAY)
  t.match(judge(spectral, { spectrum: spectrumOf(FRESH), gaps: [] }).verdict, { kind: 'graded', grade: 'A+' })
  t.end()
})

test('several looks at a part that stood still are weighed together', (t) => {
  const one = judge(PLAN, sightingOf(FRESH))
  const looks = Array.from({ length: 5 }, () => ({ frame: FRAME }))
  const five = judge(PLAN, { ...sightingOf(FRESH), looks })
  const [before, after] = [one.surface?.volumeMm3, five.surface?.volumeMm3]
  if (before === undefined || after === undefined) throw new Error('not measured')
  t.ok(Math.abs(after.estimate / before.estimate - 1) < 0.01, 'the same part')
  t.ok(after.std <= before.std, 'and no less sure')
  t.match(five.verdict, { grade: 'A+' })
  t.end()
})

test('a part that is to be scanned is not judged by one look at it', (t) => {
  const plan = prepare(recipeNamed('foiegras_haute_resolution'), TRAY)
  t.match(judge(plan, sightingOf(FRESH)).verdict, { kind: 'ungraded', reasons: ['too-few-looks:tof'] })
  const still = Array.from({ length: 8 }, () => ({ frame: FRAME }))
  t.match(
    judge(plan, { ...sightingOf(FRESH), looks: still }).verdict,
    { kind: 'ungraded' },
    'nor if it stood',
  )
  t.end()
})

test('what only the camera can say is for a person until the camera says it', (t) => {
  const plan = prepare(recipeNamed('lens_engraving'), TRAY)
  const gaps = [{ head: 'camera', reason: 'sensor-absent' }] as const
  t.match(judge(plan, { gaps }).verdict, {
    kind: 'ungraded',
    action: 'hold',
    reasons: ['sensor-absent:camera'],
  })
  const both = prepare(variant({ camera: { rank: 1, confidence: 0.8, textConfidence: 0.95 } }), TRAY)
  t.match(judge(both, { ...sightingOf(FRESH), gaps }).verdict, { reasons: ['sensor-absent:camera'] })
  t.end()
})

test('the mass is as unsure as volume and density together', (t) => {
  const { surface, massG } = judge(PLAN, sightingOf(FRESH))
  if (surface === undefined || massG === undefined) throw new Error('not measured')
  const { estimate, std } = surface.volumeMm3
  const relative = Math.hypot(std / estimate, 0.005 / 0.947)
  t.ok(Math.abs(massG.std / massG.estimate - relative) < 1e-9)
  t.end()
})

test('the recipe decides what is done with each grade', (t) => {
  const plan = prepare(variant({ actions: { ...RECIPE.actions, C: 'hold', REJECT: 'hold' } }), TRAY)
  const at = (level: number): Judgement =>
    judge(plan, sightingOf({ freshness: level, fat: level, oxidation: 1 - level }))
  t.match(at(0.55).verdict, { grade: 'C', action: 'hold' })
  t.match(at(0.35).verdict, { grade: 'REJECT', action: 'hold' })
  t.match(at(0.9).verdict, { action: 'accept' })
  t.end()
})

test('confidence is highest in the middle of a grade and about a half at its edge', (t) => {
  const confidence = (level: number): number => {
    const { fusion } = judge(PLAN, sightingOf({ freshness: level, fat: level, oxidation: 1 - level }))
    return fusion?.confidence ?? Number.NaN
  }
  const edge = RECIPE.grading.thresholds.A
  t.ok(confidence(0.82) > 0.95, `${confidence(0.82)}`)
  t.ok(Math.abs(confidence(edge + 0.0005) - 0.5) < 0.15, `${confidence(edge + 0.0005)}`)
  t.end()
})

test('the same input gives the same judgement, and inputs are not changed', (t) => {
  const sighting = sightingOf(FRESH)
  const before = structuredClone(sighting)
  const first = judge(PLAN, sighting)
  t.same(judge(prepare(RECIPE, TRAY), sighting), first)
  t.same(sighting, before)
  t.ok(GRADES.includes(first.verdict.kind === 'graded' ? first.verdict.grade : 'REJECT'))
  t.end()
})
