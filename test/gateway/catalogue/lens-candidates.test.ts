import { test } from 'tap'
import { type EngravedLens, lensCandidates, lensIndex } from '../../../gateway/catalogue/lens-candidates.ts'
import { symbol, text } from '../../fakes/sights.ts'

function lens(id: number, name: string, more: Partial<EngravedLens> = {}): EngravedLens {
  return { id, supplier: 'Optique', name, treatments: [], marks: [], symbols: [], ...more }
}

const WAVE = [{ symbol: 'wave', confidence: 1 }]
const INDEX = lensIndex([
  lens(1, 'Claire 1.5', { index: 1.5, symbols: WAVE }),
  lens(2, 'Claire 1.67', { index: 1.67, symbols: WAVE }),
  lens(3, 'Mer', { index: 1.67, marks: [{ kind: 'text', text: 'MP 26' }] }),
  lens(4, 'Doubt', { symbols: [{ symbol: 'wave', confidence: 0.1 }] }),
  lens(5, 'Plain'),
])

function ids(...read: Parameters<typeof lensCandidates>[1]): readonly number[] {
  return lensCandidates(INDEX, read, undefined).map(({ lensId }) => lensId)
}

test('a mark names the lenses that carry it, those linked with certainty first', (t) => {
  t.strictSame(ids(symbol(['wave'], 0.95)), [1, 2, 4])
  t.end()
})

test('a refractive index beside the mark decides between its lenses', (t) => {
  t.strictSame(ids(symbol(['wave'], 0.95), text('67', 0.95)).at(0), 2)
  t.strictSame(ids(symbol(['wave'], 0.95), text('1.5', 0.95)).at(0), 1)
  const [first, second] = lensCandidates(INDEX, [symbol(['wave'], 0.95), text('67', 0.95)], undefined)
  t.ok((first?.score ?? 0) > 0.8 && (second?.score ?? 1) < 0.1, 'and says so')
  t.end()
})

test('an addition is no refractive index', (t) => {
  for (const addition of ['2.25', '1.50', '1.75']) {
    t.strictSame(ids(symbol(['wave'], 0.95), text(addition, 0.99)), [1, 2, 4], addition)
  }
  t.end()
})

test('what was hardly read decides nothing', (t) => {
  const [first, second] = lensCandidates(INDEX, [symbol(['wave'], 0.95), text('67', 0.02)], undefined)
  t.ok((first?.score ?? 1) - (second?.score ?? 0) < 0.1)
  t.end()
})

test('another mark than a lens carries speaks against it', (t) => {
  const both = lensIndex([
    lens(1, 'Right', { symbols: WAVE }),
    lens(2, 'Other', { symbols: [{ symbol: 'moon', confidence: 1 }], marks: [{ kind: 'text', text: 'P' }] }),
  ])
  const [first, second] = lensCandidates(both, [symbol(['wave'], 0.99), text('P', 0.95)], undefined)
  t.equal(first?.lensId, 1)
  t.ok((second?.score ?? 1) < 0.05)
  t.end()
})

test('a text names its lens, however it is spaced', (t) => {
  t.strictSame(ids(text('mp26', 0.9)), [3])
  t.end()
})

test('what the recipe expects comes first among equals, and counts nothing else', (t) => {
  const expected = { supplier: 'optique', name: 'claire 1.67' }
  const [first, second] = lensCandidates(INDEX, [symbol(['wave'], 0.95)], expected)
  t.match([first, second], [{ lensId: 2 }, { lensId: 1 }])
  t.equal(first?.score, second?.score)
  const other = lensCandidates(INDEX, [symbol(['wave'], 0.95), text('1.5', 0.95)], expected)
  t.equal(other[0]?.lensId, 1)
  t.strictSame(lensCandidates(INDEX, [text('9Z', 0.9)], expected), [], 'an expectation alone is no evidence')
  t.end()
})

test('a mark that is not known still hints at the lenses of the nearest', (t) => {
  const unknown = { ...symbol([], 0), candidates: [{ symbol: 'wave', similarity: 0.5 }] }
  const [first] = lensCandidates(INDEX, [unknown, text('67', 0.95)], undefined)
  t.equal(first?.lensId, 2)
  t.ok(
    (first?.score ?? 1) <
      (lensCandidates(INDEX, [symbol(['wave'], 0.95), text('67', 0.95)], undefined)[0]?.score ?? 0),
  )
  t.end()
})

test('scores leave room for a lens that the catalogue does not know', (t) => {
  const weak = lensCandidates(INDEX, [text('mp26', 0.05)], undefined)
  t.ok((weak[0]?.score ?? 1) < 0.5)
  const sure = lensCandidates(INDEX, [symbol(['wave'], 1), text('67', 1), text('MP26', 1)], undefined)
  t.ok(sure.reduce((sum, { score }) => sum + score, 0) < 1)
  t.end()
})
