import { test } from 'tap'
import type { Channel, Spectrum } from '../../../drivers/as7341/counts.ts'
import { Random } from '../../../drivers/simulated/random.ts'
import { measureColour } from '../../../gateway/analysis/colour.ts'
import { productReflectances } from '../../../gateway/analysis/colour-product.ts'
import { type Stain, stainOf } from '../../../gateway/analysis/colour-stains.ts'
import { type Material, measureMaterial, spectralPlan } from '../../../gateway/analysis/spectrum.ts'
import { materialOf, RECIPE, spectrumOf, trayCounts, trayOf } from './station.ts'

const MATERIAL = materialOf(RECIPE)
const PLAN = spectralPlan(MATERIAL, trayOf({}, trayCounts()))
const PRODUCT = productReflectances(MATERIAL)

/** Pigments laid otherwise than the analysis assumes: blood with less oxygen, bile with less bilirubin. */
const SEEN: Readonly<Record<Stain, Readonly<Partial<Record<Channel, number>>>>> = {
  hematoma: {
    F1_415nm: 0.05,
    F2_445nm: 0.07,
    F3_480nm: 0.13,
    F4_515nm: 0.1,
    F5_555nm: 0.07,
    F6_590nm: 0.1,
    F7_630nm: 0.34,
    F8_680nm: 0.46,
    NIR: 0.5,
  },
  bile: {
    F1_415nm: 0.06,
    F2_445nm: 0.07,
    F3_480nm: 0.15,
    F4_515nm: 0.31,
    F5_555nm: 0.38,
    F6_590nm: 0.3,
    F7_630nm: 0.18,
    F8_680nm: 0.11,
    NIR: 0.4,
  },
}

const STATE = { freshness: 0.9, fat: 0.88, oxidation: 0.1 }

function stained(stain: Stain, share: number): Spectrum {
  return spectrumOf(STATE, (channel) => {
    const relative = (SEEN[stain][channel] ?? 1) / (PRODUCT[channel] ?? 1)
    return 1 - share + share * relative
  })
}

function materialIn(spectrum: Spectrum): Material {
  const found = measureMaterial(spectrum, PLAN)
  if ('reason' in found) throw new Error(found.reason)
  return found.material
}

function shareOf(spectrum: Spectrum): ReturnType<typeof stainOf> {
  const { stains } = PLAN
  if (stains === undefined) throw new Error('the recipe knows its product')
  return stainOf(materialIn(spectrum), stains)
}

function typesOf(spectrum: Spectrum): readonly string[] {
  const found = measureColour(spectrum, PLAN)
  if ('reason' in found) throw new Error(found.reason)
  return found.colour.defects.map(({ type }) => type)
}

test('blood and bile are told apart, and the share of the spot is about right', (t) => {
  for (const stain of ['hematoma', 'bile'] as const) {
    for (const share of [0.1, 0.2, 0.3]) {
      const found = shareOf(stained(stain, share))
      t.equal(found?.stain, stain, `${stain} over ${share}`)
      const seen = found?.share.estimate ?? 0
      t.ok(seen > 0.65 * share && seen < 1.6 * share, `${stain} over ${share}: ${seen}`)
    }
    t.ok(typesOf(stained(stain, 0.25)).includes(stain), 'and is a defect')
  }
  t.end()
})

test('more of a stain is never less of it', (t) => {
  for (const stain of ['hematoma', 'bile'] as const) {
    let before = 0
    for (let share = 0.02; share < 0.35; share += 0.02) {
      const seen = shareOf(stained(stain, share))?.share.estimate ?? 0
      t.ok(seen >= before, `${stain} ${share}: ${seen}`)
      before = seen
    }
  }
  t.end()
})

test('no state of the product, and no noise, is a stain', (t) => {
  const random = new Random(81)
  const { counts: read, relative } = MATERIAL.noise
  let flagged = 0
  for (let product = 0; product < 300; product += 1) {
    const clean = spectrumOf({
      freshness: random.between(0.2, 1),
      fat: random.between(0.2, 1),
      oxidation: random.between(0, 0.8),
    })
    const counts = Object.entries(clean.counts).map(([name, count = 0]) => [
      name,
      count + Math.hypot(read, relative * count) * random.normal(),
    ])
    const types = typesOf({ ...clean, counts: Object.fromEntries(counts) })
    if (types.some((type) => type !== 'oxidation')) flagged += 1
  }
  t.equal(flagged, 0)
  t.end()
})

test('a blind channel hides no stain: it is found, or there is no grade', (t) => {
  for (const stain of ['hematoma', 'bile'] as const) {
    const spectrum = stained(stain, 0.3)
    for (const channel of PLAN.channels) {
      const found = measureColour({ ...spectrum, saturated: [channel] }, PLAN)
      const types = 'reason' in found ? [] : found.colour.defects.map(({ type }) => type)
      t.ok('reason' in found || types.includes(stain), `${stain} without ${channel}: ${types}`)
    }
  }
  t.end()
})

test('another colour than blood or bile is none of them', (t) => {
  const violet = spectrumOf(STATE, (channel) => (channel === 'F6_590nm' ? 0.7 : 1))
  t.equal(shareOf(violet), undefined)
  t.ok(typesOf(violet).includes('discolouration'))
  t.end()
})

test('a recipe that does not know what its product reflects looks for tints only', (t) => {
  const { trayCounts: _, ...material } = MATERIAL
  const plan = spectralPlan(material, undefined)
  t.notOk('stains' in plan)
  const found = measureColour(stained('hematoma', 0.5), plan)
  t.ok('colour' in found && found.colour.defects.some(({ type }) => type === 'hematoma'))
  t.end()
})
