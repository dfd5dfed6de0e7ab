/**
 * How true the grades are: simulated parts with the standard recipe's mix of qualities, measured through the real
 * drivers on simulated chips (virtual time), judged, and set beside what the scene knows; the original's formulas and
 * the Bayes limit of the quality table on the same parts.
 *   node dist/bench/grade-truth.js [SEED] [COUNT]     default 1 1000
 */
import { VirtualClock } from '../drivers/simulated/clock.ts'
import type { PartTruth, PresentPart } from '../drivers/simulated/parts.ts'
import { judge, prepare } from '../gateway/analysis/judge.ts'
import { measureEmptyTray } from '../gateway/calibrate.ts'
import { configSchema } from '../gateway/config.ts'
import { wire } from '../gateway/hardware.ts'
import { HeadRack } from '../gateway/head-rack.ts'
import { type Evidence, inspect, type MeasuringHead } from '../gateway/inspect.ts'
import { GRADES, type Grade, type Judgement } from '../gateway/inspection.ts'
import { silentLog } from '../gateway/log.ts'
import { BUILT_IN_RECIPES } from '../gateway/recipes/built-in.ts'
import { mostLikelyClass } from './peers/bayes.ts'
import { gradedByOriginal } from './peers/sqal/graded.ts'

const SEED = Number(process.argv[2] ?? 1)
const COUNT = Number(process.argv[3] ?? 1000)
const RECIPE = BUILT_IN_RECIPES[0]

interface Inspected {
  readonly truth: PartTruth
  readonly judgement: Judgement
  readonly evidence: Evidence
}
/** A graded part that was really there. */
interface Graded extends Inspected {
  readonly truth: PresentPart
}

async function inspectParts(): Promise<readonly Inspected[]> {
  if (RECIPE === undefined) throw new Error('no recipe')
  const clock = new VirtualClock()
  const config = configSchema.parse({ recipe: RECIPE.id, simulation: { seed: SEED } })
  const hardware = wire({ config, clock, profile: RECIPE.id })
  const { line } = hardware
  if (line === undefined) throw new Error('no simulated line')
  const never = new AbortController().signal
  const rack = new HeadRack(hardware.heads, { clock, log: silentLog, random: () => 0.5 })
  await rack.start(never)
  const heads: readonly MeasuringHead[] = rack.heads
  const plan = prepare(RECIPE, await measureEmptyTray(heads, clock, 'bench', never))
  const parts: Inspected[] = []
  for (let number = 1; number <= COUNT; number += 1) {
    const truth = line.next()
    const trigger = { number, at: clock.now(), source: 'interval' } as const
    const { evidence, judgement } = await inspect(
      trigger,
      heads,
      (seen) => judge(plan, seen),
      new AbortController().signal,
    )
    parts.push({ truth, judgement, evidence })
  }
  await rack.stop()
  await hardware.close()
  return parts
}

const QUALITIES = ['premium', 'good', 'acceptable', 'low', 'defective'] as const

function confusion(title: string, parts: readonly Graded[], gradeOf: (part: Graded) => string): void {
  console.log(`\n${title}`)
  console.log(['true quality'.padEnd(14), ...GRADES.map((grade) => grade.padStart(8)), '    none'].join(''))
  let right = 0
  for (const quality of QUALITIES) {
    const grades = parts.filter(({ truth }) => truth.quality === quality).map(gradeOf)
    const expected = parts.find(({ truth }) => truth.quality === quality)?.truth.expectedGrade
    right += grades.filter((grade) => grade === expected).length
    const counts = [...GRADES, 'none'].map((grade) => grades.filter((given) => given === grade).length)
    console.log([quality.padEnd(14), ...counts.map((count) => String(count).padStart(8))].join(''))
  }
  const good = parts.filter(({ truth }) => truth.quality !== 'defective')
  const rejected = good.filter((part) => gradeOf(part) === 'REJECT').length
  const passed = parts.filter(
    (part) => part.truth.quality === 'defective' && ['A+', 'A'].includes(gradeOf(part)),
  ).length
  console.log(
    `right ${percent(right / parts.length)}; false reject ${percent(rejected / good.length)}; ` +
      `defective graded A or better: ${passed}`,
  )
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

function gradeOf({ judgement }: Inspected): Grade | 'none' {
  return judgement.verdict.kind === 'graded' ? judgement.verdict.grade : 'none'
}

function bayesOf({ judgement }: Graded): string {
  const { colour } = judgement
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

const parts = await inspectParts()
const present = parts.filter((part): part is Graded => part.truth.present)
const sized = present.flatMap(({ truth, judgement: { surface } }) =>
  surface === undefined ? [] : [{ truth, surface }],
)
const coloured = present.flatMap(({ truth, judgement: { colour } }) =>
  colour === undefined ? [] : [{ truth, colour }],
)
console.log(`seed ${SEED}, ${COUNT} parts of ${RECIPE?.id}, one frame and one spectrum each`)
confusion('ours', present, gradeOf)
confusion('Bayes limit: quality table, our measured freshness, fat and oxidation', present, bayesOf)
confusion(
  'the original, its formulas, as it fused them',
  present,
  ({ evidence }) => gradedByOriginal(evidence).grade,
)
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
