import { basicCounts, CHANNELS, type Channel, type Spectrum } from '../../drivers/as7341/counts.ts'
import type { Colour, Defect, DefectType, Estimate, UngradedReason } from '../inspection.ts'
import type { MaterialRecipe } from '../recipe.ts'
import { labOf } from './lab.ts'
import { at, median, normalCdf } from './numbers.ts'
import { type Material, measureMaterial, type SpectralPlan } from './spectrum.ts'

export type ColourFinding =
  | { readonly colour: Colour; readonly material: Material }
  | { readonly reason: UngradedReason }

/** Unknowns that the model takes out of the channels before the rest is called another colour. */
const EXPLAINED = 4

/** What one spectrum says about the part: its states, its colour beside the tray's, and colours that do not belong. */
export function measureColour(spectrum: Spectrum, plan: SpectralPlan): ColourFinding {
  const found = measureMaterial(spectrum, plan)
  if ('reason' in found) return found
  const { material } = found
  const relative = relativeTo(plan, spectrum)
  const foreign = foreignColour(material)
  const lab = labOf(reflectances(relative, plan.recipe.trayReflectance))
  return {
    material,
    colour: {
      relative,
      freshness: material.freshness,
      fatQuality: material.fatQuality,
      oxidation: material.oxidation,
      uniformity: Math.max(0, 1 - foreign / plan.recipe.uniformityScale),
      ratios: ratiosOf(spectrum, plan),
      ...(lab === undefined ? {} : { lab }),
      defects: colourDefects(material, plan, foreign),
    },
  }
}

/** The part's light over the tray's, per channel that both have; saturated channels are left out. */
function relativeTo(plan: SpectralPlan, spectrum: Spectrum): Partial<Record<Channel, number>> {
  const counts = basicCounts(spectrum) ?? {}
  const relative: Partial<Record<Channel, number>> = {}
  for (const channel of CHANNELS) {
    const part = counts[channel]
    const tray = plan.trayCounts[channel]
    if (part === undefined || tray === undefined || tray <= 0) continue
    if (!spectrum.saturated.includes(channel)) relative[channel] = part / tray
  }
  return relative
}

function reflectances(
  relative: Readonly<Partial<Record<Channel, number>>>,
  tray: number,
): Partial<Record<Channel, number>> {
  const reflectance: Partial<Record<Channel, number>> = {}
  for (const channel of CHANNELS) {
    const value = relative[channel]
    if (value !== undefined) reflectance[channel] = value * tray
  }
  return reflectance
}

/** The original's six ratios of channels (its names), each over that of the reference product. */
const RATIOS: Readonly<Record<string, readonly [readonly Channel[], readonly Channel[]]>> = {
  violet_orange: [['F1_415nm'], ['F7_630nm']],
  nir_violet: [['NIR'], ['F1_415nm']],
  discolouration: [
    ['F5_555nm', 'F6_590nm'],
    ['F1_415nm', 'F2_445nm'],
  ],
  lipid_oxidation: [['F7_630nm', 'F8_680nm'], ['F4_515nm']],
  freshness_meat: [
    ['F1_415nm', 'F2_445nm'],
    ['F7_630nm', 'F8_680nm'],
  ],
  oxidation_organic: [
    ['F1_415nm', 'F3_480nm'],
    ['F5_555nm', 'F6_590nm'],
  ],
}

function ratiosOf(spectrum: Spectrum, plan: SpectralPlan): Record<string, number> {
  // Channel by channel over the reference under this lamp, so that the lamp falls out of every ratio.
  const level = (channels: readonly Channel[]): number => {
    let sum = 0
    for (const channel of channels) {
      const index = plan.channels.indexOf(channel)
      const count = spectrum.counts[channel]
      sum += index < 0 || count === undefined ? Number.NaN : count / Math.exp(at(plan.reference, index))
    }
    return sum / channels.length
  }
  const ratios: Record<string, number> = {}
  for (const [name, [over, under]] of Object.entries(RATIOS)) {
    const ratio = level(over) / level(under)
    if (Number.isFinite(ratio)) ratios[name] = ratio
  }
  return ratios
}

/** Relative departure (rms) from every mixture of the model, the noise taken out. */
function foreignColour({ residual, std }: Material): number {
  let [channels, squares, noise] = [0, 0, 0]
  residual.forEach((value, index) => {
    if (Number.isNaN(value)) return
    channels += 1
    squares += value * value
    noise += at(std, index) ** 2
  })
  const free = channels - EXPLAINED
  return free <= 0 ? 0 : Math.sqrt(Math.max(0, squares / free - noise / channels))
}

type ColourDefect = Extract<DefectType, 'hematoma' | 'bile' | 'oxidation' | 'discolouration'>

/** How much more red than blue, and green than red, a part may be than its states explain. */
function colourDefects(material: Material, plan: SpectralPlan, foreign: number): readonly Defect[] {
  const mean = (channels: readonly Channel[]): number | undefined => {
    const sum = channels.reduce((total, channel) => {
      const index = plan.channels.indexOf(channel)
      return total + (index < 0 ? Number.NaN : at(material.residual, index))
    }, 0)
    return Number.isNaN(sum) ? undefined : sum / channels.length
  }
  const excess = (over: readonly Channel[], under: readonly Channel[]): number => {
    const [above, below] = [mean(over), mean(under)]
    return above === undefined || below === undefined ? 0 : Math.exp(above - below) - 1
  }
  const values: Readonly<Record<ColourDefect, number>> = {
    hematoma: excess(['F7_630nm', 'F8_680nm'], ['F2_445nm', 'F3_480nm']),
    bile: excess(['F4_515nm', 'F5_555nm'], ['F7_630nm']),
    oxidation: material.oxidation.estimate,
    discolouration: foreign,
  }
  // Two means of two channels differ by about one channel's noise.
  const noise = median([...material.std].filter((value) => !Number.isNaN(value)))
  const std = (type: ColourDefect): number => (type === 'oxidation' ? material.oxidation.std : noise)
  return COLOUR_DEFECTS.flatMap((type) =>
    colourDefect(type, { estimate: values[type], std: std(type) }, plan.recipe),
  )
}

const COLOUR_DEFECTS: readonly ColourDefect[] = ['hematoma', 'bile', 'oxidation', 'discolouration']

function colourDefect(
  type: ColourDefect,
  { estimate, std }: Estimate,
  recipe: MaterialRecipe,
): readonly Defect[] {
  const { limit, critical } = recipe.defects[type]
  if (estimate < limit) return []
  const criticalProbability = normalCdf((estimate - critical) / Math.max(1e-6, std))
  return [{ type, severity: Math.min(1, estimate / critical), criticalProbability }]
}
