import type { LensFaults } from './lens-faults.ts'
import type { Point } from './lens-glyphs.ts'
import { boxOf, type Engraving, markCentre } from './lens-marks.ts'
import { type LensPose, MARK_DISTANCE_MM, type OrientedBox, outlineOf } from './lens-pose.ts'
import type { LensScene, LensSubject, Reflection, SceneLens } from './lens-scene.ts'

/** What a picture shows, for training and for tests. */
export interface LensTruth {
  readonly subject: LensSubject
  readonly lenses: readonly TrueLens[]
  /** How strong each fault was that was applied; 0 where it was not. */
  readonly faults: LensFaults
}

export interface TrueLens {
  readonly pose: LensPose
  /** A closed polygon, px. */
  readonly outline: readonly Point[]
  /** Share of the lens that lies within the picture, 0…1. */
  readonly visible: number
  /** Where the middles of the alignment marks are, px, whether engraved or not. */
  readonly nasalMark: Point
  readonly temporalMark: Point
  /** Between these two, as a picture's scale is measured: tilt and curvature are in it. */
  readonly pxPerMmAtMarks: number
  /** From the temporal mark to the nasal one, from x towards y. */
  readonly towardsNoseDeg: number
  readonly engravings: readonly TrueEngraving[]
}

export interface TrueEngraving {
  readonly kind: Engraving['kind']
  readonly label: string
  readonly box: OrientedBox
  /** Share of the box within the picture, and share of it that a reflection hides, 0…1. */
  readonly visible: number
  readonly covered: number
}

export function truthOf(scene: Omit<LensScene, 'truth'>): LensTruth {
  return {
    subject: scene.subject,
    lenses: scene.lenses.map((lens) => trueLens(lens, scene)),
    faults: scene.faults,
  }
}

function trueLens(lens: SceneLens, scene: Omit<LensScene, 'truth'>): TrueLens {
  const { pose, edge, engravings } = lens
  const nasalMark = markCentre(pose, 'nasal')
  const temporalMark = markCentre(pose, 'temporal')
  const [x, y] = [nasalMark[0] - temporalMark[0], nasalMark[1] - temporalMark[1]]
  const outline = outlineOf(pose, edge)
  return {
    pose,
    outline,
    visible: visibleShare(outline, scene),
    nasalMark,
    temporalMark,
    pxPerMmAtMarks: Math.hypot(x, y) / MARK_DISTANCE_MM,
    towardsNoseDeg: (Math.atan2(y, x) * 180) / Math.PI,
    engravings: engravings.map((engraving) => {
      const box = boxOf(pose, engraving)
      const inside = shareOf(box, (px, py) => px >= 0 && py >= 0 && px <= scene.width && py <= scene.height)
      const covered = shareOf(box, (px, py) => scene.reflections.some((spot) => hides(spot, px, py)))
      return { kind: engraving.kind, label: engraving.label, box, visible: inside, covered }
    }),
  }
}

/** Points along each side of a box at which it is looked whether it can be seen. */
const GRID = 12

function shareOf(box: OrientedBox, test: (x: number, y: number) => boolean): number {
  const angle = (box.angleDeg * Math.PI) / 180
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  let met = 0
  for (let cell = 0; cell < GRID * GRID; cell += 1) {
    const along = (((cell % GRID) + 0.5) / GRID - 0.5) * box.width
    const across = ((Math.floor(cell / GRID) + 0.5) / GRID - 0.5) * box.height
    if (test(box.x + along * cos - across * sin, box.y + along * sin + across * cos)) met += 1
  }
  return met / (GRID * GRID)
}

/** Half the saturation is enough that nothing below is seen. */
const HIDING = 0.5

/** Whether a point lies where the reflection alone reaches half of what saturates. */
function hides(spot: Reflection, x: number, y: number): boolean {
  return spot.level * reflectionAt(spot, x, y) >= HIDING
}

/**
 * Brightness of a mirrored lamp, as a share of its middle: flat inside its ellipse, soft over four tenths
 * of it at the edge, and a faint glow that falls with the square of the distance (veiling glare, as of a lens's point spread).
 */
export function reflectionAt(spot: Reflection, x: number, y: number): number {
  const angle = (spot.angleDeg * Math.PI) / 180
  const [dx, dy] = [x - spot.x, y - spot.y]
  const along = (dx * Math.cos(angle) + dy * Math.sin(angle)) / spot.semiX
  const across = (dy * Math.cos(angle) - dx * Math.sin(angle)) / spot.semiY
  const radius = Math.hypot(along, across)
  const core = Math.min(1, Math.max(0, (1.4 - radius) / 0.4))
  return Math.max(core * core * (3 - 2 * core), 0.035 / (1 + radius * radius))
}

/** Sutherland and Hodgman (1974): the polygon is cut at each side of the picture, its areas compared. */
function visibleShare(outline: readonly Point[], size: { width: number; height: number }): number {
  let cut = [...outline]
  cut = clip(cut, ([x]) => x)
  cut = clip(cut, ([x]) => size.width - x)
  cut = clip(cut, ([, y]) => y)
  cut = clip(cut, ([, y]) => size.height - y)
  return Math.abs(areaOf(cut)) / Math.abs(areaOf(outline))
}

function clip(polygon: readonly Point[], inside: (point: Point) => number): Point[] {
  const kept: Point[] = []
  polygon.forEach((point, index) => {
    const before = polygon.at(index - 1) ?? point
    const [a, b] = [inside(before), inside(point)]
    if (a >= 0 !== b >= 0) {
      const t = a / (a - b)
      kept.push([before[0] + t * (point[0] - before[0]), before[1] + t * (point[1] - before[1])])
    }
    if (b >= 0) kept.push(point)
  })
  return kept
}

function areaOf(polygon: readonly Point[]): number {
  let twice = 0
  polygon.forEach(([x, y], index) => {
    const [nextX, nextY] = polygon[(index + 1) % polygon.length] ?? [x, y]
    twice += x * nextY - nextX * y
  })
  return twice / 2
}
