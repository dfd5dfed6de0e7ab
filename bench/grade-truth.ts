/**
 * How true the grades are: simulated parts with the standard recipe's mix of qualities, measured through the real
 * drivers on simulated chips (virtual time), judged, and set beside what the scene knows; the original's formulas and
 * the Bayes limit of the quality table on the same parts. Then how far the stated confidence can be believed.
 *   node dist/bench/grade-truth.js [SEED] [COUNT] [RECIPE]     default 1 1000 foiegras_standard_barquette
 */
import { GRADES, type Grade, type Judgement } from '../gateway/inspection.ts'
import type { Recipe } from '../gateway/recipe.ts'
import { BUILT_IN_RECIPES } from '../gateway/recipes/built-in.ts'
import {
  causeOf,
  expectedOf,
  type Graded,
  type Inspected,
  inspectParts,
  KINDS,
  kindOf,
} from './grade-parts.ts'
import { claimOf, criticalTable, isUndersized, isUnderweight, reliabilityTable } from './grade-reliability.ts'
import { mostLikelyClass } from './peers/bayes.ts'
import { gradedByOriginal } from './peers/sqal/graded.ts'

const SEED = Number(process.argv[2] ?? 1)
const COUNT = Number(process.argv[3] ?? 1000)
const RECIPE = recipeNamed(process.argv[4] ?? 'foiegras_standard_barquette')

function recipeNamed(id: string): Recipe {
  const found = BUILT_IN_RECIPES.find((recipe) => recipe.id === id)
  if (found === undefined) throw new Error(`no built-in recipe ${id}`)
  return found
}

function confusion(title: string, parts: readonly Graded[], gradeOf: (part: Graded) => string): void {
  console.log(`\n${title}`)
  console.log(['true quality'.padEnd(14), ...GRADES.map((grade) => grade.padStart(8)), '    none'].join(''))
  let right = 0
  for (const kind of KINDS) {
    const own = parts.filter((part) => kindOf(part, RECIPE) === kind)
    if (own.length === 0) continue
    const grades = own.map(gradeOf)
    right += own.filter((part, at) => grades[at] === expectedOf(part, RECIPE)).length
    const counts = [...GRADES, 'none'].map((grade) => grades.filter((given) => given === grade).length)
    console.log([kind.padEnd(14), ...counts.map((count) => String(count).padStart(8))].join(''))
  }
  const sound = parts.filter((part) => expectedOf(part, RECIPE) !== 'REJECT')
  const rejected = sound.filter((part) => gradeOf(part) === 'REJECT').length
  const passed = parts.filter(
    (part) => expectedOf(part, RECIPE) === 'REJECT' && ['A+', 'A'].includes(gradeOf(part)),
  ).length
  console.log(
    `right ${percent(right / parts.length)}; false reject ${rejected} of ${sound.length}, ` +
      `${percent(rejected / sound.length)}; defective graded A or better: ${passed}`,
  )
}

/** Why our own verdicts reject what the quality table calls sound. */
function causes(parts: readonly Graded[]): void {
  const sound = parts.filter((part) => expectedOf(part, RECIPE) !== 'REJECT')
  const counts = new Map<string, number>()
  for (const part of sound) {
    if (gradeOf(part) !== 'REJECT') continue
    const truly = isUndersized(part.truth, RECIPE) ? ', and truly below the least volume' : ''
    const cause = `${causeOf(part.judgement)}${truly}`
    counts.set(cause, (counts.get(cause) ?? 0) + 1)
  }
  for (const [cause, count] of counts) {
    console.log(`  rejected for ${cause}: ${count} of ${sound.length}, ${percent(count / sound.length)}`)
  }
}

