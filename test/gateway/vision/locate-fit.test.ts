import { test } from 'tap'
import type { FoundEngraving, LensPose, OrientedBox } from '../../../gateway/vision/lens-view.ts'
import { fitted } from '../../../gateway/vision/locate-fit.ts'
import type { Grey } from '../../../gateway/vision/picture.ts'

const POSE: LensPose = { nasal: [100, 30], temporal: [440, 30], pxPerMm: 10, towardsNoseDeg: 180 }
const GROUND = 100

/** A frame of lines 2 px broad, 40 × 30 px about 100, 70, and what else is asked for. */
function withFrame(line: number, more: (x: number, y: number) => number | undefined = () => undefined): Grey {
  const [width, height] = [200, 140]
  const pixels = Uint8Array.from({ length: width * height }, (_, index) => {
    const [x, y] = [index % width, Math.floor(index / width)]
    const [dx, dy] = [Math.abs(x + 0.5 - 100), Math.abs(y + 0.5 - 70)]
    const isFrame = dx < 20 && dy < 15 && (dx > 18 || dy > 13)
    return more(x, y) ?? (isFrame ? line : GROUND)
  })
  return { pixels, width, height }
}

function found(box: Partial<OrientedBox>): FoundEngraving {
  return {
    kind: 'symbol',
    box: { x: 100, y: 70, width: 40, height: 30, angleDeg: 0, ...box },
    confidence: 0.9,
  }
}

/** Where the strokes of the only box end: left, top, right, bottom. */
function fitOf(picture: Grey, engraving: FoundEngraving): readonly number[] {
  const [fit] = fitted(picture, [engraving], POSE).engravings
  const { x = NaN, y = NaN, width = NaN, height = NaN } = fit?.bounds?.strokes ?? {}
  return [x - width / 2, y - height / 2, x + width / 2, y + height / 2].map(Math.round)
}

const FRAME = [80, 55, 120, 85]

test('a box that is off is put half way to where the strokes end; both bounds are kept', (t) => {
  const rough = found({ x: 104, y: 67, width: 46, height: 26 })
  t.same(fitOf(withFrame(140), rough), FRAME)
  const [fit] = fitted(withFrame(140), [rough], POSE).engravings
  t.same(fit?.bounds?.rough, rough.box)
  t.match(fit?.box, { x: 102, y: 68.5, width: 43, height: 28 })
  t.end()
})

test('bright lines, dark ones, and both under grazing light are told apart', (t) => {
  t.equal(fitted(withFrame(140), [found({})], POSE).lines, 'bright')
  t.equal(fitted(withFrame(60), [found({})], POSE).lines, 'dark')
  const relief = withFrame(GROUND, (x, y) =>
    y > 55 && y < 85 ? ({ 90: 140, 92: 60, 110: 140, 112: 60 } as Record<number, number>)[x] : undefined,
  )
  t.equal(fitted(relief, [found({})], POSE).lines, 'both')
  t.end()
})

test('a mirrored lamp, a scratch that leads on and what lies by an alignment mark are not boxed', (t) => {
  const rough = found({ width: 56, height: 34 })
  const lamp = withFrame(140, (x, y) => (Math.hypot(x - 132, y - 70) < 7 ? 255 : undefined))
  t.same(fitOf(lamp, rough), FRAME)
  const scratch = withFrame(140, (x) => (x === 130 ? 140 : undefined))
  t.same(fitOf(scratch, rough), FRAME)
  const mark = withFrame(140, (x, y) => (Math.abs(x - 100) < 4 && y > 40 && y < 43 ? 140 : undefined))
  t.same(fitOf(mark, found({ height: 60, y: 65 })), FRAME)
  t.end()
})

test('what stands in another’s box is the other’s', (t) => {
  const picture = withFrame(140, (x, y) => (x > 90 && x < 110 && y > 94 && y < 97 ? 140 : undefined))
  const other: FoundEngraving = { ...found({ y: 96, width: 24, height: 8 }), kind: 'text' }
  const [own] = fitted(picture, [found({ height: 44, y: 76 }), other], POSE).engravings
  const { y = NaN, height = NaN } = own?.bounds?.strokes ?? {}
  t.equal(Math.round(y + height / 2), 85)
  t.end()
})

test('where no stroke is found, or one that is nothing like the box, the box stays', (t) => {
  const empty = withFrame(GROUND)
  t.same(fitOf(empty, found({})), FRAME)
  const dot = withFrame(GROUND, (x, y) => (Math.abs(x - 85) < 2 && Math.abs(y - 60) < 2 ? 200 : undefined))
  t.same(fitOf(dot, found({})), FRAME)
  t.end()
})

test('in a picture so small that lines run into each other boxes stay as they were', (t) => {
  const rough = found({ x: 104, width: 46 })
  t.same(fitted(withFrame(140), [rough], { ...POSE, pxPerMm: 6 }), { engravings: [rough] })
  t.end()
})

test('a turned box is fitted along its own axes', (t) => {
  const turned = found({ width: 26, height: 46, x: 98, y: 73, angleDeg: 90 })
  const [fit] = fitted(withFrame(140), [turned], POSE).engravings
  t.match(fit?.bounds?.strokes, { x: 100, y: 70, width: 30, height: 40, angleDeg: 90 })
  t.end()
})
