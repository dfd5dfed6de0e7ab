import { drawFaults, type FaultLevel, type LensFaults } from './lens-faults.ts'
import { boxOf, type Engraving, layMarks, type MarkOptions } from './lens-marks.ts'
import { type LensEdge, type LensPose, noseSide, projectorOf } from './lens-pose.ts'
import { type LensTruth, truthOf } from './lens-truth.ts'
import { Random } from './random.ts'

/** What lies before the camera; `reflection`: a mirrored lamp hides the symbol; `black`: the lamp is off. */
export type LensSubject = 'lens' | 'none' | 'two' | 'half-out' | 'black' | 'reflection'

/**
 * How an engraving is seen. `bright`: dark field, its walls scatter light into the camera. `dark`: before a bright
 * field, what they scatter is missing. `relief`: under grazing light one wall is bright and the other dark.
 */
export type Polarity = 'bright' | 'dark' | 'relief'

export interface LensLamp {
  /** Where the light comes from, from x towards y. */
  readonly azimuthDeg: number
  /** 0: a ring from all sides … 1: one lamp, under which grooves along its light stay dark. */
  readonly directed: number
  readonly polarity: Polarity
}

export interface SceneLens {
  readonly pose: LensPose
  readonly edge: LensEdge
  /** Breadth of the ground edge as it is seen, mm. */
  readonly rimMm: number
  readonly engravings: readonly Engraving[]
}

/** A lamp mirrored in a lens: an ellipse that saturates, px. */
export interface Reflection {
  readonly x: number
  readonly y: number
  readonly semiX: number
  readonly semiY: number
  readonly angleDeg: number
  /** In multiples of what saturates. */
  readonly level: number
}

/** All that a picture is made of; plain values: the same scene is the same picture, bit for bit. */
export interface LensScene {
  readonly subject: LensSubject
  readonly width: number
  readonly height: number
  /** Of dust, scratches, fingerprints, broken strokes and noise. */
  readonly seed: number
  readonly lamp: LensLamp
  readonly lenses: readonly SceneLens[]
  readonly reflections: readonly Reflection[]
  readonly faults: LensFaults
  /** Which way the picture moves during the exposure, from x towards y. */
  readonly motionDeg: number
  readonly truth: LensTruth
}

export interface LensOptions extends MarkOptions {
  /** Default `lens`. */
  readonly subject?: LensSubject
  /** Default 1280 × 960. */
  readonly width?: number
  readonly height?: number
  /** Of the (first) lens; what is left out is drawn. */
  readonly pose?: Partial<LensPose>
  /** Default uncut, 64 to 72 mm across, or in one of three cut to a frame. */
  readonly edge?: LensEdge
  readonly lamp?: Partial<LensLamp>
  /** Default `usual`. */
  readonly level?: FaultLevel
  /** In place of those of the level. */
  readonly faults?: Partial<LensFaults>
}

const WIDTH = 1280
const HEIGHT = 960
/** Streams of a scene's seed: what one draws never depends on another. */
const STREAM = { lens: 1, marks: 2, lamp: 3, faults: 4, reflections: 5, second: 6, motion: 7 } as const
/** px/mm at 1280 px: an uncut lens just fits; of two cut ones, both. */
const SCALE = [10.8, 12.8] as const
const SCALE_OF_TWO = [8.8, 9.6] as const
/** Base curves of stock lenses, dioptres (ISO 13666: index 1.53 of the tools), and where a station's camera hangs. */
const BASE_CURVE = [2, 8] as const
const DISTANCE_MM = 250
const TILT_DEG = 6

/**
 * Draws a scene: what options leave out comes from `random`, of which one number is taken.
 * @throws RangeError that names what no scene can have
 */
export function lensScene(options: LensOptions, random: Random): LensScene {
  const { subject = 'lens', width = WIDTH, height = HEIGHT } = options
  for (const [name, value] of Object.entries({ width, height })) {
    if (!(Number.isInteger(value) && value >= 64 && value <= 4096)) {
      throw new RangeError(`${name}: ${value}: expected a whole number, 64…4096`)
    }
  }
  const seed = Math.floor(random.uniform() * 2 ** 32)
  const faults = drawFaults(options.level ?? 'usual', options.faults ?? {}, new Random(seed, STREAM.faults))
  const lamp = drawLamp(options.lamp ?? {}, new Random(seed, STREAM.lamp))
  const motionDeg = new Random(seed, STREAM.motion).between(0, 180)
  const empty = subject === 'none' || subject === 'black'
  const lenses = empty ? [] : [drawLens(options, { width, height }, new Random(seed, STREAM.lens))]
  if (subject === 'two') {
    const { edge: _, pose: __, ...others } = options
    lenses.push(
      drawLens({ ...others, symbol: 'none' }, { width, height }, new Random(seed, STREAM.second), true),
    )
  }
  const reflections = drawReflections(subject, lenses, faults.specular, new Random(seed, STREAM.reflections))
  const scene = { subject, width, height, seed, lamp, lenses, reflections, faults, motionDeg }
  return { ...scene, truth: truthOf(scene) }
}

