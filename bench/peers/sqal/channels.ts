/** The three names that the original gives each AS7341 channel (facts §2, §6). */

/** Raw counts by the analyser's names: `F1_violet` … `F8_red`, `NIR`, `Clear`, `Flicker`. */
export type Counts = Readonly<Record<string, number>>

/** Raw counts by wavelength: `415nm` … `680nm`, `clear`, `nir`. */
export type Spectrum = Readonly<Record<string, number>>

const WAVELENGTHS = {
  '415nm': 'F1_violet',
  '445nm': 'F2_indigo',
  '480nm': 'F3_blue',
  '515nm': 'F4_cyan',
  '555nm': 'F5_green',
  '590nm': 'F6_yellow',
  '630nm': 'F7_orange',
  '680nm': 'F8_red',
  clear: 'Clear',
  nir: 'NIR',
} as const

/** The counts by wavelength, under either name; a missing channel is 0. */
export function spectrumOf(counts: Counts): Spectrum {
  return Object.fromEntries(
    Object.entries(WAVELENGTHS).map(([wave, name]) => [wave, counts[wave] ?? counts[name] ?? 0]),
  )
}

/**
 * The channels of the message: a missing one gets an invented value, and `Clear` and `NIR` are looked up
 * under a name that the analyser never writes, so they are always 5000 and 800 (docs/original.md, fault 11).
 */
export function wireChannels(counts: Counts): Record<string, number> {
  const channel = (name: string, wave: string, otherwise: number) => counts[name] ?? counts[wave] ?? otherwise
  return {
    F1_415nm: channel('F1_violet', '415nm', 1000),
    F2_445nm: channel('F2_indigo', '445nm', 1200),
    F3_480nm: channel('F3_blue', '480nm', 1500),
    F4_515nm: channel('F4_cyan', '515nm', 1800),
    F5_555nm: channel('F5_green', '555nm', 2000),
    F6_590nm: channel('F6_yellow', '590nm', 1700),
    F7_630nm: channel('F7_orange', '630nm', 1400),
    F8_680nm: channel('F8_red', '680nm', 1100),
    Clear: counts.clear ?? 5000,
    NIR: counts.nir ?? 800,
  }
}
