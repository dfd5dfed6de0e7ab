import { test } from 'tap'
import { valueAt } from '../../../gateway/alerts/path.ts'

const MESSAGE = { a: { b: [1, { c: 'x' }], nan: Number.NaN, none: null, yes: true }, n: 0 }

test('a dotted path finds numbers, texts and truths', (t) => {
  t.equal(valueAt(MESSAGE, 'n'), 0)
  t.equal(valueAt(MESSAGE, 'a.b.0'), 1)
  t.equal(valueAt(MESSAGE, 'a.b.1.c'), 'x')
  t.equal(valueAt(MESSAGE, 'a.b.length'), 2)
  t.equal(valueAt(MESSAGE, 'a.yes'), true)
  t.end()
})

test('what is absent, null or no finite number is no value', (t) => {
  for (const path of [
    'a',
    'a.nan',
    'a.none',
    'a.none.x',
    'x',
    'n.x',
    'a.b.7',
    'toString',
    '__proto__.x',
    'constructor',
  ]) {
    t.equal(valueAt(MESSAGE, path), undefined, path)
  }
  t.equal(valueAt(undefined, 'a'), undefined)
  t.equal(valueAt('text', 'length'), undefined)
  t.end()
})
