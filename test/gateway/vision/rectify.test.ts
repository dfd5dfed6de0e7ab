import { test } from 'tap'
import type { Grey } from '../../../gateway/vision/picture.ts'
import { rectified, reduced } from '../../../gateway/vision/rectify.ts'

/** Brightness by the place of a pixel's middle. */
function drawn(width: number, height: number, level: (x: number, y: number) => number): Grey {
  const pixels = Uint8Array.from({ length: width * height }, (_, index) =>
    level((index % width) + 0.5, Math.floor(index / width) + 0.5),
  )
  return { pixels, width, height }
}

function at({ pixels, width }: Grey, x: number, y: number): number {
  return pixels[y * width + x] ?? Number.NaN
}

test('what lies in a box stands upright, whichever way it lay', (t) => {
  for (const angleDeg of [0, 30, 90, -135, 180]) {
    const [cos, sin] = [Math.cos((angleDeg * Math.PI) / 180), Math.sin((angleDeg * Math.PI) / 180)]
    // Right of the middle, as the box is read, it is bright; below the middle, brighter by half as much.
    const picture = drawn(100, 80, (x, y) => {
      const across = (x - 50) * cos + (y - 40) * sin
      const down = (y - 40) * cos - (x - 50) * sin
      return 120 + 4 * Math.max(-12, Math.min(12, across)) + 2 * Math.max(-8, Math.min(8, down))
    })
    const cut = rectified(picture, { x: 50, y: 40, width: 20, height: 10, angleDeg }, 0)
    t.match(cut, { width: 20, height: 10 })
    for (const [x, y] of [
      [0, 0],
      [19, 0],
      [10, 5],
      [3, 9],
    ] as const) {
      const expected = 120 + 4 * (x + 0.5 - 10) + 2 * (y + 0.5 - 5)
      t.ok(Math.abs(at(cut, x, y) - expected) <= 2, `${angleDeg}°: ${x}, ${y}`)
    }
  }
  t.end()
})

test('a margin on every side, as a share of the longer one; beyond the picture its edge goes on', (t) => {
  const picture = drawn(40, 40, (x) => (x < 2 ? 200 : 50))
  const cut = rectified(picture, { x: 4, y: 20, width: 8, height: 4, angleDeg: 0 }, 0.5)
  t.match(cut, { width: 16, height: 12 })
  t.strictSame([...cut.pixels.subarray(0, 7)], [200, 200, 200, 200, 200, 200, 50])
  t.end()
})

test('a box that no engraving has does not fill the memory', (t) => {
  const picture = drawn(40, 40, () => 7)
  const cut = rectified(picture, { x: 20, y: 20, width: 1e6, height: 10, angleDeg: 3 }, 0.1)
  t.match(cut, { width: 1024, height: 171 })
  t.ok(cut.pixels.every((level) => level === 7))
  t.match(rectified(picture, { x: 20, y: 20, width: 0, height: 0, angleDeg: 0 }, 0), { width: 1, height: 1 })
  t.end()
})

test('a large picture is made smaller, by whole numbers of pixels; a small one stays', (t) => {
  const small = drawn(8, 4, (x) => x)
  t.equal(reduced(small, 8), small)
  const large = drawn(30, 9, (x, y) => 10 * Math.floor(x / 3) + (y < 3 ? 100 : 0))
  const less = reduced(large, 10)
  t.match(less, { width: 10, height: 3 })
  t.strictSame([...less.pixels.subarray(0, 3)], [100, 110, 120])
  t.strictSame([...less.pixels.subarray(10, 13)], [0, 10, 20])
  t.match(
    reduced(
      drawn(3000, 2, () => 9),
      1000,
    ),
    { width: 1000, height: 1 },
    'a strip',
  )
  t.end()
})
