import { test } from 'tap'
import { judgeEngraving } from '../../../gateway/analysis/engraving.ts'
import { judge, prepare } from '../../../gateway/analysis/judge.ts'
import type { LensSight } from '../../../gateway/lens-sight.ts'
import { type CameraRecipe, parseRecipe, recipeJson } from '../../../gateway/recipe.ts'
import { candidate, sight, symbol, text } from '../../fakes/sights.ts'
import { recipeNamed } from './station.ts'

const ANY: CameraRecipe = { rank: 1, confidence: 0.8, textConfidence: 0.85 }
const WAVE: CameraRecipe = { ...ANY, symbols: ['wave'] }

function said(
  seen: LensSight,
  recipe: CameraRecipe,
): { reasons: readonly string[]; rejects: readonly string[] } {
  const { reasons, losses } = judgeEngraving(seen, recipe)
  return { reasons, rejects: losses.filter(({ veto }) => veto?.applies).map(({ code }) => code) }
}

test('the expected mark, read with certainty, forbids nothing', (t) => {
  t.strictSame(said(sight([symbol(['wave'], 0.97)]), WAVE), { reasons: [], rejects: [] })
  t.end()
})

test('another mark, read with certainty, rejects, whatever stands beside it', (t) => {
  t.strictSame(said(sight([symbol(['moon'], 0.97)]), WAVE), { reasons: [], rejects: ['engraving_mismatch'] })
  const both = sight([symbol(['wave'], 0.99), symbol(['moon'], 0.9)])
  t.strictSame(said(both, WAVE), { reasons: [], rejects: ['engraving_mismatch'] })
  t.end()
})

test('what is not read with certainty leaves the part without a grade', (t) => {
  t.strictSame(said(sight([symbol(['moon'], 0.6)]), WAVE).reasons, ['engraving-uncertain'])
  t.strictSame(said(sight([symbol([], 0)]), WAVE).reasons, ['engraving-unknown'])
  t.strictSame(said(sight([]), WAVE).reasons, ['engraving-missing'])
  t.end()
})

test('dust that is taken for a mark hides no mark that is right', (t) => {
  t.strictSame(said(sight([symbol([], 0), symbol(['wave'], 0.95), symbol(['moon'], 0.4)]), WAVE), {
    reasons: [],
    rejects: [],
  })
  t.end()
})

test('marks that look alike: right when all of them are, wrong when none is, else for a person', (t) => {
  const alike = sight([symbol(['wave', 'ripple'], 0.95)])
  t.strictSame(said(alike, WAVE).reasons, ['engraving-uncertain'])
  t.strictSame(said(alike, { ...ANY, symbols: ['ripple', 'wave'] }).reasons, [])
  t.strictSame(said(alike, { ...ANY, symbols: ['moon'] }).rejects, ['engraving_mismatch'])
  t.strictSame(said(alike, ANY).reasons, ['engraving-uncertain'], 'nothing is expected, and it is not known')
  t.end()
})

test('texts that must stand there: case and spaces do not count', (t) => {
  const recipe: CameraRecipe = { ...WAVE, texts: ['MP 26'] }
  const mark = symbol(['wave'], 0.97)
  t.strictSame(said(sight([mark, text('mp26', 0.9), text('2.25', 0.9)]), recipe).reasons, [])
  t.strictSame(said(sight([mark, text('MP28', 0.9)]), recipe).rejects, ['engraved_text_mismatch'])
  t.strictSame(said(sight([mark, text('MP28', 0.5)]), recipe).reasons, ['engraving-uncertain'])
  t.strictSame(said(sight([mark]), recipe).reasons, ['engraving-missing'])
  t.end()
})

test('a lens that must be the likeliest, with certainty', (t) => {
  const recipe: CameraRecipe = { ...ANY, rank: 1, lens: { supplier: 'Optique Ès', name: 'Claire' } }
  const seen = [symbol(['wave'], 0.97)]
  const claire = (score: number) => candidate(7, 'OPTIQUE ES', 'claire', score)
  const other = (score: number) => candidate(1, 'Other', 'One', score)
  t.strictSame(said(sight(seen, [claire(0.9)]), recipe), { reasons: [], rejects: [] })
  t.strictSame(said(sight(seen, [claire(0.4), other(0.4)]), recipe).reasons, ['engraving-uncertain'])
  t.strictSame(said(sight(seen, [other(0.9), claire(0.05)]), recipe).rejects, ['lens_mismatch'])
  t.strictSame(said(sight(seen, [other(0.5), claire(0.4)]), recipe).reasons, ['engraving-uncertain'])
  t.strictSame(said(sight(seen, []), recipe).reasons, ['engraving-uncertain'])
  t.strictSame(
    said(sight(seen, [other(0.5), claire(0.4)]), { ...recipe, rank: 2 }).reasons,
    [],
    'or the second',
  )
  t.end()
})

test('a mark that is not known rejects nothing, whatever lens it hints at', (t) => {
  const recipe: CameraRecipe = { ...ANY, lens: { supplier: 'Optique', name: 'Claire' } }
  const seen = sight([symbol([], 0)], [candidate(1, 'Other', 'One', 0.95)])
  t.strictSame(said(seen, recipe), { reasons: ['engraving-unknown', 'engraving-uncertain'], rejects: [] })
  t.end()
})

test('every fault of a picture has its reason', (t) => {
  const faults = {
    dark: 'too-dark',
    'no-lens': 'no-product',
    'two-lenses': 'two-products',
    'out-of-view': 'out-of-view',
    'no-marks': 'marks-missing',
    reflection: 'reflection',
  } as const
  for (const [fault, reason] of Object.entries(faults)) {
    const seen = { ...sight([]), fault: fault as keyof typeof faults }
    t.strictSame(said(seen, WAVE).reasons, [reason])
  }
  t.end()
})

test('from the sight to the verdict', (t) => {
  const recipe = parseRecipe({ ...recipeJson(recipeNamed('lens_engraving')), camera: { symbols: ['wave'] } })
  const plan = prepare(recipe)
  const heads = { camera: 'camera' }
  const right = judge(plan, { gaps: [], heads, sight: sight([symbol(['wave'], 0.97)]) })
  t.match(right.verdict, { kind: 'graded', grade: 'A+', action: 'accept', findings: [] })
  t.ok((right.fusion?.confidence ?? 0) > 0.9, 'as sure as the reading')
  const wrong = judge(plan, { gaps: [], heads, sight: sight([symbol(['moon'], 0.97)]) })
  t.match(wrong.verdict, {
    kind: 'graded',
    grade: 'REJECT',
    action: 'reject',
    findings: [{ code: 'engraving_mismatch', value: 0.97 }],
  })
  const unread = judge(plan, { gaps: [], heads, sight: sight([]) })
  t.match(unread.verdict, { kind: 'ungraded', action: 'hold', reasons: ['engraving-missing:camera'] })
  const empty = judge(plan, { gaps: [], heads, sight: { ...sight([]), fault: 'no-lens' } })
  t.match(empty.verdict, { kind: 'ungraded', reasons: ['no-product'] })
  t.end()
})
