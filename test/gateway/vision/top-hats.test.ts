import { test } from 'tap'
import type { Grey } from '../../../gateway/vision/picture.ts'
import { topHats } from '../../../gateway/vision/top-hats.ts'

const [WIDTH, HEIGHT] = [60, 40]

function drawn(level: (x: number, y: number) => number): Grey {
  const pixels = Uint8Array.from({ length: WIDTH * HEIGHT }, (_, index) =>
    level(index % WIDTH, Math.floor(index / WIDTH)),
  )
  return { pixels, width: WIDTH, height: HEIGHT }
}

const levelAt = ({ pixels, width }: Grey, x: number, y: number): number => pixels[y * width + x] ?? -1

test('a bright line stands twice as high as it stood out, and the shade below it is gone', (t) => {
  const { bright, dark } = topHats(drawn((x, y) => 40 + x + (y === 20 || y === 21 ? 30 : 0)))
  t.equal(levelAt(bright, 30, 20), 60)
  t.ok(levelAt(bright, 30, 10) <= 2, 'beside it')
  t.equal(levelAt(dark, 30, 20), 0)
  t.end()
})

test('a dark line is bright in the other', (t) => {
  const { bright, dark } = topHats(drawn((x) => (x === 30 ? 100 : 140)))
  t.equal(levelAt(dark, 30, 5), 80)
  t.equal(levelAt(bright, 30, 5), 0)
  t.end()
})

test('a spot that is broader than strokes are is none', (t) => {
  const spot = drawn((x, y) => (Math.abs(x - 30) <= 6 && Math.abs(y - 20) <= 6 ? 255 : 20))
  t.same([...new Set(topHats(spot).bright.pixels)], [0])
  t.end()
})

test('at the picture’s edge a line is a line, and what is too high is white', (t) => {
  const { bright } = topHats(drawn((_x, y) => (y === 0 ? 200 : 10)))
  t.equal(levelAt(bright, 0, 0), 255)
  t.equal(levelAt(bright, WIDTH - 1, 0), 255)
  t.equal(levelAt(bright, WIDTH - 1, HEIGHT - 1), 0)
  t.end()
})
