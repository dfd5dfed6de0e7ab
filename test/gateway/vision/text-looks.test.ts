import { test } from 'tap'
import type { FoundEngraving, OrientedBox } from '../../../gateway/vision/lens-view.ts'
import { textsIn } from '../../../gateway/vision/text-looks.ts'

const box = (x: number): OrientedBox => ({ x, y: 10, width: 30, height: 10, angleDeg: 0 })
const found = (x: number, roughX: number): FoundEngraving => ({
  ...{ kind: 'text', confidence: 1, box: box(x), bounds: { rough: box(roughX), strokes: box(x) } },
})

/** What is read at which x. */
function reader(said: Readonly<Record<number, readonly [string, number]>>) {
  const asked: number[][] = []
  const read = (boxes: readonly OrientedBox[]) => {
    asked.push(boxes.map(({ x }) => x))
    return Promise.resolve(
      boxes.map(({ x }) => ({ text: said[x]?.[0] ?? '', confidence: said[x]?.[1] ?? 0 })),
    )
  }
  return { asked, read }
}

test('what is sure is read once, what is not is read again in the fitted box, and the surer counts', async (t) => {
  const { asked, read } = reader({ 11: ['2.25', 0.999], 21: ['76', 0.4], 20: ['70', 0.8], 31: ['5', 0.6] })
  const texts = await textsIn([found(10, 11), found(20, 21), found(30, 31)], read)
  t.same(
    texts.map(({ text }) => text),
    ['2.25', '70', '5'],
  )
  t.same(asked, [
    [11, 21, 31],
    [20, 30],
  ])
})

test('a box that was not fitted has nothing to be read again in', async (t) => {
  const { asked, read } = reader({ 10: ['67', 0.3] })
  const { bounds: _, ...unfitted } = found(10, 10)
  t.match(await textsIn([unfitted], read), [{ text: '67' }])
  t.equal(asked.length, 1)
})

test('without texts nothing is asked', async (t) => {
  const { asked, read } = reader({})
  t.same(await textsIn([], read), [])
  t.equal(asked.length, 0)
})
