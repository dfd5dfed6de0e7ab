import { test } from 'tap'
import { DEMO_GALLERY, inkOf, strokesOf, textOf } from '../../../drivers/simulated/lens-glyphs.ts'
import {
  type LensPose,
  projectorOf,
  type SurfacePoint,
  unprojectorOf,
} from '../../../drivers/simulated/lens-pose.ts'
import { type LensOptions, lensScene } from '../../../drivers/simulated/lens-scene.ts'
import { Random } from '../../../drivers/simulated/random.ts'

const scene = (options: LensOptions, seed = 7) => lensScene(options, new Random(seed))

const POSE: LensPose = {
  centreX: 640,
  centreY: 480,
  pxPerMm: 12,
  rotationDeg: 30,
  nasal: 'right',
  tiltDeg: 0,
  tiltTowardsDeg: 0,
  curveRadiusMm: Number.POSITIVE_INFINITY,
  distanceMm: 250,
}

test('a scene is its seed', (t) => {
  t.same(scene({}), scene({}))
  t.notSame(scene({}).truth, scene({}, 8).truth)
  t.end()
})

test('what is given changes nothing else that is drawn', (t) => {
  const drawn = scene({})
  const dusty = scene({ faults: { dust: 9 } })
  t.same(dusty.faults, { ...drawn.faults, dust: 9 })
  t.same(dusty.truth.lenses, drawn.truth.lenses)
  t.same(dusty.lamp, drawn.lamp)
  const turned = scene({ pose: { rotationDeg: 5 } })
  t.same(turned.lenses[0]?.engravings, drawn.lenses[0]?.engravings)
  t.equal(turned.truth.lenses[0]?.pose.centreX, drawn.truth.lenses[0]?.pose.centreX)
  t.end()
})

test('the alignment marks are 34 mm apart on the 0–180° line', (t) => {
  const [lens] = scene({ pose: POSE }).truth.lenses
  if (lens === undefined) throw new Error('no lens')
  t.ok(Math.abs(lens.pxPerMmAtMarks - 12) < 1e-9)
  t.ok(Math.abs(lens.towardsNoseDeg - 30) < 1e-9)
  const { nasalMark: n, temporalMark: m } = lens
  t.ok(Math.abs(Math.hypot(n[0] - m[0], n[1] - m[1]) - 34 * 12) < 1e-9)
  t.ok(
    Math.abs((n[0] + m[0]) / 2 - 640) < 1e-9 && Math.abs((n[1] + m[1]) / 2 - 480) < 1e-9,
    'about the middle',
  )
  t.end()
})

test('a tilt shortens what lies along it by its cosine, and the far half more', (t) => {
  const across = scene({ pose: { ...POSE, tiltDeg: 20, tiltTowardsDeg: 120 } }).truth.lenses[0]
  t.ok(Math.abs((across?.pxPerMmAtMarks ?? 0) - 12) < 1e-9, 'the marks lie on the axis')
  const along = scene({ pose: { ...POSE, tiltDeg: 20, tiltTowardsDeg: 30 } }).truth.lenses[0]
  // Central projection of ±17 mm: cos 20° / (1 − (17 sin 20° / 250)²).
  const share = Math.cos(Math.PI / 9) / (1 - ((17 * Math.sin(Math.PI / 9)) / 250) ** 2)
  t.ok(Math.abs((along?.pxPerMmAtMarks ?? 0) - 12 * share) < 1e-9)
  t.end()
})

test('a point of the surface is found again from where it is seen', (t) => {
  const pose = { ...POSE, tiltDeg: 12, tiltTowardsDeg: 75, curveRadiusMm: 70 }
  const [project, unproject] = [projectorOf(pose), unprojectorOf(pose)]
  for (const [u, v] of [
    [0, 0],
    [17, 0],
    [-20, 22],
    [3, -33],
  ] as const) {
    const [x, y, depthMm] = project(u, v)
    const at: SurfacePoint = { u: 0, v: 0, depthMm: 0 }
    unproject(x, y, at, 5)
    t.ok(Math.hypot(at.u - u, at.v - v) < 0.02 && Math.abs(at.depthMm - depthMm) < 0.02, `${u}, ${v}`)
  }
  t.end()
})

test('the symbol hangs under the nasal mark, the addition under the temporal one', (t) => {
  for (const nasal of ['left', 'right'] as const) {
    const made = scene({ pose: { ...POSE, nasal }, addition: '2.25', nasalText: '67' })
    const [lens] = made.lenses
    const side = nasal === 'right' ? 17 : -17
    const places = Object.fromEntries(lens?.engravings.map((e) => [`${e.kind} ${e.label}`, e]) ?? [])
    const symbol = lens?.engravings.find(({ kind }) => kind === 'symbol')
    t.equal(places['alignment nasal']?.uMm, side)
    t.equal(places['alignment temporal']?.uMm, -side)
    t.equal(symbol?.uMm, side)
    t.equal(places['text 67']?.uMm, side)
    t.equal(places['text 2.25']?.uMm, -side)
    t.ok((symbol?.vMm ?? 0) > 1 && (places['text 67']?.vMm ?? 0) > (symbol?.vMm ?? 0), 'below each other')
  }
  t.end()
})

