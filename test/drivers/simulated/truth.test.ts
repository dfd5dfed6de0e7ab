import { test } from 'tap'
import { drawPart } from '../../../drivers/simulated/draw.ts'
import { withDefect } from '../../../drivers/simulated/draw-study.ts'
import { LIGHT_CHANNELS, type LightChannel, SPECTRAL } from '../../../drivers/simulated/optics.ts'
import { type Part, type PartSpec, partOf } from '../../../drivers/simulated/parts.ts'
import { profileNamed } from '../../../drivers/simulated/profiles.ts'
import { Random } from '../../../drivers/simulated/random.ts'
import { Scene } from '../../../drivers/simulated/scene.ts'
import { heightAt } from '../../../drivers/simulated/scene-surface.ts'
import { labOf, xyzUnderD65 } from '../../../drivers/simulated/truth-colour.ts'
import { truthLine } from '../../../drivers/simulated/truth-json.ts'
import { heightMapOf } from '../../../drivers/simulated/truth-map.ts'

function near(value: number, expected: number, relative: number): boolean {
  return Math.abs(value / expected - 1) <= relative
}

function grey(level: number): Record<LightChannel, number> {
  return {
    F1: level,
    F2: level,
    F3: level,
    F4: level,
    F5: level,
    F6: level,
    F7: level,
    F8: level,
    NIR: level,
    Clear: level,
  }
}

/** The height field summed on a grid ten times as fine as the zones' rays are apart. */
function summed({ pose }: Part, stepMm = 0.25): number {
  const { semiU, semiV } = pose.surface.shape
  let sum = 0
  for (let u = stepMm / 2 - semiU; u < semiU; u += stepMm) {
    for (let v = stepMm / 2 - semiV; v < semiV; v += stepMm) sum += heightAt(pose.surface, u, v)
  }
  return sum * stepMm ** 2
}

test('volume is the integral of the field that rays meet, mass is volume by density', (t) => {
  for (const name of ['foiegras_standard_seul', 'foiegras_defectueux', 'foiegras_irregular']) {
    for (let number = 1; number <= 3; number += 1) {
      const part = drawPart(profileNamed(name), new Random(31, number), number)
      const { volumeMm3, massG } = part.truth
      t.ok(
        near(volumeMm3, summed(part), 2e-4),
        `${name}: ${(1e6 * (volumeMm3 / summed(part) - 1)).toFixed(0)} ppm`,
      )
      t.ok(near(massG, (0.947 * volumeMm3) / 1000, 1e-12))
    }
  }
  t.ok(
    near(
      partOf({ densityGPerCm3: 1.05 }).truth.massG,
      (1.05 * (2 / 3) * Math.PI * 85 * 42.5 * 80) / 1000,
      1e-12,
    ),
  )
  t.end()
})

test('white under D65 is the published one; greys have no colour', (t) => {
  // CIE 15: X 95.04, Y 100, Z 108.88 for the 2° observer; the 10 nm between our samples cost the rest.
  const [x, y, z] = xyzUnderD65(() => 1)
  t.ok(Math.abs(x - 95.04) < 0.1 && y === 100 && Math.abs(z - 108.88) < 0.1, `${x} ${y} ${z}`)
  for (const [level, lightness] of [
    [1, 100],
    [0.1842, 50],
    [0.005, 0.005 * 903.3],
  ] as const) {
    const { l, a, b } = labOf(grey(level))
    t.ok(Math.abs(l - lightness) < 0.02, `${level}: L* ${l.toFixed(2)}`)
    t.ok(Math.hypot(a, b) < 1e-9)
  }
  t.ok(labOf({ ...grey(0.5), F7: 0.7, F8: 0.7 }).a > 5, 'more long waves: red')
  t.ok(labOf({ ...grey(0.5), F1: 0.3, F2: 0.3 }).b > 10, 'fewer short ones: yellow')
  t.end()
})

