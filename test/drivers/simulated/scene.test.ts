import { test } from 'tap'
import type { Photodiode } from '../../../drivers/as7341/smux.ts'
import { LIGHT_CHANNELS, RANGING, SPECTRAL } from '../../../drivers/simulated/optics.ts'
import { type Part, type PartSpec, partOf } from '../../../drivers/simulated/parts.ts'
import { Scene, type SceneOptions } from '../../../drivers/simulated/scene.ts'
import { heightAt } from '../../../drivers/simulated/scene-surface.ts'
import type { RangeView, ZoneEcho } from '../../../drivers/simulated/vl53l8ch-scene.ts'
import { zoneTangents } from '../../../drivers/vl53l8ch/optics.ts'

const TRAY = { lengthMm: 300, widthMm: 180, rimMm: 5 }
/** Long after power-up: the silicon no longer drifts. */
const WARM = 1e7
const TANGENTS = zoneTangents(64)

/** A head without errors and noise, over the bare bed. */
function perfect(options: Partial<SceneOptions> = {}): Scene {
  return new Scene({ seed: 1, noise: 0, headErrors: 0, ...options })
}

function echo(view: RangeView, zone: number): ZoneEcho {
  const found = view.echoes[zone]?.[0]
  if (found === undefined) throw new Error(`zone ${zone} has no echo`)
  return found
}

function ranges(scene: Scene, part?: Part, zones: 16 | 64 = 64): number[] {
  scene.show(part === undefined ? 'empty' : scene.prepare(part))
  const view = scene.look(zones, WARM)
  return Array.from({ length: zones }, (_, zone) => echo(view, zone).rangeMm)
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function deviation(values: readonly number[]): number {
  const centre = mean(values)
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1))
}

/** Integral of the height field by the midpoint rule, independent of how the surface reckons its own. */
function integral(part: Part, stepMm: number): number {
  const { semiU, semiV } = part.pose.surface.shape
  let sum = 0
  for (let u = stepMm / 2 - semiU; u < semiU; u += stepMm) {
    for (let v = stepMm / 2 - semiV; v < semiV; v += stepMm) sum += heightAt(part.pose.surface, u, v)
  }
  return sum * stepMm ** 2
}

/** The zone that looks at a point of the tray's frame. */
function zoneAt(xMm: number, yMm: number, heightMm: number): number {
  const depth = RANGING.headHeightMm - heightMm
  let best = 0
  for (let zone = 1; zone < 64; zone += 1) {
    const distance = (z: number): number =>
      Math.hypot((TANGENTS.x[z] ?? 0) * depth - xMm, (TANGENTS.y[z] ?? 0) * depth - yMm)
    if (distance(zone) < distance(best)) best = zone
  }
  return best
}

test('the true volume of a plain part is that of the half ellipsoid', (t) => {
  const part = partOf({ lengthMm: 170, widthMm: 85, heightMm: 80 })
  const exact = (2 / 3) * Math.PI * 85 * 42.5 * 80
  t.ok(Math.abs(part.truth.volumeMm3 / exact - 1) < 1e-12)
  t.ok(Math.abs(integral(part, 0.5) / exact - 1) < 1e-3, 'and the height field agrees')
  t.equal(part.truth.heightMm, 80)
  t.end()
})

test('relief and defects change the height field, and the true volume with it', (t) => {
  const waves: PartSpec['waves'] = [{ amplitude: 4, perMmU: 0.1, perMmV: 0.06, phase: 1 }]
  const defects: PartSpec['defects'] = [
    { type: 'foreign_body', uMm: 10, vMm: 5, radiusMm: 20, change: 25 },
    { type: 'edge_damage', uMm: -70, vMm: 0, radiusMm: 18, change: -20 },
    { type: 'optical_inconsistency', uMm: 0, vMm: 0, radiusMm: 30, change: -30 },
  ]
  const plain = partOf()
  const wavy = partOf({ waves })
  const damaged = partOf({ waves, defects })
  for (const part of [wavy, damaged]) {
    t.ok(Math.abs(integral(part, 0.5) / part.truth.volumeMm3 - 1) < 1e-3)
    t.not(part.truth.volumeMm3, plain.truth.volumeMm3)
  }
  const rise = heightAt(damaged.pose.surface, 10, 5) - heightAt(wavy.pose.surface, 10, 5)
  t.ok(rise > 22 && rise <= 25, `a cone of 25 mm, ${rise.toFixed(1)} mm at its top with nodes 3 mm apart`)
  t.equal(heightAt(damaged.pose.surface, 85, 0), 0)
  t.equal(heightAt(damaged.pose.surface, 0, 60), 0)
  t.strictSame(
    damaged.truth.defects.map(({ heightChangeMm, reflectanceChange }) => [heightChangeMm, reflectanceChange]),
    [
      [25, 0],
      [-20, 0],
      [0, -30],
    ],
  )
  t.end()
})

