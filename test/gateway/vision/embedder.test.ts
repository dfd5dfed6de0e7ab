import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { z } from 'zod'
import { cropOf } from '../../../gateway/vision/crop.ts'
import { Embedder, ENROL_DEGREES, enrolledCrops } from '../../../gateway/vision/embedder.ts'
import { CROWD_PENALTY } from '../../../gateway/vision/gallery.ts'
import { findInk, type Ink } from '../../../gateway/vision/ink.ts'
import { LIKENESS } from '../../../gateway/vision/likenesses.ts'
import { readModel } from '../../../gateway/vision/model.ts'
import { type Floats, Network } from '../../../gateway/vision/onnx.ts'
import type { Grey } from '../../../gateway/vision/picture.ts'

const FOLDER = fileURLToPath(new URL('../../../../models/engraving-embedder/', import.meta.url))

/** Pictures of our own, and what training made of them. */
const golden = z.object({
  cases: z.array(
    z.object({
      name: z.string(),
      width: z.int(),
      height: z.int(),
      grey_base64: z.base64(),
      degrees: z.number(),
      input_base64: z.base64().optional(),
      /** At `degrees`: what else is enrolled of a bold picture. */
      likenesses_base64: z.array(z.base64()).optional(),
      embedding: z.array(z.number()).optional(),
      blank: z.string().optional(),
    }),
  ),
})

async function goldenCases() {
  return golden.parse(JSON.parse(await readFile(`${FOLDER}golden.json`, 'utf8'))).cases
}

function greyOf({
  width,
  height,
  grey_base64,
}: {
  width: number
  height: number
  grey_base64: string
}): Grey {
  return { pixels: new Uint8Array(Buffer.from(grey_base64, 'base64')), width, height }
}

test('a picture becomes the input that training made of it', async (t) => {
  const cases = await goldenCases()
  t.ok(cases.length >= 8)
  for (const example of cases) {
    const ink = findInk(greyOf(example))
    if (example.input_base64 === undefined) {
      t.equal(ink, undefined, `${example.name}: ${example.blank}`)
      continue
    }
    const crop = ink === undefined ? new Float32Array() : cropOf(ink, example.degrees)
    const off = farthest(crop, example.input_base64)
    t.ok(off <= 1.5, `${example.name}: ${off} of 255`)
  }
})

/** Largest difference, in parts of 255. */
function farthest(crop: Float32Array, expected_base64: string): number {
  const expected = Buffer.from(expected_base64, 'base64')
  return expected.reduce(
    (most, level, index) => Math.max(most, Math.abs(level - 255 * (crop[index] ?? 9))),
    0,
  )
}

test('of a bold picture what a person may draw is enrolled too: without its small part, and as outlines', async (t) => {
  const cases = await goldenCases()
  const bold = cases.filter(({ likenesses_base64 }) => likenesses_base64 !== undefined)
  t.ok(bold.length >= 1)
  for (const example of cases) {
    const upright = enrolledCrops(greyOf(example)).filter((_, index) => index % ENROL_DEGREES.length === 0)
    const expected = example.likenesses_base64 ?? []
    t.equal(upright.length, example.input_base64 === undefined ? 0 : 1 + expected.length, example.name)
    for (const [index, likeness] of expected.entries()) {
      const off = farthest(upright[1 + index] ?? new Float32Array(), likeness)
      t.ok(off <= 1.5, `${example.name}: likeness ${index}: ${off} of 255`)
    }
  }
})

test('a likeness counts less than the picture itself', async (t) => {
  const [bold] = (await goldenCases()).filter(({ likenesses_base64 }) => likenesses_base64 !== undefined)
  if (bold === undefined) throw new Error('no golden picture is bold')
  const lengths = async (picture: Grey) => {
    const same = async ({ shape: [count = 0] }: Floats): Promise<Floats> => ({
      data: new Float32Array(count).fill(1),
      shape: [count, 1],
    })
    return (await new Embedder(same).prototypes('x', picture)).map(({ vector }) => vector[0])
  }
  const found = await lengths(greyOf(bold))
  const plain = ENROL_DEGREES.map(() => 1)
  t.strictSame(found.slice(0, 7), plain)
  t.ok(found.length > 7 && found.slice(7).every((length) => Math.abs((length ?? 0) - 0.9) < 1e-6))
})

test('the device enrols and compares as the manifest says that it was measured', async (t) => {
  const match = z.object({
    prototype_angles_deg: z.array(z.number()),
    crowd_penalty: z.number(),
    likeness: z.number(),
  })
  const manifest = z.object({ match }).parse(JSON.parse(await readFile(`${FOLDER}manifest.json`, 'utf8')))
  t.strictSame(manifest.match, {
    prototype_angles_deg: [...ENROL_DEGREES],
    crowd_penalty: CROWD_PENALTY,
    likeness: LIKENESS,
  })
})

test('and the same embedding', async (t) => {
  const network = await Network.open(await readModel(FOLDER), {
    providers: ['cpu'],
    threads: 1,
    refused: () => {},
  })
  t.teardown(() => network.close())
  const embedder = new Embedder((input) => network.run(input))
  for (const example of await goldenCases()) {
    const prototypes = await embedder.prototypes('x', greyOf(example))
    const pictures = example.embedding === undefined ? 0 : 1 + (example.likenesses_base64 ?? []).length
    t.equal(prototypes.length, pictures * ENROL_DEGREES.length, example.name)
    const vector = prototypes.find(({ degrees }) => degrees === example.degrees)?.vector
    for (const [d, value] of (example.embedding ?? []).entries()) {
      const off = Math.abs(value - (vector?.[d] ?? 9))
      if (!(off <= 5e-3)) t.fail(`${example.name}: dimension ${d} is off by ${off}`)
    }
  }
})

test('the turn, the size, the polarity and the light of a picture do not matter to what is found on it', (t) => {
  const drawn = picture(
    100,
    (x, y) => Math.abs(Math.hypot(x - 50, y - 40) - 20) < 2 || (y > 60 && Math.abs(x - 50) < 2),
  )
  const crop = cropOf(inkOf(drawn))
  for (const [name, changed] of [
    ['negative', { ...drawn, pixels: drawn.pixels.map((level) => 255 - level) }],
    ['faint', { ...drawn, pixels: drawn.pixels.map((level) => 100 + level / 4) }],
    [
      'a gradient of light',
      { ...drawn, pixels: drawn.pixels.map((level, index) => level / 2 + (index % 100)) },
    ],
    ['twice the size', picture(200, (x, y) => drawn.pixels[(y >> 1) * 100 + (x >> 1)] === 0)],
  ] as const) {
    const other = cropOf(inkOf(changed))
    const off =
      crop.reduce((sum, level, index) => sum + Math.abs(level - (other[index] ?? 9)), 0) / crop.length
    t.ok(off < 0.03, `${name}: ${off}`)
  }
  t.end()
})

function picture(side: number, ink: (x: number, y: number) => boolean): Grey {
  const pixels = Uint8Array.from({ length: side * side }, (_, index) =>
    ink(index % side, Math.floor(index / side)) ? 0 : 255,
  )
  return { pixels, width: side, height: side }
}

function inkOf(grey: Grey): Ink {
  const ink = findInk(grey)
  if (ink === undefined) throw new Error('no ink was found')
  return ink
}
