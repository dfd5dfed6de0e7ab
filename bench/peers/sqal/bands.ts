/** The original's detailed spectral bands (facts §12, `get_spectral_bands_detailed`). */
import type { Spectrum } from './channels.ts'
import { at } from './numpy.ts'
import { sum } from './python.ts'

/** Name in the report, wavelength, and the plain name that is accepted in its place. */
const BANDS = [
  ['415nm_violet', '415nm', 'violet'],
  ['445nm_indigo', '445nm', 'indigo'],
  ['480nm_blue', '480nm', 'blue'],
  ['515nm_cyan', '515nm', 'cyan'],
  ['555nm_green', '555nm', 'green'],
  ['590nm_yellow', '590nm', 'yellow'],
  ['630nm_orange', '630nm', 'orange'],
  ['680nm_red', '680nm', 'red'],
  ['nir_850nm', 'nir', '850nm'],
] as const

/** The counts of each band, their shares of the whole, and a product guessed from one ratio. */
export function spectralBands(spectrum: Spectrum) {
  const counts = BANDS.map(([, wave, plain]) => spectrum[wave] ?? spectrum[plain] ?? 0)
  const total = sum(counts)
  const named = (values: readonly number[]) =>
    Object.fromEntries(BANDS.map(([name], i) => [name, at(values, i)]))
  const ratio = (at(counts, 6) + at(counts, 7)) / (at(counts, 0) + at(counts, 2) + 1)
  return {
    spectral_bands: named(counts),
    spectral_signature: named(total > 0 ? counts.map((count) => count / total) : counts),
    spectral_profile: profileOf(ratio),
    red_orange_ratio: ratio,
    total_intensity: total,
  }
}

function profileOf(ratio: number): string {
  if (ratio > 2) return 'foie_gras_cru_extra'
  if (ratio > 1.5) return 'foie_gras_cru_standard'
  return ratio > 1 ? 'foie_gras_cuit' : 'atypical'
}