test('the colour in the truth is that of the light that the scene returns', (t) => {
  const scene = new Scene({ seed: 1, noise: 0, headErrors: 0 })
  const tray = scene.light(0, 0)
  const part = partOf({ fresh: 0.7, fat: 0.6, oxidation: 0.3, temperatureC: 25, ambientCounts: 100 })
  scene.show(scene.prepare(part))
  const light = scene.light(0, 0)
  const room = SPECTRAL.ambientCounts / SPECTRAL.referenceMs
  for (const channel of LIGHT_CHANNELS) {
    const dark = channel === 'Clear' ? room : 0
    const seen = (SPECTRAL.trayReflectance * (light[channel] - dark)) / (tray[channel] - dark)
    t.ok(near(seen, part.truth.channelReflectance[channel], 1e-9), channel)
  }
  t.same(part.truth.lab, labOf(part.truth.channelReflectance))
  t.same(
    partOf({ temperatureC: 15 }).truth.lab,
    partOf({ temperatureC: 25 }).truth.lab,
    'warmth is no colour',
  )
  const { l, a, b } = partOf().truth.lab
  t.ok(
    l > 75 && l < 90 && b > 8 && Math.abs(a) < 10,
    `an ivory product: ${l.toFixed(1)} ${a.toFixed(1)} ${b.toFixed(1)}`,
  )
  t.end()
})

test('a defect’s truth says what it really does to the field', (t) => {
  const cone = (radiusMm: number, change: number): number => (Math.PI * radiusMm ** 2 * change) / 3
  for (const [type, change] of [
    ['foreign_body', 12],
    ['deformation', -12],
  ] as const) {
    const whole = partOf({ rotationDeg: 30 })
    const part = withDefect(whole, { type, radiusMm: 20, change, uMm: 10, vMm: -5 })
    const [defect] = part.truth.defects
    if (defect === undefined) throw new Error('no defect')
    t.ok(
      near(defect.volumeMm3, cone(20, change), 0.02),
      `${type}: ${defect.volumeMm3.toFixed(0)} mm³ of a cone`,
    )
    t.ok(near(defect.reachedMm, change, 0.15), `${defect.reachedMm.toFixed(1)} mm of ${change}`)
    t.ok(near(part.truth.volumeMm3 - whole.truth.volumeMm3, defect.volumeMm3, 0.01))
    t.equal(defect.heightChangeMm, change)
  }
  const bitten = withDefect(partOf(), { type: 'edge_damage', radiusMm: 15, change: -20, uMm: 80 })
  const bite = bitten.truth.defects[0]
  t.ok(
    (bite?.reachedMm ?? 0) > -20 && (bite?.volumeMm3 ?? 0) > cone(15, -20),
    'no deeper than the body is there',
  )
  const dark = withDefect(partOf(), { type: 'optical_inconsistency', radiusMm: 15, change: -20 })
  t.match(dark.truth.defects, [{ reachedMm: 0, volumeMm3: 0, reflectanceChange: -20 }])
  t.equal(dark.truth.volumeMm3, partOf().truth.volumeMm3)
  t.end()
})

test('one defect more, all else as it was', (t) => {
  const good = drawPart(profileNamed('foiegras_standard_seul'), new Random(5, 1), 1)
  const part = withDefect(good, { type: 'foreign_body', radiusMm: 10, change: 8 })
  t.equal(part.truth.defects.length, good.truth.defects.length + 1)
  t.same(
    [part.truth.fresh, part.truth.lab, part.truth.xMm, part.glow],
    [good.truth.fresh, good.truth.lab, good.truth.xMm, good.glow],
  )
  t.ok(heightAt(part.pose.surface, 0, 0) > heightAt(good.pose.surface, 0, 0) + 6)
  t.equal(heightAt(part.pose.surface, 40, 0), heightAt(good.pose.surface, 40, 0))
  t.equal(
    withDefect(part, { type: 'deformation', radiusMm: 9, change: -4, uMm: -30 }).truth.defects.length,
    2,
  )
  for (const [wrong, message] of [
    [{ type: 'foreign_body', radiusMm: 0, change: 8 }, /radiusMm: 0: expected more than 0 mm/],
    [{ type: 'foreign_body', radiusMm: 5, change: -8 }, /change: -8: expected more than 0 mm/],
    [{ type: 'deformation', radiusMm: 5, change: 8 }, /change: 8: expected less than 0 mm/],
    [{ type: 'deformation', radiusMm: 5, change: Number.NaN }, /change: NaN: expected less/],
    [{ type: 'optical_inconsistency', radiusMm: 5, change: 0 }, /change: 0: expected −100…100 %/],
    [{ type: 'deformation', radiusMm: 5, change: -8, uMm: 90 }, /\(90, 0\) mm: expected a place on the base/],
  ] as const) {
    t.throws(() => withDefect(good, wrong), message)
  }
  t.end()
})

