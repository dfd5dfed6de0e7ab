import { parseArgs } from 'node:util'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import { SimulatedLine } from '../../drivers/simulated/line.ts'
import { PROFILES, profileNamed } from '../../drivers/simulated/profiles.ts'
import { truthLine } from '../../drivers/simulated/truth-json.ts'
import { heightMapOf } from '../../drivers/simulated/truth-map.ts'
import { RATE_HZ, record } from './scene-record.ts'

export const USAGE = `usage: scene.js [--seed N] [--recipe R] [--count K] [--out DIR]
  --recipe R       ${Object.keys(PROFILES).join(', ')}
  --frames N       looks at each part; default 1, on a moving belt as many as see all of its way
  --belt MM_PER_S  the belt moves meanwhile; default the recipe's, 0 stands still
  --pitch MM       of the height map in the truth; default 5, 0 for none
  --hard           a neglected station instead of a quiet one (HARD of drivers/simulated/optics.ts)`
/** Way of a part through the field: wider than the field of view and a part together. */
const WAY_MM = 440
/** Frames between the trigger and the middle of the first look’s exposure: 0.5…1.5. */
const LATENCY = 1

/** What was asked for. */
export interface Order {
  readonly seed: number
  readonly recipe: string
  readonly count: number
  readonly out: string | undefined
  readonly frames: number | undefined
  readonly mmPerS: number
  readonly pitchMm: number
  readonly hard: boolean
}

/** @throws RangeError or TypeError for what is not understood or cannot be done */
export function orderOf(args: readonly string[]): Order {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string', default: '1' },
      recipe: { type: 'string', default: 'foiegras_standard_barquette' },
      count: { type: 'string', default: '10' },
      frames: { type: 'string' },
      belt: { type: 'string' },
      pitch: { type: 'string', default: '5' },
      hard: { type: 'boolean', default: false },
      out: { type: 'string' },
    },
  })
  const number = (name: string, text: string, least: number, most: number, whole: boolean): number => {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    if (value >= least && value <= most && (!whole || Number.isSafeInteger(value))) return value
    throw new RangeError(`--${name} ${text}: expected a ${whole ? 'whole ' : ''}number, ${least}…${most}`)
  }
  const { beltMmPerS = 0 } = profileNamed(values.recipe)
  return {
    seed: number('seed', values.seed, 0, Number.MAX_SAFE_INTEGER, true),
    recipe: values.recipe,
    count: number('count', values.count, 0, 1e6, true),
    out: values.out,
    frames: values.frames === undefined ? undefined : number('frames', values.frames, 1, 1000, true),
    mmPerS: values.belt === undefined ? beltMmPerS : number('belt', values.belt, 0, 2000, false),
    pitchMm: number('pitch', values.pitch, 0, 100, false),
    hard: values.hard,
  }
}

/** Prints or records it. */
export async function run({
  seed,
  recipe,
  count,
  out,
  mmPerS,
  pitchMm,
  hard,
  ...order
}: Order): Promise<void> {
  const clock = new VirtualClock()
  const stepMm = mmPerS / RATE_HZ
  const frames = order.frames ?? (stepMm === 0 ? 1 : Math.max(1, Math.ceil(WAY_MM / stepMm)))
  // The looks lie around the middle, where the part is under the heads.
  const fromMm = -((frames - 1) / 2 + LATENCY) * stepMm
  const profile = profileNamed(recipe)
  const line = new SimulatedLine({ seed, profile, hard, belt: { clock, mmPerS, fromMm } })
  const bring = (): string => {
    const truth = line.next()
    const { belt, part } = line
    return truthLine(truth, {
      ...(belt === undefined ? {} : { belt }),
      ...(part === undefined || pitchMm === 0 ? {} : { heightMap: heightMapOf(part, pitchMm) }),
    })
  }
  if (out === undefined) {
    for (let number = 0; number < count; number += 1) console.log(bring())
    return
  }
  const name = `scene ${seed} ${recipe}${hard ? ' hard' : ''}`
  await record({ line, clock, count, frames, name, bring }, out)
}
