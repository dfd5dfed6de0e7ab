/**
 * How true the colour is: simulated spectra of the standard recipe's mix of qualities, some with blood or bile over a
 * share of the spot, and what finds it: the quality references' thresholds on calibrated reflectance ratios, and the
 * comparisons on what the colour model leaves over (`model`). Then errors of the states and of L*a*b* beside what is stated.
 *   node dist/bench/colour-truth.js [SEED] [COUNT]     default 1 500
 */
import { basicCounts, CHANNELS, type Channel, type Spectrum } from '../drivers/as7341/counts.ts'
import { drawPart } from '../drivers/simulated/draw.ts'
import { type LightChannel, SPECTRAL } from '../drivers/simulated/optics.ts'
import type { PresentPart } from '../drivers/simulated/parts.ts'
import { PROFILES } from '../drivers/simulated/profiles.ts'
import { Random } from '../drivers/simulated/random.ts'
import { type Glow, sampleLight, trayGlow } from '../drivers/simulated/scene-light.ts'
import { measureColour } from '../gateway/analysis/colour.ts'
import type { DetailedColour } from '../gateway/analysis/colour-detail.ts'
import { labOf } from '../gateway/analysis/lab.ts'
import { spectralPlan } from '../gateway/analysis/spectrum.ts'
import type { EmptyTray } from '../gateway/calibration.ts'
import { BUILT_IN_RECIPES } from '../gateway/recipes/built-in.ts'

const SEED = Number(process.argv[2] ?? 1)
const COUNT = Number(process.argv[3] ?? 500)
const EXPOSURE = { gain: 4, integrationMs: 50 } as const
/** The lamp as it should be, and no other light in the room. */
const LIGHTING = { lamp: 1, stray: 0 }

const DIODES = [
  'F1',
  'F2',
  'F3',
  'F4',
  'F5',
  'F6',
  'F7',
  'F8',
  'Clear',
  'NIR',
] as const satisfies LightChannel[]
type PerFilter = Readonly<Record<LightChannel, number>>
const perFilter = (values: readonly number[]): PerFilter => {
  const [F1 = 0, F2 = 0, F3 = 0, F4 = 0, F5 = 0, F6 = 0, F7 = 0, F8 = 0, Clear = 0, NIR = 0] = values
  return { F1, F2, F3, F4, F5, F6, F7, F8, Clear, NIR }
}

/**
 * Reflectance of what does not belong, by the order of its pigments' absorption: oxyhaemoglobin (415, 542, 577 nm; a
 * window beyond 600), bilirubin and biliverdin (450 and 670 nm). Assumed: nobody measured them here.
 */
const FOREIGN = {
  blood: perFilter([0.04, 0.06, 0.1, 0.09, 0.06, 0.1, 0.38, 0.48, 0.2, 0.5]),
  bile: perFilter([0.05, 0.06, 0.14, 0.32, 0.38, 0.3, 0.17, 0.1, 0.2, 0.4]),
} as const
type Stain = keyof typeof FOREIGN

/** The same pigments, otherwise laid: blood without oxygen, thin; bile of more bilirubin, dark. */
const VARIANTS: Readonly<Record<Stain, PerFilter>> = {
  blood: perFilter([0.07, 0.09, 0.15, 0.12, 0.09, 0.11, 0.28, 0.42, 0.2, 0.5]),
  bile: perFilter([0.05, 0.05, 0.08, 0.26, 0.36, 0.34, 0.26, 0.18, 0.2, 0.4]),
}

/** A spot of which a share has another reflectance. */
function stained(glow: Glow, reflectances: PerFilter, share: number): Glow {
  const lit = { ...glow.lit }
  for (const diode of DIODES) {
    const { reference, reflectance } = SPECTRAL.channels[diode]
    const perReflectance = reference / SPECTRAL.referenceMs / reflectance
    lit[diode] = (1 - share) * lit[diode] + share * reflectances[diode] * perReflectance
  }
  return { ...glow, lit }
}

/** As the chip counts it: two halves, each under its own ripple; whole counts. */
function spectrumOf(glow: Glow, random: Random, noise = 1): Spectrum {
  const look = () => sampleLight(glow, LIGHTING, random, noise)
  const halves = [look(), look()] as const
  const counts: Partial<Record<Channel, number>> = {}
  DIODES.forEach((diode, index) => {
    const light = halves[index < 4 || index > 7 ? 0 : 1][diode]
    const channel = CHANNELS[index]
    if (channel !== undefined) counts[channel] = Math.floor(light * EXPOSURE.gain * EXPOSURE.integrationMs)
  })
  return { kind: 'as7341', takenAt: 0, counts, ...EXPOSURE, saturated: [] }
}

