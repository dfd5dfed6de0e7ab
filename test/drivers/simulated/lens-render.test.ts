import { test } from 'tap'
import type { LensFaults } from '../../../drivers/simulated/lens-faults.ts'
import { type Engravable, inkOf } from '../../../drivers/simulated/lens-glyphs.ts'
import { inBox } from '../../../drivers/simulated/lens-pose.ts'
import { type LensPicture, renderLens } from '../../../drivers/simulated/lens-render.ts'
import { type LensOptions, lensScene } from '../../../drivers/simulated/lens-scene.ts'
import { Random } from '../../../drivers/simulated/random.ts'

/** A small lens that fits a small picture at the usual scale. */
const SMALL: LensOptions = {
  width: 560,
  height: 440,
  level: 'clean',
  edge: { semiUMm: 21, semiVMm: 16, power: 2.4 },
  pose: { centreX: 280, centreY: 220, pxPerMm: 12, rotationDeg: 12, curveRadiusMm: 106, tiltDeg: 3 },
  lamp: { polarity: 'bright', azimuthDeg: 40, directed: 0.3 },
  addition: '2.25',
  nasalText: 'none',
}
const small = (options: LensOptions = {}) => lensScene({ ...SMALL, ...options }, new Random(3))
const render = (options: LensOptions = {}) => renderLens(small(options))
const CLEAN = render()
const LENS = small().truth.lenses[0]

interface Change {
  readonly x: number
  readonly y: number
  /** Grey values, with minus without. */
  readonly by: number
}

function changes(picture: LensPicture, from: LensPicture = CLEAN): Change[] {
  const found: Change[] = []
  picture.pixels.forEach((value, index) => {
    const by = value - (from.pixels[index] ?? 0)
    const [x, y] = [(index % picture.width) + 0.5, Math.floor(index / picture.width) + 0.5]
    if (by !== 0) found.push({ x, y, by })
  })
  return found
}

/** Beyond this a blur of 0.6 px leaves less than half a grey value. */
const HALO_PX = 3
const inAnyBox = ({ x, y }: Change) => LENS?.engravings.some(({ box }) => inBox(box, x, y, HALO_PX)) ?? false

/** Whether a point lies within the outline, or so close to it (px). */
function onLens({ x, y }: Change): boolean {
  const outline = LENS?.outline ?? []
  let inside = false
  outline.forEach(([ax, ay], index) => {
    const [bx, by] = outline[(index + 1) % outline.length] ?? [ax, ay]
    if (ay > y !== by > y && x < ax + ((bx - ax) * (y - ay)) / (by - ay)) inside = !inside
  })
  return inside || outline.some(([ax, ay]) => Math.hypot(ax - x, ay - y) < 20)
}

const sum = (values: Iterable<number>): number => {
  let total = 0
  for (const value of values) total += value
  return total
}

test('a scene has one picture, bit for bit', (t) => {
  const scene = lensScene({}, new Random(5))
  const picture = renderLens(scene)
  t.same([picture.width, picture.height, picture.pixels.length], [1280, 960, 1280 * 960])
  t.ok(Buffer.from(picture.pixels).equals(renderLens(scene).pixels))
  t.notOk(Buffer.from(picture.pixels).equals(renderLens(lensScene({}, new Random(6))).pixels))
  t.end()
})

test('the truth’s boxes hold what is engraved, and no more', (t) => {
  for (const polarity of ['bright', 'dark', 'relief'] as const) {
    const lamp = { ...SMALL.lamp, polarity }
    const all = small({ lamp })
    const symbol = all.truth.lenses[0]?.engravings.find(({ kind }) => kind === 'symbol')
    const addition = all.truth.lenses[0]?.engravings.find(({ kind }) => kind === 'text')
    const picture = renderLens(all)
    for (const [engraving, without] of [
      [symbol, { symbol: 'none' }],
      [addition, { addition: 'none' }],
    ] as const) {
      if (engraving === undefined) throw new Error('not engraved')
      const { box, label } = engraving
      const seen = changes(picture, render({ lamp, ...without }))
      t.ok(seen.length > 50, `${polarity} ${label} is seen`)
      t.notOk(seen.some(({ x, y }) => !inBox(box, x, y, HALO_PX)))
      // Each side of the box is met: a box two pixels smaller would leave something out.
      const angle = (box.angleDeg * Math.PI) / 180
      const along = seen.map(({ x, y }) => (x - box.x) * Math.cos(angle) + (y - box.y) * Math.sin(angle))
      const across = seen.map(({ x, y }) => (y - box.y) * Math.cos(angle) - (x - box.x) * Math.sin(angle))
      for (const [reach, half] of [
        [Math.max(...along), box.width / 2],
        [-Math.min(...along), box.width / 2],
        [Math.max(...across), box.height / 2],
        [-Math.min(...across), box.height / 2],
      ] as const) {
        t.ok(reach > half - 2, `${polarity} ${label}: ${reach.toFixed(1)} of ${half.toFixed(1)} px`)
      }
    }
  }
  t.end()
})