function drawLamp(given: Partial<LensLamp>, random: Random): LensLamp {
  const azimuthDeg = given.azimuthDeg ?? random.between(0, 360)
  const directed = given.directed ?? random.between(0, 0.8)
  const share = random.uniform()
  const polarity = given.polarity ?? (share < 0.7 ? 'bright' : share < 0.85 ? 'dark' : 'relief')
  if (!Number.isFinite(azimuthDeg))
    throw new RangeError(`lamp.azimuthDeg: ${azimuthDeg}: expected a finite number`)
  if (!(directed >= 0 && directed <= 1)) throw new RangeError(`lamp.directed: ${directed}: expected 0…1`)
  return { azimuthDeg, directed, polarity }
}

interface Size {
  readonly width: number
  readonly height: number
}

function drawLens(options: LensOptions, size: Size, random: Random, second = false): SceneLens {
  const two = options.subject === 'two' || second
  const drawn = drawPose(options.subject ?? 'lens', size, random, second)
  const pose = { ...drawn, ...options.pose }
  checkPose(pose)
  const radius = random.between(32, 36)
  const cut = random.chance(1 / 3) || two
  const frame: LensEdge = {
    semiUMm: random.between(24, 28),
    semiVMm: random.between(16, 22),
    power: random.between(2, 3.4),
  }
  const edge = options.edge ?? (cut ? frame : { semiUMm: radius, semiVMm: radius, power: 2 })
  for (const [name, value] of Object.entries(edge)) {
    if (!(value > 0 && value <= 100))
      throw new RangeError(`edge.${name}: ${value}: expected above 0, up to 100`)
  }
  const engravings = layMarks(options, noseSide(pose), new Random(random.uniform() * 2 ** 32, STREAM.marks))
  return { pose, edge, rimMm: random.between(0.6, 2), engravings }
}

function drawPose(subject: LensSubject, { width, height }: Size, random: Random, second: boolean): LensPose {
  const two = subject === 'two'
  const [least, most] = two ? SCALE_OF_TWO : SCALE
  const pxPerMm = (random.between(least, most) * width) / WIDTH
  const [shiftX, shiftY] = [random.between(-1, 1), random.between(-1, 1)]
  const side = random.uniform()
  let centreX = width * (0.5 + 0.09 * shiftX)
  let centreY = height * (0.5 + 0.03 * shiftY)
  if (two) centreX = width * ((second ? 0.74 : 0.26) + 0.01 * shiftX)
  if (subject === 'half-out') {
    if (side < 0.5) centreX = side < 0.25 ? 0 : width
    else centreY = side < 0.75 ? 0 : height
  }
  const rotationDeg = two ? random.between(-20, 20) : random.between(-180, 180)
  const tiltDeg = random.between(0, TILT_DEG)
  const tiltTowardsDeg = random.between(0, 360)
  const curveRadiusMm = 530 / random.between(...BASE_CURVE)
  const nasal = random.chance(0.5) ? 'left' : 'right'
  return {
    centreX,
    centreY,
    pxPerMm,
    rotationDeg,
    nasal,
    tiltDeg,
    tiltTowardsDeg,
    curveRadiusMm,
    distanceMm: DISTANCE_MM,
  }
}

function checkPose(pose: LensPose): void {
  const wrong = (name: string, value: number, expected: string): RangeError =>
    new RangeError(`pose.${name}: ${value}: expected ${expected}`)
  const { centreX, centreY, rotationDeg, tiltTowardsDeg } = pose
  for (const [name, value] of Object.entries({ centreX, centreY, rotationDeg, tiltTowardsDeg })) {
    if (!Number.isFinite(value)) throw wrong(name, value, 'a finite number')
  }
  if (!(pose.pxPerMm >= 1 && pose.pxPerMm <= 100)) throw wrong('pxPerMm', pose.pxPerMm, '1…100')
  if (!(Math.abs(pose.tiltDeg) <= 45)) throw wrong('tiltDeg', pose.tiltDeg, '-45…45')
  if (!(pose.curveRadiusMm >= 40)) throw wrong('curveRadiusMm', pose.curveRadiusMm, 'at least 40')
  if (!(pose.distanceMm >= 50 && pose.distanceMm <= 10_000))
    throw wrong('distanceMm', pose.distanceMm, '50…10000')
}

/** Lamps are mirrored anywhere on a lens; the one of `reflection` over the symbol, else over the nasal mark. */
function drawReflections(
  subject: LensSubject,
  lenses: readonly SceneLens[],
  count: number,
  random: Random,
): Reflection[] {
  const found: Reflection[] = []
  const [first] = lenses
  if (first === undefined) return found
  const level = random.between(1.5, 4)
  const grow = random.between(0.65, 1)
  const hidden = first.engravings.find(({ kind }) => kind === 'symbol') ?? first.engravings[0]
  if (subject === 'reflection' && hidden !== undefined) {
    const { x, y, width, height, angleDeg } = boxOf(first.pose, hidden)
    found.push({ x, y, semiX: grow * width, semiY: grow * height, angleDeg, level })
  }
  for (const { pose, edge } of lenses) {
    const project = projectorOf(pose)
    for (let spot = 0; spot < count; spot += 1) {
      const angle = random.between(0, 2 * Math.PI)
      const radius = Math.min(edge.semiUMm, edge.semiVMm) * Math.sqrt(random.between(0, 0.9))
      const [x, y] = project(radius * Math.cos(angle), radius * Math.sin(angle))
      const semiX = pose.pxPerMm * 0.15 * 10 ** random.between(0, 0.9)
      const semiY = semiX * random.between(0.4, 1)
      found.push({ x, y, semiX, semiY, angleDeg: random.between(0, 180), level: random.between(0.4, 3) })
    }
  }
  return found
}
