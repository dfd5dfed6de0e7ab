import { CHANNELS, type Channel } from '../../drivers/as7341/counts.ts'
import type { MaterialRecipe } from '../recipe.ts'

/** Reflectance of the recipe's reference product, in the channels of which the recipe knows the tray beside it. */
export function productReflectances({
  channels,
  trayCounts = {},
  trayReflectance,
}: MaterialRecipe): Partial<Record<Channel, number>> {
  const found: Partial<Record<Channel, number>> = {}
  for (const channel of CHANNELS) {
    const [product, tray] = [channels[channel]?.reference, trayCounts[channel]]
    if (product !== undefined && tray !== undefined) found[channel] = (product / tray) * trayReflectance
  }
  return found
}
