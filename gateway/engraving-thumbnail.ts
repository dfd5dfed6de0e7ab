import { PICTURE_LIMITS } from './vision/picture.ts'

/** Longest side, px: sharp on a panel that is touched from half a metre. */
const SIDE = 128
/** Grey levels that a corner's colour may differ by and still be paper. */
const PAPER = 24
/** What is enrolled by a page is decoded at once; what hangs longer hangs for ever. */
const LIMIT_S = 5

/** A picture of a symbol as a small PNG: upright, on white, without the paper around it. */
export async function thumbnail(picture: Uint8Array): Promise<Uint8Array> {
  // With the first picture: many stations never show one.
  const { default: sharp } = await import('sharp')
  const upright = sharp(picture, { limitInputPixels: PICTURE_LIMITS.pixels, autoOrient: true })
  const shown = await upright
    .flatten({ background: '#fff' })
    .toColourspace('srgb')
    .timeout({ seconds: LIMIT_S })
    .png()
    .toBuffer()
  return await sharp(shown)
    .trim({ threshold: PAPER })
    .resize(SIDE, SIDE, { fit: 'inside', withoutEnlargement: true })
    .timeout({ seconds: LIMIT_S })
    .png({ palette: true })
    .toBuffer()
}