const [recipe] = BUILT_IN_RECIPES
const profile = PROFILES.foiegras_standard_barquette
if (recipe?.material === undefined) throw new Error('no recipe')
const random = new Random(SEED)
const traySpectrum = spectrumOf(trayGlow(), random)
const tray: EmptyTray = {
  kind: 'empty-tray',
  id: 'bench',
  at: '2026-01-01T00:00:00Z',
  by: 'bench',
  heads: [],
  rangeMm: [],
  sigmaMm: [],
  frames: 1,
  basicCounts: basicCounts(traySpectrum) ?? {},
}
const plan = spectralPlan(recipe.material, tray)

function colourOf(glow: Glow): DetailedColour | undefined {
  const found = measureColour(spectrumOf(glow, random), plan)
  return 'reason' in found ? undefined : found.colour
}

interface Measured {
  readonly truth: PresentPart
  readonly glow: Glow
}
const parts: readonly Measured[] = Array.from({ length: COUNT }, (_, number) =>
  drawPart(profile, random, number + 1),
)

const WANTED = { blood: 'hematoma', bile: 'bile' } as const

/** Share of these colours that each way flags, and calls critical, in per cent. */
function flagged(colours: readonly DetailedColour[], stain: Stain): string {
  const type = WANTED[stain]
  const share = (hit: (colour: DetailedColour) => boolean): string =>
    `${((100 * colours.filter(hit).length) / colours.length).toFixed(1).padStart(6)}`
  const absolute = share(({ flags = [] }) => flags.some((one) => one.type === type && one.level !== 'none'))
  const residual = share(({ defects }) => defects.some((one) => one.type === type))
  const any = share(({ defects }) => defects.some((one) => one.type !== 'oxidation'))
  const critical = share(({ defects }) =>
    defects.some((one) => one.type !== 'oxidation' && (one.criticalProbability ?? 0) > 0.5),
  )
  return [absolute, residual, any, critical].map((one) => one.padStart(12)).join('')
}

const good = parts.filter(({ truth }) => truth.quality !== 'defective' && truth.quality !== 'low')
const poor = parts.filter(({ truth }) => truth.quality === 'defective' || truth.quality === 'low')
console.log(
  `seed ${SEED}, ${COUNT} parts of ${recipe.id}; ${good.length} good, ${poor.length} low or defective`,
)
console.log('\nflagged, %                     reflectance       model     any model    critical')
for (const stain of ['blood', 'bile'] as const) {
  const clean = (group: readonly Measured[]): string =>
    flagged(
      group.flatMap(({ glow }) => colourOf(glow) ?? []),
      stain,
    )
  console.log(`${`${stain}, falsely on good parts`.padEnd(28)}${clean(good)}`)
  console.log(`${`${stain}, falsely on poor parts`.padEnd(28)}${clean(poor)}`)
  for (const share of [0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.8]) {
    for (const [name, reflectances] of [
      [stain, FOREIGN[stain]],
      [`other ${stain}`, VARIANTS[stain]],
    ] as const) {
      const colours = good.flatMap(({ glow }) => colourOf(stained(glow, reflectances, share)) ?? [])
      console.log(`${`${name} over ${Math.round(100 * share)} %`.padEnd(28)}${flagged(colours, stain)}`)
    }
  }
}

function scatter(name: string, scores: readonly { readonly error: number; readonly std: number }[]): void {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, one) => sum + one, 0) / values.length
  const bias = mean(scores.map(({ error }) => error))
  const rms = Math.sqrt(mean(scores.map(({ error }) => error ** 2)))
  const ratio = Math.sqrt(mean(scores.map(({ error, std }) => (error / std) ** 2)))
  const figures = `bias ${bias.toFixed(4)}  rms ${rms.toFixed(4)}  rms over stated ${ratio.toFixed(2)}`
  console.log(`${name.padEnd(14)}${figures}`)
}

console.log()
const measured = parts.flatMap((part) => {
  const colour = colourOf(part.glow)
  return colour === undefined ? [] : [{ ...part, colour }]
})
scatter(
  'freshness',
  measured.map(({ truth, colour: { freshness: f } }) => ({ error: f.estimate - truth.fresh, std: f.std })),
)
scatter(
  'fat quality',
  measured.map(({ truth, colour: { fatQuality: f } }) => ({ error: f.estimate - truth.fat, std: f.std })),
)
scatter(
  'oxidation',
  measured.map(({ truth, colour: { oxidation: o } }) => ({
    error: o.estimate - truth.oxidation,
    std: o.std,
  })),
)
for (const axis of ['l', 'a', 'b'] as const) {
  scatter(
    `Lab ${axis}`,
    measured.flatMap(({ glow, colour: { lab, labStd } }) => {
      const truth = labOf(
        Object.fromEntries(
          DIODES.map((diode, index) => {
            const { reference, reflectance } = SPECTRAL.channels[diode]
            return [CHANNELS[index], (glow.lit[diode] * SPECTRAL.referenceMs * reflectance) / reference]
          }),
        ),
      )
      if (truth === undefined || lab === undefined || labStd === undefined) return []
      return [{ error: lab[axis] - truth[axis], std: labStd[axis] }]
    }),
  )
}
