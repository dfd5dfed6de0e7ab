import type { OrientedBox } from './lens-view.ts'
import type { Grey } from './picture.ts'

/** Longest side of what is cut out, px: an engraving is some 50 px large, and no faulty box shall fill the memory. */
const MOST_SIDE = 1024

/**
 * What lies in a box, upright along its `angleDeg`, a pixel a pixel, bilinear; beyond the picture its edge goes on. A box of more than
 * 1024 px is scaled down to that.
 * @param margin added on every side, as a share of the longer one, 0 or more
 */
export function rectified({ pixels, width, height }: Grey, box: OrientedBox, margin: number): Grey {
  const edge = 2 * margin * Math.max(box.width, box.height)
  const scale = Math.max(1, (Math.max(box.width, box.height) + edge) / MOST_SIDE)
  const wide = Math.max(1, Math.round((box.width + edge) / scale))
  const high = Math.max(1, Math.round((box.height + edge) / scale))
  const angle = (box.angleDeg * Math.PI) / 180
  const [cos, sin] = [scale * Math.cos(angle), scale * Math.sin(angle)]
  const cut = new Uint8Array(wide * high)
  for (let j = 0, index = 0; j < high; j++) {
    const down = j + 0.5 - high / 2
    for (let i = 0; i < wide; i++, index++) {
      const across = i + 0.5 - wide / 2
      const x = Math.min(width - 1, Math.max(0, box.x + across * cos - down * sin - 0.5))
      const y = Math.min(height - 1, Math.max(0, box.y + across * sin + down * cos - 0.5))
      const left = Math.floor(x)
      const top = Math.floor(y)
      const [fx, fy] = [x - left, y - top]
      const upper = top * width
      const lower = Math.min(height - 1, top + 1) * width
      const right = Math.min(width - 1, left + 1)
      const above = (pixels[upper + left] ?? 0) * (1 - fx) + (pixels[upper + right] ?? 0) * fx
      const below = (pixels[lower + left] ?? 0) * (1 - fx) + (pixels[lower + right] ?? 0) * fx
      cut[index] = above * (1 - fy) + below * fy + 0.5
    }
  }
  return { pixels: cut, width: wide, height: high }
}

/**
 * A picture whose longer side has at most `most` px: each pixel the mean of a square. What is looked at in 64 px needs no
 * more, and takes eight bytes a pixel on its way there.
 */
export function reduced(picture: Grey, most: number): Grey {
  const { pixels, width, height } = picture
  const factor = Math.ceil(Math.max(width, height) / most)
  if (factor <= 1) return picture
  // A strip at the end that fills no square is left out, as long as it is not all there is.
  const wide = Math.max(1, Math.floor(width / factor))
  const high = Math.max(1, Math.floor(height / factor))
  const [stepX, stepY] = [Math.min(factor, width), Math.min(factor, height)]
  const small = new Uint8Array(wide * high)
  for (let j = 0; j < high; j++) {
    for (let i = 0; i < wide; i++) {
      let sum = 0
      for (let y = j * stepY; y < (j + 1) * stepY; y++) {
        for (let x = i * stepX; x < (i + 1) * stepX; x++) sum += pixels[y * width + x] ?? 0
      }
      small[j * wide + i] = sum / (stepX * stepY) + 0.5
    }
  }
  return { pixels: small, width: wide, height: high }
}
