import type { BodyDefect, DefectKind } from './parts.ts'
import type { FixedDefect, Profile, Quality } from './profiles.ts'
import type { Random } from './random.ts'

/** Axes of the base. */
interface Base {
  readonly lengthMm: number
  readonly widthMm: number
}

/** Cells along each side of the grid that the original places defects on; here it covers the product, not the tray. */
const CELLS = 8
/** Share of the base over which that grid spreads, so that its corners still lie on an elliptic body. */
const GRID_SHARE = 0.8

/** Share of the parts of class `low` that carry a small defect of shape. */
const LOW_DEFECT_CHANCE = 0.15

/**
 * Only parts of class `defective`, and a few of class `low`, carry defects: the profile's fixed ones, or random ones
 * of which at least one is of shape. A `low` part is still worth its C: no foreign body, half the depth.
 */
export function drawDefects(profile: Profile, quality: Quality, base: Base, random: Random): BodyDefect[] {
  if (quality === 'defective') {
    if (profile.defects !== undefined) return profile.defects.flatMap((fixed) => place(fixed, base, random))
    const dents = [
      ...(random.chance(0.2) ? [foreignBody(base, random)] : []),
      ...(random.chance(0.25) ? [deformation(1, base, random)] : []),
      ...(random.chance(0.15) ? edgeDamage(random.between(0.3, 0.8), 1, base, random) : []),
    ]
    return [...(dents.length > 0 ? dents : [foreignBody(base, random)]), ...blemish(base, random)]
  }
  if (quality !== 'low') return []
  const small = random.chance(LOW_DEFECT_CHANCE)
    ? random.chance(0.5)
      ? [deformation(0.5, base, random)]
      : edgeDamage(random.between(0.3, 0.8), 0.5, base, random)
    : []
  return [...small, ...blemish(base, random)]
}

function place(fixed: FixedDefect, base: Base, random: Random): BodyDefect[] {
  if (fixed.type === 'edge_damage') return edgeDamage(fixed.severity, 1, base, random)
  const [row, column] = fixed.cell
  return [
    {
      type: fixed.type,
      uMm: (column / (CELLS - 1) - 0.5) * GRID_SHARE * base.lengthMm,
      vMm: (row / (CELLS - 1) - 0.5) * GRID_SHARE * base.widthMm,
      radiusMm: fixed.radiusCells * cellMm(base),
      change: fixed.heightChangeMm,
    },
  ]
}

/** The original counts radii in cells; a cell is as large as one of the product's grid, taken as a square. */
function cellMm({ lengthMm, widthMm }: Base): number {
  return Math.sqrt(lengthMm * widthMm) / CELLS
}

function somewhere(type: DefectKind, least: number, most: number, base: Base, random: Random): BodyDefect {
  const rho = 0.7 * Math.sqrt(random.uniform())
  const angle = random.between(0, 2 * Math.PI)
  return {
    type,
    uMm: (base.lengthMm / 2) * rho * Math.cos(angle),
    vMm: (base.widthMm / 2) * rho * Math.sin(angle),
    radiusMm: random.between(least, most) * cellMm(base),
    change: 0,
  }
}

function foreignBody(base: Base, random: Random): BodyDefect {
  return { ...somewhere('foreign_body', 1, 2, base, random), change: random.between(10, 25) }
}

function deformation(depth: number, base: Base, random: Random): BodyDefect {
  return { ...somewhere('deformation', 1, 3, base, random), change: -depth * random.between(5, 15) }
}

function blemish(base: Base, random: Random): BodyDefect[] {
  if (!random.chance(0.3)) return []
  return [{ ...somewhere('optical_inconsistency', 1, 2, base, random), change: random.between(-30, -15) }]
}

/** Bites out of the edge: as many of six as the severity says, each where and as deep as it happens. */
function edgeDamage(severity: number, depth: number, base: Base, random: Random): BodyDefect[] {
  return Array.from({ length: Math.max(1, Math.round(6 * severity)) }, () => {
    const rho = random.between(0.75, 0.95)
    const angle = random.between(0, 2 * Math.PI)
    return {
      type: 'edge_damage',
      uMm: (base.lengthMm / 2) * rho * Math.cos(angle),
      vMm: (base.widthMm / 2) * rho * Math.sin(angle),
      radiusMm: random.between(8, 18),
      change: -depth * random.between(5, 20),
    }
  })
}
