import { test } from 'tap'
import { Random } from '../../../drivers/simulated/random.ts'
import { emptyTrayOf } from '../../../gateway/analysis/empty-tray.ts'
import { measureSurface } from '../../../gateway/analysis/surface.ts'
import { type TrayPlan, trayPlan } from '../../../gateway/analysis/tray.ts'
import type { Surface } from '../../../gateway/inspection.ts'
import type { ShapeRecipe } from '../../../gateway/recipe.ts'
import { type Body, blankFrame, bodyVolume, frameOf, RECIPE, STANDARD, trayOf, type View } from './station.ts'

const SHAPE: ShapeRecipe = RECIPE.shape ?? fail('the standard recipe judges shape')

function fail(detail: string): never {
  throw new Error(detail)
}

function planOf(view: View = {}): TrayPlan {
  return trayPlan(trayOf(view), RECIPE.tray) ?? fail('no plan')
}

function surfaceOf(body: Body, view: View = {}): Surface {
  const { surface, reason } = measureSurface(frameOf(body, view), planOf(view), SHAPE)
  return surface ?? fail(`no surface: ${reason}`)
}

const relative = (value: number, truth: number): number => value / truth - 1

test('the volume of a dome is right to 2 %, whatever its size, place and rotation', (t) => {
  const bodies: readonly Body[] = [
    STANDARD,
    { ...STANDARD, rotation: 0 },
    { ...STANDARD, rotation: 1.2, x: 9, y: -7 },
    { ...STANDARD, rz: 45 },
    { x: -5, y: 6, rotation: -0.4, rx: 60, ry: 48, rz: 62 },
    { x: 0, y: 0, rotation: 0, rx: 55, ry: 55, rz: 50 },
    { x: 4, y: 4, rotation: 0.8, rx: 90, ry: 50, rz: 88 },
  ]
  for (const body of bodies) {
    const { volumeMm3, outline, baseAreaMm2, defects } = surfaceOf(body)
    const name = JSON.stringify(body)
    t.ok(
      Math.abs(relative(volumeMm3.estimate, bodyVolume(body))) < 0.02,
      `volume of ${name}: ${volumeMm3.estimate}`,
    )
    t.ok(Math.abs(relative(baseAreaMm2.estimate, Math.PI * body.rx * body.ry)) < 0.04, `base of ${name}`)
    t.ok(Math.hypot(outline.xMm - body.x, outline.yMm - body.y) < 2, `place of ${name}`)
    t.same(defects, [], `no defect on ${name}`)
  }
  t.end()
})

test('rotation is found, and length is never shorter than width', (t) => {
  for (const rotation of [-1.2, -0.5, 0.3, 1.1]) {
    const { outline } = surfaceOf({ ...STANDARD, rotation })
    const off = Math.abs(Math.sin(outline.rotationRad - rotation))
    t.ok(off < 0.05, `${rotation}: ${outline.rotationRad}`)
    t.ok(outline.lengthMm >= outline.widthMm)
  }
  t.end()
})

test('the volume does not depend on the tilt of the head', (t) => {
  for (const tilt of [
    [0, 0],
    [0.03, 0],
    [0, -0.05],
    [0.05, 0.05],
  ] as const) {
    const { volumeMm3 } = surfaceOf(STANDARD, { tilt })
    t.ok(
      Math.abs(relative(volumeMm3.estimate, bodyVolume(STANDARD))) < 0.02,
      `${tilt}: ${volumeMm3.estimate}`,
    )
  }
  t.end()
})

test('drift of the whole head falls out against the bare tray', (t) => {
  const still = surfaceOf(STANDARD).volumeMm3.estimate
  for (const offsetMm of [-2, 2]) {
    const drifted = measureSurface(frameOf(STANDARD, { offsetMm }), planOf(), SHAPE).surface
    t.ok(Math.abs(relative(drifted?.volumeMm3.estimate ?? 0, still)) < 0.01, `${offsetMm} mm`)
  }
  t.end()
})

