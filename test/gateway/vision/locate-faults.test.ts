import { test } from 'tap'
import type { LensOptions } from '../../../drivers/simulated/lens-scene.ts'
import type { ViewFault } from '../../../gateway/vision/lens-view.ts'
import { locate } from '../../../gateway/vision/locate.ts'
import { ModelError } from '../../../gateway/vision/model.ts'
import { openLocator, pictureOf } from './locator.ts'

const network = await openLocator()
const SMALL = { width: 640, height: 480 } as const

const CASES: readonly (readonly [string, LensOptions, ViewFault])[] = [
  ['no light', { subject: 'black' }, 'dark'],
  ['nothing before the camera', { subject: 'none' }, 'no-lens'],
  ['nothing before a bright field', { subject: 'none', lamp: { polarity: 'dark' } }, 'no-lens'],
  ['two lenses', { subject: 'two' }, 'two-lenses'],
  ['half of a lens', { subject: 'half-out' }, 'out-of-view'],
  ['a lens without alignment marks', { alignment: 'none' }, 'no-marks'],
  ['one alignment mark', { alignment: 'nasal' }, 'no-marks'],
  [
    'two marks and nothing else: neither side nor which way is up',
    { symbol: 'none', addition: 'none', nasalText: 'none' },
    'no-marks',
  ],
  ['a mirrored lamp over the symbol', { subject: 'reflection' }, 'reflection'],
]

for (const [index, [name, options, fault]] of CASES.entries()) {
  test(`${name}: ${fault}`, async (t) => {
    const { picture } = pictureOf({ level: 'clean', ...SMALL, ...options }, 200 + index)
    const view = await locate(picture, (input) => network.run(input))
    t.match(view, { kind: 'unseen', fault })
    if (view.kind === 'unseen') t.match(view.detail, /\d/, 'with figures')
  })
}

test('a picture too small to show an engraving is not looked at', async (t) => {
  const picture = { pixels: new Uint8Array(64), width: 8, height: 8 }
  const view = await locate(picture, () => Promise.reject(new Error('asked')))
  t.same(view, {
    kind: 'unseen',
    fault: 'no-lens',
    detail: '8 × 8 px, expected at least 240 px each way',
  })
})

test('pictures of any shape go through the network', async (t) => {
  for (const [width, height] of [
    [257, 1999],
    [1999, 257],
    [300, 300],
  ] as const) {
    const picture = { pixels: new Uint8Array(width * height).fill(3), width, height }
    t.match(await locate(picture, (input) => network.run(input)), { kind: 'unseen', fault: 'dark' })
  }
})

test('what is no output of a locator is refused by name', async (t) => {
  const picture = { pixels: new Uint8Array(640 * 480), width: 640, height: 480 }
  const other = () => Promise.resolve({ data: new Float32Array(128), shape: [1, 128] })
  await t.rejects(locate(picture, other), ModelError)
  await t.rejects(locate(picture, other), { fault: 'shape', message: /maps of \[1 128\], expected \[1 24/ })
})

test('the network is closed', async (t) => {
  await network.close()
  t.pass()
})
