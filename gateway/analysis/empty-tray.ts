import { basicCounts, CHANNELS, type Spectrum } from '../../drivers/as7341/counts.ts'
import type { RangeFrame } from '../../drivers/vl53l8ch/ranges.ts'
import type { EmptyTray } from '../calibration.ts'
import { at } from './numbers.ts'

/** ST's status of a valid target. */
const VALID = 5

/** Who measured, when, with what, and how the head's zones look where that is known. */
export type TrayOrigin = Pick<EmptyTray, 'id' | 'at' | 'by' | 'heads' | 'tangents'>

/**
 * The calibration that looks at nothing: mean and scatter of every zone, mean of every channel.
 * @param frames of the still, empty tray, all of one resolution; 16 or more make its noise small beside a frame's
 * @param spectra of the same; saturated channels are left out
 * @throws RangeError for no frame, or frames of different resolution
 */
export function emptyTrayOf(
  frames: readonly RangeFrame[],
  spectra: readonly Spectrum[],
  origin: TrayOrigin,
): EmptyTray {
  const [first] = frames
  if (first === undefined || frames.some(({ zones }) => zones !== first.zones)) {
    throw new RangeError('an empty tray needs frames of one resolution')
  }
  const rangeMm: (number | null)[] = []
  const sigmaMm: (number | null)[] = []
  const reflectancePercent: (number | null)[] = []
  for (let zone = 0; zone < first.zones; zone += 1) {
    const looks = frames.filter((frame) => at(frame.status, zone * frame.targetsPerZone) === VALID)
    const ranges = looks.map((frame) => at(frame.rangeMm, zone * frame.targetsPerZone))
    const reflectances = looks.map((frame) => at(frame.reflectancePercent, zone * frame.targetsPerZone))
    // A zone that sees the tray only now and then would calibrate on luck.
    const seen = 2 * ranges.length > frames.length
    const mean = meanOf(ranges)
    rangeMm.push(seen ? mean : null)
    sigmaMm.push(seen ? Math.sqrt(meanOf(ranges.map((range) => (range - mean) ** 2))) : null)
    reflectancePercent.push(seen ? meanOf(reflectances) : null)
  }
  const counts = meanCounts(spectra)
  return {
    kind: 'empty-tray',
    ...origin,
    rangeMm,
    sigmaMm,
    frames: frames.length,
    reflectancePercent,
    ...(counts === undefined ? {} : { basicCounts: counts }),
  }
}

function meanCounts(spectra: readonly Spectrum[]): Record<string, number> | undefined {
  const basics = spectra.flatMap((spectrum) => {
    const basic = basicCounts(spectrum)
    return basic === undefined ? [] : [{ basic, saturated: spectrum.saturated }]
  })
  const means: Record<string, number> = {}
  for (const channel of CHANNELS) {
    const values = basics.flatMap(({ basic, saturated }) => {
      const value = basic[channel]
      return value === undefined || saturated.includes(channel) ? [] : [value]
    })
    if (values.length > 0) means[channel] = meanOf(values)
  }
  return Object.keys(means).length === 0 ? undefined : means
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
}
