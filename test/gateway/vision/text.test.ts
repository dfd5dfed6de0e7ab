import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { z } from 'zod'
import { renderLens } from '../../../drivers/simulated/lens-render.ts'
import { type LensOptions, lensScene } from '../../../drivers/simulated/lens-scene.ts'
import { Random } from '../../../drivers/simulated/random.ts'
import type { OrientedBox } from '../../../gateway/vision/lens-view.ts'
import { readModel } from '../../../gateway/vision/model.ts'
import { Network } from '../../../gateway/vision/onnx.ts'
import type { Grey } from '../../../gateway/vision/picture.ts'
import { readTexts } from '../../../gateway/vision/text.ts'
import { readTextRule } from '../../../gateway/vision/text-rule.ts'
import { stripOf } from '../../../gateway/vision/text-strip.ts'

const FOLDER = fileURLToPath(new URL('../../../../models/engraving-text/', import.meta.url))

/** Pictures of our own, and what training made of them. */
const golden = z.object({
  cases: z.array(
    z.object({
      name: z.string(),
      width: z.int(),
      height: z.int(),
      grey_base64: z.base64(),
      box: z
        .object({
          x: z.number(),
          y: z.number(),
          width: z.number(),
          height: z.number(),
          angle_deg: z.number(),
        })
        .transform(({ angle_deg, ...box }): OrientedBox => ({ ...box, angleDeg: angle_deg })),
      strip_width: z.int(),
      strip_base64: z.base64(),
      text: z.string(),
    }),
  ),
})
const { cases } = golden.parse(JSON.parse(await readFile(join(FOLDER, 'golden.json'), 'utf8')))

function greyOf({ width, height, grey_base64 }: (typeof cases)[number]): Grey {
  return { pixels: new Uint8Array(Buffer.from(grey_base64, 'base64')), width, height }
}

const network = await Network.open(await readModel(FOLDER), {
  providers: ['cpu'],
  threads: 1,
  refused: () => {},
})
const rule = await readTextRule(FOLDER)
const read = (picture: Grey, boxes: readonly OrientedBox[]) =>
  readTexts(picture, boxes, (input) => network.run(input), rule)

/** The temporal side of a lens under the camera, and where its addition is engraved. */
function lens(options: LensOptions & { addition: string }, rotationDeg: number) {
  const turn = (rotationDeg * Math.PI) / 180
  const [width, height, pxPerMm] = [320, 240, 11.6]
  // The temporal mark lies at −17 mm on the lens's horizontal, a little above the picture's middle.
  const centreX = width / 2 + 17 * pxPerMm * Math.cos(turn) + 30 * Math.sin(turn)
  const centreY = height / 2 + 17 * pxPerMm * Math.sin(turn) - 30 * Math.cos(turn)
  const pose = { pxPerMm, centreX, centreY, rotationDeg, nasal: 'right', tiltDeg: 3 } as const
  const scene = lensScene(
    { symbol: 'none', nasalText: 'none', ...options, width, height, pose },
    new Random(5),
  )
  const engraved = scene.truth.lenses[0]?.engravings.find(({ label }) => label === options.addition)
  if (engraved === undefined) throw new Error(`${options.addition} is not engraved`)
  return { picture: renderLens(scene), box: engraved.box }
}

const { picture, box } = lens({ addition: '2.25' }, 10)

test('a box becomes the strip that training made of it', (t) => {
  t.ok(cases.length >= 6)
  for (const example of cases) {
    const strip = stripOf(greyOf(example), example.box)
    const expected = Buffer.from(example.strip_base64, 'base64')
    t.equal(strip.width, example.strip_width, example.name)
    const worst = expected.reduce(
      (most, level, index) => Math.max(most, Math.abs(level - 255 * (strip.values[index] ?? 9))),
      0,
    )
    t.ok(worst <= 0.51, `${example.name}: ${worst} of 255`)
  }
  t.end()
})

test('and the same text', async (t) => {
  for (const example of cases) {
    const [reading] = await read(greyOf(example), [example.box])
    t.equal(reading?.text, example.text, example.name)
    t.ok(reading && reading.confidence >= 0 && reading.confidence <= 1)
  }
})

test('an addition is read off a lens, however it lies, bright, dark, and in relief', async (t) => {
  for (const [polarity, addition, rotationDeg] of [
    ['bright', '2.25', 30],
    ['dark', '1.75', 180],
    ['relief', '3.50', -75],
  ] as const) {
    const { picture, box } = lens({ addition, lamp: { polarity } }, rotationDeg)
    const [reading] = await read(picture, [box])
    t.match(reading, { text: addition }, polarity)
    t.ok(reading && reading.confidence > 0.5, `${polarity}: ${reading?.confidence}`)
  }
})

test('a box that lies a little off is read nevertheless', async (t) => {
  for (const off of [
    { x: box.x + 3, y: box.y - 3 },
    { width: box.width * 1.15, height: box.height * 1.15 },
    { angleDeg: box.angleDeg + 5 },
  ]) {
    t.match((await read(picture, [{ ...box, ...off }]))[0], { text: '2.25' }, JSON.stringify(off))
  }
})

test('what is read beside does not matter, nor how many boxes there are', async (t) => {
  const wide = { ...box, width: 3 * box.width }
  const alone = [...(await read(picture, [box])), ...(await read(picture, [wide]))]
  const together = await read(
    picture,
    Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? box : wide)),
  )
  t.equal(together.length, 40)
  for (const [n, { text, confidence }] of together.entries()) {
    t.equal(text, alone[n % 2]?.text)
    t.ok(Math.abs(confidence - (alone[n % 2]?.confidence ?? 9)) < 1e-3)
  }
  t.same(await read(picture, []), [])
})

test('where nothing is engraved, nothing is read, and that is fairly sure', async (t) => {
  const [beside] = await read(picture, [{ ...box, y: box.y + 3 * box.height }])
  t.match(beside, { text: '' })
  t.ok(beside && beside.confidence > 0.7, `${beside?.confidence}`)
  const black = { pixels: new Uint8Array(64 * 64), width: 64, height: 64 }
  t.match(await read(black, [{ x: 32, y: 32, width: 50, height: 20, angleDeg: 0 }]), [{ text: '' }])
})

test('a box may lie half outside of the picture, or outside, or be no larger than a point', async (t) => {
  const cut = { ...picture, height: Math.round(box.y) }
  const half = { ...cut, pixels: picture.pixels.subarray(0, cut.width * cut.height) }
  const boxes = [
    box,
    { ...box, x: -500 },
    { ...box, width: 0, height: 0 },
    { ...box, width: 5000, height: 900 },
  ]
  const readings = await read(half, boxes)
  t.equal(readings.length, 4)
  t.ok(readings.every(({ confidence }) => confidence >= 0 && confidence <= 1))
  // Of the upper half of "2.25" nobody can tell: it is not said with confidence.
  t.notOk(readings[0]?.text === '2.25' && readings[0].confidence > 0.95)
  t.match(readings[1], { text: '' })
})

test('a network of another alphabet, and one that computes nothing, are no readings', async (t) => {
  const short = { ...rule, alphabet: rule.alphabet.slice(1) }
  const run = network.run.bind(network)
  await t.rejects(readTexts(picture, [box], run, short), { name: 'ModelError', fault: 'shape' })
  const empty = async (input: Parameters<typeof run>[0]) => {
    const { data, shape } = await run(input)
    return { data: data.map(() => Number.NaN), shape }
  }
  await t.rejects(readTexts(picture, [box], empty, rule), { name: 'ModelError', fault: 'output' })
})

test('the network is closed', async () => {
  await network.close()
})