test('scenes that are no lens to be read', (t) => {
  t.same(scene({ subject: 'none' }).truth.lenses, [])
  t.same(scene({ subject: 'black' }).truth.lenses, [])
  const two = scene({ subject: 'two' }).truth.lenses
  t.same(
    two.map(({ visible }) => visible > 0.9),
    [true, true],
  )
  const [a, b] = two.map(({ outline }) => outline.map(([x]) => x))
  t.ok(Math.max(...(a ?? [])) < Math.min(...(b ?? [])), 'beside each other')
  for (const seed of [1, 2, 3, 4]) {
    const { visible = 0, engravings = [] } = scene({ subject: 'half-out' }, seed).truth.lenses[0] ?? {}
    t.ok(visible > 0.35 && visible < 0.65, `${visible} of the lens`)
    t.ok(engravings.every((engraving) => engraving.visible >= 0 && engraving.visible <= 1))
  }
  const hidden = scene({ subject: 'reflection' }).truth.lenses[0]?.engravings
  t.ok((hidden?.find(({ kind }) => kind === 'symbol')?.covered ?? 0) > 0.95)
  t.end()
})

test('marks that are missing are not in the truth', (t) => {
  const bare = scene({ symbol: 'none', addition: 'none', nasalText: 'none', alignment: 'temporal' })
  t.same(
    bare.truth.lenses[0]?.engravings.map(({ label }) => label),
    ['temporal'],
  )
  t.end()
})

test('a gallery of our own', (t) => {
  t.ok(DEMO_GALLERY.length >= 40)
  t.equal(new Set(DEMO_GALLERY.map(({ label }) => label)).size, DEMO_GALLERY.length, 'names')
  t.equal(
    new Set(DEMO_GALLERY.map((symbol) => JSON.stringify({ ...symbol, label: '' }))).size,
    DEMO_GALLERY.length,
  )
  t.end()
})

test('strokes are lines, or curves through their points', (t) => {
  t.same(strokesOf('0,0 5,0 5,5 z|1,1 2,2'), [
    [
      [0, 0],
      [5, 0],
      [5, 5],
      [0, 0],
    ],
    [
      [1, 1],
      [2, 2],
    ],
  ])
  const [curve = []] = strokesOf('~0,0 5,5 10,0')
  for (const point of [
    [0, 0],
    [5, 5],
    [10, 0],
  ]) {
    t.ok(curve.some(([x, y]) => x === point[0] && y === point[1]))
  }
  t.end()
})

test('a picture becomes ink, cut to what is drawn', (t) => {
  // Pale ink: 155 of 255 is as dark as it gets.
  const grey = new Uint8Array(6 * 5).fill(255)
  for (const index of [8, 9, 14, 15]) grey[index] = 155
  t.same(inkOf('block', grey, 6, 5), {
    label: 'block',
    mask: { ink: new Uint8Array(4).fill(255), width: 2, height: 2 },
  })
  t.end()
})

test('what cannot be is named', (t) => {
  const fails = (options: LensOptions, message: RegExp) => t.throws(() => scene(options), { message })
  fails({ width: 10 }, /^width: 10: expected a whole number, 64…4096$/)
  fails({ faults: { gradient: 1.5 } }, /^faults.gradient: 1.5: expected 0…0.9$/)
  fails({ faults: { scratches: 2.5 } }, /^faults.scratches: 2.5: expected a whole number 0…100$/)
  fails({ faults: { noise: Number.NaN } }, /^faults.noise: NaN: expected/)
  fails({ pose: { pxPerMm: 0 } }, /^pose.pxPerMm: 0: expected 1…100$/)
  fails({ pose: { tiltDeg: 60 } }, /^pose.tiltDeg: 60: expected/)
  fails({ pose: { centreX: Number.NaN } }, /^pose.centreX: NaN: expected a finite number$/)
  fails({ edge: { semiUMm: -1, semiVMm: 3, power: 2 } }, /^edge.semiUMm: -1: expected/)
  fails({ lamp: { directed: 2 } }, /^lamp.directed: 2: expected 0…1$/)
  fails({ symbolMm: 40 }, /^symbolMm: 40: expected 0.5…12$/)
  fails({ addition: '2,25' }, /^text "2,25": ",": expected one of/)
  fails({ nasalText: ' ' }, /^text " ": expected at least one character/)
  fails({ symbol: { label: 'point', strokes: [[[1, 1]]] } }, /^engraving "point": 0 × 0 large/)
  fails(
    { symbol: { label: 'm', mask: { ink: new Uint8Array(3), width: 2, height: 2 } } },
    /3 bytes of ink, expected 4/,
  )
  t.throws(() => strokesOf('1,1'), { message: /1 points, expected at least 2/ })
  t.throws(() => strokesOf('1,1 a,2'), { message: /"a,2": expected x,y/ })
  t.throws(() => textOf('é'), { message: /"é": expected one of/ })
  t.throws(() => inkOf('paper', new Uint8Array(4).fill(255), 2, 2), { message: /expected ink/ })
  t.throws(() => inkOf('short', new Uint8Array(3), 2, 2), { message: /3 bytes for 2 × 2/ })
  t.end()
})
