import type { Estimate, Surface } from '../inspection.ts'
import type { Recipe, ShapeRecipe } from '../recipe.ts'
import type { Loss } from './fusion.ts'
import { type Bounds, breachOf, outsideProbability } from './limits.ts'
import type { Open } from './open.ts'

/** What size, thickness, fill and smoothness cost. */
export function shapeLosses(surface: Surface, massG: Estimate | undefined, recipe: Recipe): Loss[] {
  const { shape, grading, tray } = recipe
  if (shape === undefined) return []
  const { limits, limitTolerance: tolerance } = shape
  const size = { points: grading.points.size, tolerance }
  const smooth = { points: grading.points.uniformity, tolerance: 1 }
  const losses: Loss[] = []
  const add = (loss: Loss | undefined): void => {
    if (loss !== undefined) losses.push(loss)
  }
  add(outside('volume', surface.volumeMm3, limits.volumeMm3, size))
  if (massG !== undefined) add(outside('mass', massG, limits.massG, size))
  add(outside('height', highest(surface), limits.maxHeightMm, size))
  add(outside('uniformity', surface.uniformity, limits.uniformity, smooth))
  add(thicknessLoss(surface, shape))
  add(fillLoss(surface, shape, tray))
  return losses
}

/** The body's height is known about as well as its volume is, relative to itself. */
function highest({ maxHeightMm, volumeMm3 }: Surface): Estimate {
  return { estimate: maxHeightMm, std: maxHeightMm * relativeStd(volumeMm3) }
}

/** Mean thickness: volume over the base. Its uncertainty is taken from the volume's, which holds the base's. */
export function thicknessOf({ avgHeightMm, volumeMm3 }: Surface): Estimate {
  return { estimate: avgHeightMm, std: avgHeightMm * relativeStd(volumeMm3) }
}

function relativeStd({ estimate, std }: Estimate): number {
  return estimate > 0 ? std / estimate : 1
}

type Limit = Bounds & { readonly legal?: boolean | undefined }

/** What a value costs that leaves its limits: all its points when it is `tolerance` (relative) outside. */
function outside(
  name: string,
  value: Estimate,
  limit: Limit | undefined,
  { points, tolerance }: { readonly points: number; readonly tolerance: number },
): Loss | undefined {
  if (limit === undefined) return undefined
  const breach = breachOf(value, limit)
  const legal = limit.legal === true
  if (breach === undefined && !legal) return undefined
  const loss: Open<Loss> = { code: name, contribution: 0, std: 0 }
  if (legal) {
    const probability = outsideProbability(value, limit)
    loss.veto = { bestGrade: 'REJECT', applies: breach !== undefined, probability }
  }
  if (breach === undefined) return loss
  // A limit of 0 is left by no little: everything is lost.
  const perUnit = breach.limit > 0 ? points / (tolerance * breach.limit) : Number.POSITIVE_INFINITY
  const contribution = Math.min(points, breach.by * perUnit)
  const side = legal ? (breach.side === 'low' ? 'below_legal' : 'above_legal') : breach.side
  loss.code = `${name}_${side}`
  loss.value = value.estimate
  loss.limit = breach.limit
  loss.contribution = contribution
  loss.std = contribution < points ? value.std * perUnit : 0
  return loss
}

/** The class that the mean thickness falls in. A part between two classes may be of either. */
function thicknessLoss(surface: Surface, { thickness }: ShapeRecipe): Loss | undefined {
  if (thickness === undefined) return undefined
  const value = thicknessOf(surface)
  const { classes, outsidePoints } = thickness
  const chances: number[] = []
  let [some, mean] = [0, 0]
  for (const { minMm, maxMm, points } of classes) {
    const chance = 1 - outsideProbability(value, { min: minMm, max: maxMm })
    chances.push(chance)
    some += chance
    mean += chance * points
  }
  const none = Math.max(0, 1 - some)
  mean += none * outsidePoints
  let squares = none * (outsidePoints - mean) ** 2
  classes.forEach(({ points }, index) => {
    squares += (chances[index] ?? 0) * (points - mean) ** 2
  })
  const found = classes.find(({ minMm, maxMm }) => value.estimate >= minMm && value.estimate < maxMm)
  const [first] = classes
  const nearest =
    first !== undefined && value.estimate >= first.maxMm ? first.maxMm : (classes.at(-1)?.minMm ?? 0)
  return {
    code: `thickness_${found?.name ?? 'outside'}`,
    value: value.estimate,
    limit: found?.minMm ?? nearest,
    contribution: found?.points ?? outsidePoints,
    std: Math.sqrt(squares),
    always: found === undefined,
  }
}

/** How full the tray is, in per cent of what the recipe calls full. */
function fillLoss(surface: Surface, shape: ShapeRecipe, tray: Recipe['tray']): Loss | undefined {
  const { fill, limitTolerance } = shape
  if (fill === undefined) return undefined
  const full =
    fill.heightMm ?? fill.volumeMm3 ?? (tray === undefined ? 0 : tray.lengthMm * tray.widthMm * tray.heightMm)
  // The schema asks for one of the three.
  if (full <= 0) return undefined
  const { estimate, std } = fill.heightMm === undefined ? surface.volumeMm3 : thicknessOf(surface)
  return outside(
    'fill',
    { estimate: (100 * estimate) / full, std: (100 * std) / full },
    { min: fill.minPercent, max: fill.maxPercent, conformity: fill.conformity },
    { points: fill.points, tolerance: limitTolerance },
  )
}
