/** A whole number's hash, 0…1: the finaliser of MurmurHash3 (Appleby, public domain). */
function hash(seed: number, x: number, y: number): number {
  let h = (seed ^ Math.imul(x, 0x27d4eb2d) ^ Math.imul(y, 0x165667b1)) | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32
}

/**
 * A smooth random field, 0…1, that changes over a distance of 1: value noise (Perlin 1985, "An image synthesizer"),
 * its lattice joined by 3t² − 2t³.
 */
export function valueNoise(seed: number, x: number, y: number): number {
  const [left, top] = [Math.floor(x), Math.floor(y)]
  const s = (x - left) ** 2 * (3 - 2 * (x - left))
  const t = (y - top) ** 2 * (3 - 2 * (y - top))
  const upper = hash(seed, left, top) * (1 - s) + hash(seed, left + 1, top) * s
  const lower = hash(seed, left, top + 1) * (1 - s) + hash(seed, left + 1, top + 1) * s
  return upper * (1 - t) + lower * t
}
