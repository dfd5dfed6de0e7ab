import sharp, { type Sharp } from 'sharp'
import { test } from 'tap'
import { decode, jpegOf } from '../../../drivers/camera/frame.ts'
import type { CameraImage } from '../../../drivers/camera/image.ts'
import { lumaAsRed } from '../../../drivers/camera/luma.ts'
import { MjpegSplitter } from '../../../drivers/camera/mjpeg.ts'
import { jpeg, segment, withSegment } from './pictures.ts'

function image(bytes: Uint8Array): CameraImage {
  const [picture] = new MjpegSplitter().push(bytes)
  const { width, height } = picture ?? { width: 0, height: 0 }
  return { kind: 'camera', jpeg: bytes, width, height, takenAt: 1234, sequence: 5 }
}

/** Left half one colour, right half another. */
async function halves(left: string, right: string): Promise<Sharp> {
  const half = (background: string) =>
    sharp({ create: { width: 32, height: 32, channels: 3, background } })
      .png()
      .toBuffer()
  return sharp({ create: { width: 64, height: 32, channels: 3, background: left } }).composite([
    { input: await half(right), left: 32, top: 0 },
  ])
}

const near = (actual: number | undefined, expected: number): boolean =>
  actual !== undefined && Math.abs(actual - expected) <= 3

test('grey by default: one byte a pixel, row by row, with the time and number of its picture', async (t) => {
  const bytes = await (await halves('#000', '#fff')).jpeg({ quality: 95 }).toBuffer()
  const frame = await decode(image(bytes))
  t.match(frame, { channels: 1, width: 64, height: 32, takenAt: 1234, sequence: 5 })
  t.equal(frame.pixels.length, 64 * 32)
  t.ok(near(frame.pixels[10], 0) && near(frame.pixels[50], 255) && near(frame.pixels[31 * 64 + 50], 255))
})

test('colour: three bytes a pixel', async (t) => {
  const bytes = await (await halves('#f00', '#00f'))
    .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
    .toBuffer()
  const { pixels, channels } = await decode(image(bytes), { grey: false })
  t.equal(channels, 3)
  t.equal(pixels.length, 64 * 32 * 3)
  t.ok(near(pixels[0], 255) && near(pixels[1], 0) && near(pixels[2], 0), 'red on the left')
  t.ok(near(pixels[63 * 3], 0) && near(pixels[63 * 3 + 2], 255), 'blue on the right')
})

test('a grey camera gives three channels too where colour is asked for', async (t) => {
  const bytes = await (await halves('#444', '#ccc')).toColourspace('b-w').jpeg().toBuffer()
  t.equal((await decode(image(bytes), { grey: false })).pixels.length, 64 * 32 * 3)
  t.equal((await decode(image(bytes))).pixels.length, 64 * 32)
})

test('grey is the luma that the camera encoded, whatever its JPEG looks like', async (t) => {
  const size = { width: 120, height: 90 }
  const plain = await jpeg(1, size, { quality: 92, chromaSubsampling: '4:4:4' })
  const jfif = segment(0xe0, Buffer.from('JFIF\0\x01\x01\0\0\x01\0\x01\0\0', 'latin1'))
  const behindJfif = Buffer.concat([plain.subarray(0, 2), jfif, plain.subarray(2)])
  const adobe = (transform: number): Buffer =>
    withSegment(plain, 0xee, Buffer.from([...Buffer.from('Adobe'), 0, 100, 0, 0, 0, 0, transform]))
  const forms = {
    plain,
    'behind a JFIF segment': behindJfif,
    'behind a comment': withSegment(plain, 0xfe, Buffer.from('JFIF')),
    'with an Adobe segment': adobe(1),
    'as ffmpeg and webcams write it': await jpeg(1, size, { quality: 92, optimiseCoding: false }),
    progressive: await jpeg(1, size, { quality: 92, progressive: true, chromaSubsampling: '4:4:4' }),
  }
  for (const [name, bytes] of Object.entries(forms)) {
    t.not(lumaAsRed(bytes), undefined, name)
    const { pixels } = await decode(image(bytes))
    const rgb = await decode(image(bytes), { grey: false })
    let most = 0
    for (let i = 0; i < pixels.length; i += 1) {
      const [r = 0, g = 0, b = 0] = rgb.pixels.subarray(i * 3, i * 3 + 3)
      // Where a colour was cut off at 0 or 255 there is no way back to its luma.
      if (Math.min(r, g, b) < 2 || Math.max(r, g, b) > 253) continue
      most = Math.max(most, Math.abs((pixels[i] ?? 0) - (0.299 * r + 0.587 * g + 0.114 * b)))
    }
    t.ok(most <= 2, `${name}: off by at most ${most.toFixed(1)}`)
  }
  const others = {
    grey: await sharp(plain).toColourspace('b-w').jpeg().toBuffer(),
    CMYK: await sharp(plain).toColourspace('cmyk').jpeg().toBuffer(),
    'with a profile': await sharp(plain).withIccProfile('p3').jpeg().toBuffer(),
    'RGB by its Adobe segment': adobe(0),
    'cut off in its header': plain.subarray(0, 200),
    'no JPEG': Buffer.from('no JPEG at all'),
  }
  for (const [name, bytes] of Object.entries(others)) t.equal(lumaAsRed(bytes), undefined, name)
  t.equal((await decode(image(others['with a profile']))).channels, 1)
})

