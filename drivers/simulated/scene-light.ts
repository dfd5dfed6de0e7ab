import type { Photodiode } from '../as7341/smux.ts'
import { type LightChannel, SPECTRAL } from './optics.ts'
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
      const { reference, ageing, oxidation, fat } = SPECTRAL.channels[channel]
      const aged = 1 + (1 - state.fresh) * ageing
      const oxidised = 1 + state.oxidation * oxidation
      const fatty = 1 + (1 - state.fat) * fat
      return (reference / SPECTRAL.referenceMs) * aged * oxidised * fatty * warmth
    }),
    ambient: ambientCounts / SPECTRAL.referenceMs,
  }
}

/** The grey tray under the same light: the references, from the product's reflectance to the tray's. */
export function trayGlow(): Glow {
  return {
    lit: perChannel((channel) => {
      const { reference, reflectance } = SPECTRAL.channels[channel]
      return (reference / SPECTRAL.referenceMs) * (SPECTRAL.trayReflectance / reflectance)
    }),
    ambient: SPECTRAL.ambientCounts / SPECTRAL.referenceMs,
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

/**
 * One look at a glow.
 * @param lamp brightness of the lamp, 1 nominal
 * @param noise 1 as in SPECTRAL, 0 for none
 */
export function sampleLight(
  glow: Glow,
  lamp: number,
  random: Random,
  noise: number,
): Record<Photodiode, number> {
  const level = lamp * (1 + noise * SPECTRAL.ripple * random.normal())
  const seen = (steady: number): number => Math.max(0, steady + noise * SPECTRAL.noise * random.normal())
  const { lit } = glow
  // Spelt out: building it channel by channel takes ten times as long.
  return {
    F1: seen(level * lit.F1),
    F2: seen(level * lit.F2),
    F3: seen(level * lit.F3),
    F4: seen(level * lit.F4),
    F5: seen(level * lit.F5),
    F6: seen(level * lit.F6),
    F7: seen(level * lit.F7),
    F8: seen(level * lit.F8),
    NIR: seen(level * lit.NIR),
    Clear: seen(level * lit.Clear + glow.ambient),
    Flicker: (SPECTRAL.flickerCounts / SPECTRAL.referenceMs) * random.uniform(),
    Dark: SPECTRAL.dark,
  }
}