test('a defect lies where the truth says, also on a part that is moved and turned', (t) => {
  const part = partOf({
    xMm: 8,
    yMm: -3,
    rotationDeg: 90,
    defects: [{ type: 'deformation', uMm: 40, vMm: 10, radiusMm: 15, change: -12 }],
  })
  const [defect] = part.truth.defects
  t.match(defect, { type: 'deformation', radiusMm: 15, heightChangeMm: -12, reflectanceChange: 0 })
  t.ok(Math.abs((defect?.xMm ?? 0) - -2) < 1e-9)
  t.ok(Math.abs((defect?.yMm ?? 0) - 37) < 1e-9)
  t.end()
})

test('the empty bed is a plane at the head’s height', (t) => {
  for (const range of ranges(perfect())) t.ok(Math.abs(range - 320) < 1e-9)
  for (const range of ranges(perfect({ headHeightMm: 362 }), undefined, 16))
    t.ok(Math.abs(range - 362) < 1e-9)
  t.end()
})

test('the tray’s rim shows in the zones that it crosses, and nowhere else', (t) => {
  const seen = ranges(perfect({ tray: TRAY })).map((range) => 320 - range)
  for (let row = 0; row < 8; row += 1) {
    for (let column = 1; column < 7; column += 1) {
      const rise = seen[8 * row + column] ?? 0
      if (row === 1 || row === 6) t.ok(rise > 0.2 && rise < 2, `row ${row}: ${rise.toFixed(2)} mm`)
      else t.ok(Math.abs(rise) < 1e-9, `row ${row}: ${rise.toFixed(2)} mm`)
    }
  }
  t.end()
})

test('a real head has offsets per zone and a tilt; without them its tray is a plane within the noise', (t) => {
  const scene = new Scene({ seed: 5 })
  const frames = Array.from({ length: 300 }, () => scene.look(64, WARM))
  const rest: number[] = []
  for (let zone = 0; zone < 64; zone += 1) {
    const measured = mean(frames.map((frame) => echo(frame, zone).rangeMm))
    const fall = 1 + scene.slope.x * (TANGENTS.x[zone] ?? 0) + scene.slope.y * (TANGENTS.y[zone] ?? 0)
    rest.push(measured - (scene.head.offsetMm[zone] ?? 0) - 320 / fall)
  }
  t.ok(deviation([...scene.head.offsetMm]) > 1.5, 'offsets of a few millimetres')
  t.ok(Math.max(...scene.head.offsetMm.map(Math.abs)) <= RANGING.zoneOffsetLimitMm)
  t.ok(Math.abs(scene.slope.x) < 0.015 && Math.abs(scene.slope.y) < 0.015)
  t.ok(Math.abs(mean(rest)) < 0.05, `mean ${mean(rest).toFixed(3)} mm`)
  t.ok(Math.max(...rest.map(Math.abs)) < 0.6, `worst ${Math.max(...rest.map(Math.abs)).toFixed(3)} mm`)
  t.end()
})

