import { test } from 'tap'
import { Random } from '../../../drivers/simulated/random.ts'
import type { RangeFrame } from '../../../drivers/vl53l8ch/ranges.ts'
import { combineLooks } from '../../../gateway/analysis/looks.ts'
import { detectable } from '../../../gateway/analysis/shape-detectable.ts'
import { besselJ0 } from '../../../gateway/analysis/shape-relief.ts'
import {
  type MeasuredSurface,
  measureSurface,
  type SurfaceFinding,
} from '../../../gateway/analysis/surface.ts'
import { type TrayPlan, trayPlan } from '../../../gateway/analysis/tray.ts'
import type { ShapeRecipe } from '../../../gateway/recipe.ts'
import { type Body, bodyVolume, frameOf, RECIPE, STANDARD, trayOf } from './station.ts'

const SHAPE: ShapeRecipe = RECIPE.shape ?? fail('the standard recipe judges shape')
const PLAN: TrayPlan = trayPlan(trayOf(), RECIPE.tray) ?? fail('no plan')

function fail(detail: string): never {
  throw new Error(detail)
}

interface Seeing {
  readonly looks?: number
  readonly noiseMm?: number
  readonly seed?: number
  readonly shape?: ShapeRecipe
}

const seen = new Map<string, RangeFrame>()

/** Without noise; a body is looked at once only, which is what takes the time. */
function stillOf(body: Body | undefined): RangeFrame {
  const key = JSON.stringify(body)
  const frame = seen.get(key) ?? frameOf(body)
  seen.set(key, frame)
  return frame
}

/** Looks with noise that the chip states right, combined and measured. */
function see(body: Body | undefined, seeing: Seeing = {}): SurfaceFinding {
  const { looks = 5, noiseMm = 1, seed = 1, shape = SHAPE } = seeing
  const random = new Random(seed)
  const still = stillOf(body)
  const sigmaMm = new Float64Array(still.zones).fill(Math.hypot(1, noiseMm / 0.7))
  const frames = Array.from({ length: looks }, () => ({
    frame: { ...still, sigmaMm, rangeMm: still.rangeMm.map((range) => range + noiseMm * random.normal()) },
  }))
  return measureSurface(combineLooks(frames), PLAN, shape)
}

function surfaceOf(body: Body, seeing?: Seeing): MeasuredSurface {
  const { surface, reason } = see(body, seeing)
  return surface ?? fail(`no surface: ${reason}`)
}

test('J0 agrees with the tables (Abramowitz and Stegun, table 9.1)', (t) => {
  for (const [x, value] of [
    [0, 1],
    [1, 0.7651976866],
    [2.4, 0.002507683297],
    [5, -0.1775967713],
    [10, -0.2459357645],
    [17, -0.1698542522],
  ] as const) {
    t.ok(Math.abs(besselJ0(x) - value) < 1e-7, `J0(${x}) = ${besselJ0(x)}`)
  }
  t.end()
})

test('rotation and translation of the part leave volume and uniformity within their uncertainty', (t) => {
  const moved: readonly Body[] = [
    { ...STANDARD, rotation: -0.9 },
    { ...STANDARD, rotation: 1.4, x: 8 },
    { ...STANDARD, x: -9, y: 6 },
  ]
  const still = surfaceOf(STANDARD)
  moved.forEach((body, index) => {
    const { volumeMm3, uniformity, defects } = surfaceOf(body, { seed: index + 2 })
    const std = Math.hypot(volumeMm3.std, still.volumeMm3.std)
    const name = `x ${body.x} y ${body.y} rotation ${body.rotation}`
    t.ok(Math.abs(volumeMm3.estimate - still.volumeMm3.estimate) < 3 * std, name)
    t.ok(std < 0.04 * bodyVolume(STANDARD), `and that is no empty claim: ${std}`)
    t.ok(Math.abs(uniformity.estimate - still.uniformity.estimate) < 0.1, name)
    t.same(defects, [], name)
  })
  t.end()
})

test('noise doubled widens the uncertainty of the volume as counting says', (t) => {
  const variance = (noiseMm: number, looks: number): number => {
    let sum = 0
    for (let seed = 1; seed <= 6; seed += 1) {
      sum += surfaceOf(STANDARD, { noiseMm, looks, seed }).volumeMm3.std ** 2
    }
    return sum / 6
  }
  // Some of the variance is noise, the rest (edge, tray, texture) is not: two levels tell how much, and predict others.
  const [one, two] = [variance(1, 5), variance(2, 5)]
  const noise = (two - one) / 3
  t.ok(noise > 0)
  const near = (name: string, found: number, predicted: number): void => {
    t.ok(
      Math.abs(Math.sqrt(found / predicted) - 1) < 0.15,
      `${name}: ${Math.sqrt(found)}, ${Math.sqrt(predicted)}`,
    )
  }
  near('half the noise', variance(0.5, 5), one - 0.75 * noise)
  near('one and a half of it', variance(1.5, 5), one + 1.25 * noise)
  near('four times the looks are half the noise', variance(2, 20), one)
  t.end()
})

