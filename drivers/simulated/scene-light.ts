import type { Photodiode } from '../as7341/smux.ts'
import { DISTURBED, type LightChannel, SPECTRAL } from './optics.ts'
import type { Random } from './random.ts'

/** What the spectral head's filters see: counts per ms at gain 1, both photodiodes. */
export interface Glow {
  /** Under the nominal lamp. */
  readonly lit: Readonly<Record<LightChannel, number>>
  /** On Clear, with or without the lamp. */
  readonly ambient: number
}

/** The state of a product that changes its colour. */
export interface Freshness {
  /** 0…1, 1 is best. */
  readonly fresh: number
  readonly fat: number
  /** 0…1, 0 is best. */
  readonly oxidation: number
  readonly temperatureC: number
}

/** Reference counts × ageing × oxidation × fat × temperature (facts/SQAL.md §2); the spot lies within the part. */
export function partGlow(state: Freshness, ambientCounts: number): Glow {
  const warmth = 1 + (state.temperatureC - SPECTRAL.referenceTemperatureC) * SPECTRAL.perKelvin
  return {
    lit: perChannel((channel) => {
      const { aged, oxidised, fatty } = changesOf(channel, state)
      return (SPECTRAL.channels[channel].reference / SPECTRAL.referenceMs) * aged * oxidised * fatty * warmth
    }),
    ambient: ambientCounts / SPECTRAL.referenceMs,
  }
}

/** What a state does to one channel's light: factors. */
function changesOf(
  channel: LightChannel,
  state: Freshness,
): { readonly aged: number; readonly oxidised: number; readonly fatty: number } {
  const { ageing, oxidation, fat } = SPECTRAL.channels[channel]
  return {
    aged: 1 + (1 - state.fresh) * ageing,
    oxidised: 1 + state.oxidation * oxidation,
    fatty: 1 + (1 - state.fat) * fat,
  }
}

/**
 * Reflectance, 0…1, that a part shows in each channel: what its light is to the grey tray's, times the tray's. Its
 * temperature changes the light that is read, not its colour: it is left out.
 */
export function partReflectance(state: Freshness): Record<LightChannel, number> {
  return perChannel((channel) => {
    const { aged, oxidised, fatty } = changesOf(channel, state)
    return SPECTRAL.channels[channel].reflectance * aged * oxidised * fatty
  })
}

/** The grey tray under the same light: the references, from the product's reflectance to the tray's. */
export function trayGlow(): Glow {
  return greyGlow(SPECTRAL.trayReflectance)
}

/** The bed beside it. */
export function bedGlow(): Glow {
  return greyGlow(SPECTRAL.bedReflectance)
}

function greyGlow(grey: number): Glow {
  return {
    lit: perChannel((channel) => {
      const { reference, reflectance } = SPECTRAL.channels[channel]
      return (reference / SPECTRAL.referenceMs) * (grey / reflectance)
    }),
    ambient: SPECTRAL.ambientCounts / SPECTRAL.referenceMs,
  }
}

/** What a spot shows that lies on several surfaces. @param parts whose shares are 1 together */
export function mixedGlow(parts: readonly { readonly share: number; readonly glow: Glow }[]): Glow {
  const mixed = (value: (glow: Glow) => number): number =>
    parts.reduce((sum, { share, glow }) => sum + share * value(glow), 0)
  return {
    lit: perChannel((channel) => mixed(({ lit }) => lit[channel])),
    ambient: mixed(({ ambient }) => ambient),
  }
}

function perChannel(value: (channel: LightChannel) => number): Record<LightChannel, number> {
  return {
    F1: value('F1'),
    F2: value('F2'),
    F3: value('F3'),
    F4: value('F4'),
    F5: value('F5'),
    F6: value('F6'),
    F7: value('F7'),
    F8: value('F8'),
    NIR: value('NIR'),
    Clear: value('Clear'),
  }
}

/** What lights up a look. */
export interface Lighting {
  /** Brightness of the lamp, 1 nominal. */
  readonly lamp: number
  /** The room's light beside it, counts per ms on Clear. */
  readonly stray: number
}

/**
 * One look at a glow.
 * @param noise 1 as in SPECTRAL, 0 for none
 */
export function sampleLight(
  glow: Glow,
  { lamp, stray }: Lighting,
  random: Random,
  noise: number,
): Record<Photodiode, number> {
  const level = lamp * (1 + noise * SPECTRAL.ripple * random.normal())
  const room = stray / DISTURBED.warmWhite.Clear
  const { warmWhite } = DISTURBED
  const seen = (steady: number): number => Math.max(0, steady + noise * SPECTRAL.noise * random.normal())
  const { lit } = glow
  // Spelt out: building it channel by channel takes ten times as long.
  return {
    F1: seen(level * lit.F1 + room * warmWhite.F1),
    F2: seen(level * lit.F2 + room * warmWhite.F2),
    F3: seen(level * lit.F3 + room * warmWhite.F3),
    F4: seen(level * lit.F4 + room * warmWhite.F4),
    F5: seen(level * lit.F5 + room * warmWhite.F5),
    F6: seen(level * lit.F6 + room * warmWhite.F6),
    F7: seen(level * lit.F7 + room * warmWhite.F7),
    F8: seen(level * lit.F8 + room * warmWhite.F8),
    NIR: seen(level * lit.NIR + room * warmWhite.NIR),
    Clear: seen(level * lit.Clear + glow.ambient + stray),
    Flicker: (SPECTRAL.flickerCounts / SPECTRAL.referenceMs) * random.uniform(),
    Dark: SPECTRAL.dark,
  }
}
