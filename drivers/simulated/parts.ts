import { QUALITY_TABLE, type Quality } from './profiles.ts'
import type { Pose } from './scene-body.ts'
import { type Glow, partGlow } from './scene-light.ts'
import { type LocalChange, surfaceOf, type Wave } from './scene-surface.ts'

export type DefectKind = 'foreign_body' | 'deformation' | 'edge_damage' | 'optical_inconsistency'

/** A round change that falls linearly from its centre to its rim. */
export interface PartDefect {
  readonly type: DefectKind
  /** Its centre, from the optical axis on the tray plane. */
  readonly xMm: number
  readonly yMm: number
  readonly radiusMm: number
  /** At the centre, positive towards the head; 0 for an optical one. */
  readonly heightChangeMm: number
  /** At the centre, percent at 940 nm; 0 for one of shape. */
  readonly reflectanceChange: number
}

/** What stood under the head. */
export interface PresentPart {
  readonly number: number
  readonly present: true
  readonly quality: Quality
  readonly expectedGrade: 'A+' | 'A' | 'B' | 'C' | 'REJECT'
  /** Integral of the height field, relief and defects included. */
  readonly volumeMm3: number
  /** Axes of the base. */
  readonly lengthMm: number
  readonly widthMm: number
  /** Highest point, relief and defects included. */
  readonly heightMm: number
  /** Centre of the base from the optical axis, on the tray plane; x along the zones' columns, y along their rows. */
  readonly xMm: number
  readonly yMm: number
  /** Of the long axis, from x towards y. */
  readonly rotationDeg: number
  /** Relief, rms over the base. */
  readonly thicknessVariationMm: number
  /** 0…1; fresh and fat are best at 1, oxidation at 0. */
  readonly fresh: number
  readonly fat: number
  readonly oxidation: number
  readonly temperatureC: number
  /** At 940 nm. */
  readonly reflectancePercent: number
  readonly defects: readonly PartDefect[]
}

/** What stood under the head: a part, or nothing but the tray. */
export type PartTruth = PresentPart | { readonly number: number; readonly present: false }

/** A part to be put under the head: what is true of it, and what the optics need. */
export interface Part {
  readonly truth: PresentPart
  readonly pose: Pose
  readonly glow: Glow
}

/** A part by its dimensions. Lengths in mm; defects and waves in the body's own axes. */
export interface PartSpec
  extends Omit<PresentPart, 'present' | 'expectedGrade' | 'volumeMm3' | 'defects' | 'heightMm'> {
  /** Of the plain body, without relief and defects. */
  readonly heightMm: number
  readonly waves: readonly Wave[]
  readonly grain: Wave
  readonly defects: readonly BodyDefect[]
  /** Ambient light on Clear, counts at gain 1 in 100 ms. */
  readonly ambientCounts: number
}

/** A defect in the body's own axes; `change` is in mm of height, or in percent of reflectance for an optical one. */
export type BodyDefect = LocalChange & { readonly type: DefectKind }

const NO_WAVE: Wave = { amplitude: 0, perMmU: 0, perMmV: 0, phase: 0 }

/** The standard product, smooth, centred and in the ideal state, but for what `spec` says otherwise. */
export function partOf(spec: Partial<PartSpec> = {}): Part {
  const full: PartSpec = {
    number: 1,
    quality: 'premium',
    lengthMm: 170,
    widthMm: 85,
    heightMm: 80,
    xMm: 0,
    yMm: 0,
    rotationDeg: 0,
    thicknessVariationMm: 0,
    fresh: 1,
    fat: 1,
    oxidation: 0,
    temperatureC: 20,
    reflectancePercent: 55,
    ambientCounts: QUALITY_TABLE.premium.ambientCounts.mean,
    waves: [],
    grain: NO_WAVE,
    defects: [],
    ...spec,
  }
  const { waves, grain, ambientCounts, number, quality, ...state } = full
  const surface = surfaceOf({
    semiU: full.lengthMm / 2,
    semiV: full.widthMm / 2,
    height: full.heightMm,
    waves,
    changes: full.defects.filter(({ type }) => type !== 'optical_inconsistency'),
  })
  const truth: PresentPart = {
    number,
    present: true,
    quality,
    ...state,
    expectedGrade: QUALITY_TABLE[quality].expectedGrade,
    volumeMm3: surface.volumeMm3,
    heightMm: surface.maxHeightMm,
    defects: full.defects.map((defect) => onTray(defect, full)),
  }
  const blemishes = full.defects.filter(({ type }) => type === 'optical_inconsistency')
  const { xMm, yMm, rotationDeg, reflectancePercent } = full
  return {
    truth,
    pose: { surface, xMm, yMm, rotationDeg, reflectancePercent, grain, blemishes },
    glow: partGlow(full, ambientCounts),
  }
}

function onTray(
  { type, uMm, vMm, radiusMm, change }: BodyDefect,
  { xMm, yMm, rotationDeg }: PartSpec,
): PartDefect {
  const angle = (rotationDeg * Math.PI) / 180
  const optical = type === 'optical_inconsistency'
  return {
    type,
    xMm: xMm + uMm * Math.cos(angle) - vMm * Math.sin(angle),
    yMm: yMm + uMm * Math.sin(angle) + vMm * Math.cos(angle),
    radiusMm,
    heightChangeMm: optical ? 0 : change,
    reflectanceChange: optical ? change : 0,
  }
}
