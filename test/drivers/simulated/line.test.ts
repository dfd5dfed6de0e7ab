import { test } from 'tap'
import { drawPart } from '../../../drivers/simulated/draw.ts'
import { SimulatedLine } from '../../../drivers/simulated/line.ts'
import { type PartTruth, type PresentPart, partOf } from '../../../drivers/simulated/parts.ts'
import {
  PROFILES,
  profileNamed,
  QUALITIES,
  QUALITY_TABLE,
  type Quality,
} from '../../../drivers/simulated/profiles.ts'
import { Random } from '../../../drivers/simulated/random.ts'
import { heightAt } from '../../../drivers/simulated/scene-surface.ts'
import type { RangeView } from '../../../drivers/simulated/vl53l8ch-scene.ts'

const STANDARD = profileNamed('foiegras_standard_barquette')
const PLAIN = profileNamed('foiegras_standard_seul')

function draw(count: number, profile = STANDARD, seed = 11): PresentPart[] {
  return Array.from({ length: count }, (_, i) => drawPart(profile, new Random(seed, i), i).truth)
}

function isShape({ type }: PresentPart['defects'][number]): boolean {
  return type !== 'optical_inconsistency'
}

const PARTS = draw(5000)

test('random numbers repeat with their seed and are independent between streams', (t) => {
  const numbers = (random: Random): number[] => Array.from({ length: 20_000 }, () => random.uniform())
  const one = numbers(new Random(1, 2))
  t.strictSame(one, numbers(new Random(1, 2)))
  for (const other of [
    new Random(1, 3),
    new Random(2, 2),
    new Random(1),
    new Random(1, 2, 0),
    new Random(1 + 2 ** 40, 2),
  ]) {
    const two = numbers(other)
    const covariance = one.reduce((sum, x, i) => sum + (x - 0.5) * ((two[i] ?? 0) - 0.5), 0) / one.length
    t.ok(Math.abs(covariance * 12) < 0.03)
  }
  t.ok(Math.abs(one.reduce((sum, x) => sum + x, 0) / one.length - 0.5) < 0.01)
  const normal = new Random(5)
  const values = Array.from({ length: 20_000 }, () => normal.normal())
  const moment = (power: number): number => values.reduce((sum, x) => sum + x ** power, 0) / values.length
  t.ok(Math.abs(moment(1)) < 0.03)
  t.ok(Math.abs(moment(2) - 1) < 0.05)
  t.ok(Math.abs(moment(4) - 3) < 0.3)
  t.end()
})

test('5,000 drawn parts follow the quality table', (t) => {
  for (const quality of QUALITIES) {
    const { weight, expectedGrade, fresh, oxidation, temperatureC, thicknessVariationMm } =
      QUALITY_TABLE[quality]
    const of = PARTS.filter((part) => part.quality === quality)
    const spread = Math.sqrt((weight * (1 - weight)) / PARTS.length)
    t.ok(
      Math.abs(of.length / PARTS.length - weight) < 3.5 * spread,
      `${quality}: ${of.length} of ${PARTS.length}`,
    )
    const within = (values: number[], { min, max, mean }: typeof fresh, tolerance: number): void => {
      t.ok(values.every((value) => value >= min && value <= max))
      const average = values.reduce((sum, value) => sum + value, 0) / values.length
      t.ok(Math.abs(average - mean) < tolerance, `mean ${average.toFixed(3)}, expected ${mean}`)
    }
    within(
      of.map((part) => part.fresh),
      fresh,
      0.02,
    )
    within(
      of.map((part) => part.fat),
      fresh,
      0.02,
    )
    within(
      of.map((part) => part.oxidation),
      oxidation,
      0.02,
    )
    within(
      of.map((part) => part.temperatureC),
      temperatureC,
      0.3,
    )
    within(
      of.map((part) => part.thicknessVariationMm),
      thicknessVariationMm,
      0.1,
    )
    t.ok(of.every((part) => part.expectedGrade === expectedGrade))
  }
  t.end()
})

