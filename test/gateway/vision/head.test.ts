import { test } from 'tap'
import { type Head, scored } from '../../../gateway/vision/head.ts'

const near = [
  { symbol: 'heart', similarity: 0.75, degrees: 0 },
  { symbol: 'key', similarity: 0.625, degrees: 0 },
  { symbol: 'star', similarity: 0.5, degrees: 15 },
]
const vector = Float32Array.of(1, 0)
const head: Head = {
  rows: new Map([
    ['heart', Float32Array.of(0.25, 1)],
    ['star', Float32Array.of(0.75, 1)],
  ]),
  scale: 1,
  offset: 0.125,
}

test('a head has half of the say on the symbols that it knows, and none on others', (t) => {
  t.match(scored(near, vector, head), [
    { symbol: 'star', similarity: 0.6875 },
    { symbol: 'key', similarity: 0.625 },
    { symbol: 'heart', similarity: 0.5625 },
  ])
  t.same(
    scored(near, vector, undefined),
    near.map(({ symbol, similarity }) => ({ symbol, similarity })),
  )
  t.end()
})

test('of a picture that is turned further than those it has learnt from it says nothing', (t) => {
  const turned = near.map((one) => ({ ...one, degrees: -30 }))
  t.same(scored(turned, vector, head), scored(turned, vector, undefined))
  t.end()
})

test('no score is more than alike', (t) => {
  const sure = { ...head, offset: 9 }
  t.equal(scored(near, vector, sure)[0]?.similarity, 1)
  t.end()
})
