import {
  DEMO_GALLERY,
  type Engravable,
  extentOf,
  type Point,
  textOf,
} from '../../drivers/simulated/lens-glyphs.ts'
import { type Engraving, layMarks } from '../../drivers/simulated/lens-marks.ts'
import { edgeRadius, noseSide } from '../../drivers/simulated/lens-pose.ts'
import {
  type LensOptions,
  type LensScene,
  type LensSubject,
  lensScene,
} from '../../drivers/simulated/lens-scene.ts'
import { truthOf } from '../../drivers/simulated/lens-truth.ts'
import type { Random } from '../../drivers/simulated/random.ts'

/** How often a picture shows what; the rest a lens. */
const SUBJECTS: readonly (readonly [LensSubject, number])[] = [
  ['none', 0.03],
  ['two', 0.05],
  ['half-out', 0.05],
  ['reflection', 0.08],
]
const CHARACTERS = '0123456789ABCDEFHKLMPRSTXZ.+-'

/** A lens as a maker marks it, with symbols and texts that nobody has seen. */
export function ordinaryScene(half: boolean, random: Random): LensScene {
  return smaller(lensScene(optionsOf(half, random), random), half)
}

/** The same with up to seven more groups of marks, each of them as at the nasal or at the temporal side. */
export function crowdedScene(half: boolean, random: Random): LensScene {
  const scene = ordinaryScene(half, random)
  const lenses = scene.lenses.map((lens) => {
    const nose = noseSide(lens.pose)
    const engravings: Engraving[] = []
    const taken: Point[] = []
    for (let attempt = 0; attempt < 24 && taken.length < 8; attempt += 1) {
      const angle = random.between(0, 2 * Math.PI)
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
      const radius = edgeRadius(lens.edge, cos, sin) * Math.sqrt(random.uniform())
      const [u, v] = [radius * cos, radius * sin]
      // As far as a group reaches, mm, from the edge and from its neighbours.
      if (Math.hypot(u, v + 4) > edgeRadius(lens.edge, u, v + 4) - 6) continue
      if (taken.some(([x, y]) => Math.hypot(x - u, y - v) < 12)) continue
      taken.push([u, v])
      engravings.push(...groupAt(u, v, nose, random))
    }
    return { ...lens, engravings }
  })
  const crowded = { ...scene, lenses }
  return { ...crowded, truth: truthOf(crowded) }
}

/** Marks of one side, moved to (u, v), a little otherwise than `layMarks` would have them. */
function groupAt(u: number, v: number, nose: 1 | -1, random: Random): Engraving[] {
  const label = random.chance(0.5) ? 'nasal' : 'temporal'
  const all = layMarks(marksOf(random), nose, random)
  const side = label === 'nasal' ? nose : -nose
  const [bolder, rounder] = [random.between(0.75, 1.4), random.between(0.85, 1.2)]
  const bare = random.chance(0.1)
  const alone = random.chance(0.1)
  let lower = 0
  return all
    .filter(({ uMm }) => Math.sign(uMm) === side)
    .filter(({ kind }) => (kind === 'alignment' ? !bare : !alone))
    .map((mark) => {
      const { kind, uMm, vMm, mmPerUnit, lineMm } = mark
      const line = Math.min(0.26, lineMm * bolder)
      if (kind === 'alignment') {
        return { ...mark, uMm: u, vMm: v, mmPerUnit: mmPerUnit * rounder, lineMm: line }
      }
      lower += random.between(0, 0.7)
      const aside = random.between(-0.6, 0.6)
      return { ...mark, uMm: uMm - Math.sign(uMm) * 17 + u + aside, vMm: vMm + v + lower, lineMm: line }
    })
}

function optionsOf(half: boolean, random: Random): LensOptions {
  const share = random.uniform()
  let before = 0
  const subject = SUBJECTS.find(([, often]) => {
    before += often
    return share < before
  })?.[0]
  const level = random.chance(0.12) ? 'clean' : random.chance(0.6) ? 'usual' : 'hard'
  const alignment = random.chance(0.06) ? ('none' as const) : ('both' as const)
  const size = half ? { width: 640, height: 480 } : {}
  return { ...size, ...marksOf(random), subject: subject ?? 'lens', level, alignment }
}

function marksOf(random: Random) {
  const symbol = random.chance(0.05) ? ('none' as const) : symbolOf(random)
  const nasalText = random.chance(0.3) ? ('none' as const) : wordOf(random, 1, 3)
  const step = 0.25 * Math.floor(random.between(2, 17))
  const share = random.uniform()
  let addition = step.toFixed(2)
  if (share < 0.05) addition = 'none'
  else if (share < 0.12) addition = `+${addition}`
  else if (share < 0.2) addition = (100 * step).toFixed(0)
  else if (share < 0.26) addition = step.toFixed(1)
  return { symbol, nasalText, addition, symbolMm: random.between(2.2, 4.6) }
}

function wordOf(random: Random, least: number, most: number): string {
  const length = Math.floor(random.between(least, most + 1))
  return Array.from(
    { length },
    () => CHARACTERS[Math.floor(random.uniform() * CHARACTERS.length)] ?? '0',
  ).join('')
}

/** Of the gallery; two of it in one; or strokes that mean nothing. */
function symbolOf(random: Random): Engravable {
  const pick = (): Engravable =>
    DEMO_GALLERY[Math.floor(random.uniform() * DEMO_GALLERY.length)] ?? textOf('A')
  const share = random.uniform()
  if (share < 0.5) return pick()
  if (share < 0.75) return { label: 'pair', strokes: [...placed(pick(), random), ...placed(pick(), random)] }
  return {
    label: 'strokes',
    strokes: Array.from({ length: Math.floor(random.between(2, 6)) }, () => scribble(random)),
  }
}

function placed(what: Engravable, random: Random): Point[][] {
  if (!('strokes' in what)) return []
  const [left, top, right, bottom] = extentOf(what)
  const size = Math.max(right - left, bottom - top)
  const [u, v, side] = [random.between(0, 9), random.between(0, 3), random.between(6, 11)]
  return what.strokes.map((stroke) =>
    stroke.map(([x, y]): Point => [u + ((x - left) / size) * side, v + ((y - top) / size) * side]),
  )
}

/** A line, or an arc. */
function scribble(random: Random): Point[] {
  const [x, y] = [random.between(0, 12), random.between(0, 10)]
  const [radius, from, turn] = [random.between(2, 5), random.between(0, 6.3), random.between(-6, 6)]
  if (random.chance(0.5))
    return [
      [x, y],
      [random.between(0, 12), random.between(0, 10)],
    ]
  return Array.from({ length: 17 }, (_, step): Point => {
    const angle = from + (turn * step) / 16
    return [x + radius * Math.cos(angle), y + radius * Math.sin(angle)]
  })
}

/** At half the size, what is said in pixels and photons: the mean of four has a quarter of the noise's variance. */
function smaller(scene: LensScene, half: boolean): LensScene {
  if (!half) return scene
  const { noise, motionPx } = scene.faults
  return { ...scene, faults: { ...scene.faults, noise: noise / 4, motionPx: motionPx / 2 } }
}