test('the height map lies where the part lies, and its sum is the volume', (t) => {
  const spec: Partial<PartSpec> = { xMm: 12, yMm: -7, rotationDeg: 30 }
  const part = withDefect(partOf(spec), { type: 'foreign_body', radiusMm: 15, change: 20, uMm: 40 })
  for (const pitchMm of [2, 5, 12.5]) {
    const map = heightMapOf(part, pitchMm)
    const sum = map.heightMm.reduce((total, height) => total + height, 0)
    t.ok(near(sum * pitchMm ** 2, part.truth.volumeMm3, 1e-3), `${pitchMm} mm: ${map.columns} × ${map.rows}`)
    let [momentX, momentY] = [0, 0]
    const plain = heightMapOf(partOf(spec), pitchMm)
    plain.heightMm.forEach((height, cell) => {
      momentX += height * (plain.xMm + (cell % plain.columns) * pitchMm)
      momentY += height * (plain.yMm + Math.floor(cell / plain.columns) * pitchMm)
    })
    const total = plain.heightMm.reduce((all, height) => all + height, 0)
    t.ok(
      Math.abs(momentX / total - 12) < 0.05 && Math.abs(momentY / total + 7) < 0.05,
      'centred on its place',
    )
  }
  const map = heightMapOf(part, 1)
  const [bump] = part.truth.defects
  const column = Math.round((bump?.xMm ?? 0) - map.xMm)
  const row = Math.round((bump?.yMm ?? 0) - map.yMm)
  const plain = heightMapOf(partOf(spec), 1)
  const rise =
    (map.heightMm[row * map.columns + column] ?? 0) - (plain.heightMm[row * plain.columns + column] ?? 0)
  t.ok(rise > 15, `${rise.toFixed(1)} mm where the truth has the bump`)
  t.throws(() => heightMapOf(part, 0), /pitchMm: 0: expected more than 0/)
  t.end()
})

test('a line of truth is JSON in snake_case', (t) => {
  const part = withDefect(partOf({ number: 4 }), { type: 'deformation', radiusMm: 15, change: -9 })
  const line = truthLine(part.truth, {
    belt: { mmPerS: 100, fromMm: -220 },
    heightMap: heightMapOf(part, 10),
  })
  const truth: unknown = JSON.parse(line)
  t.match(truth, {
    schema: 'poincon.truth/1',
    number: 4,
    present: true,
    tray: false,
    expected_grade: 'A+',
    volume_mm3: part.truth.volumeMm3,
    mass_g: part.truth.massG,
    density_g_per_cm3: 0.947,
    lab: part.truth.lab,
    channel_reflectance: { F1: 0.36, NIR: 0.6, Clear: 0.62 },
    defects: [
      { type: 'deformation', radius_mm: 15, height_change_mm: -9, reached_mm: Number, volume_mm3: Number },
    ],
    belt: { mm_per_s: 100, from_mm: -220 },
    height_map: { pitch_mm: 10, columns: 18, rows: 9 },
  })
  t.notMatch(line.replaceAll(/"(F\d|NIR|Clear|A\+)"/g, ''), /"[a-z]*[A-Z]/)
  t.equal(
    truthLine({ number: 2, present: false, tray: true }),
    '{"schema":"poincon.truth/1","number":2,"present":false,"tray":true}',
  )
  t.end()
})
