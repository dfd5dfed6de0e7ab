import { CHANNELS, type Channel } from '../../drivers/as7341/counts.ts'
import type { Estimate } from '../inspection.ts'
import type { MaterialRecipe } from '../recipe.ts'
import { productReflectances } from './colour-product.ts'
import { at } from './numbers.ts'
import type { Material } from './spectrum.ts'

export type Stain = 'hematoma' | 'bile'

/**
 * Reflectance of a spot that is nothing but the stain, in the order of CHANNELS, by what its pigments absorb:
 * oxyhaemoglobin at 415, 542 and 577 nm with a window beyond 600; bilirubin at 450 and biliverdin at 670 nm. Their
 * shape is that of the pigments, their level assumed: a share of the spot is as true as that.
 */
const STAINS: Readonly<Record<Stain, readonly number[]>> = {
  hematoma: [0.04, 0.06, 0.1, 0.09, 0.06, 0.1, 0.38, 0.48, Number.NaN, 0.5],
  bile: [0.05, 0.06, 0.14, 0.32, 0.38, 0.3, 0.17, 0.1, Number.NaN, 0.4],
}

/** Per channel of a plan, the relative change of light that a stain over the whole spot would make. */
export type StainSignatures = Readonly<Record<Stain, Float64Array>>

/** @returns undefined where the recipe does not say what reflectance its reference product has, in all that is judged */
export function stainSignatures(
  recipe: MaterialRecipe,
  channels: readonly Channel[],
): StainSignatures | undefined {
  const product = productReflectances(recipe)
  const signature = (stain: Stain): Float64Array =>
    Float64Array.from(channels, (channel) => {
      const stained = STAINS[stain][CHANNELS.indexOf(channel)] ?? Number.NaN
      return stained / (product[channel] ?? Number.NaN) - 1
    })
  const found = { hematoma: signature('hematoma'), bile: signature('bile') }
  return found.hematoma.some(Number.isNaN) || found.bile.some(Number.isNaN) ? undefined : found
}

/** Fewer standard deviations are noise. */
const LEAST_SIGMAS = 3
/**
 * A stain explains most of what the model leaves over (of χ²), or it is something else: daylight in the room looks like
 * a little bile, but leaves more of itself behind. Chosen on a simulated station under daylight.
 */
const LEAST_EXPLAINED = 0.7

/** The stain that explains best what the states do not, and the share of the spot it covers. */
export function stainOf(
  material: Material,
  signatures: StainSignatures,
): { readonly stain: Stain; readonly share: Estimate } | undefined {
  let left = 0
  for (let index = 0; index < material.residual.length; index += 1) {
    const value = at(material.residual, index)
    if (!Number.isNaN(value)) left += (value / at(material.std, index)) ** 2
  }
  const hematoma = material.project(signatures.hematoma)
  const bile = material.project(signatures.bile)
  const [stain, share] =
    significance(hematoma) >= significance(bile)
      ? (['hematoma', hematoma] as const)
      : (['bile', bile] as const)
  const sigmas = significance(share)
  if (share === undefined || sigmas < LEAST_SIGMAS || sigmas * sigmas < LEAST_EXPLAINED * left)
    return undefined
  // Beyond a quarter of the spot the linear share runs ahead of the true one.
  return { stain, share: { estimate: Math.min(1, share.estimate), std: share.std } }
}

/** Only what is added counts: nothing has less than no blood. */
function significance(share: Estimate | undefined): number {
  return share === undefined ? 0 : Math.max(0, share.estimate / share.std)
}