test('EXIF rotation is applied', async (t) => {
  const bytes = await (await halves('#000', '#fff')).jpeg().withMetadata({ orientation: 6 }).toBuffer()
  const frame = await decode(image(bytes))
  t.match(frame, { width: 32, height: 64 })
  t.ok(near(frame.pixels[5], 0) && near(frame.pixels[60 * 32 + 5], 255), 'left is top now')
})

test('CMYK becomes grey or RGB', async (t) => {
  const bytes = await (await halves('#222', '#ddd')).toColourspace('cmyk').jpeg({ quality: 95 }).toBuffer()
  t.equal((await sharp(bytes).metadata()).space, 'cmyk')
  const grey = await decode(image(bytes))
  t.equal(grey.pixels.length, 64 * 32)
  t.ok((grey.pixels[5] ?? 0) < (grey.pixels[60] ?? 0), 'dark stays dark')
  t.equal((await decode(image(bytes), { grey: false })).pixels.length, 64 * 32 * 3)
})

test('scaled down to fit inside, never up', async (t) => {
  const bytes = await jpeg(1, { width: 200, height: 100 })
  t.match(await decode(image(bytes), { resize: { width: 50, height: 50 } }), { width: 50, height: 25 })
  t.match(await decode(image(bytes), { resize: { width: 900, height: 900 } }), { width: 200, height: 100 })
})

test('pictures of webcams without Huffman tables', async (t) => {
  const whole = await jpeg(1, undefined, { optimiseCoding: false })
  let bare = whole
  for (let at = bare.indexOf('ffc4', 'hex'); at >= 0; at = bare.indexOf('ffc4', 'hex')) {
    bare = Buffer.concat([bare.subarray(0, at), bare.subarray(at + 2 + bare.readUInt16BE(at + 2))])
  }
  t.ok(bare.length < whole.length - 400)
  t.strictSame(await decode(image(bare)), await decode(image(whole)))
})

test('the pixels can go to another thread without a copy', async (t) => {
  const { pixels } = await decode(image(await jpeg(1)))
  const { buffer } = pixels
  if (!(buffer instanceof ArrayBuffer)) throw new Error('a buffer that is shared')
  t.equal(pixels.byteLength, buffer.byteLength)
  const moved = structuredClone(pixels, { transfer: [buffer] })
  t.equal(pixels.length, 0)
  t.equal(moved.length, 64 * 48)
})

test('a decompression bomb is refused, whatever its header claims', async (t) => {
  const bomb = await sharp({ create: { width: 8000, height: 8000, channels: 3, background: '#000' } })
    .jpeg({ quality: 1 })
    .toBuffer()
  const refused = { name: 'SensorError', sensor: 'camera', fault: 'corrupt', message: /pixel/ }
  await t.rejects(decode(image(bomb)), refused)
  const liar = { ...image(bomb), width: 10, height: 10 }
  await t.rejects(decode(liar), refused, 'the size that the image states is not trusted')
  await t.rejects(decode(image(await jpeg(1)), { maxPixels: 64 * 48 - 1 }), refused)
  t.match(await decode(image(await jpeg(1)), { maxPixels: 64 * 48 }), { width: 64 })
})

test('cut off, faults inside, no JPEG at all: corrupt, with the number of the picture', async (t) => {
  const bytes = await jpeg(1, { width: 400, height: 300 }, { quality: 90 })
  const holed = Buffer.from(bytes).fill(0x55, bytes.length >> 1, (bytes.length >> 1) + 300)
  const corrupt = { name: 'SensorError', fault: 'corrupt', message: /^camera: picture 5: / }
  await t.rejects(decode(image(bytes.subarray(0, bytes.length >> 1))), corrupt)
  await t.rejects(decode({ ...image(bytes), jpeg: bytes.subarray(0, 100) }), corrupt)
  await t.rejects(decode({ ...image(bytes), jpeg: Buffer.from('no picture') }), corrupt)
  await t.rejects(decode({ ...image(bytes), jpeg: new Uint8Array(0) }), corrupt)
  await t.rejects(decode(image(holed)), corrupt)
  t.match(await decode(image(holed), { tolerant: true }), { width: 400 }, 'tolerant takes it')
  const cut = image(bytes.subarray(0, bytes.length >> 1))
  await t.rejects(decode(cut, { tolerant: true }), corrupt, 'but nothing that is cut off')
})

test('any picture as the JPEG that a camera would have sent', async (t) => {
  const png = await (await halves('#000', '#fff')).ensureAlpha(0.5).png().toBuffer()
  const made = await jpegOf(png, 'a.png')
  t.match(new MjpegSplitter().push(made), [{ width: 64, height: 32 }])
  await t.rejects(jpegOf(Buffer.from('none'), 'b.png'), {
    name: 'SensorError',
    fault: 'corrupt',
    message: /b\.png/,
  })
})

test('a picture that was looked at gives its memory back', async (t) => {
  const raw = { width: 1280, height: 960, channels: 1 } as const
  const taken = image(
    await sharp(new Uint8Array(1280 * 960).fill(90), { raw })
      .jpeg()
      .toBuffer(),
  )
  const look = async (times: number): Promise<number> => {
    for (let time = 1; time <= times; time += 1) await decode(taken)
    return process.memoryUsage.rss() / 1e6
  }
  const before = await look(60)
  const grown = (await look(160)) - before
  t.ok(grown < 100, `${grown.toFixed(0)} MB more after 160 pictures of 1.2 MB`)
})
