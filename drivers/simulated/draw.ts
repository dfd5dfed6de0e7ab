import { drawDefects } from './draw-defects.ts'
import { type Part, type PartSpec, partOf } from './parts.ts'
import {
  type BodyType,
  type Profile,
  QUALITIES,
  QUALITY_TABLE,
  type Quality,
  type Spread,
} from './profiles.ts'
import type { Random } from './random.ts'
import type { Wave } from './scene-surface.ts'

type Limits = readonly [least: number, most: number]

/** What a body's axes are multiplied by, its height, its fine roughness and its reflectance at 940 nm are drawn from. */
const BODIES: Readonly<Record<BodyType, Body>> = {
  normal: { base: [1, 1], roughnessMm: 0.28, reflectance: [50, 60], grain: 4 },
  irregular: { base: [0.9, 1.1], heightMm: [50, 75], roughnessMm: 0.57, reflectance: [45, 60], grain: 6 },
  defective: { base: [0.8, 1], heightMm: [35, 70], roughnessMm: 0.88, reflectance: [35, 60], grain: 8 },
}
interface Body {
  readonly base: Limits
  /** Absent: the nominal height, with its natural spread. */
  readonly heightMm?: Limits
  /** rms */
  readonly roughnessMm: number
  /** Percent, and its standard deviation over the body. */
  readonly reflectance: Limits
  readonly grain: number
}
const NORMAL_HEIGHT_MM = 80
/** Standard deviation and limit of the natural spread of each axis of a `normal` body. */
const NATURAL_SPREAD = 0.02
const NATURAL_LIMIT = 0.06
/** Standard deviation of freshness, fat and oxidation; of temperature; of ambient light. */
const STATE_SD = 0.08
const TEMPERATURE_SD = 1.5
const AMBIENT_SD = 15
/** Where a part comes to lie: standard deviation and limit in mm, rotation in degrees about 45. */
const PLACE_SD_MM = 4
const PLACE_LIMIT_MM = 10
const ROTATION_DEG = 22.5
/** Wavelengths in mm of the relief that zones can see, and of the roughness they cannot. */
const RELIEF = { waves: 4, shortestMm: 40, longestMm: 90 }
const ROUGHNESS = { waves: 3, shortestMm: 12, longestMm: 24 }
const GRAIN_MM = 50

/** Draws one part of a profile: the same random state gives the same part. */
export function drawPart(profile: Profile, random: Random, number: number): Part {
  const quality = profile.only ?? drawQuality(random)
  const limits = QUALITY_TABLE[quality]
  const type = bodyType(profile, quality, random)
  const body = BODIES[type]
  const size = drawSize(profile, type, random)
  const state = (spread: Spread, deviation: number): number =>
    random.clippedNormal(spread.mean, deviation, spread.min, spread.max)
  const relief = limits.thicknessVariationMm
  const thicknessVariationMm = state(relief, (relief.max - relief.min) / 6)
  const lie = (): number => random.clippedNormal(0, PLACE_SD_MM, -PLACE_LIMIT_MM, PLACE_LIMIT_MM)
  return partOf({
    number,
    quality,
    tray: profile.tray !== undefined,
    ...size,
    xMm: lie(),
    yMm: lie(),
    rotationDeg: 45 + random.between(-ROTATION_DEG, ROTATION_DEG),
    thicknessVariationMm,
    fresh: state(limits.fresh, STATE_SD),
    fat: state(limits.fresh, STATE_SD),
    oxidation: state(limits.oxidation, STATE_SD),
    temperatureC: state(limits.temperatureC, TEMPERATURE_SD),
    ambientCounts: state(limits.ambientCounts, AMBIENT_SD),
    reflectancePercent: random.between(...body.reflectance),
    waves: [
      ...drawWaves(RELIEF, thicknessVariationMm, random),
      ...drawWaves(ROUGHNESS, body.roughnessMm, random),
    ],
    grain: drawWave(body.grain * Math.SQRT2, GRAIN_MM, random),
    defects: drawDefects(profile, quality, size, random),
  })
}

function drawQuality(random: Random): Quality {
  let rest = random.uniform()
  for (const quality of QUALITIES) {
    rest -= QUALITY_TABLE[quality].weight
    if (rest < 0) return quality
  }
  return 'defective'
}

function bodyType(profile: Profile, quality: Quality, random: Random): BodyType {
  if (quality === 'defective') return 'defective'
  if (quality === 'low') return random.chance(0.5) ? 'irregular' : 'defective'
  return profile.type
}

function drawSize(
  { lengthMm, widthMm, margin }: Profile,
  type: BodyType,
  random: Random,
): Pick<PartSpec, 'lengthMm' | 'widthMm' | 'heightMm'> {
  const { heightMm } = BODIES[type]
  return {
    lengthMm: lengthMm * (1 - margin) * drawScale(type, random),
    widthMm: widthMm * (1 - margin) * drawScale(type, random),
    heightMm:
      heightMm === undefined ? NORMAL_HEIGHT_MM * drawScale(type, random) : random.between(...heightMm),
  }
}

function drawScale(type: BodyType, random: Random): number {
  if (type !== 'normal') return random.between(...BODIES[type].base)
  return random.clippedNormal(1, NATURAL_SPREAD, 1 - NATURAL_LIMIT, 1 + NATURAL_LIMIT)
}

function drawWaves(kind: typeof RELIEF, rms: number, random: Random): Wave[] {
  const amplitude = rms * Math.sqrt(2 / kind.waves)
  return Array.from({ length: kind.waves }, () =>
    drawWave(amplitude, random.between(kind.shortestMm, kind.longestMm), random),
  )
}

function drawWave(amplitude: number, lengthMm: number, random: Random): Wave {
  const direction = random.between(0, Math.PI)
  const perMm = (2 * Math.PI) / lengthMm
  return {
    amplitude,
    perMmU: perMm * Math.cos(direction),
    perMmV: perMm * Math.sin(direction),
    phase: random.between(0, 2 * Math.PI),
  }
}