test('noise is shot noise over a floor, as the constants say', (t) => {
  const scene = new Scene({ seed: 9 })
  scene.show(scene.prepare(partOf()))
  const frames = Array.from({ length: 600 }, () => scene.look(64, WARM))
  const ratios = { range: [] as number[], signal: [] as number[], ambient: [] as number[] }
  for (let zone = 0; zone < 64; zone += 1) {
    const echoes = frames.map((frame) => echo(frame, zone))
    const signal = mean(echoes.map((one) => one.signalKcpsPerSpad))
    const ambient = mean(frames.map((frame) => frame.ambientKcpsPerSpad[zone] ?? 0))
    const spads = (frames[0]?.spads[zone] ?? 0) / RANGING.spadUnit
    // Counts of the pulse and of what lies under it, in 1.3 ms.
    const pulse = signal * spads * RANGING.countingMs
    const relative = Math.sqrt(pulse + ambient * spads * RANGING.countingMs) / pulse
    const range = Math.hypot(RANGING.rangeFloorMm, RANGING.pulseRmsMm * relative)
    ratios.range.push(deviation(echoes.map((one) => one.rangeMm)) / range)
    const brightness = Math.hypot(RANGING.signalFloor, relative)
    ratios.signal.push(deviation(echoes.map((one) => one.signalKcpsPerSpad)) / (signal * brightness))
    const background = Math.sqrt(ambient / (spads * RANGING.countingMs))
    ratios.ambient.push(deviation(frames.map((frame) => frame.ambientKcpsPerSpad[zone] ?? 0)) / background)
  }
  for (const [name, values] of Object.entries(ratios)) {
    t.ok(Math.abs(mean(values) - 1) < 0.02, `${name}: ${mean(values).toFixed(3)} of the model`)
    t.ok(Math.min(...values) > 0.85 && Math.max(...values) < 1.15, `${name}: in every zone`)
  }
  const centre = deviation(frames.map((frame) => echo(frame, 27).rangeMm))
  t.ok(centre > 0.6 && centre < 2, `about a millimetre at the centre: ${centre.toFixed(2)}`)
  t.end()
})

test('a white perpendicular surface returns what real chips recorded; reflectance is reckoned as they do', (t) => {
  const scene = perfect({ headHeightMm: 500 })
  const seen = echo(scene.look(64, WARM), 27)
  const onAxis = (RANGING.signalAtOneMetre * (RANGING.bedReflectance / 100)) / 0.25
  t.ok(seen.signalKcpsPerSpad < onAxis && seen.signalKcpsPerSpad > 0.95 * onAxis)
  t.ok(Math.abs(seen.reflectancePercent - 100 * ((seen.signalKcpsPerSpad * 0.25) / 191)) < 1e-9)
  t.end()
})

test('what is far or dark is doubtful or gone, and said so', (t) => {
  const far = perfect({ headHeightMm: 12_000 }).look(64, WARM)
  t.equal(echo(far, 27).status, 1, 'too weak')
  t.same(far.echoes[0], [], 'the corner sees nothing')
  const near = perfect({ headHeightMm: 3200 }).look(64, WARM)
  t.equal(echo(near, 27).status, 5)
  t.ok(echo(near, 27).sigmaMm > 10, 'a wide estimate at 3.2 m')
  t.end()
})

test('a zone on the edge mixes body and tray by their light, smoothly as the edge moves through it', (t) => {
  const scene = perfect()
  const xs = Array.from({ length: 41 }, (_, i) => i - 20)
  const seen = xs.map((xMm) => ranges(scene, partOf({ xMm }))[8 * 3 + 6] ?? 0)
  const [first = 0] = seen
  t.ok(first > 319.9, 'tray')
  t.ok((seen.at(-1) ?? 0) < 319 && (seen.at(-1) ?? 0) > 250, 'partly body')
  const steps = seen.slice(1).map((range, i) => (seen[i] ?? 0) - range)
  t.ok(Math.max(...steps) < 5, `no jump from tray to body: ${Math.max(...steps).toFixed(1)} mm at most`)
  t.ok(Math.min(...steps) > -1e-9, 'only nearer')
  const status = [0, 10, 20, 30, 40].flatMap((rotationDeg) => {
    scene.show(scene.prepare(partOf({ rotationDeg })))
    return scene.look(64, WARM).echoes.map(([one]) => one?.status)
  })
  const merged = status.filter((one) => one === 9).length
  t.ok(merged > 0 && merged < 20, `a footprint over all the flank is a merged pulse: ${merged} of ${5 * 15}`)
  t.equal(status.filter((one) => one === 5).length, status.length - merged)
  t.end()
})

test('the volume seen through the cone of rays is the true one, within what 64 zones allow', (t) => {
  const scene = perfect()
  const zoneArea = 0.106 ** 2
  for (const spec of [{}, { rotationDeg: 45, xMm: 6, yMm: -4 }, { heightMm: 50, rotationDeg: 20 }]) {
    const part = partOf(spec)
    const seen = ranges(scene, part).reduce((sum, range) => sum + ((320 ** 3 - range ** 3) / 3) * zoneArea, 0)
    const error = seen / part.truth.volumeMm3 - 1
    // The head sees no overhang: the shadow behind the flanks counts as body, dim flanks count less than they cover.
    t.ok(error > -0.1 && error < 0.2, `${(100 * error).toFixed(1)} %`)
  }
  t.end()
})