test('sizes, places and rotations are the recipe’s', (t) => {
  const parts = PARTS
  const regular = parts.filter(({ quality }) => quality !== 'low' && quality !== 'defective')
  const small = parts.filter(({ quality }) => quality === 'low' || quality === 'defective')
  const near = (value: number, nominal: number, tolerance: number): boolean =>
    Math.abs(value / nominal - 1) <= tolerance
  t.ok(regular.every((part) => near(part.lengthMm, 170, 0.061) && near(part.widthMm, 85, 0.061)))
  t.ok(regular.every((part) => near(part.volumeMm3, (Math.PI / 6) * part.lengthMm * part.widthMm * 80, 0.12)))
  t.ok(small.every((part) => part.volumeMm3 < 700_000 && part.volumeMm3 > 100_000))
  const mean = regular.reduce((sum, part) => sum + part.volumeMm3, 0) / regular.length
  t.ok(near(mean, 605_000, 0.005), `${(mean / 1000).toFixed(1)} cm³ on average`)
  t.ok(parts.every((part) => Math.abs(part.xMm) <= 10 && Math.abs(part.yMm) <= 10))
  t.ok(parts.every((part) => part.rotationDeg >= 22.5 && part.rotationDeg <= 67.5))
  t.ok(parts.every((part) => part.reflectancePercent >= 35 && part.reflectancePercent <= 60))
  t.end()
})

test('the relief is as rough as the truth says', (t) => {
  const ratios: number[] = []
  for (let i = 0; i < 60; i += 1) {
    const { truth, pose } = drawPart(PLAIN, new Random(21, i), i)
    if (truth.defects.length > 0) continue
    const { semiU, semiV, height } = pose.surface.shape
    let sum = 0
    let count = 0
    for (let u = 1 - semiU; u < semiU; u += 2) {
      for (let v = 1 - semiV; v < semiV; v += 2) {
        const rest = 1 - (u / semiU) ** 2 - (v / semiV) ** 2
        if (rest <= 0) continue
        sum += (heightAt(pose.surface, u, v) - height * Math.sqrt(rest)) ** 2
        count += 1
      }
    }
    ratios.push(Math.sqrt(sum / count) / truth.thicknessVariationMm)
  }
  const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length
  t.ok(mean > 0.9 && mean < 1.1, `${mean.toFixed(2)} of the truth's, fine roughness on top`)
  t.end()
})

test('only defective parts and a few low ones carry defects of shape', (t) => {
  for (const parts of [PARTS, draw(2000, PLAIN)]) {
    const shaped = (quality: Quality): PresentPart[] =>
      parts.filter((part) => part.quality === quality && part.defects.some(isShape))
    for (const quality of ['premium', 'good', 'acceptable'] as const) t.equal(shaped(quality).length, 0)
    const count = (quality: Quality): number => parts.filter((part) => part.quality === quality).length
    t.equal(shaped('defective').length, count('defective'), 'every defective part')
    const share = shaped('low').length / count('low')
    t.ok(share > 0.08 && share < 0.23, `${(100 * share).toFixed(0)} % of the low ones`)
    t.notOk(shaped('low').some((part) => part.defects.some(({ type }) => type === 'foreign_body')))
  }
  t.end()
})

test('a profile’s fixed defects stand in its defective parts, on the product', (t) => {
  const [part] = PARTS.filter(({ quality }) => quality === 'defective')
  t.match(part?.defects, [
    { type: 'foreign_body', heightChangeMm: 15 },
    { type: 'deformation', heightChangeMm: -10 },
  ])
  const all = draw(50, profileNamed('foiegras_defectueux'))
  t.ok(all.every(({ expectedGrade }) => expectedGrade === 'REJECT'))
  for (const { defects, xMm, yMm, lengthMm } of all) {
    t.equal(defects.filter(({ type }) => type === 'edge_damage').length, 5, 'severity 0.8: five bites of six')
    for (const defect of defects) t.ok(Math.hypot(defect.xMm - xMm, defect.yMm - yMm) < lengthMm / 2)
  }
  t.end()
})

