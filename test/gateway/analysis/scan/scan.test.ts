import { test } from 'tap'
import { partOf } from '../../../../drivers/simulated/parts.ts'
import { measureScan, type ScanFinding } from '../../../../gateway/analysis/scan/scan.ts'
import type { ScannedSurface } from '../../../../gateway/analysis/scan/surface.ts'
import type { Look } from '../../../../gateway/look.ts'
import type { ShapeRecipe } from '../../../../gateway/recipe.ts'
import { recipeNamed } from '../station.ts'
import { everyMm, type Passing, PassingLine } from './passing.ts'

const SHAPE: ShapeRecipe = recipeNamed('foiegras_standard_seul').shape ?? fail('no shape')
/** Any depth that stands out is a defect. */
const KEEN: ShapeRecipe = {
  ...SHAPE,
  defects: {
    foreignBody: { limitMm: 2, criticalMm: 20, points: 0.1 },
    deformation: { limitMm: 2, criticalMm: 20, points: 0.1 },
    edgeDamage: { limitMm: 2, criticalMm: 20, points: 0.1 },
  },
}
const LINE = new PassingLine({ seed: 41 })
/** A head turned by an eighth: its columns see lines an eighth of a zone apart. */
const TURNED = (Math.atan(1 / 8) * 180) / Math.PI
const MIDDLE: Passing = { travelMm: everyMm(7, 200), alongMm: -100, directionDeg: TURNED }
const PART = partOf({ rotationDeg: 40 })

function fail(detail: string): never {
  throw new Error(detail)
}

function scan(looks: readonly Look[], directionDeg = TURNED, shape = SHAPE): ScanFinding {
  return measureScan(looks, LINE.tray, shape, { directionDeg, speedSpread: 0.02 })
}

function surfaceOf(looks: readonly Look[], directionDeg = TURNED, shape = SHAPE): ScannedSurface {
  const { surface, reason } = scan(looks, directionDeg, shape)
  return surface ?? fail(`no surface: ${reason}`)
}

const relative = (value: number, truth: number): number => value / truth - 1

test('volume, size and place of a part that passes, whichever way the belt runs', (t) => {
  for (const directionDeg of [TURNED, -97]) {
    const looks = LINE.looks(PART, { ...MIDDLE, directionDeg, acrossMm: 6 })
    const { volumeMm3, outline, heightVariationMm } = surfaceOf(looks, directionDeg)
    const off = relative(volumeMm3.estimate, PART.truth.volumeMm3)
    t.ok(Math.abs(off) < 0.02, `${directionDeg}°: volume ${off}`)
    t.ok(Math.abs(off) < 4 * relative(volumeMm3.estimate + volumeMm3.std, volumeMm3.estimate), 'as stated')
    const angle = (directionDeg * Math.PI) / 180
    const x = -100 * Math.cos(angle) - 6 * Math.sin(angle)
    const y = -100 * Math.sin(angle) + 6 * Math.cos(angle)
    // The point below a head that hangs askew by half a degree is 3 mm off its axis.
    t.ok(Math.hypot(outline.xMm - x, outline.yMm - y) < 6, 'place at the trigger')
    t.ok(Math.abs(outline.lengthMm - 170) < 4 && Math.abs(outline.widthMm - 85) < 4, 'size')
    t.ok(Math.abs(outline.rotationRad - (40 * Math.PI) / 180) < 0.04, 'rotation')
    t.ok(heightVariationMm < 1.5, 'smooth')
  }
  t.end()
})

test('the same looks give the same numbers, to the bit', (t) => {
  const looks = LINE.looks(PART, MIDDLE)
  t.same(scan(looks), scan(looks))
  t.end()
})

