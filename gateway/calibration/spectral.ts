import { CHANNELS, type Channel, type Spectrum } from '../../drivers/as7341/counts.ts'
import { type Light, lightOf } from '../../drivers/as7341/light.ts'
import type { SpectralReference } from '../analysis/reflectance.ts'
import { CalibrationRefused } from './refused.ts'
import type { DarkRow, WhiteRow } from './rows.ts'

/** Light that leaks in beyond this share of the lamp's would move every reflectance by as much. */
const MOST_DARK_SHARE = 0.02
/** A white must fill a share of the converter, or its noise is every later measurement's. */
const LEAST_WHITE_SHARE = 0.05
/** How much a channel of the tile may scatter from look to look, relative: more is a hand, or a lamp that warms up. */
const MOST_SCATTER = 0.02

/** The light of the spectra and how it is kept. @throws CalibrationRefused where they cannot be averaged */
function keptLight(spectra: readonly Spectrum[]): { readonly light: Light; readonly row: WhiteRow['light'] } {
  const light = lightOf(spectra)
  if (light === undefined || Object.keys(light.channels).length === 0) {
    throw new CalibrationRefused(
      `${spectra.length} spectra: expected some of known gain and integration time`,
    )
  }
  const { channels, gains, lampMa } = light
  return {
    light,
    row: {
      channels: { ...channels },
      gains: [...gains],
      ...(lampMa === undefined ? {} : { lamp_ma: lampMa }),
    },
  }
}

/**
 * What a spectral head sees without the lamp.
 * @param dark spectra with the lamp off, or the head covered
 * @param lit what it sees with the lamp on, in basic counts: the empty tray's, a tile's, or a look before
 * @throws CalibrationRefused where it is not dark, with the share that was found
 */
export function darkOf(
  dark: readonly Spectrum[],
  lit: Readonly<Partial<Record<Channel, number>>>,
): Pick<DarkRow, 'light' | 'spectra' | 'share'> {
  const { light, row } = keptLight(dark)
  const shares = CHANNELS.flatMap((channel) => {
    const [one, whole] = [light.channels[channel], lit[channel]]
    return one === undefined || whole === undefined || !(whole > 0) ? [] : [one.value / whole]
  })
  if (shares.length === 0)
    throw new CalibrationRefused('no light to compare with: measure the empty tray or the white tile first')
  const share = Math.max(...shares)
  if (share > MOST_DARK_SHARE) {
    throw new CalibrationRefused(
      `${percent(share)} of the light is still there: at most ${percent(MOST_DARK_SHARE)} expected; switch the lamp off, or cover the head`,
    )
  }
  return { light: row, spectra: dark.length, share }
}

/** A white tile and its certificate. */
export interface Tile {
  readonly reflectance: Readonly<Partial<Record<Channel, number>>>
  /** Relative standard uncertainty. */
  readonly std: number
  readonly name?: string
}

/**
 * What a spectral head sees of a white tile.
 * @throws CalibrationRefused where it is saturated, dim or unsteady, with the channel and the number
 */
export function whiteReferenceOf(
  spectra: readonly Spectrum[],
  tile: Tile,
): Pick<WhiteRow, 'light' | 'spectra' | 'tile' | 'tile_std' | 'tile_name'> {
  for (const { saturated } of spectra) {
    if (saturated.length === 0) continue
    throw new CalibrationRefused(
      `${saturated.join(', ')}: saturated: lower heads.<id>.gain or atime, or set exposure: auto`,
    )
  }
  checkBright(spectra)
  const { light, row } = keptLight(spectra)
  for (const channel of CHANNELS) {
    const one = light.channels[channel]
    if (one === undefined || !(one.value > 0)) continue
    // Of the mean; one look scatters √n as much.
    const scatter = (one.std * Math.sqrt(spectra.length)) / one.value
    if (scatter > MOST_SCATTER) {
      throw new CalibrationRefused(
        `${channel}: scatters by ${percent(scatter)}: at most ${percent(MOST_SCATTER)} expected; let the lamp warm up, and leave the tile alone`,
      )
    }
  }
  const { reflectance, std, name } = tile
  return {
    light: row,
    spectra: spectra.length,
    tile: { ...reflectance },
    tile_std: std,
    ...(name === undefined ? {} : { tile_name: name }),
  }
}

/** NIR counts too: a lamp without any is a lamp, Clear tells whether there is light. */
function checkBright(spectra: readonly Spectrum[]): void {
  for (const { counts, fullScale } of spectra) {
    const clear = counts.Clear
    if (clear === undefined || fullScale === undefined) continue
    const share = clear / fullScale
    if (share >= LEAST_WHITE_SHARE) continue
    throw new CalibrationRefused(
      `Clear fills ${percent(share)} of the converter: at least ${percent(LEAST_WHITE_SHARE)} expected; does the lamp burn? raise gain or atime`,
    )
  }
}

/**
 * Both references as the analysis takes them.
 * @param dark of the same head and stage; absent: nothing leaks in
 */
export function spectralReferenceOf(white: WhiteRow, dark?: DarkRow): SpectralReference {
  const { id, at, by, heads, stage, tile, tile_std: tileStd, conditions } = white
  const lampTemperatureC = conditions?.temperature_c
  return {
    kind: 'spectral-reference',
    id,
    at,
    by,
    heads,
    stage,
    white: lightOfRow(white.light),
    ...(dark === undefined ? {} : { dark: lightOfRow(dark.light) }),
    tile,
    tileStd,
    ...(lampTemperatureC === undefined ? {} : { lampTemperatureC }),
  }
}

function lightOfRow({ channels, gains, lamp_ma: lampMa }: WhiteRow['light']): Light {
  return { channels, gains, ...(lampMa === undefined ? {} : { lampMa }) }
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}
