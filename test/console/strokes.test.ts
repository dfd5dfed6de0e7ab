import { test } from 'tap'
import { drawStroke, extended, fitted, type Pen } from '../../gateway/console/strokes.ts'

/** Writes down what it is told. */
function pen(): Pen & { readonly said: string[] } {
  const said: string[] = []
  const write =
    (what: string) =>
    (...numbers: number[]): void => {
      said.push([what, ...numbers].join(' '))
    }
  return {
    said,
    beginPath: write('begin'),
    moveTo: write('move'),
    lineTo: write('line'),
    quadraticCurveTo: write('curve'),
    stroke: write('stroke'),
  }
}

test('a hand that rests adds nothing to its stroke', (t) => {
  const stroke = extended(
    [{ x: 0.5, y: 0.5 }],
    [
      { x: 0.5, y: 0.5 },
      { x: 0.5004, y: 0.5 },
      { x: 0.6, y: 0.5 },
    ],
  )
  t.same(stroke, [
    { x: 0.5, y: 0.5 },
    { x: 0.6, y: 0.5 },
  ])
  t.end()
})

test('a stroke goes by the middles of what was touched, to its very end; a touch is a dot', (t) => {
  const line = pen()
  const stroke = [
    { x: 0, y: 0 },
    { x: 0.5, y: 0 },
    { x: 1, y: 1 },
  ]
  drawStroke(line, stroke, 100)
  t.same(line.said, ['begin', 'move 0 0', 'curve 50 0 75 50', 'line 100 100', 'stroke'])
  const dot = pen()
  drawStroke(dot, [{ x: 0.2, y: 0.3 }], 100)
  t.same(dot.said, ['begin', 'move 20 30', 'line 20 30', 'stroke'])
  const none = pen()
  drawStroke(none, [], 100)
  t.same(none.said, [])
  t.end()
})

test('a picture lies whole in the middle of the sheet', (t) => {
  t.same(fitted(200, 100, 640), { x: 0, y: 160, width: 640, height: 320 })
  t.same(fitted(10, 20, 640), { x: 160, y: 0, width: 320, height: 640 })
  t.end()
})
