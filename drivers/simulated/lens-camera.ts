import { drawFaults, type FaultLevel, type LensFaults } from './lens-faults.ts'
import { DEMO_GALLERY, type Engravable } from './lens-glyphs.ts'
import {
  type LensLamp,
  type LensOptions,
  type LensScene,
  type LensSubject,
  lensScene,
  type Polarity,
} from './lens-scene.ts'
import { Random } from './random.ts'

/** What a simulated camera sees, one lens after another. The same options give the same lenses. */
export interface LensCameraOptions {
  readonly seed: number
  /** So many different lenses come, again and again; absent: no two are alike. */
  readonly distinct?: number
  /** What lenses carry; default the demo gallery. */
  readonly symbols?: readonly Engravable[]
  /** Label of the symbol that lenses should carry; absent: any. */
  readonly expected?: string
  /** Share of lenses that carry another symbol than the expected one, 0…1; default 0. */
  readonly wrongShare?: number
  /** Share of pictures that no lens can be judged on, 0…1, each of `FAULTY` alike; default 0. */
  readonly faultShare?: number
  /** Text under the temporal alignment mark; default drawn anew for each lens. */
  readonly addition?: string
  /** Text under the symbol; default drawn anew for each lens, and missing on some. */
  readonly nasalText?: string
  /** How worn and dirty lenses are; default `usual`. */
  readonly level?: FaultLevel
  /** What the station's lamp makes of engravings; default `bright`, a dark field. */
  readonly polarity?: Polarity
  /** Default 1280 × 960. */
  readonly width?: number
  readonly height?: number
}

/** What is wrong with a faulty picture. */
export const FAULTY = [
  'none',
  'two',
  'half-out',
  'reflection',
  'black',
] as const satisfies readonly LensSubject[]

const WIDTH = 1280
const HEIGHT = 960
/** px/mm at 1280 px across: the camera of a station hangs where it hangs. */
const SCALE = [11, 12.4] as const
/** Streams of the seed: the station's own, what becomes of lens number n, and its scene. */
const STREAM = { station: 31, lens: 32, scene: 33, field: 34 } as const

/**
 * Lens number `number` before the camera, its truth included. Pure: it depends on options and number alone, and neither
 * share changes anything on the lenses that it does not touch.
 * @throws RangeError that names the option that cannot be
 */
export function lensOf(options: LensCameraOptions, number: number): LensScene {
  if (!(Number.isInteger(number) && number >= 0))
    throw new RangeError(`lens ${number}: expected a whole number from 0`)
  const which = turnOf(number, options.distinct)
  const random = new Random(options.seed, STREAM.lens, which)
  const faulty = random.chance(shareOf(options, 'faultShare'))
  const fault = FAULTY[Math.floor(random.uniform() * FAULTY.length)]
  const symbol = symbolOf(options, random)
  const subject = faulty && fault !== undefined ? fault : 'lens'
  return stationScene(options, { subject, symbol }, new Random(options.seed, STREAM.scene, which))
}

/**
 * Which of so many different lenses number `number` is: 1 to `distinct`, or the number itself where all differ.
 * @throws RangeError unless `distinct` is a whole number from 1
 */
export function turnOf(number: number, distinct: number | undefined): number {
  if (distinct === undefined) return number
  if (!(Number.isInteger(distinct) && distinct >= 1))
    throw new RangeError(`distinct: ${distinct}: expected a whole number from 1`)
  return ((number + distinct - 1) % distinct) + 1
}

/** What the camera sees where no lens lies. */
export function emptyField(options: LensCameraOptions): LensScene {
  return stationScene(options, { subject: 'none' }, new Random(options.seed, STREAM.field))
}

function shareOf(options: LensCameraOptions, name: 'wrongShare' | 'faultShare'): number {
  const share = options[name] ?? 0
  if (!(share >= 0 && share <= 1)) throw new RangeError(`${name}: ${share}: expected 0…1`)
  return share
}

function symbolOf(options: LensCameraOptions, random: Random): Engravable {
  const { symbols = DEMO_GALLERY, expected } = options
  const wrong = random.chance(shareOf(options, 'wrongShare'))
  const draw = random.uniform()
  const one = expected === undefined ? undefined : symbols.find(({ label }) => label === expected)
  if (expected !== undefined && one === undefined) {
    throw new RangeError(
      `expected: "${expected}": expected one of ${symbols.map(({ label }) => label).join(', ')}`,
    )
  }
  if (one !== undefined && !wrong) return one
  const others = symbols.filter((symbol) => symbol !== one)
  const drawn = others[Math.floor(draw * others.length)]
  if (drawn === undefined) throw new RangeError(`symbols: ${symbols.length}: expected more of them`)
  return drawn
}

type Lying = Pick<LensOptions, 'subject' | 'symbol'>

/** Lamp, camera and their fall of light are the station's, the same in all its pictures. */
function stationScene(options: LensCameraOptions, lying: Lying, random: Random): LensScene {
  const { seed, addition, nasalText, level = 'usual', width = WIDTH, height = HEIGHT } = options
  const station = new Random(seed, STREAM.station)
  const lamp: LensLamp = {
    azimuthDeg: station.between(0, 360),
    directed: station.between(0, 0.8),
    polarity: options.polarity ?? 'bright',
  }
  const pxPerMm = (station.between(...SCALE) * width) / WIDTH
  const { gradient, vignetting, noise }: LensFaults = drawFaults(level, {}, station)
  return lensScene(
    {
      ...{ ...lying, lamp, level, width, height },
      faults: { gradient, vignetting, noise },
      // Two fit before the camera only where they are small.
      ...(lying.subject === 'two' ? {} : { pose: { pxPerMm } }),
      ...(addition === undefined ? {} : { addition }),
      ...(nasalText === undefined ? {} : { nasalText }),
    },
    random,
  )
}
