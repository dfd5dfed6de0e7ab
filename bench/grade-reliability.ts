import type { PresentPart } from '../drivers/simulated/parts.ts'
import { type Evidence, scoreOf } from '../gateway/analysis/fusion.ts'
import { gradeOf } from '../gateway/analysis/grade.ts'
import type { Defect, Grade, Judgement } from '../gateway/inspection.ts'
import type { Recipe } from '../gateway/recipe.ts'

/** A graded part: how sure the grade was, and whether the part's true values give the same one. */
export interface Claim {
  readonly confidence: number
  readonly right: boolean
}

/** Upper ends of the table's rows. */
const ENDS = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1] as const

/** The grade that the recipe gives to what the scene knows, without any uncertainty. */
export function trueGrade(truth: PresentPart, recipe: Recipe, defects: 'with' | 'without'): Grade {
  const exact = (estimate: number) => ({ estimate, std: 0 })
  const area = (Math.PI / 4) * truth.lengthMm * truth.widthMm
  const relief = truth.thicknessVariationMm / (recipe.shape?.uniformityScaleMm ?? 1)
  const evidence: Evidence = {
    surface: {
      volumeMm3: exact(truth.volumeMm3),
      baseAreaMm2: exact(area),
      avgHeightMm: truth.volumeMm3 / area,
      maxHeightMm: truth.heightMm,
      heightVariationMm: truth.thicknessVariationMm,
      uniformity: exact(Math.max(0, 1 - relief)),
      outline: { ...truth, rotationRad: (truth.rotationDeg * Math.PI) / 180 },
      zones: 0,
      defects: defects === 'with' ? trueDefects(truth, recipe) : [],
    },
    massG: exact(truth.massG),
    colour: {
      relative: {},
      freshness: exact(truth.fresh),
      fatQuality: exact(truth.fat),
      oxidation: exact(truth.oxidation),
      uniformity: 1,
      ratios: {},
      defects: [],
    },
  }
  return gradeOf(scoreOf(evidence, recipe), recipe).grade
}

const LIMITS = { foreign_body: 'foreignBody', deformation: 'deformation', edge_damage: 'edgeDamage' } as const

/** Defects of shape as deep as the recipe reports them. */
function trueDefects({ defects }: PresentPart, { shape }: Recipe): readonly Defect[] {
  return defects.flatMap(({ type, reachedMm }) => {
    if (type === 'optical_inconsistency' || shape === undefined) return []
    const { limitMm, criticalMm } = shape.defects[LIMITS[type]]
    const depth = Math.abs(reachedMm)
    return depth < limitMm
      ? []
      : [{ type, severity: Math.min(1, depth / criticalMm), deviationMm: reachedMm }]
  })
}

export function claimOf(
  { fusion }: Judgement,
  truth: PresentPart,
  recipe: Recipe,
  defects: 'with' | 'without',
): readonly Claim[] {
  if (fusion === undefined) return []
  return [{ confidence: fusion.confidence, right: fusion.grade === trueGrade(truth, recipe, defects) }]
}

/** The recipe without a look for defects of shape: how sure everything else is. */
export function withoutShapeDefects(recipe: Recipe): Recipe {
  const { shape } = recipe
  if (shape === undefined) return recipe
  const none = { limitMm: 1e6, criticalMm: 2e6, points: 0 }
  return {
    ...recipe,
    shape: { ...shape, defects: { foreignBody: none, deformation: none, edgeDamage: none } },
  }
}

/** Whether the law forbids to sell such a part, whatever its quality. */
export function isUnderweight(massG: number | undefined, { shape }: Recipe): boolean {
  const { min, legal } = shape?.limits.massG ?? {}
  return legal === true && min !== undefined && massG !== undefined && massG < min
}

/** Whether the part is truly smaller than the recipe allows: its rejection is none of a sound part. */
export function isUndersized({ volumeMm3 }: PresentPart, { shape }: Recipe): boolean {
  const { min } = shape?.limits.volumeMm3 ?? {}
  return min !== undefined && volumeMm3 < min
}

/** A place found this near to the true one, or within the defect's own radius, is the defect. */
const NEAR_MM = 25

/** Reported defects of shape by their stated chance of being critical, beside the share that truly is. */
export function criticalTable(
  parts: readonly { readonly truth: PresentPart; readonly judgement: Judgement }[],
  { shape }: Recipe,
): string {
  const seen = parts.flatMap(({ truth, judgement }) =>
    (judgement.surface?.defects ?? []).flatMap(({ type, criticalProbability, deviationMm = 0, ...place }) => {
      if (!isShapeKind(type) || criticalProbability === undefined || shape === undefined) return []
      const near = truth.defects.filter(
        ({ xMm, yMm, radiusMm, reachedMm }) =>
          'xMm' in place &&
          'yMm' in place &&
          Math.hypot(xMm - Number(place.xMm), yMm - Number(place.yMm)) < Math.max(NEAR_MM, radiusMm) &&
          reachedMm * deviationMm > 0,
      )
      const critical = near.some(
        ({ reachedMm }) => Math.abs(reachedMm) >= shape.defects[LIMITS[type]].criticalMm,
      )
      return [{ stated: criticalProbability, real: near.length > 0, critical }]
    }),
  )
  const lines = ['critical      reported   at a real defect   stated    truly critical']
  for (const [from, to] of [
    [0, 0.25],
    [0.25, 0.5],
    [0.5, 0.75],
    [0.75, 1.01],
  ] as const) {
    const row = seen.filter(({ stated }) => stated >= from && stated < to)
    if (row.length === 0) continue
    const mean = row.reduce((sum, { stated }) => sum + stated, 0) / row.length
    const share = (which: 'real' | 'critical'): number => row.filter((one) => one[which]).length
    lines.push(
      `${from.toFixed(2)} to ${Math.min(1, to).toFixed(2)}  ${String(row.length).padStart(6)}   ` +
        `${String(share('real')).padStart(14)}   ${mean.toFixed(2).padStart(8)}   ${String(share('critical')).padStart(8)}`,
    )
  }
  return lines.join('\n')
}

function isShapeKind(type: string): type is keyof typeof LIMITS {
  return Object.hasOwn(LIMITS, type)
}

/** A row for each range of confidence, and the expected calibration error: the rows' differences, by their parts. */
export function reliabilityTable(claims: readonly Claim[]): string {
  let [from, error] = [0, 0]
  const lines = ['confidence      parts    stated    right']
  for (const to of ENDS) {
    const row = claims.filter(({ confidence }) => confidence > from && confidence <= to)
    const mean = row.reduce((sum, { confidence }) => sum + confidence, 0) / row.length
    const right = row.filter((claim) => claim.right).length / row.length
    const name = `${from.toFixed(2)} to ${to.toFixed(2)}`
    from = to
    if (row.length === 0) continue
    error += (row.length / claims.length) * Math.abs(mean - right)
    lines.push(`${name}   ${String(row.length).padStart(6)}    ${mean.toFixed(3)}    ${right.toFixed(3)}`)
  }
  return `${lines.join('\n')}\nexpected calibration error ${error.toFixed(4)} of ${claims.length} parts`
}