test('a defect shows in the zone where it stands', (t) => {
  const scene = perfect()
  const plain = ranges(scene, partOf({ rotationDeg: 45 }))
  for (const [uMm, vMm] of [
    [0, 0],
    [35, 5],
    [-30, -12],
  ] as const) {
    const at = { uMm, vMm, radiusMm: 20 }
    const bump = partOf({ rotationDeg: 45, defects: [{ type: 'foreign_body', ...at, change: 20 }] })
    const dent = partOf({ rotationDeg: 45, defects: [{ type: 'deformation', ...at, change: -15 }] })
    const [defect] = bump.truth.defects
    const height = heightAt(bump.pose.surface, uMm, vMm)
    const zone = zoneAt(defect?.xMm ?? 0, defect?.yMm ?? 0, height)
    const raised = ranges(scene, bump).map((range, i) => (plain[i] ?? 0) - range)
    const sunk = ranges(scene, dent).map((range, i) => range - (plain[i] ?? 0))
    t.ok((raised[zone] ?? 0) > 2.5, `${raised[zone]?.toFixed(1)} mm nearer in zone ${zone}`)
    t.ok((sunk[zone] ?? 0) > 2, `${sunk[zone]?.toFixed(1)} mm farther in zone ${zone}`)
    t.ok((raised[zone] ?? 0) > 0.7 * Math.max(...raised))
    const corner = 0
    t.equal(raised[corner], 0)
  }
  const spot = partOf({
    defects: [{ type: 'optical_inconsistency', uMm: 0, vMm: 0, radiusMm: 30, change: -30 }],
  })
  const reflectance = (part: Part): number => {
    scene.show(scene.prepare(part))
    return echo(scene.look(64, WARM), 27).reflectancePercent
  }
  t.ok(reflectance(spot) < 0.8 * reflectance(partOf()), 'and a dark spot in its reflectance')
  t.end()
})

test('a zone of 4x4 is what its four zones of 8x8 see together, with their SPADs', (t) => {
  const scene = perfect()
  const part = partOf({ rotationDeg: 30 })
  const fine = ranges(scene, part)
  const coarse = ranges(scene, part, 16)
  for (let zone = 0; zone < 16; zone += 1) {
    const origin = 16 * Math.floor(zone / 4) + 2 * (zone % 4)
    const four = [0, 1, 8, 9].map((step) => fine[origin + step] ?? 0)
    const range = coarse[zone] ?? 0
    t.ok(range >= Math.min(...four) - 1e-9 && range <= Math.max(...four) + 1e-9)
  }
  t.ok((scene.look(16, WARM).spads[0] ?? 0) > (scene.look(64, WARM).spads[0] ?? 0))
  t.end()
})

test('one seed is one station: same frames and light again; another seed is another', (t) => {
  const record = (seed: number, lookTwice = false): unknown => {
    const scene = new Scene({ seed, tray: TRAY })
    scene.show(scene.prepare(partOf()))
    if (lookTwice) scene.light(0, 0)
    return [scene.look(64, 0), scene.look(16, 66)].map((view) => ({
      ...view,
      spads: [...Array.from(view.spads)],
    }))
  }
  t.strictSame(record(3), record(3))
  t.strictSame(record(3), record(3, true), 'one head’s noise does not depend on the other’s')
  t.not(JSON.stringify(record(3)), JSON.stringify(record(4)))
  const light = (seed: number): unknown => new Scene({ seed }).light(0, 0)
  t.strictSame(light(3), light(3))
  t.notSame(light(3), light(4))
  t.end()
})