test('every profile draws parts that a head at 320 mm sees', (t) => {
  t.same(Object.keys(PROFILES), [
    'foiegras_standard_barquette',
    'foiegras_demo_barquette',
    'foiegras_standard_seul',
    'foiegras_micuit',
    'foiegras_bloc',
    'foiegras_haute_resolution',
    'foiegras_irregular',
    'foiegras_defectueux',
  ])
  for (const name of Object.keys(PROFILES)) {
    for (const part of draw(30, profileNamed(name))) {
      t.ok(part.volumeMm3 > 90_000 && part.heightMm < 120, name)
      t.ok(Math.hypot(part.xMm, part.yMm) + part.lengthMm / 2 < 0.41 * 320, `${name} lies within the field`)
    }
  }
  t.throws(() => profileNamed('foiegras_premium'), /no profile foiegras_premium; there are foiegras_standard/)
  t.end()
})

test('the line starts with the empty tray, brings parts, and can be cleared', (t) => {
  const line = new SimulatedLine({ seed: 1, emptyRate: 0, noise: 0, headErrors: 0 })
  const centre = (): number => line.scene.look(64, 1e7).echoes[27]?.[0]?.rangeMm ?? 0
  t.ok(Math.abs(centre() - 320) < 1e-9)
  const truth = line.next()
  t.equal(truth.number, 1)
  t.ok(truth.present && centre() < 260, 'a part stands there')
  line.clear()
  t.ok(Math.abs(centre() - 320) < 1e-9)
  t.equal(line.next().number, 2)
  const own = line.place(partOf({ number: 77, heightMm: 40 }))
  t.equal(own.number, 77)
  t.ok(centre() > 279 && centre() < 290)
  t.throws(() => line.place(partOf({ heightMm: 330 })), /part 330 mm high under a head at 320 mm/)
  t.end()
})

test('same seed, same parts, whatever was measured between; another seed, other parts', (t) => {
  const truths = (seed: number, looks: number): unknown[] => {
    const line = new SimulatedLine({ seed })
    return Array.from({ length: 40 }, () => {
      for (let look = 0; look < looks; look += 1) line.scene.look(64, look)
      return line.next()
    })
  }
  t.strictSame(truths(8, 0), truths(8, 3))
  t.notSame(truths(8, 0), truths(9, 0))
  t.end()
})

test('now and then a tray comes empty, and the truth says so', (t) => {
  const line = new SimulatedLine({ seed: 4, emptyRate: 0.3, noise: 0 })
  const bare = line.scene.look(64, 1e7)
  let empty = 0
  for (let i = 0; i < 300; i += 1) {
    const truth = line.next()
    if (truth.present) continue
    empty += 1
    t.strictSame(truth, { number: i + 1, present: false, tray: true })
    t.strictSame(line.scene.look(64, 1e7).echoes, bare.echoes)
  }
  t.ok(empty > 60 && empty < 120, `${empty} of 300`)
  const always = new SimulatedLine({ seed: 4, emptyRate: 0 })
  t.ok(Array.from({ length: 200 }, () => always.next()).every(({ present }) => present))
  t.end()
})

test('a repeated pool goes round with the same parts', (t) => {
  const line = new SimulatedLine({ seed: 6, noise: 0 })
  t.equal(line.next().number, 1)
  line.repeat(5)
  const round = (): { truth: PartTruth; view: RangeView }[] =>
    Array.from({ length: 5 }, () => ({ truth: line.next(), view: line.scene.look(64, 1e7) }))
  const once = round()
  t.strictSame(once, round())
  t.notSame(once.at(0)?.view.echoes, once.at(1)?.view.echoes)
  t.strictSame(
    once.map(({ truth }) => truth.number),
    [2, 3, 4, 5, 6],
  )
  t.throws(() => line.repeat(0), /cannot repeat 0 positions/)
  t.end()
})
