import { test } from 'tap'
import { scoreOf } from '../../../bench/locate-score.ts'
import { MARK_DISTANCE_MM } from '../../../drivers/simulated/lens-pose.ts'
import type { LensOptions } from '../../../drivers/simulated/lens-scene.ts'
import type { LensView } from '../../../gateway/vision/lens-view.ts'
import { locate } from '../../../gateway/vision/locate.ts'
import { openLocator, pictureOf } from './locator.ts'

const network = await openLocator()

function seen(view: LensView): Extract<LensView, { kind: 'lens' }> {
  if (view.kind === 'unseen') throw new Error(`${view.fault}: ${view.detail}`)
  return view
}

/** Rendered in a quarter of the time. */
const SMALL = { width: 640, height: 480 }
const CASES: readonly (readonly [string, LensOptions])[] = [
  ['upright, the nose at the left', { pose: { rotationDeg: 0, nasal: 'left' } }],
  ['upright, the nose at the right', { pose: { rotationDeg: 4, nasal: 'right' }, ...SMALL }],
  ['a quarter turn', { pose: { rotationDeg: 91, nasal: 'left' }, ...SMALL }],
  ['upside down', { pose: { rotationDeg: 178, nasal: 'right' } }],
  ['before a bright field', { pose: { rotationDeg: -37, nasal: 'right' }, lamp: { polarity: 'dark' } }],
]

for (const [index, [name, options]] of CASES.entries()) {
  test(`a lens ${name} is found with its pose and every engraving`, async (t) => {
    const { picture, truth } = pictureOf({ level: 'clean', nasalText: '67', ...options }, 100 + index)
    const view = seen(await locate(picture, (input) => network.run(input)))
    const [lens] = truth.lenses
    const score = scoreOf(view, truth)
    t.equal(score.sideRight, true, 'the nasal side')
    t.ok(Math.max(...score.markErrors) < 2, `marks off by ${score.markErrors.join()} px`)
    t.ok(Math.max(...score.angleErrors) < 0.5, `angle off by ${score.angleErrors.join()} degrees`)
    t.ok(Math.abs(view.pose.pxPerMm - (lens?.pxPerMmAtMarks ?? 0)) < 4 / MARK_DISTANCE_MM, 'scale')
    t.equal(score.found, 3, 'symbol, index and addition')
    t.equal(score.wrong, 0, 'nothing else')
    t.equal(score.kindRight, 3, 'which is a symbol and which are texts')
    const upright = options.pose?.rotationDeg ?? 0
    for (const { box } of view.engravings) {
      // Perspective turns it by up to two degrees.
      const turned = Math.abs(((box.angleDeg - upright + 540) % 360) - 180)
      t.ok(turned < 3, `read along ${box.angleDeg}, expected about ${upright}`)
    }
  })
}

test('the outline is the edge of the lens', async (t) => {
  const { picture, truth } = pictureOf({ level: 'clean', ...SMALL }, 7)
  const { outline } = seen(await locate(picture, (input) => network.run(input)))
  const edge = truth.lenses[0]?.outline ?? []
  const off = outline.map(([x, y]) => Math.min(...edge.map(([u, v]) => Math.hypot(x - u, y - v))))
  // Corners of the edge are up to 20 px apart at this size.
  t.ok(Math.max(...off) < 40, `at most ${Math.max(...off)} px off, a tenth of its diameter`)
  t.ok(outline.length >= 36)
})

test('the network is closed', async (t) => {
  await network.close()
  t.pass()
})
