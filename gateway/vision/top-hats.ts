import type { Grey } from './picture.ts'

/** A structure that is nowhere as broad as this many pixels each way is a stroke: a groove of 0.2 mm is 2 to 3, blurred 5. */
const BROAD = 7
const REACH = (BROAD - 1) / 2
const WHITE = 255
/** Strokes of faint engravings are a few grey levels high; what is higher than half of all is a lamp or dust, and is cut. */
const GAIN = 2

/** What is finer than a stroke may be broad, without whatever lies below it: shade, mirrored lamps, stains. Twice as high. */
export interface TopHats {
  /** Brighter than its surroundings. */
  readonly bright: Grey
  /** Darker than its surroundings, bright here. */
  readonly dark: Grey
}

/**
 * White and black top-hat (Serra, Image Analysis and Mathematical Morphology, 1982; Meyer 1979): the picture less its opening,
 * and its closing less the picture, by a square of 7 px. Beyond the picture its edge goes on.
 */
export function topHats(picture: Grey): TopHats {
  const negative = { ...picture, pixels: inverted(picture.pixels) }
  return { bright: hatOf(picture), dark: hatOf(negative) }
}

function hatOf(picture: Grey): Grey {
  const { pixels, width, height } = picture
  const eroded = least(pixels, width, height)
  const closed = least(inverted(eroded), width, height)
  const hat = new Uint8Array(pixels.length)
  for (let index = 0; index < hat.length; index++) {
    hat[index] = Math.min(WHITE, GAIN * ((pixels[index] ?? 0) + (closed[index] ?? 0) - WHITE))
  }
  return { pixels: hat, width, height }
}

function inverted(pixels: Uint8Array): Uint8Array {
  const turned = new Uint8Array(pixels.length)
  for (let index = 0; index < turned.length; index++) turned[index] = WHITE - (pixels[index] ?? 0)
  return turned
}

/** The least value of the square about each pixel. */
function least(pixels: Uint8Array, width: number, height: number): Uint8Array {
  const wide = width + 2 * REACH
  const high = height + 2 * REACH
  const padded = new Uint8Array(wide * high)
  for (let y = 0; y < high; y++) {
    const row = Math.min(height - 1, Math.max(0, y - REACH)) * width
    const to = y * wide
    padded.fill(pixels[row] ?? 0, to, to + REACH)
    padded.set(pixels.subarray(row, row + width), to + REACH)
    padded.fill(pixels[row + width - 1] ?? 0, to + REACH + width, to + wide)
  }
  // Of 2, of 4, of 7 pixels in a row, then of as many rows. What runs on into the next row ends in the padding.
  for (const step of [1, 2, 3, wide, 2 * wide, 3 * wide]) {
    for (let here = 0, there = step; there < padded.length; here++, there++) {
      const value = padded[there] ?? 0
      if (value < (padded[here] ?? 0)) padded[here] = value
    }
  }
  const smallest = new Uint8Array(pixels.length)
  for (let y = 0; y < height; y++) {
    smallest.set(padded.subarray(y * wide, y * wide + width), y * width)
  }
  return smallest
}
