import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { Random } from '../../drivers/simulated/random.ts'
import { FEATURES } from '../../gateway/analysis/anomaly/features.ts'
import { learn } from '../../gateway/analysis/anomaly/model.ts'
import { judge, prepare } from '../../gateway/analysis/judge.ts'
import { type AnomalyFile, AnomalyScorer, anomalyFileOf, parseAnomalyFile } from '../../gateway/anomaly.ts'
import { anomalyBlock } from '../../gateway/anomaly-block.ts'
import { anomalyPath, loadAnomalyScorer, writeAnomalyFile } from '../../gateway/anomaly-files.ts'
import { deepFreeze } from '../../gateway/problems.ts'
import { parseRecipe } from '../../gateway/recipe.ts'
import { frameOf, RECIPE, STANDARD, spectrumOf, trayCounts, trayOf } from './analysis/station.ts'

/** A model of parts that are all about as `around` says. */
function fileAround(around: Readonly<Record<string, number>>): AnomalyFile {
  const random = new Random(1)
  const rows = Array.from({ length: 200 }, () =>
    Float64Array.from(FEATURES, ({ name, logarithmic }) => {
      const value = (around[name] ?? Number.NaN) * (1 + random.between(-0.1, 0.1))
      return logarithmic ? Math.log(value) : value
    }),
  )
  const model = learn(rows)
  if (!('tail' in model)) throw new Error(JSON.stringify(model))
  const trained = { epoch: 'epoch', from_sequence: 1, to_sequence: 200, grades: ['A+', 'A'], seed: 1 }
  return anomalyFileOf(model, { recipe: RECIPE, trained, software: '0.1.0' })
}

const plan = prepare(RECIPE, trayOf({}, trayCounts()))
const sighting = {
  frame: frameOf(STANDARD),
  spectrum: spectrumOf({ freshness: 0.95, fat: 0.95, oxidation: 0.05 }),
  gaps: [],
}

test('a part may be as strange as can be: its grade and what is done with it stay', (t) => {
  const scorer = new AnomalyScorer([fileAround({ volume: 200_000, max_height: 40, freshness: 0.5 })])
  const judgement = deepFreeze(structuredClone(judge(plan, sighting)))
  const before = JSON.stringify(judgement)
  const block = anomalyBlock.parse(scorer.score(judgement, RECIPE))
  t.ok(block.score < 1e-6, `${block.score}`)
  t.match(block, { model: /^sha256:[0-9a-f]{64}$/ })
  t.strictSame([...block.features.map(({ name }) => name)].sort(), ['freshness', 'max_height', 'volume'])
  t.equal(JSON.stringify(judgement), before)
  t.match(judgement.verdict, { kind: 'graded', grade: 'A+', action: 'accept' })
  t.strictSame(judge(plan, sighting), judgement, 'nor does it reach into the next judgement')
  t.end()
})

test('it speaks for the recipe and stage that it was learned for, as that measures, and for nothing else', (t) => {
  const file = fileAround({ volume: 600_000, max_height: 80 })
  const scorer = new AnomalyScorer([file])
  const judgement = judge(plan, sighting)
  t.ok((scorer.score(judgement, RECIPE)?.score ?? 0) > 0.01)
  const thresholds = { 'A+': 0.99, A: 0.9, B: 0.8, C: 0.7 }
  const stricter = parseRecipe({ ...RECIPE, grading: { ...RECIPE.grading, thresholds } })
  t.ok(scorer.score(judgement, stricter), 'thresholds decide nothing about what is measured')
  t.equal(scorer.score(judgement, parseRecipe({ ...RECIPE, stage: 'cooked' })), undefined)
  t.equal(scorer.score(judgement, parseRecipe({ ...RECIPE, id: 'other' })), undefined)
  const { tray: _, ...bare } = RECIPE
  t.equal(scorer.score(judgement, parseRecipe(bare)), undefined)
  t.equal(new AnomalyScorer([]).score(judgement, RECIPE), undefined)
  t.equal(
    scorer.score({ verdict: { kind: 'ungraded', action: 'reject', reasons: ['no-product'] } }, RECIPE),
    undefined,
  )
  t.end()
})

test('a model is loaded if its hash holds; what is refused is told', async (t) => {
  const dir = t.testdir()
  const file = fileAround({ volume: 600_000, max_height: 80 })
  const path = anomalyPath(dir, RECIPE)
  t.equal(path, join(dir, 'anomaly', `${RECIPE.id}.${RECIPE.stage}.json`))
  await writeAnomalyFile(path, file)
  await writeAnomalyFile(path, file)
  const text = await readFile(path, 'utf8')
  t.strictSame(parseAnomalyFile(text), file)
  t.strictSame(parseAnomalyFile(JSON.stringify(JSON.parse(text))), file, 'white space is nobody’s business')

  await mkdir(join(dir, 'anomaly'), { recursive: true })
  await writeFile(join(dir, 'anomaly', 'changed.json'), text.replace('"parts": 200', '"parts": 201'))
  await writeFile(join(dir, 'anomaly', 'broken.json'), '{')
  await writeFile(join(dir, 'anomaly', 'other.json'), '{"schema":"poincon.anomaly/2"}')
  const refused: string[] = []
  const scorer = await loadAnomalyScorer(dir, (name, error) =>
    refused.push(`${name.slice(dir.length + 9)} ${error instanceof Error ? error.message : ''}`),
  )
  t.ok(scorer.score(judge(plan, sighting), RECIPE))
  t.match(refused, [
    /^broken.json .*not JSON/,
    /^changed.json .*sha256 is .*it was changed/,
    /^other.json .*schema: .*poincon.anomaly\/1/,
  ])
  const nothing = await loadAnomalyScorer(t.testdir({ data: {} }), () => t.fail('nothing to refuse'))
  t.equal(nothing.score(judge(plan, sighting), RECIPE), undefined)
})
