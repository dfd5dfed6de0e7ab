import { test } from 'tap'
import { Embedder } from '../../../gateway/vision/embedder.ts'
import { FrameReader, type FrameReaderOptions } from '../../../gateway/vision/frame-reader.ts'
import type { LensView, OrientedBox } from '../../../gateway/vision/lens-view.ts'
import type { Grey } from '../../../gateway/vision/picture.ts'

const RULE = {
  ...{ turn_penalty_per_45_deg: 0, second_weight: 0.4, unknown_below: 0.3, one_of_within: 0.01 },
  ...{ confidence_slope: 10, confidence_offset: -5 },
}
const SIDE = 64

/** In place of the network: how much ink there is in each quarter of a crop. */
const embedder = new Embedder(({ data, shape }) => {
  const [count = 0] = shape
  const vectors = new Float32Array(4 * count)
  for (const [index, level] of data.entries()) {
    const [crop, place] = [Math.floor(index / SIDE ** 2), index % SIDE ** 2]
    const quarter = (place % SIDE < SIDE / 2 ? 0 : 1) + (place < SIDE ** 2 / 2 ? 0 : 2)
    vectors[4 * crop + quarter] = (vectors[4 * crop + quarter] ?? 0) + level
  }
  for (let crop = 0; crop < count; crop++) {
    const vector = vectors.subarray(4 * crop, 4 * crop + 4)
    const length = Math.hypot(...vector)
    vector.forEach((value, index) => {
      vector[index] = value / length
    })
  }
  return Promise.resolve({ data: vectors, shape: [count, 4] })
})

/** An L, 20 × 20 px about a place, turned; on it a lens is read along `deg`. */
function withL(x: number, y: number, deg: number): Grey {
  const [cos, sin] = [Math.cos((deg * Math.PI) / 180), Math.sin((deg * Math.PI) / 180)]
  const [width, height] = [200, 120]
  const pixels = Uint8Array.from({ length: width * height }, (_, index) => {
    const [dx, dy] = [(index % width) + 0.5 - x, Math.floor(index / width) + 0.5 - y]
    const [across, down] = [dx * cos + dy * sin, dy * cos - dx * sin]
    const upright = across > -10 && across < -5 && Math.abs(down) < 10
    return upright || (down > 5 && down < 10 && Math.abs(across) < 10) ? 220 : 30
  })
  return { pixels, width, height }
}

function box(x: number, y: number, angleDeg: number): OrientedBox {
  return { x, y, width: 22, height: 22, angleDeg }
}

const noTexts = () => Promise.reject(new Error('there is no text'))

const POSE = { nasal: [150, 60], temporal: [50, 60], pxPerMm: 3, towardsNoseDeg: 0 } as const

function lens(...engravings: Extract<LensView, { kind: 'lens' }>['engravings']): LensView {
  return { kind: 'lens', pose: POSE, outline: [], engravings }
}

/** A clock that goes on by one at each look. */
function reader(options: Partial<FrameReaderOptions> = {}): FrameReader {
  let time = 0
  return new FrameReader({ embedder, rule: RULE, now: () => time++, ...options })
}

test('symbols are recognised upright, texts are read, each stands where it was found', async (t) => {
  const asked: (readonly OrientedBox[])[] = []
  const [first, text, blank] = [box(60, 60, 200), box(120, 60, 200), box(20, 20, 200)]
  const look = reader({
    lens: {
      locate: () =>
        Promise.resolve(
          lens(
            { kind: 'symbol', box: first, confidence: 1 },
            { kind: 'text', box: text, confidence: 1 },
            { kind: 'symbol', box: blank, confidence: 0.5 },
          ),
        ),
      readTexts: (_, boxes) => {
        asked.push(boxes)
        return Promise.resolve([{ text: '2.25', confidence: 0.9 }])
      },
    },
  })
  look.use([
    ...(await look.prototypes(withL(100, 60, 0), 'L')),
    ...(await look.prototypes(withL(100, 60, 90), 'turned L')),
  ])
  t.match(await look.read(withL(60, 60, 200)), {
    view: { kind: 'lens' },
    engravings: [
      { kind: 'symbol', box: first, recognition: { kind: 'known', symbol: 'L' } },
      { kind: 'text', box: text, reading: { text: '2.25', confidence: 0.9 } },
      { kind: 'symbol', box: blank, recognition: { kind: 'blank' } },
    ],
    timing: { locate: 1, symbols: 1, texts: 1 },
  })
  t.strictSame(asked, [[text]])
})

test('on a lens, a prototype that is turned by more than a symbol lies askew does not count; for a drawing it does', async (t) => {
  const look = reader({
    lens: {
      locate: () => Promise.resolve(lens({ kind: 'symbol', box: box(60, 60, 0), confidence: 1 })),
      readTexts: noTexts,
    },
  })
  const found = await look.prototypes(withL(100, 60, 0), 'L')
  look.use(found.filter(({ degrees }) => Math.abs(degrees) === 45))
  t.match(await look.match(withL(60, 60, 45), 1), { candidates: [{ symbol: 'L' }] })
  t.match(await look.read(withL(60, 60, 45)), {
    engravings: [{ recognition: { kind: 'unknown', candidates: [] } }],
  })
})

test('nothing is read where no lens is seen', async (t) => {
  const unseen = { kind: 'unseen', fault: 'two-lenses', detail: '2 lenses, expected one' } as const
  const look = reader({
    lens: { locate: () => Promise.resolve(unseen), readTexts: noTexts },
  })
  t.same(await look.read(withL(60, 60, 0)), {
    view: unseen,
    engravings: [],
    timing: { locate: 1, symbols: 0, texts: 0 },
  })
})

test('an empty gallery knows no symbol, a blank picture is blank; fewer candidates shown decide nothing else', async (t) => {
  const look = reader()
  const [drawn, turned] = [withL(60, 60, 0), withL(60, 60, 90)]
  t.same(await look.match(drawn, 3), { kind: 'unknown', candidates: [] })
  const nothing = { pixels: new Uint8Array(400).fill(90), width: 20, height: 20 }
  t.same(await look.match(nothing, 3), { kind: 'blank', candidates: [] })
  t.same(await look.prototypes(nothing, 'x'), [])
  look.use([...(await look.prototypes(drawn, 'a')), ...(await look.prototypes(drawn, 'b'))])
  t.match(await look.match(drawn, 1), { kind: 'one-of', symbols: ['a', 'b'], candidates: { length: 1 } })
  t.match(await look.match(turned, 1), { candidates: { length: 1 } })
  await t.rejects(look.read(drawn), { message: /no networks for pictures of lenses/ })
})

test('it warms up on everything that it will use, and knows no more afterwards', async (t) => {
  const used: string[] = []
  const look = reader({
    lens: {
      locate: ({ width, height }) => {
        used.push(`${width} × ${height}`)
        return Promise.resolve(lens())
      },
      readTexts: (_, boxes) => {
        used.push(`${boxes.length} text`)
        return Promise.resolve([{ text: '', confidence: 1 }])
      },
    },
  })
  await look.warmUp()
  t.strictSame(new Set(used), new Set(['1280 × 960', '1 text']))
  await reader().warmUp()
  t.same(await look.match(withL(60, 60, 0), 3), { kind: 'unknown', candidates: [] })
})
