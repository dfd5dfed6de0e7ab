import { VirtualClock } from '../drivers/simulated/clock.ts'
import type { PartTruth, PresentPart } from '../drivers/simulated/parts.ts'
import { judge, prepare } from '../gateway/analysis/judge.ts'
import { measureEmptyTray } from '../gateway/calibrate.ts'
import { configSchema } from '../gateway/config.ts'
import { wire } from '../gateway/hardware.ts'
import { HeadRack } from '../gateway/head-rack.ts'
import { type Evidence, inspect, type MeasuringHead } from '../gateway/inspect.ts'
import type { Grade, Judgement } from '../gateway/inspection.ts'
import { silentLog } from '../gateway/log.ts'
import { lookingHeads } from '../gateway/look-plan.ts'
import type { Recipe } from '../gateway/recipe.ts'
import { isUnderweight, withoutShapeDefects } from './grade-reliability.ts'

export interface Inspected {
  readonly truth: PartTruth
  readonly judgement: Judgement
  readonly evidence: Evidence
  /** By the same recipe, without a look for defects of shape. */
  readonly plain: Judgement
}
/** A part that was really there. */
export interface Graded extends Inspected {
  readonly truth: PresentPart
}

/**
 * Parts of the recipe's own profile, measured through the real drivers on simulated chips as the station measures them:
 * as many looks as the recipe asks for, still or while the belt carries the part past. In virtual time.
 */
export async function inspectParts(
  recipe: Recipe,
  { seed, count }: { readonly seed: number; readonly count: number },
): Promise<readonly Inspected[]> {
  const clock = new VirtualClock()
  const config = configSchema.parse({ recipe: recipe.id, simulation: { seed } })
  const hardware = wire({ config, clock, profile: recipe.id })
  const { line } = hardware
  if (line === undefined) throw new Error('no simulated line')
  const never = new AbortController().signal
  const rack = new HeadRack(hardware.heads, { clock, log: silentLog, random: () => 0.5 })
  await rack.start(never)
  const heads: readonly MeasuringHead[] = rack.heads
  const tray = await measureEmptyTray(heads, clock, 'bench', never)
  const plan = prepare(recipe, tray)
  const plainPlan = prepare(withoutShapeDefects(recipe), tray)
  const parts: Inspected[] = []
  for (let number = 1; number <= count; number += 1) {
    const truth = line.next()
    const at = clock.now()
    const time = {
      leftMs: () => at + recipe.deadlineMs - clock.now(),
      nextWaits: () => false,
      enough: () => {},
    }
    const { evidence, judgement } = await inspect(
      { number, at, source: 'interval' },
      lookingHeads(heads, { shape: recipe.shape, at, time, clock, travel: undefined }),
      (seen) => judge(plan, seen),
      never,
    )
    parts.push({ truth, judgement, evidence, plain: judge(plainPlan, evidence) })
  }
  await rack.stop()
  await hardware.close()
  return parts
}

export const KINDS = ['premium', 'good', 'acceptable', 'low', 'defective', 'underweight'] as const
export type Kind = (typeof KINDS)[number]

/** The quality class; what the law forbids to sell is of none. */
export function kindOf({ truth }: Graded, recipe: Recipe): Kind {
  return isUnderweight(truth.massG, recipe) ? 'underweight' : truth.quality
}

export function expectedOf(part: Graded, recipe: Recipe): Grade {
  return kindOf(part, recipe) === 'underweight' ? 'REJECT' : part.truth.expectedGrade
}

/** Why a sound part was rejected: the defect or the limit that forbade its sale, else what cost it most. */
export function causeOf({ fusion, verdict }: Judgement): string {
  if (verdict.kind !== 'graded') return 'ungraded'
  const critical = fusion?.defects.find(({ severity }) => severity >= 1)
  if (critical !== undefined) {
    return SHAPE_DEFECTS.has(critical.type) ? 'defect of shape' : 'defect of colour'
  }
  if (verdict.findings.some(({ code }) => code.endsWith('_legal'))) return 'legal mass'
  const [most] = [...verdict.findings].sort(
    (one, other) => (other.contribution ?? 0) - (one.contribution ?? 0),
  )
  if (most === undefined) return 'nothing'
  if (SHAPE_DEFECTS.has(most.code)) return 'points for shape'
  return COLOUR.has(most.code) ? 'points for colour' : 'points for size'
}

const SHAPE_DEFECTS: ReadonlySet<string> = new Set(['foreign_body', 'deformation', 'edge_damage'])
const COLOUR: ReadonlySet<string> = new Set(['freshness', 'fat', 'oxidation', 'colour', 'colour_off'])
