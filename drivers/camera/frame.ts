import sharp from 'sharp'
import { SensorError } from '../sensor.ts'
import { CAMERA, type CameraImage } from './image.ts'
import { lumaAsRed } from './luma.ts'

/** The pixels of a picture. The array is its own: it can be transferred to a thread. */
export interface Frame {
  /** Row by row from the top left, 8 bits a channel: grey, or red, green, blue. */
  readonly pixels: Uint8Array
  readonly channels: 1 | 3
  readonly width: number
  readonly height: number
  readonly takenAt: number
  readonly sequence: number
}

export interface DecodeOptions {
  /** One channel in place of three: the luma as the camera encoded it (ITU-R BT.601), where it did. Default true. */
  readonly grey?: boolean
  /** A larger picture is refused before any of it is decoded. Default 20 million. */
  readonly maxPixels?: number
  /** Scaled down to fit inside, its aspect kept; never enlarged. */
  readonly resize?: { readonly width: number; readonly height: number }
  /** Takes a picture with faults inside as long as it is not cut off: some webcams write no other. Default false. */
  readonly tolerant?: boolean
}

const INSIDE = { fit: 'inside', withoutEnlargement: true } as const
const MAX_PIXELS = 20_000_000
/** Twenty times what 20 million pixels take on a Raspberry Pi 4. */
const DECODE_LIMIT_S = 10

/**
 * Decodes on libuv's threads, not on the one that asks. EXIF rotation is applied; CMYK becomes RGB or grey.
 * @throws SensorError `corrupt`: no JPEG, cut off, faults inside, too many pixels; `timeout`
 */
export async function decode(image: CameraImage, options: DecodeOptions = {}): Promise<Frame> {
  const { grey = true, maxPixels = MAX_PIXELS, resize, tolerant = false } = options
  const { sequence, takenAt, width, height } = image
  if (width * height > maxPixels) {
    throw corrupt(image, `it has ${width} × ${height} pixels, at most ${maxPixels} in all are decoded`)
  }
  const failOn = tolerant ? 'truncated' : 'warning'
  try {
    const luma = grey ? lumaAsRed(image.jpeg) : undefined
    const input = sharp(luma ?? image.jpeg, { failOn, limitInputPixels: maxPixels, autoOrient: true })
    const scaled = resize === undefined ? input : input.resize({ ...resize, ...INSIDE })
    const coloured =
      luma === undefined ? scaled.toColourspace(grey ? 'b-w' : 'srgb') : scaled.extractChannel('red')
    const { data, info } = await coloured
      .timeout({ seconds: DECODE_LIMIT_S })
      .raw({ depth: 'uchar' })
      // `toUint8Array` of sharp 0.35.5 never gives its memory back: 1.2 MB a picture.
      .toBuffer({ resolveWithObject: true })
    const channels = grey ? 1 : 3
    if (info.channels !== channels) throw new Error(`${info.channels} channels in place of ${channels}`)
    // Copied out of what sharp allocated: a part of that could not be transferred.
    return {
      pixels: new Uint8Array(data),
      channels,
      width: info.width,
      height: info.height,
      takenAt,
      sequence,
    }
  } catch (error) {
    const detail = error instanceof Error ? error.message.split('\n')[0] : String(error)
    if (/^timeout\b/.test(detail ?? '')) {
      const text = `picture ${sequence} was not decoded within ${DECODE_LIMIT_S} s`
      throw new SensorError(CAMERA, 'timeout', text, { cause: error })
    }
    throw corrupt(image, detail ?? 'not decoded', error)
  }
}

/**
 * Any picture that sharp reads, as the JPEG that a camera would have sent.
 * @throws SensorError `corrupt`
 */
export async function jpegOf(picture: Uint8Array, name: string): Promise<Uint8Array> {
  try {
    return await sharp(picture, { limitInputPixels: MAX_PIXELS, autoOrient: true })
      .flatten({ background: '#000' })
      .toColourspace('srgb')
      .jpeg({ quality: 95, chromaSubsampling: '4:4:4' })
      .toBuffer()
      .then((jpeg) => new Uint8Array(jpeg))
  } catch (error) {
    const detail = error instanceof Error ? error.message.split('\n')[0] : String(error)
    throw new SensorError(CAMERA, 'corrupt', `${name}: ${detail}`, { cause: error })
  }
}

function corrupt({ sequence }: CameraImage, detail: string, cause?: unknown): SensorError {
  return new SensorError(CAMERA, 'corrupt', `picture ${sequence}: ${detail}`, { cause })
}
