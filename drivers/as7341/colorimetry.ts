import { CHANNELS } from './counts.ts'
import type { Light } from './light.ts'

/** CIE 1931 tristimulus values; Y × 683 is lux. */
export interface Xyz {
  readonly x: number
  readonly y: number
  readonly z: number
}

/** CIE 1976 L*a*b*. */
export interface Lab {
  readonly l: number
  readonly a: number
  readonly b: number
}

/** ams' golden device (AN000633): weights of corrected basic counts F1…F8, Clear, NIR. */
const X = [0.39814, 1.2954, 0.36956, 0.10902, 0.71942, 1.7818, 1.1011, -0.039905, -0.27597, -0.02347]
const Y = [0.01396, 0.16748, 0.23538, 1.4275, 1.8867, 1.142, 0.46497, -0.027018, -0.24468, -0.019926]
const Z = [1.9501, 6.4549, 2.7801, 0.18501, 0.15325, 0.095394, 0.10563, 0.088661, -0.6114, -0.0093845]

const LUMENS_PER_WATT = 683

/**
 * Colour of the light on the chip, by ams' matrix for its golden device: another device, diffuser or geometry is a few
 * percent off until it has a matrix of its own.
 * @param dark subtracted per channel where given
 * @returns undefined where one of the ten channels is missing
 */
export function xyzOf(light: Light, dark?: Light): Xyz | undefined {
  const counts: number[] = []
  for (const channel of CHANNELS) {
    const lit = light.channels[channel]?.value
    const unlit = dark === undefined ? 0 : dark.channels[channel]?.value
    if (lit === undefined || unlit === undefined) return undefined
    counts.push(lit - unlit)
  }
  return { x: weighted(X, counts), y: weighted(Y, counts), z: weighted(Z, counts) }
}

function weighted(weights: readonly number[], counts: readonly number[]): number {
  return weights.reduce((sum, weight, at) => sum + weight * (counts[at] ?? 0), 0)
}

/** Illuminance in lux. */
export function luxOf({ y }: Xyz): number {
  return LUMENS_PER_WATT * y
}

/** Chromaticity x, y (CIE 1931) and u', v' (CIE 1976); undefined in the dark. */
export interface Chromaticity {
  readonly x: number
  readonly y: number
  readonly uPrime: number
  readonly vPrime: number
}

export function chromaticityOf({ x, y, z }: Xyz): Chromaticity | undefined {
  const sum = x + y + z
  const denominator = x + 15 * y + 3 * z
  if (!(sum > 0 && denominator > 0)) return undefined
  return { x: x / sum, y: y / sum, uPrime: (4 * x) / denominator, vPrime: (9 * y) / denominator }
}

/** Cubics in n = (x − 0.3320) / (0.1858 − y): McCamy's (1992), and the rounded one of ams' sheet. */
const CCT_CUBICS = {
  mccamy: [449, 3525, 6823.3, 5520.33],
  ams: [437, 3601, 6861, 5517],
} as const

/** CIE 15: further than this from the black body a colour has no correlated temperature. */
const MOST_DUV = 0.05

/**
 * Correlated colour temperature, K.
 * @returns undefined in the dark, and for light that is further than 0.05 (Duv) from a black body's colour
 */
export function cctOf(xyz: Xyz, formula: keyof typeof CCT_CUBICS = 'mccamy'): number | undefined {
  const chromaticity = chromaticityOf(xyz)
  if (chromaticity === undefined || Math.abs(duvOf(chromaticity)) > MOST_DUV) return undefined
  const n = (chromaticity.x - 0.332) / (0.1858 - chromaticity.y)
  const [a, b, c, d] = CCT_CUBICS[formula]
  return ((a * n + b) * n + c) * n + d
}

/** Distance from the black-body locus in u, v of 1960, green positive: Ohno's polynomial (Leukos 10, 2014, eq. 1…3). */
const DUV = [-0.471106, 1.925865, -2.4243787, 1.5317403, -0.5179722, 0.0893944, -0.00616793]

export function duvOf({ uPrime, vPrime }: Chromaticity): number {
  const [u, v] = [uPrime - 0.292, (2 / 3) * vPrime - 0.24]
  const distance = Math.hypot(u, v)
  const angle = Math.acos(u / distance)
  const locus = DUV.reduceRight((sum, coefficient) => sum * angle + coefficient, 0)
  return distance - locus
}

/**
 * L*a*b* of a surface for an eye that is used to the lamp: its light beside the white tile's, under the same lamp and
 * in the same place. Under a lamp of another colour than D65 this is not the Lab of a colour book.
 * @param xyz light of the sample
 * @param white light of the white tile
 * @returns undefined where the white has no light
 */
export function labOf(xyz: Xyz, white: Xyz): Lab | undefined {
  if (!(white.x > 0 && white.y > 0 && white.z > 0)) return undefined
  const [fx, fy, fz] = [cube(xyz.x / white.x), cube(xyz.y / white.y), cube(xyz.z / white.z)]
  return { l: 116 * fy - 16, a: 500 * (fx - fy), b: 200 * (fy - fz) }
}

/** CIE 15: the cube root, straight near black. */
function cube(t: number): number {
  return t > (6 / 29) ** 3 ? Math.cbrt(t) : t / (3 * (6 / 29) ** 2) + 4 / 29
}

/** Colour difference ΔE*ab (CIE 1976). */
export function deltaE(one: Lab, other: Lab): number {
  return Math.hypot(one.l - other.l, one.a - other.a, one.b - other.b)
}