test('the alignment marks are where the truth says', (t) => {
  for (const label of ['nasal', 'temporal'] as const) {
    const rest = label === 'nasal' ? 'temporal' : 'nasal'
    const seen = changes(CLEAN, render({ alignment: rest }))
    const light = sum(seen.map(({ by }) => by))
    const [x, y] = [sum(seen.map((c) => c.x * c.by)) / light, sum(seen.map((c) => c.y * c.by)) / light]
    const at = (label === 'nasal' ? LENS?.nasalMark : LENS?.temporalMark) ?? [0, 0]
    t.ok(Math.hypot(x - at[0], y - at[1]) < 0.5, `${label}: ${x.toFixed(2)}, ${y.toFixed(2)}`)
  }
  t.end()
})

test('any picture of a symbol can be engraved', (t) => {
  const grey = new Uint8Array(60 * 40).fill(255)
  for (let index = 0; index < grey.length; index += 1) {
    const [x, y] = [index % 60, Math.floor(index / 60)]
    if (x >= 10 && x < 50 && y >= 5 && y < 35 && (x < 15 || y < 10 || y >= 30)) grey[index] = 90
  }
  const options = { symbol: inkOf('bracket', grey, 60, 40) }
  const engraved = small(options)
  const found = engraved.truth.lenses[0]?.engravings.find(({ label }) => label === 'bracket')
  if (found === undefined) throw new Error('not engraved')
  t.ok(Math.abs(found.box.width / found.box.height - 40 / 30) < 0.05)
  const seen = changes(renderLens(engraved), render({ symbol: 'none' }))
  t.ok(seen.length > 100)
  t.notOk(seen.some(({ x, y }) => !inBox(found.box, x, y, HALO_PX)))
  t.end()
})

test('under one lamp a groove across its light shines, one along it does not; under a ring both do', (t) => {
  const line = (heading: number): Engravable => ({
    label: 'line',
    strokes: [[[0, 0] as const, [Math.cos(heading), Math.sin(heading)] as const]],
  })
  const pose = { ...SMALL.pose, rotationDeg: 0, tiltDeg: 0 }
  const light = (heading: number, directed: number): number => {
    const shared = { pose, lamp: { polarity: 'bright', azimuthDeg: 40, directed }, symbolMm: 3 } as const
    const bare = render({ ...shared, symbol: 'none' })
    const lit = changes(render({ ...shared, symbol: line(heading) }), bare)
    const found = small({ ...shared, symbol: line(heading) }).truth.lenses[0]?.engravings[2]?.box
    return sum(lit.map(({ by }) => by)) / Math.hypot(found?.width ?? 0, found?.height ?? 0)
  }
  const along = (40 * Math.PI) / 180
  const across = along + Math.PI / 2
  t.ok(light(across, 1) > 2 * light(along, 1), 'one lamp')
  t.ok(Math.abs(light(across, 0) / light(along, 0) - 1) < 0.1, 'ring')
  t.end()
})

test('each kind of light shows an engraving in its way', (t) => {
  const by = (polarity: 'bright' | 'dark' | 'relief'): number[] => {
    const lamp = { ...SMALL.lamp, polarity }
    return changes(render({ lamp }), render({ lamp, symbol: 'none' })).map((change) => change.by)
  }
  t.ok(Math.min(...by('bright')) >= 0, 'bright on dark')
  t.ok(Math.max(...by('dark')) <= 0, 'dark on bright')
  const relief = by('relief')
  t.ok(Math.min(...relief) < -5 && Math.max(...relief) > 5, 'one wall bright, one dark')
  t.end()
})

test('dirt lies on the lens, only adds light in dark field, and moves nothing', (t) => {
  for (const fault of ['dust', 'scratches', 'fingerprints'] as const) {
    const dirty = small({ faults: { [fault]: 6 } })
    const seen = changes(renderLens(dirty))
    t.ok(seen.length > 20, fault)
    t.notOk(
      seen.some((change) => change.by < 0 || !onLens(change)),
      fault,
    )
    t.same(dirty.truth.lenses, small().truth.lenses, fault)
  }
  t.end()
})

test('a mirrored lamp saturates, and the truth says what it hides', (t) => {
  const { truth, ...hidden } = small({ subject: 'reflection' })
  const symbol = truth.lenses[0]?.engravings.find(({ kind }) => kind === 'symbol')
  const bare = renderLens({
    ...hidden,
    truth,
    lenses: hidden.lenses.map((lens) => ({ ...lens, engravings: [] })),
  })
  const picture = renderLens({ ...hidden, truth })
  t.ok((symbol?.covered ?? 0) > 0.95)
  const box = symbol?.box
  if (box === undefined) throw new Error('no symbol')
  t.notOk(
    changes(picture, bare).some(({ x, y }) => inBox(box, x, y, -4)),
    'nothing of it is seen',
  )
  t.end()
})

