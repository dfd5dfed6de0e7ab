import { test } from 'tap'
import { type Jpeg, MjpegSplitter } from '../../../drivers/camera/mjpeg.ts'
import { jpeg, pieces, segment, withSegment } from './pictures.ts'

const text = (words: string): Buffer => Buffer.from(words, 'latin1')

function split(bytes: Uint8Array, options: { maxFrameBytes?: number; seed?: number; most?: number } = {}) {
  const { seed = 1, most = bytes.length } = options
  const splitter = new MjpegSplitter(options)
  const pictures: Jpeg[] = []
  for (const piece of pieces(bytes, seed, most)) pictures.push(...splitter.push(piece))
  splitter.end()
  return { splitter, pictures, bytes: pictures.map((picture) => Buffer.from(picture.bytes)) }
}

test('pictures that follow each other, in whatever pieces they come', async (t) => {
  const all = await Promise.all([1, 2, 3, 4, 5].map((seed) => jpeg(seed)))
  const stream = Buffer.concat(all)
  for (const most of [1, 2, 3, 7, 64, 1000, stream.length]) {
    for (let seed = 0; seed < 5; seed += 1) {
      const { splitter, pictures, bytes } = split(stream, { seed, most })
      t.strictSame(bytes, all, `pieces of up to ${most}, seed ${seed}`)
      t.match(pictures[0], { width: 64, height: 48 })
      t.match(splitter, { damaged: 0, skippedBytes: 0, heldBytes: 0 })
    }
  }
})

test('every kind of JPEG that sharp writes: progressive, restart markers and stuffed bytes inside', async (t) => {
  const kinds = [
    await jpeg(1, { width: 200, height: 150 }, { progressive: true }),
    await jpeg(2, { width: 200, height: 150 }, { mozjpeg: true }),
    await jpeg(3, { width: 200, height: 150 }, { quality: 100, chromaSubsampling: '4:4:4' }),
    await jpeg(4, { width: 1, height: 1 }),
  ]
  t.ok(kinds[2]?.includes(text('\xff\x00')), 'there is a stuffed byte')
  for (const kind of kinds) t.strictSame(split(Buffer.concat([kind, kind]), { most: 11 }).bytes, [kind, kind])
  // Restart markers are none of sharp's options: they mean nothing to where a picture ends.
  const whole = await jpeg(5)
  const middle = whole.length - 40
  const restarts = Buffer.concat([
    whole.subarray(0, middle),
    text('\xff\xd0\xff\xd7\xff\x00'),
    whole.subarray(middle),
  ])
  t.strictSame(split(restarts, { most: 3 }).bytes, [restarts])
})

test('an EOI inside a segment does not end a picture: thumbnails', async (t) => {
  const thumbnail = await jpeg(9, { width: 16, height: 12 })
  const picture = withSegment(await jpeg(1), 0xe1, Buffer.concat([text('Exif\0\0'), thumbnail]))
  const { splitter, pictures, bytes } = split(Buffer.concat([picture, picture]), { most: 5 })
  t.strictSame(bytes, [picture, picture])
  t.match(pictures[0], { width: 64, height: 48 })
  t.equal(splitter.damaged, 0)
  t.equal(
    picture.indexOf(text('\xff\xd9')) < picture.length - 2,
    true,
    'a search for the first EOI would cut it short',
  )
})

test('fill bytes before a marker belong to it', async (t) => {
  const picture = await jpeg(1)
  const filled = Buffer.concat([
    picture.subarray(0, 2),
    text('\xff\xff\xff'),
    picture.subarray(2, -2),
    text('\xff\xff\xff\xd9'),
  ])
  t.strictSame(split(Buffer.concat([filled, picture]), { most: 2 }).bytes, [filled, picture])
})

test('noise between pictures is passed over, and the last of it is handed on', async (t) => {
  const [first, second] = [await jpeg(1), await jpeg(2)]
  const noise = [text('0, 1, 2\n'), text('\xff\xff\x00\xff'), Buffer.alloc(5000), text('stamp\n')]
  const { splitter, pictures, bytes } = split(
    Buffer.concat([text('head\n'), first, ...noise, second, Buffer.alloc(100)]),
    { most: 13 },
  )
  t.strictSame(bytes, [first, second])
  t.equal(Buffer.from(pictures[0]?.preamble ?? []).toString(), 'head\n')
  const behind = Buffer.from(pictures[1]?.preamble ?? [])
  t.equal(behind.length, 1024, 'at most its end')
  t.equal(behind.subarray(-6).toString(), 'stamp\n')
  t.equal(splitter.damaged, 0)
  t.equal(splitter.skippedBytes, 5 + 8 + 4 + 5000 + 6 + 100)
})

test('a picture cut off in its scan costs none but itself', async (t) => {
  const [first, second, third] = [await jpeg(1), await jpeg(2), await jpeg(3)]
  const cut = second.subarray(0, -30)
  for (const most of [1, 17, 10_000]) {
    const { splitter, bytes } = split(Buffer.concat([first, cut, third]), { most })
    t.strictSame(bytes, [first, third])
    t.equal(splitter.damaged, 1)
  }
})

