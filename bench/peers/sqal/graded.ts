import type { Channel, Spectrum } from '../../../drivers/as7341/counts.ts'
import type { RangeFrame } from '../../../drivers/vl53l8ch/ranges.ts'
import { analyseSpectrum } from './as7341.ts'
import type { Counts } from './channels.ts'
import { fuse } from './fusion.ts'
import { analyseTof } from './vl53l8ch.ts'

/** What the original makes of a part; `none` where one of its inputs is missing. */
export interface OriginalGrade {
  readonly grade: string
  readonly volumeMm3?: number
}

/** Its analyser is told the true height of the head and the true size of a zone on the tray: better than it knew. */
const HEAD_MM = 320
const ZONE_MM = HEAD_MM * 0.106
/** Its bands were set for counts at gain 4 in 100 ms. */
const GAIN_MS = 4 * 100

const NAMES: Readonly<Record<Channel, string>> = {
  F1_415nm: 'F1_violet',
  F2_445nm: 'F2_indigo',
  F3_480nm: 'F3_blue',
  F4_515nm: 'F4_cyan',
  F5_555nm: 'F5_green',
  F6_590nm: 'F6_yellow',
  F7_630nm: 'F7_orange',
  F8_680nm: 'F8_red',
  Clear: 'Clear',
  NIR: 'NIR',
}

/** The original's analysers and fusion on our measurements, its random draw left out. */
export function gradedByOriginal(evidence: {
  readonly frame?: RangeFrame
  readonly spectrum?: Spectrum
}): OriginalGrade {
  const { frame, spectrum } = evidence
  if (frame === undefined || spectrum === undefined) return { grade: 'none' }
  const side = Math.sqrt(frame.zones)
  const matrix = (values: Float64Array): number[][] =>
    Array.from({ length: side }, (_, row) => [...values.subarray(row * side, (row + 1) * side)])
  const distance = matrix(frame.rangeMm)
  const tof = analyseTof({
    distance,
    reflectance: matrix(frame.reflectancePercent),
    amplitude: matrix(frame.signalKcpsPerSpad),
    ambient: matrix(frame.ambientKcpsPerSpad),
    bins: null,
    sensorHeightMm: HEAD_MM,
    zoneSizeMm: ZONE_MM,
    binCount: 128,
  })
  const counts = countsOf(spectrum)
  const fused = fuse(tof, { report: analyseSpectrum(counts), counts }, distance)
  return { grade: fused.final_grade, volumeMm3: tof.stats.volume_mm3 }
}

function countsOf({ counts, gain = 4, integrationMs = 100 }: Spectrum): Counts {
  const named: Record<string, number> = { Flicker: 1 }
  for (const [channel, name] of Object.entries(NAMES)) {
    const count = counts[channel as Channel]
    if (count !== undefined) named[name] = (count * GAIN_MS) / (gain * integrationMs)
  }
  return named
}
