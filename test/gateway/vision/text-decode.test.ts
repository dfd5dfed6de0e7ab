import { test } from 'tap'
import { decoded } from '../../../gateway/vision/text-decode.ts'

/** Columns of probabilities: of "nothing new", then of each letter. */
function columns(...rows: readonly (readonly number[])[]) {
  return { probabilities: Float32Array.from(rows.flat()), classes: rows[0]?.length ?? 0, count: rows.length }
}

test('a text is as probable as all its alignments together', (t) => {
  // "Nothing new" twice is the best way, .36; but three ways lead to "a".
  const [best, second] = decoded(columns([0.6, 0.4], [0.6, 0.4]), ['a'])
  t.match(best, { text: 'a' })
  t.ok(Math.abs((best?.probability ?? 0) - 0.64) < 1e-6)
  t.match(second, { text: '' })
  t.ok(Math.abs((second?.probability ?? 0) - 0.36) < 1e-6)
  t.end()
})

test('the same character twice needs a gap', (t) => {
  const [gap, six] = [
    [0.98, 0.01, 0.01],
    [0.01, 0.98, 0.01],
  ]
  t.match(decoded(columns(six, six, gap), ['6', '7'])[0], { text: '6' })
  t.match(decoded(columns(six, gap, six), ['6', '7'])[0], { text: '66' })
  t.end()
})

test('spaces at the ends do not count, and are not two readings of one text', (t) => {
  const read = decoded(columns([0.5, 0, 0.5], [0, 1, 0], [0.5, 0, 0.5]), ['P', ' '])
  t.match(read, [{ text: 'P' }])
  t.equal(read.length, 1)
  t.ok(Math.abs((read[0]?.probability ?? 0) - 1) < 1e-6)
  t.end()
})

test('a column without probabilities is no reading', (t) => {
  t.same(decoded(columns([Number.NaN, Number.NaN]), ['a']), [])
  t.end()
})

test('over as many columns as the widest strip has, nothing underflows', (t) => {
  const even = Array.from({ length: 57 }, () => 1 / 57)
  const read = decoded(columns(...Array.from({ length: 128 }, () => even)), [...'abcdefgh'])
  t.ok((read[0]?.probability ?? 0) > 0)
  t.end()
})