test('wherever a picture is cut off, at most the next is lost with it, and none is invented', async (t) => {
  const [first, second, third, fourth] = [await jpeg(1), await jpeg(2), await jpeg(3), await jpeg(4)]
  const originals = [first, second, third, fourth]
  for (let length = 1; length < second.length; length += 1) {
    const { splitter, bytes } = split(Buffer.concat([first, second.subarray(0, length), third, fourth]))
    if (bytes[0]?.equals(first) !== true || bytes.at(-1)?.equals(fourth) !== true)
      t.fail(`cut at ${length}: ${bytes.length} found`)
    // Cut a few bytes before the end of a table, the rest is taken from the next picture, which brings the same table
    // again: a picture with a spoilt table that its own one replaces.
    const whole = (picture: Buffer): boolean =>
      originals.some((original) => picture.equals(original)) || picture.includes(third.subarray(2))
    if (!bytes.every(whole)) t.fail(`cut at ${length}: another picture`)
    const spoilt = bytes.some(
      (picture) => picture.length > third.length && picture.includes(third.subarray(2)),
    )
    if (length > 3 && splitter.damaged < 1 && !spoilt) t.fail(`cut at ${length}: not counted`)
  }
  t.pass(`${second.length} places`)
})

test('a thumbnail that a damaged picture leaves behind is no picture', async (t) => {
  const thumbnail = await jpeg(9, { width: 16, height: 12 })
  const [first, second, third] = [await jpeg(1), await jpeg(2), await jpeg(3)]
  const exif = withSegment(second, 0xe1, Buffer.concat([text('Exif\0\0'), thumbnail]))
  // Its beginning is lost, so the thumbnail lies open.
  const { splitter, bytes } = split(Buffer.concat([first, exif.subarray(8), third, third]), { most: 100 })
  t.notOk(bytes.some((picture) => picture.equals(thumbnail)))
  t.strictSame([bytes[0], bytes.at(-1)], [first, third])
  t.ok(splitter.damaged >= 1)
})

test('another size is taken at once where nothing is wrong, and after noise from the second picture on', async (t) => {
  const [small, large] = [await jpeg(1), await jpeg(2, { width: 96, height: 80 })]
  t.strictSame(split(Buffer.concat([small, large, small])).bytes, [small, large, small])
  const noisy = split(Buffer.concat([small, text('??'), large, large]))
  t.strictSame(noisy.bytes, [small, large])
  t.equal(noisy.splitter.damaged, 1)
})

test('a picture beyond the limit is dropped, and never held in memory', async (t) => {
  const picture = await jpeg(1)
  const giant = withSegment(picture, 0xe2, Buffer.alloc(60_000, 0x20))
  const limit = 20_000
  const splitter = new MjpegSplitter({ maxFrameBytes: limit })
  const found: Jpeg[] = []
  let most = 0
  for (const piece of pieces(Buffer.concat([giant, picture, picture]), 3, 500)) {
    found.push(...splitter.push(piece))
    most = Math.max(most, splitter.heldBytes)
  }
  t.ok(most <= limit, `${most} bytes`)
  t.equal(splitter.damaged, 1)
  t.ok(found.length >= 1 && found.every(({ bytes }) => picture.equals(bytes)))
  const endless = new MjpegSplitter({ maxFrameBytes: limit })
  endless.push(picture.subarray(0, -2))
  for (let i = 0; i < 1000; i += 1) endless.push(Buffer.alloc(1000, 0x11))
  t.ok(endless.heldBytes <= limit)
})

test('what looks like a JPEG and is none counts as damaged: no frame header, bad lengths, bad markers', async (t) => {
  const good = await jpeg(1)
  const bad: Record<string, Buffer> = {
    'nothing inside': text('\xff\xd8\xff\xd9'),
    'no frame header': Buffer.concat([text('\xff\xd8'), segment(0xfe, text('hello')), text('\xff\xd9')]),
    'a length of 1': text('\xff\xd8\xff\xe0\x00\x01'),
    'a marker that does not exist': text('\xff\xd8\xff\x02\x00\x04ab'),
    'a restart marker in the header': text('\xff\xd8\xff\xd0'),
    'no marker where one must be': text('\xff\xd8\x41'),
    'width 0': Buffer.concat([text('\xff\xd8'), segment(0xc0, Buffer.alloc(15)), text('\xff\xd9')]),
  }
  for (const [name, bytes] of Object.entries(bad)) {
    const { splitter, bytes: found } = split(Buffer.concat([bytes, good, good]), { most: 4 })
    t.equal(splitter.damaged, 1, name)
    t.strictSame(found, [good, good], name)
  }
})

test('any noise at all: nothing thrown, nothing kept, and the picture after it is found', async (t) => {
  const good = await jpeg(1)
  for (let seed = 0; seed < 200; seed += 1) {
    let state = seed + 7
    const noise = Buffer.alloc(3000)
    for (let i = 0; i < noise.length; i += 1) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      // Full of markers.
      noise[i] = state >>> 30 === 0 ? 0xff : state >>> 24
    }
    // A segment that the noise began may cover the next 65,535 bytes.
    const enough = Array.from({ length: Math.ceil(70_000 / good.length) + 2 }, () => good)
    const stream = Buffer.concat([noise, ...enough])
    const { splitter, bytes } = split(stream, { seed, most: 200 })
    if (bytes.at(-1)?.equals(good) !== true) t.fail(`seed ${seed}`)
    const found = bytes.reduce((sum, picture) => sum + picture.length, 0)
    if (found + splitter.skippedBytes !== stream.length)
      t.fail(`seed ${seed}: a byte is lost or counted twice`)
  }
  t.pass('200 seeds')
})

test('a picture holds its own bytes: what it came in may be written over', async (t) => {
  const picture = await jpeg(1)
  const chunk = Buffer.from(picture)
  const splitter = new MjpegSplitter()
  const half = chunk.length >> 1
  splitter.push(chunk.subarray(0, half))
  chunk.fill(0, 0, half)
  const [found] = splitter.push(chunk.subarray(half))
  chunk.fill(0)
  t.strictSame(Buffer.from(found?.bytes ?? []), picture)
  t.equal(found?.bytes.buffer.byteLength, picture.length, 'and its memory can be handed to a thread')
})
