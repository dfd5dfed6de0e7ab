import { CHANNELS, type Channel } from '../../drivers/as7341/counts.ts'
import type { Estimate } from '../inspection.ts'
import { at, normalCdf } from './numbers.ts'
import type { Reflectances } from './reflectance.ts'

/** How far a flag's value has come. */
export const FLAG_LEVELS = ['none', 'minor', 'major', 'critical'] as const
export type FlagLevel = (typeof FLAG_LEVELS)[number]
export type FlagType = 'hematoma' | 'bile' | 'oxidation'

/** One threshold of the quality references, held against the part's calibrated colour. */
export interface ColourFlag {
  readonly type: FlagType
  /** hematoma: red over blue; bile: green over red; oxidation: |Δb*|. */
  readonly value: Estimate
  readonly level: FlagLevel
  /** That the true value is above the first threshold. */
  readonly probability: number
}

type Thresholds = readonly [minor: number, major: number, critical: number]

/**
 * The quality references' thresholds (facts §2). The original held them against raw counts, of whatever lamp and
 * filter, and added 1 count to the lower side, so each of them was always or never passed. Here both sides are
 * reflectances, so that a grey has the ratio 1 under every lamp:
 * - hematoma, R/B > 2.5: R = 630 + 680 nm and B = 445 + 480 nm. Two channels over two: the sum of reflectances maps one
 *   to one. A fresh liver has 1.6; 2.5 needs a blue gone to two thirds, as blood absorbs it.
 * - bile, G/R > 1.3: G = 515 + 555 nm over 630 nm alone. Two channels over one: every grey would have 2. The threshold
 *   is meant for colours that are greener than they are red, so it is held against the mean of the two. A fresh liver
 *   has 0.8.
 * - oxidation, |b* - 20| > 8: 20 is the raw reference's b*; here it is the target's of the recipe, else that of its
 *   reference product, so that a cooked part is not held against a raw one.
 * Vessels (.15 of the area) need an image: one field of view has no places, and no flag claims them.
 */
const THRESHOLDS: Readonly<Record<FlagType, Thresholds>> = {
  hematoma: [2.5, 3.5, 5],
  bile: [1.3, 1.6, 2],
  oxidation: [8, 12, 16],
}

const indices = (channels: readonly Channel[]): readonly number[] =>
  channels.map((channel) => CHANNELS.indexOf(channel))
const RED = indices(['F7_630nm', 'F8_680nm'])
const BLUE = indices(['F2_445nm', 'F3_480nm'])
const GREEN = indices(['F4_515nm', 'F5_555nm'])
const ORANGE = indices(['F7_630nm'])

/**
 * @param bias b* less that of the target; undefined: there is no Lab or no target
 * @returns a flag for each threshold that can be looked at; one whose channels are missing is absent, never `none`
 */
export function colourFlags(reflectances: Reflectances, bias: Estimate | undefined): readonly ColourFlag[] {
  const flags: ColourFlag[] = []
  const hematoma = ratioOf(reflectances, RED, BLUE)
  const bile = ratioOf(reflectances, GREEN, ORANGE)
  if (hematoma !== undefined) flags.push(flagOf('hematoma', hematoma))
  if (bile !== undefined) flags.push(flagOf('bile', bile))
  if (bias !== undefined) {
    flags.push(flagOf('oxidation', { estimate: Math.abs(bias.estimate), std: bias.std }))
  }
  return flags
}

function flagOf(type: FlagType, value: Estimate): ColourFlag {
  const thresholds = THRESHOLDS[type]
  const passed = thresholds.filter((threshold) => value.estimate > threshold).length
  return {
    type,
    value,
    level: FLAG_LEVELS[passed] ?? 'critical',
    probability: normalCdf((value.estimate - thresholds[0]) / Math.max(1e-9, value.std)),
  }
}

/** Mean over mean; what all channels share (lamp, tile, gain) falls out. */
function ratioOf(
  { value, std }: Reflectances,
  over: readonly number[],
  under: readonly number[],
): Estimate | undefined {
  const upper = meanOf(value, std, over)
  const lower = meanOf(value, std, under)
  // Noise may leave nothing below: no ratio, rather than a huge one.
  if (!(lower.estimate > 3 * lower.std) || Number.isNaN(upper.estimate)) return undefined
  const estimate = upper.estimate / lower.estimate
  return { estimate, std: Math.hypot(upper.std, estimate * lower.std) / lower.estimate }
}

function meanOf(value: Float64Array, std: Float64Array, channels: readonly number[]): Estimate {
  let [sum, variance] = [0, 0]
  for (const channel of channels) {
    sum += at(value, channel)
    variance += at(std, channel) ** 2
  }
  return { estimate: sum / channels.length, std: Math.sqrt(variance) / channels.length }
}
