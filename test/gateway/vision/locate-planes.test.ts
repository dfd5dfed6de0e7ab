import { readFile } from 'node:fs/promises'
import { test } from 'tap'
import { z } from 'zod'
import { fillPlanes, PLANES, reducedOf } from '../../../gateway/vision/locate-planes.ts'
import type { Grey } from '../../../gateway/vision/picture.ts'
import { LOCATOR } from './locator.ts'

const golden = z.object({
  cases: z.array(
    z.object({
      name: z.string(),
      width: z.int(),
      height: z.int(),
      grey_base64: z.base64(),
      planes_base64: z.base64(),
    }),
  ),
})

/** The mean of each two by two. */
function halved({ pixels, width, height }: Grey): Float32Array {
  const half = new Float32Array(pixels.length / 4)
  for (let index = 0; index < pixels.length; index++) {
    const to = Math.floor(Math.floor(index / width) / 2) * (width / 2) + Math.floor((index % width) / 2)
    half[to] = (half[to] ?? 0) + (pixels[index] ?? 0) / 4
  }
  return half.length * 4 === width * height ? half : new Float32Array()
}

function planesOf(levels: Float32Array, width: number, height: number): Float32Array {
  const data = new Float32Array(PLANES * width * height)
  fillPlanes(levels, { width, height }, 0, data)
  return data
}

test('planes are those that the network was trained on', async (t) => {
  const { cases } = golden.parse(JSON.parse(await readFile(`${LOCATOR}golden.json`, 'utf8')))
  t.ok(cases.length >= 2)
  for (const { name, width, height, grey_base64, planes_base64 } of cases) {
    const pixels = new Uint8Array(Buffer.from(grey_base64, 'base64'))
    const data = planesOf(halved({ pixels, width, height }), width / 2, height / 2)
    const expected = new Uint8Array(Buffer.from(planes_base64, 'base64'))
    t.equal(expected.length, (2 * pixels.length) / 4, `${name}: the two planes that depend on the picture`)
    const off = Array.from(expected, (value, index) =>
      Math.abs(Math.floor((data[index] ?? -1) * 255 + 0.5) - value),
    )
    t.ok(Math.max(...off) <= 1, `${name}: off by ${Math.max(...off)} of 255`)
    t.ok(off.filter((value) => value > 0).length < off.length / 1000, `${name}: rounded otherwise`)
    t.ok(
      data.subarray(expected.length).every((value) => value === 0),
      'how it lies is not known',
    )
  }
})

test("a camera's picture is halved, another one scaled to about its size in multiples of 32", (t) => {
  const pixels = Uint8Array.from({ length: 1280 * 960 }, (_, index) => (index * 7919) % 251)
  const { levels, ...size } = reducedOf({ pixels, width: 1280, height: 960 })
  t.same(size, { width: 640, height: 480, scaleX: 2, scaleY: 2 })
  const half = halved({ pixels, width: 1280, height: 960 })
  t.equal(levels.length, half.length)
  t.ok(
    levels.every((level, index) => level === half[index]),
    'the mean of each two by two',
  )
  const tall = reducedOf({ pixels: new Uint8Array(300 * 1000).fill(9), width: 300, height: 1000 })
  t.match({ ...tall, levels: undefined }, { width: 160, height: 480, scaleX: 1.875 })
  t.ok(tall.levels.every((level) => Math.abs(level - 9) < 1e-5))
  t.end()
})

test('gain and offset of the camera change little', (t) => {
  const [width, height] = [320, 320]
  const levels = Float32Array.from({ length: width * height }, (_, index) => {
    const [x, y] = [(index % width) - 160, Math.floor(index / width) - 160]
    return 40 + ((index * 7919) % 13) + (Math.abs(Math.hypot(x, y) - 6) < 1 ? 60 : 0)
  })
  const brighter = levels.map((value) => 1.5 * value + 20)
  const [a, b] = [planesOf(levels, width, height), planesOf(brighter, width, height)]
  let most = 0
  for (let index = 0; index < width * height; index++) {
    most = Math.max(most, Math.abs((a[index] ?? 0) - (b[index] ?? 1)))
  }
  t.ok(most < 0.05, `stands out by ${most} more or less`)
  t.end()
})