function looksOf({ shape }: Recipe): string {
  if (shape === undefined) return 'one spectrum each'
  const { scan, frames } = shape
  return scan === undefined ? `${frames} frames and a spectrum each` : `${scan.travelMm} mm of belt each`
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`
}

function spread(values: readonly number[]): { readonly mean: number; readonly std: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return { mean, std: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) }
}

function figures(name: string, errors: readonly number[], digits = 3): void {
  const { mean, std } = spread(errors)
  console.log(`${name.padEnd(34)} bias ${mean.toFixed(digits)}  σ ${std.toFixed(digits)}`)
}

function gradeIn({ verdict }: Judgement): Grade | 'none' {
  return verdict.kind === 'graded' ? verdict.grade : 'none'
}

function gradeOf({ judgement }: Inspected): Grade | 'none' {
  return gradeIn(judgement)
}

function bayesOf({ judgement }: Graded): string {
  const { colour, massG } = judgement
  if (isUnderweight(massG?.estimate, RECIPE)) return 'REJECT'
  return colour === undefined ? 'none' : mostLikelyClass(colour).expectedGrade
}

function ungraded(parts: readonly Inspected[]): void {
  const counts = new Map<string, number>()
  for (const { truth, judgement } of parts) {
    if (judgement.verdict.kind === 'graded') continue
    const key = `${truth.present ? truth.quality : 'empty tray'}: ${judgement.verdict.reasons.join(', ')}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  for (const [reason, count] of counts) console.log(`ungraded ${String(count).padStart(5)}  ${reason}`)
  const ghosts = parts.filter((part) => !part.truth.present && gradeOf(part) !== 'none').length
  console.log(`empty trays graded: ${ghosts}`)
}

const parts = await inspectParts(RECIPE, { seed: SEED, count: COUNT })
const present = parts.filter((part): part is Graded => part.truth.present)
const sized = present.flatMap(({ truth, judgement: { surface } }) =>
  surface === undefined ? [] : [{ truth, surface }],
)
const coloured = present.flatMap(({ truth, judgement: { colour } }) =>
  colour === undefined ? [] : [{ truth, colour }],
)
console.log(`seed ${SEED}, ${COUNT} parts of ${RECIPE.id}, ${looksOf(RECIPE)}`)
confusion('ours', present, gradeOf)
causes(present)
confusion('ours, without a look for defects of shape', present, ({ plain }) => gradeIn(plain))
confusion('Bayes limit: quality table, our measured freshness, fat and oxidation', present, bayesOf)
confusion(
  'the original, its formulas, as it fused them',
  present,
  ({ evidence }) => gradedByOriginal(evidence).grade,
)
for (const defects of ['without', 'with'] as const) {
  console.log(`\nreliability: the grade of the true values, ${defects} defects of shape`)
  const claims = present.flatMap(({ truth, judgement, plain }) =>
    claimOf(defects === 'with' ? judgement : plain, truth, RECIPE, defects),
  )
  console.log(reliabilityTable(claims))
}
console.log('\ndefects of shape that were reported, on the body: stated and true chance of being critical')
console.log(criticalTable(present, RECIPE))
console.log()
ungraded(parts)
console.log()
figures(
  'volume, % of the truth',
  sized.map(({ truth, surface }) => 100 * (surface.volumeMm3.estimate / truth.volumeMm3 - 1)),
)
figures(
  'volume, stated uncertainties',
  sized.map(({ truth, surface }) => (surface.volumeMm3.estimate - truth.volumeMm3) / surface.volumeMm3.std),
)
figures(
  'volume by the original, %',
  present.flatMap(({ truth, evidence }) => {
    const { volumeMm3 } = gradedByOriginal(evidence)
    return volumeMm3 === undefined ? [] : [100 * (volumeMm3 / truth.volumeMm3 - 1)]
  }),
)
figures(
  'freshness',
  coloured.map(({ truth, colour }) => colour.freshness.estimate - truth.fresh),
  4,
)
figures(
  'fat quality',
  coloured.map(({ truth, colour }) => colour.fatQuality.estimate - truth.fat),
  4,
)
figures(
  'oxidation',
  coloured.map(({ truth, colour }) => colour.oxidation.estimate - truth.oxidation),
  4,
)
