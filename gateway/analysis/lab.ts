import type { Channel } from '../../drivers/as7341/counts.ts'
import type { Lab } from '../inspection.ts'

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

/**
 * L*a*b* under D65 of a surface, from its reflectance (0…1) in the eight visible filters. Approximate: eight samples
 * stand for the spectrum, and the filters are broad; good to compare parts of one product, not to certify a colour.
 * @returns undefined where a filter is missing
 */
export function labOf(reflectance: Readonly<Partial<Record<Channel, number>>>): Lab | undefined {
  const xyz = { x: 0, y: 0, z: 0 }
  const white = { x: 0, y: 0, z: 0 }
  for (const [filter, [name]] of VISIBLE.entries()) {
    const value = reflectance[name]
    if (value === undefined) return undefined
    for (const axis of ['x', 'y', 'z'] as const) {
      const weight = XYZ_WEIGHTS[axis][filter] ?? 0
      xyz[axis] += weight * value
      white[axis] += weight
    }
  }
  const [fx, fy, fz] = [cube(xyz.x / white.x), cube(xyz.y / white.y), cube(xyz.z / white.z)]
  return { l: 116 * fy - 16, a: 500 * (fx - fy), b: 200 * (fy - fz) }
}

/** CIE 15: the cube root, straight near black. */
function cube(t: number): number {
  return t > (6 / 29) ** 3 ? Math.cbrt(t) : t / (3 * (6 / 29) ** 2) + 4 / 29
}
