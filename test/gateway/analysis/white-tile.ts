import { CHANNELS, type Channel } from '../../../drivers/as7341/counts.ts'
import type { Uncertain } from '../../../drivers/as7341/light.ts'
import type { SpectralReference } from '../../../gateway/analysis/reflectance.ts'
import type { MaterialRecipe } from '../../../gateway/recipe.ts'
import { trayCounts } from './station.ts'

/** Certified reflectance of the tests' tile, not quite grey. */
export function tileReflectance(channel: Channel): number {
  return 0.93 + 0.005 * CHANNELS.indexOf(channel)
}

/** What ams' correction makes of counts at gain 4. */
const GAIN_4 = 1.0491
const TRAY_REFLECTANCE = 0.75

/**
 * The white tile beside a tray that the recipe knows for a grey of .75, under a lamp that is `lamp` times the recipe's
 * in each channel. Clear is as bright as all visible filters together.
 */
export function tileUnder(lamp: (name: Channel) => number): SpectralReference {
  const tray = trayCounts()
  const clear = Object.values(tray).reduce((sum, count) => sum + count, 0)
  const channels: Partial<Record<Channel, Uncertain>> = {}
  for (const channel of CHANNELS) {
    const grey = ((tray[channel] ?? clear) * lamp(channel)) / TRAY_REFLECTANCE
    const value = grey * tileReflectance(channel) * GAIN_4
    channels[channel] = { value, std: 0.001 * value }
  }
  return {
    kind: 'spectral-reference',
    id: '018f0000-0000-7000-8000-000000000001',
    at: '2026-01-01T00:00:00.000Z',
    by: 'test',
    heads: ['spectral'],
    stage: 'raw',
    white: { channels, gains: [4] },
    tile: Object.fromEntries(CHANNELS.map((channel) => [channel, tileReflectance(channel)])),
    tileStd: 0.01,
  }
}

/** The recipe with the colour that the quality references want of an extra raw liver. */
export function withTarget(material: MaterialRecipe): MaterialRecipe {
  const limits = { good: 2, acceptable: 5, critical: 8 }
  return { ...material, labTarget: { l: 70, a: 5, b: 20, limits, points: 0.1, reject: false } }
}
