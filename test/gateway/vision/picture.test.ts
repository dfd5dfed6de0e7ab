import sharp from 'sharp'
import { test } from 'tap'
import { PictureError, readPicture } from '../../../gateway/vision/picture.ts'

const brown = (width = 40, height = 20) =>
  sharp({ create: { width, height, channels: 3, background: { r: 128, g: 64, b: 32 } } })
/** .299 × 128 + .587 × 64 + .114 × 32 (ITU-R BT.601). */
const LUMA = 79

test('whatever a camera, a phone or a scanner sends becomes 8 bits of grey', async (t) => {
  for (const [name, picture, off] of [
    ['JPEG', brown().jpeg(), 1],
    ['PNG', brown().png(), 1],
    ['PNG of 16 bits', brown().toColourspace('rgb16').png(), 1],
    ['grey of 16 bits', brown().toColourspace('grey16').png(), 4],
    ['palette', brown().png({ palette: true }), 1],
    ['CMYK', brown().toColourspace('cmyk').jpeg(), 10],
  ] as const) {
    const { pixels, width, height } = await readPicture(await picture.toBuffer(), name)
    t.match({ width, height, length: pixels.length }, { width: 40, height: 20, length: 800 }, name)
    t.ok(Math.abs((pixels[0] ?? 0) - LUMA) <= off, `${name}: ${pixels[0]}`)
  }
})

test('the camera’s turn is undone, and what is transparent is white paper', async (t) => {
  const turned = await brown().withMetadata({ orientation: 6 }).jpeg().toBuffer()
  t.match(await readPicture(turned), { width: 20, height: 40 })
  const clear = {
    create: { width: 9, height: 9, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } },
  } as const
  const { pixels } = await readPicture(await sharp(clear).png().toBuffer())
  t.equal(pixels[0], 255)
})

test('what is no picture is refused with its name, and what was expected', async (t) => {
  const png = await brown().png().toBuffer()
  const jpeg = await brown(400, 300).jpeg().toBuffer()
  for (const [bytes, fault, message] of [
    [Buffer.alloc(0), 'not-an-image', 'x: no bytes, expected a JPEG or PNG'],
    [Buffer.from('<svg xmlns='), 'not-an-image', 'x: it begins with 3c737667, expected a JPEG or PNG'],
    [await brown().gif().toBuffer(), 'not-an-image', /begins with 47494638/],
    [png.subarray(0, png.length - 20), 'damaged', /^x: /],
    [png.subarray(0, 12), 'damaged', /^x: /],
    [jpeg.subarray(0, jpeg.length / 2), 'damaged', /^x: .*premature end/],
    [await brown(1, 1).png().toBuffer(), 'too-small', 'x: 1 × 1 pixels, expected at least 8 each way'],
    // 50 million pixels in 150 kB: what unfolds when it is decoded is never unfolded.
    [
      await brown(10_000, 5000).png().toBuffer(),
      'too-large',
      /10000 × 5000 pixels, expected at most 16000000/,
    ],
    [Buffer.alloc(6_000_000), 'too-large', 'x: 6000000 bytes, expected at most 5242880'],
  ] as const) {
    const error = await readPicture(bytes, 'x').then(
      () => undefined,
      (reason: unknown) => reason,
    )
    t.ok(error instanceof PictureError)
    t.match(error, { fault, message })
  }
})