test('noise: no bias, the stated uncertainty covers the scatter, twice the noise widens it', (t) => {
  const plan = planOf()
  const run = (noiseMm: number): { bias: number; scatter: number; stated: number } => {
    const random = new Random(7, noiseMm * 1000)
    const errors: number[] = []
    let stated = 0
    for (let part = 0; part < 60; part += 1) {
      const body = {
        ...STANDARD,
        x: random.between(-10, 10),
        y: random.between(-10, 10),
        rotation: random.between(-1.5, 1.5),
      }
      const frame = frameOf(body, { noise: () => noiseMm * random.normal() })
      frame.sigmaMm.fill(2 * noiseMm)
      const { surface } = measureSurface(frame, plan, SHAPE)
      errors.push(relative(surface?.volumeMm3.estimate ?? 0, bodyVolume(body)))
      stated += (surface?.volumeMm3.std ?? 0) / bodyVolume(body) / 60
    }
    const bias = errors.reduce((sum, error) => sum + error, 0) / errors.length
    const scatter = Math.sqrt(errors.reduce((sum, error) => sum + (error - bias) ** 2, 0) / errors.length)
    return { bias, scatter, stated }
  }
  const quiet = run(1.5)
  const loud = run(3)
  t.ok(Math.abs(quiet.bias) < 0.01, `bias ${quiet.bias}`)
  t.ok(quiet.scatter < 0.025, `scatter ${quiet.scatter}`)
  for (const { scatter, stated } of [quiet, loud]) {
    t.ok(stated > 0.7 * scatter && stated < 2 * scatter, `stated ${stated}, scatter ${scatter}`)
  }
  t.ok(loud.stated > 1.3 * quiet.stated, `${loud.stated} beside ${quiet.stated}`)
  t.end()
})

test('the empty tray is no product, however it is noisy', (t) => {
  const plan = planOf()
  for (let seed = 0; seed < 100; seed += 1) {
    const random = new Random(seed)
    const { reason, surface, heightsMm } = measureSurface(
      frameOf(undefined, { noise: () => 1.5 * random.normal() }),
      plan,
      SHAPE,
    )
    t.equal(reason, 'no-product')
    t.equal(surface, undefined)
    t.equal(heightsMm?.length, 64)
  }
  t.end()
})

test('a crumb is no product', (t) => {
  const crumb = { x: 17, y: 17, rotation: 0, rx: 14, ry: 14, rz: 20 }
  t.equal(measureSurface(frameOf(crumb), planOf(), SHAPE).reason, 'no-product')
  t.end()
})

test('a part that leaves the field is out of view', (t) => {
  for (const body of [
    { ...STANDARD, x: 100 },
    { ...STANDARD, y: -120 },
    { ...STANDARD, rx: 150, ry: 120 },
  ]) {
    t.equal(measureSurface(frameOf(body), planOf(), SHAPE).reason, 'out-of-view')
  }
  t.end()
})

test('a frame that does not belong to the calibration is not judged by it', (t) => {
  const frame = frameOf(STANDARD)
  t.equal(measureSurface(frame, undefined, SHAPE).reason, 'not-calibrated', 'no calibration')
  t.equal(measureSurface(frameOf(STANDARD, { zones: 16 }), planOf(), SHAPE).reason, 'not-calibrated', '4 × 4')
  t.equal(
    measureSurface(frameOf(STANDARD, { offsetMm: 15 }), planOf(), SHAPE).reason,
    'not-calibrated',
    'tray moved',
  )
  const far = blankFrame(64)
  far.rangeMm.fill(4000)
  t.equal(measureSurface(far, planOf(), SHAPE).reason, 'not-calibrated', 'tray gone')
  const zero = blankFrame(64)
  t.not(measureSurface(zero, planOf(), SHAPE).reason, undefined, 'all zero')
  t.equal(trayPlan({ ...trayOf(), rangeMm: trayOf().rangeMm.map(() => null) }, undefined), undefined, 'blind')
  t.end()
})

test('too few valid zones: starved in the dark, corrupt otherwise', (t) => {
  const dark = frameOf(STANDARD)
  dark.status.fill(255, 0, 40)
  t.equal(measureSurface(dark, planOf(), SHAPE).reason, 'starved')
  const broken = frameOf(STANDARD)
  broken.status.fill(13, 0, 40)
  t.equal(measureSurface(broken, planOf(), SHAPE).reason, 'sensor-corrupt')
  t.end()
})

