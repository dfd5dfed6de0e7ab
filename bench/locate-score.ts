/** How true a view of a lens is, beside what the simulation knows of the picture. */
import type { LensSubject } from '../drivers/simulated/lens-scene.ts'
import type { LensTruth, TrueEngraving, TrueLens } from '../drivers/simulated/lens-truth.ts'
import type { LensView, OrientedBox, Point, ViewFault } from '../gateway/vision/lens-view.ts'

/** What a picture's answers are counted as; sums over pictures are figures. */
export interface Score {
  /** Engravings that can be seen; those found; boxes answered; those that are none. */
  readonly engravings: number
  readonly found: number
  readonly boxes: number
  readonly wrong: number
  /** Of the boxes found, those named symbol or text rightly. */
  readonly kindRight: number
  /** Overlap of each engraving found. */
  readonly overlaps: readonly number[]
  /** Distances of the marks, px; of the angle, degrees; empty where no lens was seen. */
  readonly markErrors: readonly number[]
  readonly angleErrors: readonly number[]
  readonly sideRight?: boolean
  /** Of a picture that shows no lens to judge: whether it was named, and what it was named. */
  readonly fault?: { readonly expected: ViewFault; readonly answer: ViewFault | 'lens' }
  /** Of a good picture: why it was refused. */
  readonly refused?: ViewFault
}

/** What the simulation's subjects are called. */
const FAULTS: Readonly<Partial<Record<LensSubject, ViewFault>>> = {
  none: 'no-lens',
  black: 'dark',
  two: 'two-lenses',
  'half-out': 'out-of-view',
  reflection: 'reflection',
}
const OVERLAP = 0.5
/** Less of it visible, or more of it under a mirrored lamp: it may be found or not. */
const VISIBLE = 0.95
const COVERED = 0.3

export function scoreOf(view: LensView, truth: Pick<LensTruth, 'subject' | 'lenses'>): Score {
  const [lens] = truth.lenses
  const marked = lens?.engravings.filter(({ kind }) => kind === 'alignment').length === 2
  const expected = FAULTS[truth.subject] ?? (marked ? undefined : 'no-marks')
  const none = { engravings: 0, found: 0, boxes: 0, wrong: 0, kindRight: 0, overlaps: [] }
  const without = { ...none, markErrors: [], angleErrors: [] }
  if (expected !== undefined || lens === undefined) {
    const answer = view.kind === 'lens' ? ('lens' as const) : view.fault
    return { ...without, fault: { expected: expected ?? 'no-lens', answer } }
  }
  const wanted = lens.engravings.filter(({ kind }) => kind !== 'alignment')
  if (view.kind === 'unseen') {
    const hidden = lens.engravings.some((mark) => mark.kind !== 'text' && mark.covered > COVERED)
    // A mirrored lamp may lie over the mark by chance: then that is the right answer.
    if (hidden && view.fault === 'reflection') return without
    return { ...without, engravings: wanted.filter(isPlain).length, refused: view.fault }
  }
  return { ...matched(view.engravings, wanted), ...poseErrors(view, lens) }
}

function isPlain({ visible, covered }: TrueEngraving): boolean {
  return visible >= VISIBLE && covered <= COVERED
}

type View = Extract<LensView, { kind: 'lens' }>

function matched(boxes: View['engravings'], wanted: readonly TrueEngraving[]) {
  const overlaps: number[] = []
  let [kindRight, wrong] = [0, 0]
  const found = new Set<TrueEngraving>()
  for (const { box, kind } of boxes) {
    const best = wanted
      .filter((engraving) => !found.has(engraving))
      .map((engraving) => ({ engraving, overlap: overlapOf(box, engraving.box) }))
      .reduce<{ engraving?: TrueEngraving; overlap: number }>((a, b) => (b.overlap > a.overlap ? b : a), {
        overlap: 0,
      })
    if (best.engraving === undefined || best.overlap < OVERLAP) {
      // What lies on something half hidden is neither right nor wrong.
      if (!wanted.some((other) => !isPlain(other) && overlapOf(box, other.box) > 0)) wrong += 1
      continue
    }
    found.add(best.engraving)
    if (!isPlain(best.engraving)) continue
    overlaps.push(best.overlap)
    kindRight += best.engraving.kind === kind ? 1 : 0
  }
  const plain = wanted.filter(isPlain)
  const right = plain.filter((engraving) => found.has(engraving)).length
  return { engravings: plain.length, found: right, boxes: right + wrong, wrong, kindRight, overlaps }
}

function poseErrors({ pose }: View, lens: TrueLens) {
  const apart = (a: Point, b: Point): number => Math.hypot(a[0] - b[0], a[1] - b[1])
  const straight = [apart(pose.nasal, lens.nasalMark), apart(pose.temporal, lens.temporalMark)]
  const crossed = [apart(pose.nasal, lens.temporalMark), apart(pose.temporal, lens.nasalMark)]
  const sideRight = Math.max(...straight) < Math.max(...crossed)
  const turned = Math.abs(((pose.towardsNoseDeg - lens.towardsNoseDeg + 540) % 360) - 180)
  return {
    markErrors: sideRight ? straight : crossed,
    angleErrors: [sideRight ? turned : 180 - turned],
    sideRight,
  }
}

/** Intersection over union of two turned rectangles: one is cut at the other's sides (Sutherland and Hodgman 1974). */
export function overlapOf(a: OrientedBox, b: OrientedBox): number {
  const turn = (b.angleDeg * Math.PI) / 180
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)]
  let points = cornersOf(a).map(([x, y]): Point => {
    const [dx, dy] = [x - b.x, y - b.y]
    return [dx * cos + dy * sin, dy * cos - dx * sin]
  })
  for (const inside of [
    ([x]: Point) => x + b.width / 2,
    ([x]: Point) => b.width / 2 - x,
    ([, y]: Point) => y + b.height / 2,
    ([, y]: Point) => b.height / 2 - y,
  ]) {
    points = cut(points, inside)
  }
  const common = areaOf(points)
  return common / (a.width * a.height + b.width * b.height - common)
}

function cornersOf({ x, y, width, height, angleDeg }: OrientedBox): Point[] {
  const turn = (angleDeg * Math.PI) / 180
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)]
  return [
    [-1, -1],
    [1, -1],
    [1, 1],
    [-1, 1],
  ].map(([p = 0, q = 0]): Point => {
    const [u, v] = [(p * width) / 2, (q * height) / 2]
    return [x + u * cos - v * sin, y + u * sin + v * cos]
  })
}

function cut(polygon: readonly Point[], inside: (point: Point) => number): Point[] {
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
  return Math.abs(twice) / 2
}