test('a pit and a bump are told apart, each where it is', (t) => {
  const part = partOf({
    rotationDeg: 30,
    defects: [
      { type: 'deformation', uMm: -40, vMm: 4, radiusMm: 20, change: -18 },
      { type: 'foreign_body', uMm: 35, vMm: -8, radiusMm: 18, change: 18 },
    ],
  })
  const { defects } = surfaceOf(LINE.looks(part, { ...MIDDLE, directionDeg: 0 }), 0, KEEN)
  for (const truth of part.truth.defects) {
    const found = defects.find(({ type }) => type === truth.type) ?? fail(`no ${truth.type}`)
    const [x, y] = found.placeMm
    t.ok(Math.hypot(x - truth.xMm + 100, y - truth.yMm) < 14, `${truth.type} at ${found.placeMm}`)
    t.ok(Math.sign(found.depthMm.estimate) === Math.sign(truth.heightChangeMm), 'its sign')
    t.ok(Math.abs(found.depthMm.estimate - truth.heightChangeMm) < 4 * found.depthMm.std, 'its depth')
  }
  t.end()
})

test('a sound part has no defect', (t) => {
  for (const rotationDeg of [25, 65]) {
    const looks = LINE.looks(partOf({ rotationDeg }), MIDDLE)
    t.same(surfaceOf(looks, TURNED, KEEN).defects, [], `${rotationDeg}°`)
  }
  t.end()
})

test('of two parts in view, the one whose middle passes is measured; the other is no foreign body', (t) => {
  const both = LINE.looks(PART, { ...MIDDLE, directionDeg: 0 })
  const behind = LINE.looks(partOf({ lengthMm: 120, rotationDeg: 90 }), {
    ...MIDDLE,
    directionDeg: 0,
    alongMm: -310,
  })
  const merged = both.map((look, i) => nearer(look, behind[i] ?? fail('a look each')))
  const { volumeMm3, defects, outline } = surfaceOf(merged, 0)
  t.ok(Math.abs(relative(volumeMm3.estimate, PART.truth.volumeMm3)) < 0.02, `${volumeMm3.estimate}`)
  t.ok(Math.abs(outline.xMm + 100) < 3)
  t.same(defects, [])
  t.end()
})

/** Both parts at once: of two looks at one belt, each zone sees what stands nearer. */
function nearer(one: Look, other: Look): Look {
  const rangeMm = one.frame.rangeMm.map((range, zone) => Math.min(range, other.frame.rangeMm[zone] ?? range))
  return { ...one, frame: { ...one.frame, rangeMm } }
}

test('nothing on the belt, a part that does not come in, one that is cut off at the side', (t) => {
  const frame = LINE.frame('empty')
  t.equal(scan(everyMm(7, 200).map((beltMm) => ({ frame, beltMm }))).reason, 'no-product')
  t.equal(scan(LINE.looks(PART, { ...MIDDLE, alongMm: -320 })).reason, 'out-of-view', 'comes too late')
  t.equal(scan(LINE.looks(PART, { ...MIDDLE, acrossMm: 120 })).reason, 'out-of-view', 'half beside the field')
  t.equal(
    scan(LINE.looks(PART, { ...MIDDLE, travelMm: everyMm(2, 14), alongMm: -100 })).reason,
    'out-of-view',
    'stood at the edge',
  )
  t.end()
})

test('looks that are missing cost precision; too few are named', (t) => {
  const looks = LINE.looks(PART, MIDDLE)
  const third = surfaceOf(looks.filter((_, i) => i % 3 === 0))
  t.ok(Math.abs(relative(third.volumeMm3.estimate, PART.truth.volumeMm3)) < 0.025)
  t.ok(third.travelScale.std > surfaceOf(looks).travelScale.std, 'and it says so')
  t.equal(scan(looks.slice(0, 5)).reason, 'too-few-looks')
  t.equal(scan([]).reason, 'too-few-looks')
  t.equal(scan(looks.map(({ frame }) => ({ frame }))).reason, 'too-few-looks', 'no travel known')
  t.end()
})

