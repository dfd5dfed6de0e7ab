import { test } from 'tap'
import { zoneTangents } from '../../../drivers/vl53l8ch/optics.ts'

test('zones look where ST’s table says: x grows with the column, y with the row', (t) => {
  const { x, y } = zoneTangents(64)
  const at = (row: number, column: number): [number, number] => [
    x[8 * row + column] ?? 0,
    y[8 * row + column] ?? 0,
  ]
  const close = (seen: [number, number], expected: [number, number]): void => {
    t.ok(Math.hypot(seen[0] - expected[0], seen[1] - expected[1]) < 5e-4, `${seen} is ${expected}`)
  }
  // Elevation 59.00° at azimuth 135°: cot 59° = 0.6009, halved over both axes by √2.
  close(at(0, 0), [-0.4249, -0.4249])
  close(at(0, 7), [0.4249, -0.4249])
  close(at(7, 0), [-0.4249, 0.4249])
  close(at(3, 3), [-0.0526, -0.0526])
  close(at(4, 4), [0.0526, 0.0526])
  // 67.50° at 113.20°.
  close(at(0, 2), [-0.1632, -0.3807])
  close(at(7, 5), [0.1632, 0.3807])
  t.end()
})

test('a zone of 4x4 looks at the middle of its four', (t) => {
  const fine = zoneTangents(64)
  const coarse = zoneTangents(16)
  t.equal(coarse.x.length, 16)
  t.ok(
    Math.abs((coarse.x[5] ?? 0) - [18, 19, 26, 27].reduce((sum, zone) => sum + (fine.x[zone] ?? 0), 0) / 4) <
      1e-12,
  )
  t.ok(
    Math.abs((coarse.y[14] ?? 0) - [52, 53, 60, 61].reduce((sum, zone) => sum + (fine.y[zone] ?? 0), 0) / 4) <
      1e-12,
  )
  fine.x[0] = 7
  t.not(zoneTangents(64).x[0], 7, 'each caller has arrays of its own')
  t.end()
})
