import { test } from 'tap'
import { decide } from '../../../gateway/vision/decision.ts'
import { evaluate } from '../../../gateway/vision/evaluation.ts'
import { galleryOf, nearest, type Prototype } from '../../../gateway/vision/gallery.ts'
import { randomFrom } from '../store/drafts.ts'

/** A turn costs nothing. */
const FREE = { turnPenaltyPer45Deg: 0 }

/** A random direction, or one near to it. */
function direction(random: () => number, near?: Float32Array, off = 0): Float32Array {
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const vector = Float32Array.from(
    { length: 128 },
    (_, d) => (near?.[d] ?? 0) + (near === undefined ? 1 : off) * normal(),
  )
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}

function prototypes(count: number, random: () => number): readonly Prototype[] {
  return Array.from({ length: count }, (_, index) => ({
    symbol: `s${Math.floor(index / 7)}`,
    degrees: index % 7 === 0 ? 0 : 15,
    vector: direction(random),
  }))
}

test('the nearest symbols, each by its nearest prototype', (t) => {
  const axis = (d: number) => new Float32Array(4).map((_, index) => (index === d ? 1 : 0))
  const gallery = galleryOf([
    { symbol: 'heart', degrees: 0, vector: axis(0) },
    { symbol: 'heart', degrees: 15, vector: axis(1) },
    { symbol: 'star', degrees: 0, vector: axis(2) },
  ])
  const query = Float32Array.from([0, 0.8, 0.6, 0])
  t.match(nearest(gallery, query, { most: 5, ...FREE }), [{ symbol: 'heart' }, { symbol: 'star' }])
  t.ok(Math.abs((nearest(gallery, query, { most: 1, ...FREE })[0]?.similarity ?? 0) - 0.8) < 1e-6)
  t.match(
    nearest(gallery, query, { most: 1, turnPenaltyPer45Deg: 0.9 }),
    [{ symbol: 'star' }],
    'a turn has its price',
  )
  t.strictSame(nearest(galleryOf([]), query, { most: 3, ...FREE }), [])
  t.throws(
    () =>
      galleryOf([
        { symbol: 'a', degrees: 0, vector: axis(0) },
        { symbol: 'b', degrees: 0, vector: new Float32Array(3) },
      ]),
    {
      message: 'prototype of b: 3 numbers, expected 4',
    },
  )
  t.end()
})

test('a gallery too large to compare each finds what comparing each would', (t) => {
  const random = randomFrom(3)
  const all = prototypes(6000, random)
  const gallery = galleryOf(all)
  for (let trial = 0; trial < 30; trial++) {
    const meant = all[Math.floor(random() * all.length)]
    // Cosine about 0.75: a drawing far from its reference.
    const query = direction(random, meant?.vector, 0.078)
    const [found] = nearest(gallery, query, { most: 1, ...FREE })
    const best = all.reduce((a, b) => (dot(a.vector, query) >= dot(b.vector, query) ? a : b))
    t.equal(found?.symbol, best.symbol)
  }
  t.end()
})

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let d = 0; d < a.length; d++) sum += (a[d] ?? 0) * (b[d] ?? 0)
  return sum
}

test('a symbol of many pictures does not win by their number alone', (t) => {
  const at = (cosine: number) => Float32Array.from([cosine, Math.sqrt(1 - cosine * cosine)])
  const of = (symbol: string, cosine: number, degrees = 0): Prototype => ({
    symbol,
    degrees,
    vector: at(cosine),
  })
  const query = Float32Array.from([1, 0])
  const ten = Array.from({ length: 10 }, () => of('ten', 0.8))
  const options = { most: 2, ...FREE, crowdPenalty: 0.05 }
  const found = nearest(galleryOf([...ten, of('one', 0.7)]), query, options)
  t.match(found, [{ symbol: 'one' }, { symbol: 'ten' }])
  t.ok(Math.abs((found[1]?.similarity ?? 0) - (0.8 - 0.05 * Math.log(10))) < 1e-6)
  const likeness = { ...of('one', 0.7), vector: at(0.7).map((value) => 0.9 * value) }
  const [same] = nearest(galleryOf([of('one', 0.7), of('one', 0.7, 15), likeness]), query, options)
  t.ok(
    Math.abs((same?.similarity ?? 0) - 0.7) < 1e-6,
    'turns and likenesses of one picture are no more pictures',
  )
  t.end()
})

test('an answer is known, one of several, unknown, or blank', (t) => {
  const rule = {
    turn_penalty_per_45_deg: 0,
    second_weight: 0.4,
    unknown_below: 0.5,
    one_of_within: 0.05,
    confidence_slope: 10,
    confidence_offset: -5,
  }
  const near = (...similarities: readonly number[]) =>
    similarities.map((similarity, index) => ({ symbol: `s${index}`, similarity }))
  t.match(decide(near(0.9, 0.5), rule), { kind: 'known', symbol: 's0' })
  t.match(decide(near(0.9, 0.87, 0.5), rule), { kind: 'one-of', symbols: ['s0', 's1'] })
  t.match(decide(near(0.59, 0.3), rule), { kind: 'unknown' }, 'too little ahead of the second')
  t.match(decide(near(0.59), rule), { kind: 'known' })
  t.match(decide([], rule), { kind: 'blank' })
  const sure = decide(near(0.95, 0.2), rule)
  const less = decide(near(0.7, 0.4), rule)
  t.ok(
    sure.kind === 'known' &&
      less.kind === 'known' &&
      sure.confidence > less.confidence &&
      sure.confidence < 1,
  )
  t.end()
})

test('an evaluation counts what was right, what was taken for what, and what should have been unknown', (t) => {
  const answer = (truth: string, ...symbols: readonly [string, number][]) => ({
    truth,
    candidates: symbols.map(([symbol, similarity]) => ({ symbol, similarity })),
    standing: symbols[0]?.[1] ?? -1,
  })
  const answers = [
    answer('a', ['a', 0.9], ['b', 0.1]),
    answer('a', ['b', 0.8], ['c', 0.7], ['a', 0.6]),
    answer('b', ['b', 0.7]),
    answer('b'),
  ]
  t.match(evaluate(answers), {
    queries: 4,
    top1: 0.5,
    top3: 0.75,
    confusions: [
      { truth: 'a', answer: 'b', count: 1 },
      { truth: 'b', answer: '(blank)', count: 1 },
    ],
  })
  t.notHas(evaluate(answers), { unknown: Object })
  const { unknown } = evaluate(answers, [0.7, 0.1])
  // Known 0.9, 0.8, 0.7, −1 against 0.7 and 0.1: 2 + 2 + 1.5 + 0 of 8.
  t.equal(unknown?.auroc, 5.5 / 8)
  t.match(unknown, { queries: 2, rejectedAt95: 0, threshold: -1 })
  t.end()
})
