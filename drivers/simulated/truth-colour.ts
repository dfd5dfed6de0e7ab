import type { LightChannel } from './optics.ts'

/** CIE 1976 L*a*b*. */
export interface Lab {
  readonly l: number
  readonly a: number
  readonly b: number
}

/** The visible filters and their centres, nm (AS7341 datasheet; facts/AS7341.md §3). */
const VISIBLE = [
  ['F1', 415],
  ['F2', 445],
  ['F3', 480],
  ['F4', 515],
  ['F5', 555],
  ['F6', 590],
  ['F7', 630],
  ['F8', 680],
] as const satisfies readonly (readonly [LightChannel, number])[]

const FIRST_NM = 380
const STEP_NM = 10

// 380 to 780 nm in steps of 10, CIE 15: relative power of D65, and the colour-matching functions of the 2° observer of
// 1931.
const D65 = [
  49.9755, 54.6482, 82.7549, 91.486, 93.4318, 86.6823, 104.865, 117.008, 117.812, 114.861, 115.923, 108.811,
  109.354, 107.802, 104.79, 107.689, 104.405, 104.046, 100, 96.3342, 95.788, 88.6856, 90.0062, 89.5991,
  87.6987, 83.2886, 83.6992, 80.0268, 80.2146, 82.2778, 78.2842, 69.7213, 71.6091, 74.349, 61.604, 69.8856,
  75.087, 63.5927, 46.4182, 66.8054, 63.3828,
] as const
const X_BAR = [
  0.0014, 0.0042, 0.0143, 0.0435, 0.1344, 0.2839, 0.3483, 0.3362, 0.2908, 0.1954, 0.0956, 0.032, 0.0049,
  0.0093, 0.0633, 0.1655, 0.2904, 0.4334, 0.5945, 0.7621, 0.9163, 1.0263, 1.0622, 1.0026, 0.8544, 0.6424,
  0.4479, 0.2835, 0.1649, 0.0874, 0.0468, 0.0227, 0.0114, 0.0058, 0.0029, 0.0014, 0.0007, 0.0003, 0.0002,
  0.0001, 0,
] as const
const Y_BAR = [
  0, 0.0001, 0.0004, 0.0012, 0.004, 0.0116, 0.023, 0.038, 0.06, 0.091, 0.139, 0.208, 0.323, 0.503, 0.71,
  0.862, 0.954, 0.995, 0.995, 0.952, 0.87, 0.757, 0.631, 0.503, 0.381, 0.265, 0.175, 0.107, 0.061, 0.032,
  0.017, 0.0082, 0.0041, 0.0021, 0.001, 0.0005, 0.0002, 0.0001, 0.0001, 0, 0,
] as const
const Z_BAR = [
  0.0065, 0.0201, 0.0679, 0.2074, 0.6456, 1.3856, 1.7471, 1.7721, 1.6692, 1.2876, 0.813, 0.4652, 0.272,
  0.1582, 0.0782, 0.0422, 0.0203, 0.0087, 0.0039, 0.0021, 0.0017, 0.0011, 0.0008, 0.0003, 0.0002, 0, 0, 0, 0,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
] as const

/** X, Y and Z of a surface under D65, 100 for the Y of white. @param reflectanceAt 0…1 at a wavelength in nm */
export function xyzUnderD65(reflectanceAt: (nm: number) => number): readonly [number, number, number] {
  let [x, y, z, white] = [0, 0, 0, 0]
  for (const [index, power] of D65.entries()) {
    const light = power * reflectanceAt(FIRST_NM + STEP_NM * index)
    x += light * (X_BAR[index] ?? 0)
    y += light * (Y_BAR[index] ?? 0)
    z += light * (Z_BAR[index] ?? 0)
    white += power * (Y_BAR[index] ?? 0)
  }
  return [(100 * x) / white, (100 * y) / white, (100 * z) / white]
}

const WHITE = xyzUnderD65(() => 1)

/**
 * L*a*b* under D65, 2° observer, of a surface whose reflectance is linear between the filters' centres and flat beyond
 * them: the scene knows no finer spectrum.
 * @param reflectance 0…1 per channel
 */
export function labOf(reflectance: Readonly<Record<LightChannel, number>>): Lab {
  const [x, y, z] = xyzUnderD65((nm) => reflectanceAt(reflectance, nm))
  const [fx, fy, fz] = [cube(x / WHITE[0]), cube(y / WHITE[1]), cube(z / WHITE[2])]
  return { l: 116 * fy - 16, a: 500 * (fx - fy), b: 200 * (fy - fz) }
}

function reflectanceAt(reflectance: Readonly<Record<LightChannel, number>>, nm: number): number {
  let [below, from] = [reflectance.F1, FIRST_NM]
  for (const [channel, centre] of VISIBLE) {
    const here = reflectance[channel]
    if (nm <= centre) return below + ((here - below) * (nm - from)) / (centre - from)
    below = here
    from = centre
  }
  return below
}

/** CIE 15: the cube root, straight near black. */
function cube(t: number): number {
  return t > (6 / 29) ** 3 ? Math.cbrt(t) : t / (3 * (6 / 29) ** 2) + 4 / 29
}
