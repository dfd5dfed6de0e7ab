import sharp, { type JpegOptions } from 'sharp'

/** A picture with some texture, different for each seed: no two JPEGs of it are alike. */
export async function jpeg(
  seed: number,
  size: { readonly width: number; readonly height: number } = { width: 64, height: 48 },
  options: JpegOptions = {},
): Promise<Buffer> {
  const { width, height } = size
  const pixels = new Uint8Array(width * height * 3)
  let state = seed * 2654435761 + 1
  for (let i = 0; i < pixels.length; i += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    pixels[i] = ((i % (width * 3)) * 2 + (state >>> 28)) & 0xff
  }
  return await sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg(options)
    .toBuffer()
}

/** A segment of a JPEG: its marker, its length, what it holds. */
export function segment(marker: number, body: Uint8Array): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0])
  head.writeUInt16BE(body.length + 2, 2)
  return Buffer.concat([head, body])
}

/** The same picture with a segment behind its SOI. */
export function withSegment(picture: Uint8Array, marker: number, body: Uint8Array): Buffer {
  return Buffer.concat([picture.subarray(0, 2), segment(marker, body), picture.subarray(2)])
}

/** Pieces of any size from 1 to `most`, by the seed. */
export function* pieces(bytes: Uint8Array, seed: number, most: number): Generator<Uint8Array> {
  let state = seed + 1
  for (let at = 0; at < bytes.length; ) {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    const end = Math.min(bytes.length, at + 1 + ((state >> 8) % most))
    yield bytes.subarray(at, end)
    at = end
  }
}
