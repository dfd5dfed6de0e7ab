import { test } from 'tap'
import { circleAt } from '../../../gateway/vision/locate-circle.ts'
import type { Grey } from '../../../gateway/vision/picture.ts'

/** A ring of this brightness on a ground of 60, drawn where `draws` says; angle from x towards y. */
function ring(x: number, y: number, radius: number, level: number, draws = (_angle: number) => true): Grey {
  const side = 120
  const pixels = new Uint8Array(side * side).fill(60)
  for (let index = 0; index < pixels.length; index++) {
    const [dx, dy] = [(index % side) + 0.5 - x, Math.floor(index / side) + 0.5 - y]
    const off = Math.hypot(dx, dy) - radius
    if (draws(Math.atan2(dy, dx))) pixels[index] = 60 + (level - 60) * Math.exp(-((off / 1.2) ** 2))
  }
  return { pixels, width: side, height: side }
}

test('a circle is found to a fraction of a pixel, bright or dark, from a place some pixels off', (t) => {
  for (const level of [110, 30]) {
    const circle = circleAt(ring(60.3, 58.8, 9.4, level), 63, 57, 2)
    t.ok(circle !== undefined)
    if (circle === undefined) continue
    t.ok(Math.hypot(circle.x - 60.3, circle.y - 58.8) < 0.15, `at ${circle.x}, ${circle.y}`)
    t.ok(Math.abs(circle.radius - 9.4) < 0.2, `radius ${circle.radius}`)
    t.equal(circle.seen, 1)
  }
  t.end()
})

test('a third of it may be missing', (t) => {
  const circle = circleAt(
    ring(60, 60, 10, 120, (angle) => angle > -1),
    61,
    59,
    2,
  )
  t.ok(circle !== undefined && Math.hypot(circle.x - 60, circle.y - 60) < 0.3)
  t.ok(circle !== undefined && circle.seen > 0.55 && circle.seen < 0.8, `seen ${circle?.seen}`)
  t.end()
})

test('where nothing stands out there is none; nor at the corner of the picture', (t) => {
  const even = { pixels: new Uint8Array(120 * 120).fill(60), width: 120, height: 120 }
  t.equal(circleAt(even, 60, 60, 2), undefined)
  t.equal(circleAt(even, 0, 0, 2), undefined)
  t.equal(circleAt(even, -300, 60, 2), undefined)
  t.end()
})
