import type { Channel } from '../../drivers/as7341/counts.ts'
import type { Lab } from '../inspection.ts'
import { at } from './numbers.ts'

/** The eight visible filters and where they are centred, nm (AS7341 datasheet DS000504). */
const VISIBLE = [
  ['F1_415nm', 415],
  ['F2_445nm', 445],
  ['F3_480nm', 480],
  ['F4_515nm', 515],
  ['F5_555nm', 555],
  ['F6_590nm', 590],
  ['F7_630nm', 630],
  ['F8_680nm', 680],
] as const satisfies readonly (readonly [Channel, number])[]

/** Relative spectral power of CIE D65, 380 to 780 nm in steps of 10 (CIE 15). */
const D65 = [
  49.98, 54.65, 82.75, 91.49, 93.43, 86.68, 104.86, 117.01, 117.81, 114.86, 115.92, 108.81, 109.35, 107.8,
  104.79, 107.69, 104.41, 104.05, 100, 96.33, 95.79, 88.69, 90.01, 89.6, 87.7, 83.29, 83.7, 80.03, 80.21,
  82.28, 78.28, 69.72, 71.61, 74.35, 61.6, 69.89, 75.09, 63.59, 46.42, 66.81, 63.38,
] as const
const FIRST_NM = 380
const STEP_NM = 10

/** A lobe of Wyman, Sloan and Shirley's fit to the CIE 1931 observer (JCGT 2013, table 1): height, centre, widths. */
type Lobe = readonly [height: number, centreNm: number, belowNm: number, aboveNm: number]
const X_LOBES: readonly Lobe[] = [
  [1.056, 599.8, 37.9, 31.0],
  [0.362, 442.0, 16.0, 26.7],
  [-0.065, 501.1, 20.4, 26.2],
]
const Y_LOBES: readonly Lobe[] = [
  [0.821, 568.8, 46.9, 40.5],
  [0.286, 530.9, 16.3, 31.1],
]
const Z_LOBES: readonly Lobe[] = [
  [1.217, 437.0, 11.8, 36.0],
  [0.681, 459.0, 26.0, 13.8],
]

/** What each filter's reflectance weighs in X, Y and Z: linear between the filters' centres, flat beyond the last. */
export const XYZ_WEIGHTS: Readonly<Record<'x' | 'y' | 'z', readonly number[]>> = weights()

function weights(): Record<'x' | 'y' | 'z', readonly number[]> {
  const sum = (lobes: readonly Lobe[]): number[] => {
    const perFilter = VISIBLE.map(() => 0)
    D65.forEach((power, index) => {
      const nm = FIRST_NM + STEP_NM * index
      const light = power * observer(lobes, nm)
      VISIBLE.forEach((_, filter) => {
        perFilter[filter] = (perFilter[filter] ?? 0) + light * hat(filter, nm)
      })
    })
    return perFilter
  }
  const [x, y, z] = [sum(X_LOBES), sum(Y_LOBES), sum(Z_LOBES)]
  const white = y.reduce((total, value) => total + value, 0)
  const scaled = (values: readonly number[]): readonly number[] => values.map((value) => value / white)
  return { x: scaled(x), y: scaled(y), z: scaled(z) }
}

function observer(lobes: readonly Lobe[], nm: number): number {
  return lobes.reduce((sum, [height, centre, below, above]) => {
    const deviation = (nm - centre) / (nm < centre ? below : above)
    return sum + height * Math.exp(-0.5 * deviation * deviation)
  }, 0)
}

/** Share of a filter's reflectance at a wavelength: 1 at its centre, 0 at its neighbours'. */
function hat(filter: number, nm: number): number {
  const centre = VISIBLE[filter]?.[1] ?? 0
  const neighbour = VISIBLE[nm < centre ? filter - 1 : filter + 1]?.[1]
  return neighbour === undefined ? 1 : Math.max(0, 1 - Math.abs((nm - centre) / (neighbour - centre)))
}