test('an empty tray is no product, in however many looks', (t) => {
  for (let seed = 0; seed < 30; seed += 1) {
    const { reason, surface } = see(undefined, { seed, noiseMm: 1.5 })
    t.equal(reason, 'no-product')
    t.equal(surface, undefined)
  }
  t.end()
})

test('invalid zones and ranges that are no number never make a value', (t) => {
  const frame = frameOf(STANDARD)
  for (const zone of [19, 28, 44]) frame.rangeMm[zone] = Number.NaN
  frame.rangeMm[36] = Number.POSITIVE_INFINITY
  for (const seen of [
    measureSurface(frame, PLAN, SHAPE),
    measureSurface(combineLooks([{ frame }]), PLAN, SHAPE),
  ]) {
    for (const zone of [19, 28, 44, 36]) t.equal(seen.heightsMm?.[zone], null, `zone ${zone}`)
    const numbers = JSON.stringify(seen.surface, (_, value: unknown) =>
      typeof value === 'number' && !Number.isFinite(value) ? 'NOT A NUMBER' : value,
    )
    t.notMatch(numbers, 'NOT A NUMBER')
    t.ok(Math.abs((seen.surface?.volumeMm3.estimate ?? 0) / bodyVolume(STANDARD) - 1) < 0.06)
  }
  frame.rangeMm.fill(Number.NaN)
  t.match(measureSurface(frame, PLAN, SHAPE), { reason: 'sensor-corrupt', surface: undefined })
  t.end()
})

test('a smooth recipe: a defect of two footprints is found, placed and sized, up and down', (t) => {
  const shape = { ...SHAPE, textureMm: 0.3 }
  for (const [x, y, mm] of [
    [0, 0, 18],
    [30, 18, 20],
    [-34, -14, -20],
    [8, -8, -18],
  ] as const) {
    const { defects } = surfaceOf({ ...STANDARD, bumps: [{ x, y, r: 20, mm }] }, { shape })
    const [defect] = defects
    const name = `${mm} mm at ${x}, ${y}: ${JSON.stringify(defects)}`
    t.equal(defect?.type, mm > 0 ? 'foreign_body' : 'deformation', name)
    const off = Math.hypot((defect?.xMm ?? 1e9) - x, (defect?.yMm ?? 1e9) - y)
    t.ok(off < 15, `${off} mm off`)
    t.ok((defect?.criticalProbability ?? -1) >= 0 && (defect?.criticalProbability ?? 2) <= 1)
    t.ok((defect?.deviationStdMm ?? 0) > 0.5, 'and not known better than the noise lets it')
  }
  t.end()
})

test('adding to a defect never lowers its severity', (t) => {
  const shape = { ...SHAPE, textureMm: 0.3 }
  let last = 0
  for (const mm of [6, 10, 14, 18, 24, 30]) {
    const { defects } = surfaceOf(
      { ...STANDARD, bumps: [{ x: 10, y: 5, r: 24, mm }] },
      { shape, noiseMm: 0.2 },
    )
    const severity = defects[0]?.severity ?? 0
    t.ok(severity >= last, `${mm} mm: ${severity} after ${last}`)
    last = severity
  }
  t.ok(last > 0.5)
  t.end()
})

test('sound parts have no defect', (t) => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const random = new Random(seed, 9)
    const body = {
      ...STANDARD,
      x: random.between(-9, 9),
      y: random.between(-9, 9),
      rotation: random.between(-1.5, 1.5),
    }
    t.same(surfaceOf(body, { seed }).defects, [], `seed ${seed}`)
  }
  t.end()
})

test('what a recipe cannot see: more with relief, noise and smaller radius, less with more frames', (t) => {
  const depth = (textureMm: number, radiusMm: number, look = {}): number =>
    detectable(PLAN, { ...SHAPE, textureMm }, radiusMm, look) ?? fail('no depth')
  t.ok(depth(1, 30) > depth(0.3, 30), 'relief')
  t.ok(depth(0.3, 15) > depth(0.3, 30), 'radius')
  t.ok(depth(0.3, 30, { noiseMm: 3 }) > depth(0.3, 30), 'noise')
  t.ok(depth(0.3, 30, { frames: 20 }) < depth(0.3, 30), 'frames')
  t.ok(depth(0.3, 30) > 4 && depth(0.3, 30) < 25, `${depth(0.3, 30)} mm`)
  t.throws(() => detectable(PLAN, SHAPE, 0), { message: 'radiusMm: 0, above 0 expected' })
  t.throws(() => detectable(PLAN, SHAPE, 30, { frames: Number.NaN }), {
    message: 'frames: NaN, above 0 expected',
  })
  t.end()
})
