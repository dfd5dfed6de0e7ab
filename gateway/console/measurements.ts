import type { Format } from './format.ts'
import type { RangingBlock, SpectralBlock } from './wire.ts'

/** One value per zone, row 0 at the top, mm; null where the zone gave no valid range. */
export interface ZoneMap {
  readonly kind: 'heights' | 'distances'
  readonly rows: readonly (readonly (number | null)[])[]
  readonly measured: number
  readonly from: number
  readonly to: number
}

/** Heights where the empty tray is known, else distances from the head; undefined where nothing was measured. */
export function zoneMap(block: RangingBlock | undefined): ZoneMap | undefined {
  const rows = block?.height_matrix ?? block?.distance_matrix
  const values = rows?.flat().filter((value) => value !== null) ?? []
  if (rows === undefined || values.length === 0) return undefined
  return {
    kind: block?.height_matrix === undefined ? 'distances' : 'heights',
    rows,
    measured: values.length,
    from: Math.min(...values),
    to: Math.max(...values),
  }
}

/** A flat tray must not look like a mountain: the shades span 10 mm at least. */
const LEAST_SPAN_MM = 10

/** Where a value stands between the lowest (0) and the highest zone (1); what is nearer to the head is higher. */
export function reliefShare({ kind, from, to }: ZoneMap): (value: number) => number {
  const span = Math.max(LEAST_SPAN_MM, to - from)
  return (value) => (kind === 'heights' ? value - from : to - value) / span
}

/** Every value in words, for those who cannot see the map. */
export function describeZones({ rows }: ZoneMap, { texts, short }: Format): string {
  return rows
    .map((row, index) => {
      const values = row.map((value) => (value === null ? texts.notMeasured : short(value)))
      return `${texts.row} ${index + 1}: ${values.join('; ')}`
    })
    .join('. ')
}

export interface ChannelBar {
  readonly name: string
  /** `415 nm`, `Clear`, `NIR`. */
  readonly label: string
  /** As the eye sees this wavelength, as far as a screen can show it. */
  readonly colour: string
  /** Raw counts, undefined where the channel was not measured. */
  readonly counts: number | undefined
  readonly saturated: boolean
}

/** The AS7341's filters (datasheet §7, centre wavelengths) in the colours of their light; NIR has none. */
const FILTERS = [
  ['F1_415nm', '415', '#7a1fd1'],
  ['F2_445nm', '445', '#2f3cff'],
  ['F3_480nm', '480', '#0a9dff'],
  ['F4_515nm', '515', '#14c43c'],
  ['F5_555nm', '555', '#a3d600'],
  ['F6_590nm', '590', '#ffc21a'],
  ['F7_630nm', '630', '#ff4a1c'],
  ['F8_680nm', '680', '#c8001e'],
  ['Clear', 'Clear', '#b9c2c9'],
  ['NIR', 'NIR', '#6b3a44'],
] as const

/** The ten channels in the order of their wavelength; undefined where no head measured any. */
export function channelBars(block: SpectralBlock | undefined): readonly ChannelBar[] | undefined {
  if (block === undefined || Object.keys(block.channels).length === 0) return undefined
  return FILTERS.map(([name, label, colour]) => ({
    name,
    label,
    colour,
    counts: block.channels[name],
    saturated: block.saturated.includes(name),
  }))
}

/**
 * The top of the axis. Clear sees the light of all filters at once: where it would flatten them it is cut off, and
 * its number tells.
 */
export function axisTop(bars: readonly ChannelBar[]): number {
  const filters = bars.filter(({ name }) => name !== 'Clear').map(({ counts = 0 }) => counts)
  const highest = Math.max(...filters)
  const clear = bars.find(({ name }) => name === 'Clear')?.counts ?? 0
  const top = highest > 0 && clear > 2 * highest ? highest * 1.15 : Math.max(highest, clear) * 1.05
  return Math.max(1, top)
}

export function describeChannels(bars: readonly ChannelBar[], { texts, whole }: Format): string {
  return bars
    .map(({ label, counts, saturated }) => {
      const value = counts === undefined ? texts.notMeasured : whole(counts)
      return `${/^\d/.test(label) ? `${label} nm` : label}: ${value}${saturated ? ` (${texts.saturated})` : ''}`
    })
    .join('; ')
}
