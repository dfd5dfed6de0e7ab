import { test } from 'tap'
import type { FoundEngraving } from '../../../gateway/vision/lens-view.ts'
import type { Grey } from '../../../gateway/vision/picture.ts'
import { together, viewsOf } from '../../../gateway/vision/symbol-views.ts'

const [WIDTH, HEIGHT] = [120, 100]
/** A faint upright stroke, a mirrored lamp beside it, and shade. */
const pixels = Uint8Array.from({ length: WIDTH * HEIGHT }, (_, index) => {
  const [x, y] = [index % WIDTH, Math.floor(index / WIDTH)]
  if (Math.hypot(x - 72, y - 40) < 7) return 255
  return 30 + Math.round(x / 4) + (x >= 58 && x < 60 && y > 32 && y < 68 ? 20 : 0)
})
const picture: Grey = { pixels, width: WIDTH, height: HEIGHT }
const mark: FoundEngraving = {
  kind: 'symbol',
  box: { x: 60, y: 50, width: 50, height: 38, angleDeg: 0 },
  bounds: {
    rough: { x: 60, y: 50, width: 60, height: 40, angleDeg: 0 },
    strokes: { x: 60, y: 50, width: 40, height: 36, angleDeg: 0 },
  },
  confidence: 1,
}

test('a symbol is seen as it is, in its rough box, and by its strokes alone in the fitted one', (t) => {
  const [seen, strokes, ...others] = viewsOf(picture, mark, { lines: 'bright', pxPerMm: 10 })
  t.equal(others.length, 0)
  t.match(seen, { width: 66, height: 46 }, 'a twentieth of the longer side around the rough box')
  t.match(strokes, { width: 46, height: 42 }, '0.3 mm around the fitted one')
  t.equal(Math.max(...(seen?.pixels ?? [])), 255, 'the lamp outshines everything')
  const row = [...(strokes?.pixels.subarray(25 * 46, 26 * 46) ?? [])]
  t.equal(row.indexOf(Math.max(...row)), 58 - 37, 'of the strokes the stroke is the highest where no lamp is')
  t.end()
})

test('under grazing light bright and dark sides are views of their own', (t) => {
  t.equal(viewsOf(picture, mark, { lines: 'both', pxPerMm: 10 }).length, 3)
  t.end()
})

test('a lens of which it is not known how lines are seen is seen once', (t) => {
  const { bounds: _, ...unfitted } = mark
  t.equal(viewsOf(picture, unfitted, { pxPerMm: 10 }).length, 1)
  t.end()
})

test('one good view outweighs a bad one, two good ones outweigh it', (t) => {
  const named = (symbol: string, similarity: number) => ({ symbol, similarity })
  const good = [named('heart', 0.9), named('star', 0.3)]
  const bad = [named('moon', 0.4), named('heart', 0.1)]
  const [best, second] = together([good, bad])
  t.equal(best?.symbol, 'heart')
  t.ok((best?.similarity ?? 1) < 0.9, 'a little less than its best view')
  t.ok((best?.similarity ?? 0) > 0.86)
  t.equal(second?.symbol, 'moon')
  t.ok((together([good, good])[0]?.similarity ?? 0) > (best?.similarity ?? 1), 'both views agree')
  t.end()
})

test('a blank view says nothing, and a single view is left as it is', (t) => {
  const view = [{ symbol: 'heart', similarity: 0.7 }]
  t.equal(together([view, []]), view)
  t.same(together([[], []]), [])
  t.end()
})