test('broken and faint engravings lose ink and contrast, the rest stays', (t) => {
  const bare = render({ symbol: 'none', addition: 'none', alignment: 'none' })
  const light = (faults: Partial<LensFaults>): number => {
    const picture = render({ faults })
    t.notOk(changes(picture).some((change) => !inAnyBox(change)))
    return sum(changes(picture, bare).map(({ by }) => by))
  }
  const whole = light({})
  t.ok(Math.abs(light({ faint: 0.5 }) / whole - 0.5) < 0.03, 'half the contrast')
  const left = light({ broken: 0.4 }) / whole
  t.ok(left > 0.5 && left < 0.7, `${left} of the light where 0.4 of the ink is gone`)
  t.end()
})

test('haze is the lens’s, its strength as said', (t) => {
  const seen = changes(render({ faults: { haze: 2 } }))
  t.notOk(seen.some((change) => change.by < 0 || !onLens(change)))
  const middle = (picture: LensPicture): number => (picture.pixels[220 * 560 + 280] ?? 0) - 3
  const ratio = middle(render({ faults: { haze: 2 } })) / middle(CLEAN)
  t.ok(ratio > 2.7 && ratio < 3.3, `${ratio} times the light of a clean lens`)
  t.end()
})

test('gradient and vignetting take their share at their ends', (t) => {
  const empty: LensOptions = { subject: 'none', level: 'clean', width: 640, height: 480 }
  const at = (faults: Partial<LensFaults>, index: number): number => {
    const lamp = { polarity: 'dark', azimuthDeg: 0, directed: 0 } as const
    return (renderLens(lensScene({ ...empty, lamp, faults }, new Random(3))).pixels[index] ?? 0) - 3
  }
  const [left, right, middle, corner] = [240 * 640, 240 * 640 + 639, 240 * 640 + 320, 0]
  const even = at({}, middle)
  // The ends of the gradient are half a diagonal (400 px) from the middle; left and right are 320.
  t.ok(Math.abs(at({ gradient: 0.5 }, left) / even - (1 - 0.5 * 0.9)) < 0.01)
  t.ok(Math.abs(at({ gradient: 0.5 }, right) / even - (1 - 0.5 * 0.1)) < 0.01)
  t.ok(Math.abs(at({ vignetting: 0.4 }, corner) / even - 0.6) < 0.01)
  t.equal(at({ vignetting: 0.4 }, middle), even)
  t.end()
})

test('defocus and motion spread light and lose none', (t) => {
  const bare: LensOptions = { faults: {}, symbol: 'none', addition: 'none', alignment: 'none' }
  const seen = (faults: Partial<LensFaults>): number[] =>
    changes(render({ faults }), render({ ...bare, faults })).map(({ by }) => by)
  const sharp = seen({})
  for (const faults of [{ defocusMm: 15 }, { motionPx: 6 }]) {
    const spread = seen(faults)
    t.ok(Math.abs(sum(spread) / sum(sharp) - 1) < 0.05, `the light of ${JSON.stringify(faults)}`)
    t.ok(sum(spread.map((by) => by * by)) < 0.85 * sum(sharp.map((by) => by * by)), 'its concentration')
  }
  t.end()
})

test('the noise of a sensor: the linear camera model of EMVA 1288', (t) => {
  const noisy = (noise: number) => {
    const lamp = { polarity: 'dark', azimuthDeg: 0, directed: 0 } as const
    const scene = lensScene({ subject: 'none', level: 'clean', lamp, faults: { noise } }, new Random(9))
    const { pixels } = renderLens(scene)
    const mean = sum(pixels) / pixels.length
    return {
      mean,
      variance: sum(Array.from(pixels, (value) => (value - mean) ** 2)) / pixels.length,
    }
  }
  const quiet = noisy(0)
  t.equal(quiet.variance, 0)
  for (const shortage of [1, 4]) {
    const { mean, variance } = noisy(shortage)
    // K = 255 / 10,000 DN an electron, times the gain; 6 electrons of read noise; 1/12 of quantisation.
    const gain = 0.0255 * shortage
    const expected = gain ** 2 * 6 ** 2 + 1 / 12 + gain * (mean - 3)
    t.ok(Math.abs(mean - quiet.mean) < 0.5)
    t.ok(Math.abs(variance / expected - 1) < 0.02, `${variance} for ${expected}`)
  }
  t.end()
})

test('without light there is nothing but the sensor', (t) => {
  const dark = render({ subject: 'black' }).pixels
  t.ok(dark.every((value) => value === 3))
  const noisy = render({ subject: 'black', faults: { noise: 2 } }).pixels
  t.ok(noisy.every((value) => value < 8))
  t.end()
})