test('a dark or broken head is named', (t) => {
  const blind = (status: number): readonly Look[] =>
    LINE.looks(PART, MIDDLE).map((look) => ({
      ...look,
      frame: { ...look.frame, status: new Float64Array(64).fill(status) },
    }))
  t.equal(scan(blind(255)).reason, 'starved')
  t.equal(scan(blind(13)).reason, 'sensor-corrupt')
  t.equal(
    measureScan(LINE.looks(PART, MIDDLE), undefined, SHAPE, { directionDeg: 0, speedSpread: 0.02 }).reason,
    'not-calibrated',
  )
  t.end()
})

test('a belt that ran 2 % otherwise than told is found out by the looks, and the volume stays', (t) => {
  for (const factor of [0.98, 1.02]) {
    const really = (mm: number): number => 100 + factor * (mm - 100)
    const { volumeMm3, travelScale, outline } = surfaceOf(LINE.looks(PART, { ...MIDDLE, really }))
    t.ok(Math.abs(travelScale.estimate - factor) < 0.008, `${factor}: ${travelScale.estimate}`)
    t.ok(Math.abs(relative(volumeMm3.estimate, PART.truth.volumeMm3)) < 0.02)
    t.ok(Math.abs(outline.lengthMm - 170) < 4)
  }
  t.end()
})

test('a belt that stood, jumped or ran at another speed is uneven', (t) => {
  const stood = (mm: number): number => (mm < 80 ? mm : Math.max(80, mm - 35))
  const jumped = (mm: number): number => (mm < 100 ? mm : mm + 20)
  const faster = (mm: number): number => 100 + 1.15 * (mm - 100)
  for (const really of [stood, jumped]) {
    const { reason, misfit = 0 } = scan(LINE.looks(PART, { ...MIDDLE, really }))
    t.equal(reason, 'belt-uneven', really.name)
    t.ok(misfit > 1, `${misfit}`)
  }
  // Looks of an even belt agree with each other, whatever its speed.
  const { reason, travelScale } = scan(LINE.looks(PART, { ...MIDDLE, really: faster }))
  t.equal(reason, 'belt-uneven')
  t.ok(Math.abs((travelScale?.estimate ?? 0) - 1.15) < 0.02)
  t.end()
})

test('what lies beside the part and is too small for one is a foreign body', (t) => {
  const looks = LINE.looks(PART, { ...MIDDLE, directionDeg: 0 })
  const crumb = LINE.looks(partOf({ lengthMm: 50, widthMm: 50, heightMm: 30 }), {
    ...MIDDLE,
    directionDeg: 0,
    alongMm: -10,
    acrossMm: -70,
  })
  const merged = looks.map((look, i) => nearer(look, crumb[i] ?? fail('a look each')))
  const [stray] = surfaceOf(merged, 0).defects
  t.equal(stray?.type, 'foreign_body')
  const [x = 0, y = 0] = stray?.placeMm ?? []
  t.ok(Math.hypot(x + 10, y + 70) < 20, `${x}, ${y}`)
  // Narrower than two zones, its top of 30 mm reads lower: how far above what is critical (20 mm) it is, nobody knows.
  const { criticalProbability = 0, deviationMm = 0, deviationStdMm = 0 } = stray ?? {}
  t.ok(Math.abs(deviationMm - 30) < 2 * deviationStdMm, `${deviationMm} ± ${deviationStdMm}`)
  t.ok(criticalProbability > 0.5 && criticalProbability < 0.95, `${criticalProbability}`)
  t.end()
})

test('looks between which the part passes a zone make no scan, however many they are', (t) => {
  const sparse = LINE.looks(PART, { ...MIDDLE, travelMm: everyMm(36, 360), alongMm: -180 })
  t.equal(sparse.length, 11)
  t.strictSame(scan(sparse), { reason: 'too-few-looks' })
  t.ok(
    scan(LINE.looks(PART, { ...MIDDLE, travelMm: everyMm(20, 200) })).surface,
    'a zone is 25 mm wide there',
  )
  t.end()
})