test('some invalid zones on the part cost precision, not truth', (t) => {
  const frame = frameOf(STANDARD)
  for (const zone of [20, 27, 45]) frame.status[zone] = 255
  const { surface, heightsMm } = measureSurface(frame, planOf(), SHAPE)
  t.ok(Math.abs(relative(surface?.volumeMm3.estimate ?? 0, bodyVolume(STANDARD))) < 0.05)
  t.equal(heightsMm?.[27], null)
  t.end()
})

test('a bump is a foreign body, a pit a deformation, each where it is', (t) => {
  const bump = surfaceOf({ ...STANDARD, bumps: [{ x: 12, y: 12, r: 20, mm: 25 }] })
  const [foreign] = bump.defects
  t.equal(foreign?.type, 'foreign_body')
  t.same(foreign?.zone, [4, 4])
  t.ok((foreign?.deviationMm ?? 0) > 10)
  const pit = surfaceOf({ ...STANDARD, bumps: [{ x: -13, y: -13, r: 20, mm: -30 }] })
  const [deformation] = pit.defects
  t.equal(deformation?.type, 'deformation')
  t.same(deformation?.zone, [3, 3])
  t.ok((deformation?.deviationMm ?? 0) < -10)
  t.ok(bump.uniformity.estimate < surfaceOf(STANDARD).uniformity.estimate, 'and the surface less uniform')
  t.end()
})

test('what lies beside the part is a foreign body', (t) => {
  const frame = frameOf(STANDARD)
  frame.rangeMm[6] = (frame.rangeMm[6] ?? 0) - 30
  const { surface } = measureSurface(frame, planOf(), SHAPE)
  t.match(surface?.defects[0], { type: 'foreign_body', zone: [0, 6] })
  t.end()
})

test('with several targets the strongest valid one counts', (t) => {
  const one = frameOf(STANDARD)
  const spread = (values: Float64Array, second: (value: number) => number): Float64Array =>
    Float64Array.from({ length: 128 }, (_, i) =>
      i % 2 === 0 ? second(values[i >> 1] ?? 0) : (values[i >> 1] ?? 0),
    )
  const two = {
    ...one,
    targetsPerZone: 2 as const,
    rangeMm: spread(one.rangeMm, (range) => range - 50),
    signalKcpsPerSpad: spread(one.signalKcpsPerSpad, (signal) => signal / 10),
    sigmaMm: spread(one.sigmaMm, (sigma) => sigma),
    reflectancePercent: spread(one.reflectancePercent, (reflectance) => reflectance),
    status: spread(one.status, () => 5),
  }
  const { surface } = measureSurface(two, planOf(), SHAPE)
  t.ok(Math.abs(relative(surface?.volumeMm3.estimate ?? 0, bodyVolume(STANDARD))) < 0.03)
  t.end()
})

test('4 × 4 zones measure more roughly, and say so', (t) => {
  const view = { zones: 16 } as const
  const { surface } = measureSurface(frameOf(STANDARD, view), planOf(view), SHAPE)
  const fine = surfaceOf(STANDARD)
  t.ok(Math.abs(relative(surface?.volumeMm3.estimate ?? 0, bodyVolume(STANDARD))) < 0.1)
  t.ok((surface?.volumeMm3.std ?? 0) > fine.volumeMm3.std)
  t.end()
})

test('the empty tray: mean and scatter of what was seen, blind zones left out', (t) => {
  const frames = [320, 321, 322].map((range) => {
    const frame = blankFrame(64)
    frame.rangeMm.fill(range)
    frame.status[5] = 255
    return frame
  })
  const origin = { id: 'x', at: '2026-01-01T00:00:00Z', by: 'test', heads: ['tof'] }
  const tray = emptyTrayOf(frames, [], origin)
  t.equal(tray.rangeMm[0], 321)
  t.ok(Math.abs((tray.sigmaMm[0] ?? 0) - Math.sqrt(2 / 3)) < 1e-12)
  t.equal(tray.rangeMm[5], null)
  t.equal(tray.frames, 3)
  t.notOk('basicCounts' in tray, 'what was not measured is absent')
  t.throws(() => emptyTrayOf([], [], origin), RangeError)
  t.throws(() => emptyTrayOf([blankFrame(64), blankFrame(16)], [], origin), RangeError)
  t.end()
})
