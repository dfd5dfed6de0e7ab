import { type LightChannel, PRODUCT } from './optics.ts'
import { QUALITY_TABLE, type Quality } from './profiles.ts'
import type { Pose } from './scene-body.ts'
import { type Glow, partGlow, partReflectance } from './scene-light.ts'
import {
  heightField,
  type LocalChange,
  type Shape,
  type Surface,
  surfaceOf,
  type Wave,
} from './scene-surface.ts'
import { type Lab, labOf } from './truth-colour.ts'
import { effectOf } from './truth-defects.ts'

export type DefectKind = 'foreign_body' | 'deformation' | 'edge_damage' | 'optical_inconsistency'

/** A round change that falls linearly from its centre to its rim. */
export interface PartDefect {
  readonly type: DefectKind
  /** Its centre, from the optical axis on the tray plane. */
  readonly xMm: number
  readonly yMm: number
  readonly radiusMm: number
  /** At the centre, positive towards the head, as ordered; 0 for an optical one. */
  readonly heightChangeMm: number
  /** The largest change of the height field that it really makes: the base, the edge and other defects take from it. */
  readonly reachedMm: number
  /** What the part's volume gains by it, mm³; negative for a pit, 0 for an optical one. */
  readonly volumeMm3: number
  /** At the centre, percent at 940 nm; 0 for one of shape. */
  readonly reflectanceChange: number
}

/** What stood under the head. */
export interface PresentPart {
  readonly number: number
  readonly present: true
  readonly quality: Quality
  readonly expectedGrade: 'A+' | 'A' | 'B' | 'C' | 'REJECT'
  /** Whether it came in a tray; `false` on the bare bed. */
  readonly tray: boolean
  /** Integral of the height field that the rays meet, relief and defects included; within 2e-4 of it. */
  readonly volumeMm3: number
  readonly densityGPerCm3: number
  readonly massG: number
  /** Axes of the base. */
  readonly lengthMm: number
  readonly widthMm: number
  /** Highest point, relief and defects included. */
  readonly heightMm: number
  /**
   * Centre of the base from the tray's, on the tray plane; x along the zones' columns and the belt, y along their rows.
   * A still tray's centre is on the optical axis.
   */
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
  /** 0…1, in the spectral head's channels: all the spectrum that the scene knows. */
  readonly channelReflectance: Readonly<Record<LightChannel, number>>
  /** Under D65, for the 2° observer, from `channelReflectance` of F1 to F8, linear between the filters' centres. */
  readonly lab: Lab
  readonly defects: readonly PartDefect[]
}

/** What stood under the head: a part, or nothing but the tray. */
export type PartTruth =
  | PresentPart
  | { readonly number: number; readonly present: false; readonly tray: boolean }

/** A part to be put under the head: what is true of it, and what the optics need. */
export interface Part {
  /** What it was made from. */
  readonly spec: PartSpec
  readonly truth: PresentPart
  readonly pose: Pose
  readonly glow: Glow
}

/** A part by its dimensions. Lengths in mm; defects and waves in the body's own axes. */
export interface PartSpec
  extends Omit<
    PresentPart,
    | 'present'
    | 'expectedGrade'
    | 'volumeMm3'
    | 'massG'
    | 'channelReflectance'
    | 'lab'
    | 'defects'
    | 'heightMm'
  > {
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
    tray: false,
    lengthMm: 170,
    widthMm: 85,
    heightMm: 80,
    xMm: 0,
    yMm: 0,
    rotationDeg: 0,
    thicknessVariationMm: 0,
    densityGPerCm3: PRODUCT.densityGPerCm3,
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
  const { grain, ambientCounts, xMm, yMm, rotationDeg, reflectancePercent } = full
  const surface = surfaceOf(shapeOf(full, full.defects))
  const blemishes = full.defects.filter(({ type }) => type === 'optical_inconsistency')
  return {
    spec: full,
    truth: truthOf(full, surface),
    pose: { surface, xMm, yMm, rotationDeg, reflectancePercent, grain, blemishes },
    glow: partGlow(full, ambientCounts),
  }
}

function shapeOf({ lengthMm, widthMm, heightMm, waves }: PartSpec, defects: readonly BodyDefect[]): Shape {
  return {
    semiU: lengthMm / 2,
    semiV: widthMm / 2,
    height: heightMm,
    waves,
    changes: defects.filter(({ type }) => type !== 'optical_inconsistency'),
  }
}

function truthOf(full: PartSpec, surface: Surface): PresentPart {
  const { waves, grain, ambientCounts, number, quality, ...state } = full
  const channelReflectance = partReflectance(full)
  return {
    number,
    present: true,
    quality,
    ...state,
    expectedGrade: QUALITY_TABLE[quality].expectedGrade,
    volumeMm3: surface.volumeMm3,
    massG: (surface.volumeMm3 / 1000) * full.densityGPerCm3,
    heightMm: surface.maxHeightMm,
    channelReflectance,
    lab: labOf(channelReflectance),
    defects: full.defects.map((defect) => onTray(defect, full, surface)),
  }
}

function onTray(defect: BodyDefect, full: PartSpec, surface: Surface): PartDefect {
  const { type, uMm, vMm, radiusMm, change } = defect
  const { xMm, yMm, rotationDeg } = full
  const angle = (rotationDeg * Math.PI) / 180
  const place = {
    xMm: xMm + uMm * Math.cos(angle) - vMm * Math.sin(angle),
    yMm: yMm + uMm * Math.sin(angle) + vMm * Math.cos(angle),
  }
  if (type === 'optical_inconsistency') {
    return { type, ...place, radiusMm, ...NO_SHAPE, reflectanceChange: change }
  }
  const others = full.defects.filter((other) => other !== defect)
  const effect = effectOf(defect, heightField(shapeOf(full, others)), surface)
  return { type, ...place, radiusMm, heightChangeMm: change, ...effect, reflectanceChange: 0 }
}

const NO_SHAPE = { heightChangeMm: 0, reachedMm: 0, volumeMm3: 0 } as const