test('the silicon warms up, and the ranges drift with it', (t) => {
  const scene = new Scene({ seed: 1, headErrors: 0 })
  const seen = (at: number): number => {
    const frames = Array.from({ length: 400 }, () => scene.look(64, at))
    return mean(frames.flatMap((frame) => frame.echoes.map(([one]) => one?.rangeMm ?? 0)))
  }
  t.equal(scene.look(64, 0).siliconTemperatureC, RANGING.siliconStartC)
  t.ok(Math.abs(scene.look(64, WARM).siliconTemperatureC - RANGING.siliconEndC) < 0.01)
  const drift = seen(WARM) - seen(0)
  const expected = RANGING.driftMmPerK * (RANGING.siliconEndC - RANGING.siliconStartC)
  t.ok(Math.abs(drift - expected) < 0.04, `${drift.toFixed(3)} mm, expected ${expected.toFixed(3)}`)
  t.end()
})

test('the ideal product gives the reference counts; age, oxidation, fat and temperature change them', (t) => {
  const scene = perfect()
  const light = (spec: Partial<PartSpec>): Record<Photodiode, number> => {
    scene.show(scene.prepare(partOf({ temperatureC: 25, ambientCounts: 0, ...spec })))
    return scene.light(0, 0)
  }
  const ideal = light({})
  const aged = light({ fresh: 0.4 })
  const oxidised = light({ oxidation: 0.5 })
  const lean = light({ fat: 0.5 })
  const cold = light({ temperatureC: 15 })
  const close = (value: number, expected: number, what: string): void => {
    t.ok(Math.abs(value / expected - 1) < 1e-9, what)
  }
  for (const channel of LIGHT_CHANNELS) {
    const { reference, ageing, oxidation } = SPECTRAL.channels[channel]
    const base = reference / 100
    close(ideal[channel], base, `${channel} reference`)
    close(aged[channel], base * (1 + 0.6 * ageing), `${channel} aged`)
    close(oxidised[channel], base * (1 + 0.5 * oxidation), `${channel} oxidised`)
    close(lean[channel], channel === 'F6' || channel === 'F7' ? 0.85 * base : base, `${channel} lean`)
    close(cold[channel], base * 0.99, `${channel} cold`)
  }
  const bright = light({ ambientCounts: 120 })
  close(bright.Clear, 65 + 1.2, 'ambient light adds to Clear')
  close(bright.F1, 4, 'and to nothing else')
  t.ok(ideal.Flicker < 0.02 && ideal.Dark < 1e-4)
  t.end()
})

test('the empty tray has a spectrum of its own, brighter than any product and within range at gain 4', (t) => {
  const scene = perfect()
  const tray = scene.light(0, 0)
  scene.show(scene.prepare(partOf()))
  const product = scene.light(0, 0)
  const fullScalePerMs = 1 / 0.00278
  for (const channel of LIGHT_CHANNELS) {
    t.ok(tray[channel] > product[channel], channel)
    t.ok(tray[channel] * 4 < 0.95 * fullScalePerMs, `${channel} not saturated`)
  }
  t.ok(tray.F1 / product.F1 > tray.F8 / product.F8, 'the product is redder than the tray')
  t.end()
})

test('the station’s lamp always burns; the chip’s own is dark until it is driven, and proportional', (t) => {
  const own = perfect({ lamp: 'chip' })
  t.equal(own.light(0, 0).F5, 0)
  t.equal(own.light(0, 0).Clear, SPECTRAL.ambientCounts / 100, 'only ambient light')
  t.ok(Math.abs(own.light(0, 40).F5 / own.light(0, 20).F5 - 2) < 1e-9)
  t.equal(perfect().light(0, 0).F5, own.light(0, SPECTRAL.lampMa).F5)
  t.end()
})

test('light has its noise, ripple and slow drift', (t) => {
  const scene = new Scene({ seed: 2 })
  const samples = Array.from({ length: 4000 }, () => scene.light(0, 0))
  const f1 = samples.map((sample) => sample.F1)
  const expected = Math.hypot(SPECTRAL.noise, SPECTRAL.ripple * mean(f1))
  t.ok(Math.abs(deviation(f1) / expected - 1) < 0.05)
  const levels = Array.from({ length: 60 }, (_, i) => {
    const at = (i * SPECTRAL.driftPeriodMs) / 60
    return mean(Array.from({ length: 50 }, () => scene.light(at, 0).F4))
  })
  const swing = (Math.max(...levels) - Math.min(...levels)) / mean(levels) / 2
  t.ok(Math.abs(swing - SPECTRAL.driftAmplitude) < 0.001, `±${(100 * swing).toFixed(2)} %`)
  t.end()
})
