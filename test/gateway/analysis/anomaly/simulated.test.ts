import { test } from 'tap'
import { featuresOf } from '../../../../gateway/analysis/anomaly/features.ts'
import { type AnomalyModel, learn } from '../../../../gateway/analysis/anomaly/model.ts'
import { scoreAnomaly } from '../../../../gateway/analysis/anomaly/score.ts'
import type { Judgement } from '../../../../gateway/inspection.ts'
import { auroc, isGood, judgedParts, planOf } from './parts.ts'

function scores(model: AnomalyModel, judgements: readonly Judgement[]): number[] {
  return judgements.map((judgement) => scoreAnomaly(model, featuresOf(judgement))?.score ?? 1)
}

function below(values: readonly number[], limit: number): number {
  return values.filter((value) => value < limit).length / values.length
}

test('parts of another recipe under the heads: found at one false alarm in a hundred', (t) => {
  const seed = 31
  const plan = planOf('foiegras_standard_barquette', seed)
  const good = judgedParts('foiegras_standard_barquette', seed, 480, plan).filter(isGood)
  const [lesson, unseen] = [good.slice(0, 130), good.slice(130)]
  const others = {
    bloc: judgedParts('foiegras_bloc', seed + 1, 30, plan),
    micuit: judgedParts('foiegras_micuit', seed + 2, 30, plan),
    irregular: judgedParts('foiegras_irregular', seed + 3, 30, plan),
  }
  for (const [how, spoil] of [
    ['good parts only', []],
    ['one in ten of another recipe', others.irregular.slice(0, 13)],
  ] as const) {
    const rows = [...lesson.slice(spoil.length), ...spoil].map(featuresOf)
    const model = learn(rows)
    if (!('tail' in model)) throw new Error(JSON.stringify(model))
    const ordinary = scores(model, unseen)
    const alarms = below(ordinary, 0.01)
    t.comment(`${how}: ${rows.length} parts, false alarms at 1 %: ${(100 * alarms).toFixed(1)} %`)
    t.ok(alarms < 0.05, `${alarms}`)
    for (const [name, judgements] of Object.entries(others)) {
      const strange = scores(model, judgements)
      const area = auroc(ordinary, strange)
      const found = below(strange, 0.01)
      t.comment(`  ${name}: AUROC ${area.toFixed(4)}, found ${(100 * found).toFixed(0)} %`)
      t.ok(area > 0.97, `${name} ${area}`)
      t.ok(found > 0.75, `${name} ${found}`)
    }
  }
  t.end()
})
