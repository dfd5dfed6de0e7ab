import { test } from 'tap'
import { markOf, saidOf, stepAt } from './update-recording.ts'

test('a note tells the step and the parts, as one number that never falls', (t) => {
  const marks = [
    { mark: 0, parts: 3 },
    { mark: 1, parts: 3 },
    { mark: 2, parts: 3 },
    { mark: 2, parts: 4 },
    { mark: 3, parts: 4 },
  ]
  const said = marks.map(saidOf)
  t.strictSame(said.map(markOf), marks)
  t.strictSame(
    said,
    said.toSorted((a, b) => a - b),
  )
  t.end()
})

test('a step is under way between its two marks', (t) => {
  const recording = { dir: '/run/power/x', port: 1, steps: ['journal begin', 'unpack'], manifests: {} }
  const at = (mark: number): unknown => stepAt(recording, { mark, parts: 0 })
  t.strictSame(at(0), { name: 'nothing', ended: true })
  t.strictSame(at(1), { name: 'journal begin', ended: false })
  t.strictSame(at(2), { name: 'journal begin', ended: true })
  t.strictSame(at(3), { name: 'unpack', ended: false })
  t.end()
})
