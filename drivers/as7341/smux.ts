/** Every photodiode that the SMUX can connect: eight filters, two broadband, and the odd ones. */
export const PHOTODIODES = [
  'F1',
  'F2',
  'F3',
  'F4',
  'F5',
  'F6',
  'F7',
  'F8',
  'Clear',
  'NIR',
  'Flicker',
  'Dark',
] as const
export type Photodiode = (typeof PHOTODIODES)[number]

/** What stands at a pixel: a photodiode, or one of the two pins that take an external one. */
export type Pixel = Photodiode | 'ExtGpio' | 'ExtInt'

/**
 * Pixel ids of each input (ams SMUX note v1.1). Pixel id n is nibble n of the chain. A filter and Clear have two
 * diodes each, on opposite sides of the die: both connected give the full count, one gives half.
 */
export const PIXEL_IDS: Readonly<Record<Pixel, readonly number[]>> = {
  F1: [2, 32],
  F2: [10, 25],
  F3: [1, 31],
  F4: [11, 26],
  F5: [13, 19],
  F6: [8, 29],
  F7: [14, 20],
  F8: [7, 28],
  Clear: [17, 35],
  NIR: [38],
  Flicker: [39],
  Dark: [37],
  ExtGpio: [33],
  ExtInt: [34],
}

/** Bytes of the SMUX chain. */
export const CHAIN_LENGTH = 20
/** Converters that a chain can connect to. */
export const ADC_COUNT = 6

/** Which converter (0…5) each input feeds; an input that is not named is not connected. */
export type Assignments = Readonly<Partial<Record<Pixel, number>>>

const PIXELS: readonly Pixel[] = [...PHOTODIODES, 'ExtGpio', 'ExtInt']

/**
 * The 20 bytes of the SMUX chain that connect each named input, with all of its diodes, to its converter.
 * Several inputs on one converter add up.
 * @throws RangeError for a converter other than 0…5
 */
export function chain(assignments: Assignments): Uint8Array {
  const bytes = new Uint8Array(CHAIN_LENGTH)
  for (const pixel of PIXELS) {
    const adc = assignments[pixel]
    if (adc === undefined) continue
    if (!Number.isInteger(adc) || adc < 0 || adc >= ADC_COUNT) {
      throw new RangeError(`${pixel}: no converter ${adc}, there are 0…${ADC_COUNT - 1}`)
    }
    // Nibble value 0 is "off", so converter n is n + 1.
    for (const id of PIXEL_IDS[pixel]) bytes[id >> 1] = (bytes[id >> 1] ?? 0) | ((adc + 1) << (4 * (id & 1)))
  }
  return bytes
}

/** First half of a spectrum: F1…F4, Clear, NIR on converters 0…5. */
export const LOW_HALF: Assignments = { F1: 0, F2: 1, F3: 2, F4: 3, Clear: 4, NIR: 5 }
/** Second half: F5…F8; Clear and NIR again, so that the halves can be compared. */
export const HIGH_HALF: Assignments = { F5: 0, F6: 1, F7: 2, F8: 3, Clear: 4, NIR: 5 }
/** All ten channels in one look, two filters on a converter, a bright one with a dim one: their counts add up. */
export const PROBE: Assignments = {
  ...{ F1: 0, F7: 0, F2: 1, F8: 1, F3: 2, F6: 2, F4: 3, F5: 3 },
  ...{ Clear: 4, NIR: 5 },
}
