import type { Random } from './random.ts'

/** What spoils a picture. All are 0 on a clean lens in a good station; each is independent of the others. */
export interface LensFaults {
  /** How much darker the far side of the picture is than the side of the lamp, as a share: 0…0.9. */
  readonly gradient: number
  /** Light lost in the corners, as a share: 0…0.9. */
  readonly vignetting: number
  /** Stray light of the lens, in multiples of what a clean one scatters, in addition to it: 0…10. */
  readonly haze: number
  /** Share of the engravings' ink that is gone: 0…0.8. */
  readonly broken: number
  /** Share of the engravings' contrast that is gone: 0…0.95. */
  readonly faint: number
  /** Grains per cm², 0…30; one in twelve is a fibre. */
  readonly dust: number
  /** How many: 0…100. */
  readonly scratches: number
  /** How many: 0…6. */
  readonly fingerprints: number
  /** Lamps that are mirrored in the lens, how many: 0…30. */
  readonly specular: number
  /** The plane of focus lies so much behind the alignment marks, mm: −40…40. */
  readonly defocusMm: number
  /** How far the picture moves during the exposure, px: 0…40. */
  readonly motionPx: number
  /** So many times less light than saturates, made up by gain; 1 is a good exposure, 0 a sensor without noise: 0…64. */
  readonly noise: number
}

export type FaultLevel = 'clean' | 'usual' | 'hard'

type Range = readonly [least: number, most: number]

/** What is possible, and what is drawn on each level. */
const RANGES: Readonly<Record<keyof LensFaults, { limits: Range; usual: Range; hard: Range; whole?: true }>> =
  {
    gradient: { limits: [0, 0.9], usual: [0, 0.5], hard: [0.3, 0.8] },
    vignetting: { limits: [0, 0.9], usual: [0, 0.4], hard: [0.2, 0.6] },
    haze: { limits: [0, 10], usual: [0, 1.5], hard: [1, 5] },
    broken: { limits: [0, 0.8], usual: [0, 0.25], hard: [0.1, 0.45] },
    faint: { limits: [0, 0.95], usual: [0, 0.4], hard: [0.3, 0.75] },
    dust: { limits: [0, 30], usual: [0.2, 3], hard: [2, 8] },
    scratches: { limits: [0, 100], usual: [0, 8], hard: [5, 30], whole: true },
    fingerprints: { limits: [0, 6], usual: [0, 1], hard: [0, 3], whole: true },
    specular: { limits: [0, 30], usual: [0, 4], hard: [2, 10], whole: true },
    defocusMm: { limits: [-40, 40], usual: [-3, 3], hard: [-9, 9] },
    motionPx: { limits: [0, 40], usual: [0, 1.5], hard: [0, 5] },
    noise: { limits: [0, 64], usual: [0.5, 2], hard: [1, 6] },
  }

export const FAULT_NAMES = Object.keys(RANGES).filter((name): name is keyof LensFaults => name in RANGES)

/**
 * Draws every strength, also of the faults that are given, so that giving one changes no other.
 * @throws RangeError for a strength outside its limits
 */
export function drawFaults(level: FaultLevel, given: Partial<LensFaults>, random: Random): LensFaults {
  const strength = (name: keyof LensFaults): number => {
    const { limits, whole, ...levels } = RANGES[name]
    const share = random.uniform()
    const [least, most] = level === 'clean' ? [0, 0] : levels[level]
    const drawn = whole ? least + Math.floor(share * (most - least + 1)) : least + share * (most - least)
    const value = given[name] ?? drawn
    if (!(value >= limits[0] && value <= limits[1]) || (whole && !Number.isInteger(value))) {
      throw new RangeError(
        `faults.${name}: ${value}: expected ${whole ? 'a whole number ' : ''}${limits[0]}…${limits[1]}`,
      )
    }
    return value
  }
  return {
    gradient: strength('gradient'),
    vignetting: strength('vignetting'),
    haze: strength('haze'),
    broken: strength('broken'),
    faint: strength('faint'),
    dust: strength('dust'),
    scratches: strength('scratches'),
    fingerprints: strength('fingerprints'),
    specular: strength('specular'),
    defocusMm: strength('defocusMm'),
    motionPx: strength('motionPx'),
    noise: strength('noise'),
  }
}