const FILTERS = VISIBLE.length
/** The weights with each axis' sum at 1: a perfect white has X = Y = Z = 1 here. Axis-major. */
const SHARES = Float64Array.from(
  (['x', 'y', 'z'] as const).flatMap((axis) => {
    const sum = XYZ_WEIGHTS[axis].reduce((total, weight) => total + weight, 0)
    return XYZ_WEIGHTS[axis].map((weight) => weight / sum)
  }),
)

/**
 * L*a*b* under D65 of a surface, from its reflectance (0…1) in the eight visible filters. Approximate: eight samples
 * stand for the spectrum, and the filters are broad; good to compare parts of one product, not to certify a colour.
 * @returns undefined where a filter is missing
 */
export function labOf(reflectance: Readonly<Partial<Record<Channel, number>>>): Lab | undefined {
  const values = Float64Array.from(VISIBLE, ([name]) => reflectance[name] ?? Number.NaN)
  return values.some(Number.isNaN) ? undefined : labOfFilters(values)
}

/** @param reflectance of F1…F8; more are not looked at */
export function labOfFilters(reflectance: Float64Array): Lab {
  const fx = cube(tristimulus(reflectance, 0))
  const fy = cube(tristimulus(reflectance, 1))
  const fz = cube(tristimulus(reflectance, 2))
  return { l: 116 * fy - 16, a: 500 * (fx - fy), b: 200 * (fy - fz) }
}

/**
 * Covariance of (L*, a*, b*), row-major 3 × 3: each filter's own uncertainty, and one that all of them share, to first
 * order.
 * @param std of each filter by itself
 * @param common relative standard deviation of all reflectances together
 */
export function labCovariance(reflectance: Float64Array, std: Float64Array, common: number): Float64Array {
  const slopeX = cubeSlope(tristimulus(reflectance, 0))
  const slopeY = cubeSlope(tristimulus(reflectance, 1))
  const slopeZ = cubeSlope(tristimulus(reflectance, 2))
  const found = new Float64Array(9)
  let [levelL, levelA, levelB] = [0, 0, 0]
  for (let filter = 0; filter < FILTERS; filter += 1) {
    const x = slopeX * at(SHARES, filter)
    const y = slopeY * at(SHARES, FILTERS + filter)
    const z = slopeZ * at(SHARES, 2 * FILTERS + filter)
    const [l, a, b] = [116 * y, 500 * (x - y), 200 * (y - z)]
    addOuter(found, l, a, b, at(std, filter) ** 2)
    const value = at(reflectance, filter)
    levelL += l * value
    levelA += a * value
    levelB += b * value
  }
  addOuter(found, levelL, levelA, levelB, common * common)
  return found
}

/** Adds weight × (l, a, b)(l, a, b)ᵀ. Spelt out: called for every filter of every part. */
function addOuter(matrix: Float64Array, l: number, a: number, b: number, weight: number): void {
  matrix[0] = at(matrix, 0) + weight * l * l
  matrix[1] = at(matrix, 1) + weight * l * a
  matrix[2] = at(matrix, 2) + weight * l * b
  matrix[3] = at(matrix, 1)
  matrix[4] = at(matrix, 4) + weight * a * a
  matrix[5] = at(matrix, 5) + weight * a * b
  matrix[6] = at(matrix, 2)
  matrix[7] = at(matrix, 5)
  matrix[8] = at(matrix, 8) + weight * b * b
}

function tristimulus(reflectance: Float64Array, axis: number): number {
  let sum = 0
  for (let filter = 0; filter < FILTERS; filter += 1) {
    sum += at(SHARES, axis * FILTERS + filter) * at(reflectance, filter)
  }
  return sum
}

/** CIE 15: the cube root, straight near black. */
function cube(t: number): number {
  return t > (6 / 29) ** 3 ? Math.cbrt(t) : t / (3 * (6 / 29) ** 2) + 4 / 29
}

function cubeSlope(t: number): number {
  const root = Math.cbrt(t)
  return t > (6 / 29) ** 3 ? 1 / (3 * root * root) : 1 / (3 * (6 / 29) ** 2)
}
