import type { Metadata } from 'sharp'

/** Brightness, row by row from the top left, 0 black … 255 white. The array is its own: it can be transferred. */
export interface Grey {
  readonly pixels: Uint8Array
  readonly width: number
  readonly height: number
}

/**
 * Why bytes are no picture that can be looked at: `not-an-image`: neither JPEG nor PNG; `damaged`: cut off, or faults
 * inside; `too-large`, `too-small`: pixels or bytes outside the limits.
 */
export type PictureFault = 'not-an-image' | 'damaged' | 'too-large' | 'too-small'

export class PictureError extends Error {
  override readonly name = 'PictureError'
  readonly fault: PictureFault

  constructor(fault: PictureFault, message: string, options?: ErrorOptions) {
    super(message, options)
    this.fault = fault
  }
}

export interface PictureLimits {
  readonly bytes: number
  /** Width times height, as the header says, before anything is decoded. */
  readonly pixels: number
  /** Of the shorter side. */
  readonly side: number
}

/** As much as the page and the command line take; a camera's frames are smaller. */
export const PICTURE_LIMITS: PictureLimits = { bytes: 5 * 1024 * 1024, pixels: 16_000_000, side: 8 }

/** Ten times what 16 million pixels take on a Raspberry Pi 4. */
const DECODE_LIMIT_S = 10
const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
const JPEG = [0xff, 0xd8, 0xff]

/**
 * The brightness of a JPEG or PNG that anybody may have sent: EXIF rotation applied, transparency over white, CMYK and
 * 16 bits turned into 8 of grey. Decoded on libuv's threads.
 * @throws PictureError which names the picture, what is wrong with it, and what was expected
 */
export async function readPicture(
  bytes: Uint8Array,
  name = 'picture',
  limits: PictureLimits = PICTURE_LIMITS,
): Promise<Grey> {
  if (bytes.length > limits.bytes) {
    throw new PictureError('too-large', `${name}: ${bytes.length} bytes, expected at most ${limits.bytes}`)
  }
  if (![PNG, JPEG].some((magic) => magic.every((byte, index) => bytes[index] === byte))) {
    const found = bytes.length === 0 ? 'no bytes' : `it begins with ${hex(bytes)}`
    throw new PictureError('not-an-image', `${name}: ${found}, expected a JPEG or PNG`)
  }
  // With the first picture: 9 MB, which a station without pictures has a better use for.
  const { default: sharp } = await import('sharp')
  const open = { failOn: 'warning', limitInputPixels: limits.pixels, autoOrient: true } as const
  try {
    // The header alone is read here: a bomb is turned away before it unfolds.
    checkSize(await sharp(bytes, { ...open, limitInputPixels: false }).metadata(), name, limits)
    const { data, info } = await sharp(bytes, open)
      .flatten({ background: '#fff' })
      .toColourspace('srgb')
      .timeout({ seconds: DECODE_LIMIT_S })
      .raw({ depth: 'uchar' })
      // Not `toUint8Array`, which never gives its memory back (sharp 0.35.5).
      .toBuffer({ resolveWithObject: true })
    if (info.channels !== 3) throw new Error(`${info.channels} channels in place of 3`)
    return { pixels: luma(data), width: info.width, height: info.height }
  } catch (error) {
    if (error instanceof PictureError) throw error
    const detail = error instanceof Error ? error.message.split('\n')[0] : String(error)
    throw new PictureError('damaged', `${name}: ${detail}`, { cause: error })
  }
}

function checkSize({ width, height }: Metadata, name: string, limits: PictureLimits): void {
  const size = `${name}: ${width} × ${height} pixels`
  if (width * height > limits.pixels) {
    throw new PictureError('too-large', `${size}, expected at most ${limits.pixels} in all`)
  }
  if (Math.min(width, height) < limits.side) {
    throw new PictureError('too-small', `${size}, expected at least ${limits.side} each way`)
  }
}

/** Of red, green, blue, by ITU-R BT.601: what a camera encodes, and what the networks were trained on. */
function luma(rgb: Uint8Array): Uint8Array {
  const grey = new Uint8Array(rgb.length / 3)
  for (let at = 0, from = 0; at < grey.length; at++, from += 3) {
    const weighed = 19_595 * (rgb[from] ?? 0) + 38_470 * (rgb[from + 1] ?? 0) + 7471 * (rgb[from + 2] ?? 0)
    grey[at] = (weighed + 32_768) >> 16
  }
  return grey
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(0, 4)).toString('hex')
}
