import type { Channel } from '../../drivers/as7341/counts.ts'
import type { Defect, DefectType, Estimate } from '../inspection.ts'
import type { MaterialRecipe } from '../recipe.ts'
import { type Stain, stainOf } from './colour-stains.ts'
import { at, median, normalCdf } from './numbers.ts'
import type { Material, SpectralPlan } from './spectrum.ts'

/** Unknowns that the model takes out of the channels before the rest is called another colour. */
const EXPLAINED = 4

/** Relative departure (rms) from every mixture of the model, the noise taken out. */
export function foreignColour({ residual, std }: Material): number {
  let [channels, squares, noise] = [0, 0, 0]
  for (let index = 0; index < residual.length; index += 1) {
    const value = at(residual, index)
    if (Number.isNaN(value)) continue
    channels += 1
    squares += value * value
    noise += at(std, index) ** 2
  }
  const free = channels - EXPLAINED
  return free <= 0 ? 0 : Math.sqrt(Math.max(0, squares / free - noise / channels))
}

type ColourDefect = Extract<DefectType, 'hematoma' | 'bile' | 'oxidation' | 'discolouration'>
const COLOUR_DEFECTS: readonly ColourDefect[] = ['hematoma', 'bile', 'oxidation', 'discolouration']

/** Which channels a foreign colour raises, beside which it is seen, and the latter's neighbours should they be blind. */
interface Tint {
  readonly over: readonly Channel[]
  readonly under: readonly Channel[]
  readonly standIn?: readonly Channel[]
}
const TINTS: Readonly<Record<'hematoma' | 'bile', Tint>> = {
  hematoma: { over: ['F7_630nm', 'F8_680nm'], under: ['F2_445nm', 'F3_480nm'] },
  bile: { over: ['F4_515nm', 'F5_555nm'], under: ['F7_630nm'], standIn: ['F8_680nm'] },
}

/**
 * Colours that the states do not explain: how much more red than blue (hematoma), and green than red (bile), the part
 * is, or the share of the spot that blood or bile covers, whichever is more; oxidation itself; any other departure.
 * The thresholds of the quality references on reflectance ratios (`colour-flags.ts`) do not decide: on simulated parts
 * they see blood over 80 % of the spot where this sees it over 20 %, and call most aged parts bile (bench/colour-truth).
 * @returns undefined where every channel that one of them lives in is blind: it cannot be ruled out then
 */
export function colourDefects(
  material: Material,
  plan: SpectralPlan,
  foreign: number,
): readonly Defect[] | undefined {
  const hematoma = excess(material, plan, TINTS.hematoma)
  const bile = excess(material, plan, TINTS.bile)
  if (hematoma === undefined || bile === undefined) return undefined
  const found = plan.stains === undefined ? undefined : stainOf(material, plan.stains)
  const share = (stain: Stain): number => (found?.stain === stain ? found.share.estimate : 0)
  const values: Readonly<Record<ColourDefect, number>> = {
    hematoma: Math.max(hematoma, share('hematoma')),
    bile: Math.max(bile, share('bile')),
    oxidation: material.oxidation.estimate,
    discolouration: foreign,
  }
  const stdOf = (type: ColourDefect): number => {
    if (type === 'oxidation') return material.oxidation.std
    return type === found?.stain && found.share.estimate === values[type]
      ? found.share.std
      : channelNoise(material)
  }
  const defects: Defect[] = []
  for (const type of COLOUR_DEFECTS) {
    const estimate = values[type]
    if (!(estimate >= plan.recipe.defects[type].limit)) continue
    defects.push(colourDefect(type, { estimate, std: stdOf(type) }, plan.recipe))
  }
  return defects
}

/** Two means of two channels differ by about one channel's noise. */
function channelNoise({ std }: Material): number {
  return median([...std].filter((value) => !Number.isNaN(value)))
}

function excess(
  material: Material,
  plan: SpectralPlan,
  { over, under, standIn = [] }: Tint,
): number | undefined {
  // A recipe that does not judge these channels does not look for it.
  const judged = (channels: readonly Channel[]): boolean =>
    channels.some((channel) => plan.recipe.channels[channel] !== undefined)
  if (!judged(over) || !judged(under)) return 0
  const above = meanResidual(material, plan, over)
  const below = meanResidual(material, plan, under) ?? meanResidual(material, plan, standIn)
  return above === undefined || below === undefined ? undefined : Math.exp(above - below) - 1
}

/** Of those that were seen. */
function meanResidual(
  material: Material,
  plan: SpectralPlan,
  channels: readonly Channel[],
): number | undefined {
  let [sum, seen] = [0, 0]
  for (const channel of channels) {
    const index = plan.channels.indexOf(channel)
    const residual = index < 0 ? Number.NaN : at(material.residual, index)
    if (Number.isNaN(residual)) continue
    sum += residual
    seen += 1
  }
  return seen === 0 ? undefined : sum / seen
}

function colourDefect(type: ColourDefect, { estimate, std }: Estimate, recipe: MaterialRecipe): Defect {
  const { critical } = recipe.defects[type]
  const criticalProbability = normalCdf((estimate - critical) / Math.max(1e-6, std))
  return { type, severity: Math.min(1, estimate / critical), criticalProbability }
}
