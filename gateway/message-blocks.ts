import { CHANNELS, type Spectrum } from '../drivers/as7341/counts.ts'
import { NO_TARGET, type RangeFrame } from '../drivers/vl53l8ch/ranges.ts'
import { FLAG_LEVELS } from './analysis/colour-flags.ts'
import type { Defect, Estimate, Fusion, Judgement, Measurement, Surface } from './inspection.ts'
import type { InspectionMessage } from './message.ts'

/** The parts of the message that come from measurements and their analysis. */
export type AnalysisBlocks = Pick<InspectionMessage, 'vl53l8ch' | 'as7341' | 'fusion' | 'mass_g'>

type TofBlock = NonNullable<InspectionMessage['vl53l8ch']>
type SpectralBlock = NonNullable<InspectionMessage['as7341']>

/**
 * Measurements and analyses as the message carries them. What was not measured has no key. Numbers are rounded to
 * what they are worth, so that messages stay small: millimetres to 0.01, shares and scores to 0.0001.
 */
export function analysisBlocks(
  { heightsMm, surface, colour, fusion, massG }: Judgement,
  frame?: RangeFrame,
  spectrum?: Spectrum,
): AnalysisBlocks {
  return {
    ...(frame === undefined
      ? {}
      : { vl53l8ch: { ...matrices(frame, heightsMm), ...surfaceFields(surface, fusion) } }),
    ...(spectrum === undefined
      ? {}
      : { as7341: { ...exposureFields(spectrum), ...colourFields(colour, fusion) } }),
    ...(fusion === undefined ? {} : { fusion: fusionBlock(fusion) }),
    ...(massG === undefined ? {} : { mass_g: massBlock(massG) }),
  }
}

/** What a head that is not judged said, under `heads.<id>`. */
export function headBlock(measurement: Measurement): NonNullable<InspectionMessage['heads']>[string] {
  return measurement.kind === 'vl53l8ch'
    ? { kind: 'vl53l8ch', ...matrices(measurement) }
    : { kind: 'as7341', ...exposureFields(measurement) }
}

function matrices(frame: RangeFrame, heightsMm?: Judgement['heightsMm']): TofBlock {
  const { zones, targetsPerZone, status } = frame
  const matrix = <T>(of: (zone: number) => T): T[][] => matrixOf(zones, of)
  // A chip that sends no status says of no zone that it has no target.
  const ofTarget = (values: Float64Array, digits: 0 | 1 | 2): (number | null)[][] =>
    matrix((zone) =>
      status[zone * targetsPerZone] === NO_TARGET ? null : round(values[zone * targetsPerZone] ?? 0, digits),
    )
  return {
    distance_matrix: ofTarget(frame.rangeMm, 2),
    reflectance_matrix: ofTarget(frame.reflectancePercent, 1),
    amplitude_matrix: ofTarget(frame.signalKcpsPerSpad, 1),
    ambient_matrix: matrix((zone) => round(frame.ambientKcpsPerSpad[zone] ?? 0, 2)),
    status_matrix: matrix((zone) => status[zone * targetsPerZone] ?? NO_TARGET),
    ...(heightsMm === undefined
      ? {}
      : {
          height_matrix: matrix((zone) => {
            const height = heightsMm[zone] ?? null
            return height === null ? null : round(height, 1)
          }),
        }),
  }
}

/** Row-major, square. */
function matrixOf<T>(zones: 16 | 64, of: (zone: number) => T): T[][] {
  const side = Math.sqrt(zones)
  const rows: T[][] = []
  for (let row = 0; row < side; row += 1) {
    const values: T[] = []
    for (let column = 0; column < side; column += 1) values.push(of(row * side + column))
    rows.push(values)
  }
  return rows
}

function surfaceFields(surface: Surface | undefined, fusion: Fusion | undefined): TofBlock {
  if (surface === undefined) return {}
  const { reflectancePercent } = surface
  return {
    volume_mm3: round(surface.volumeMm3.estimate, 0),
    volume_std_mm3: round(surface.volumeMm3.std, 0),
    base_area_mm2: round(surface.baseAreaMm2.estimate, 0),
    avg_height_mm: round(surface.avgHeightMm, 2),
    max_height_mm: round(surface.maxHeightMm, 2),
    height_variation_mm: round(surface.heightVariationMm, 2),
    surface_uniformity: round(surface.uniformity.estimate, 4),
    ...(fusion?.surfaceScore === undefined ? {} : { quality_score: round(fusion.surfaceScore, 4) }),
    defects: surface.defects.map(defectBlock),
    ...scanFields(surface),
    ...(reflectancePercent === undefined
      ? {}
      : {
          reflectance_analysis: {
            mean: round(reflectancePercent.mean, 2),
            std: round(reflectancePercent.std, 2),
          },
        }),
  }
}

function scanFields({ looks, misfit, travelScale }: Surface): Pick<TofBlock, 'scan'> {
  if (looks === undefined || misfit === undefined || travelScale === undefined) return {}
  const { estimate, std } = travelScale
  return {
    scan: {
      looks,
      misfit: round(misfit, 2),
      travel_scale: round(estimate, 4),
      travel_scale_std: round(std, 4),
    },
  }
}

function exposureFields({ counts, integrationMs, gain, saturated }: Spectrum): SpectralBlock {
  const channels: Record<string, number> = {}
  for (const [channel, count] of Object.entries(counts)) {
    if (count !== undefined) channels[channel] = round(count, 1)
  }
  return {
    channels,
    ...(integrationMs === undefined ? {} : { integration_time: round(integrationMs, 5) }),
    ...(gain === undefined ? {} : { gain }),
    saturated: [...saturated],
  }
}

function colourFields(colour: Judgement['colour'], fusion: Fusion | undefined): Partial<SpectralBlock> {
  if (colour === undefined) return {}
  const { lab, relative, ratios } = colour
  return {
    freshness_index: round(colour.freshness.estimate, 4),
    fat_quality_index: round(colour.fatQuality.estimate, 4),
    oxidation_index: round(colour.oxidation.estimate, 4),
    color_uniformity: round(colour.uniformity, 4),
    ...(fusion?.colourScore === undefined ? {} : { quality_score: round(fusion.colourScore, 4) }),
    defects: colour.defects.map(defectBlock),
    spectral_analysis: {
      ...rounded(ratios),
      freshness_std: round(colour.freshness.std, 4),
      fat_quality_std: round(colour.fatQuality.std, 4),
      oxidation_std: round(colour.oxidation.std, 4),
    },
    color_analysis: {
      ...(lab === undefined ? {} : { l: round(lab.l, 2), a: round(lab.a, 2), b: round(lab.b, 2) }),
      ...rounded(relative, 'relative_'),
      ...detailFields(colour),
    },
  }
}

/** What a calibrated reflectance adds. */
function detailFields(colour: NonNullable<Judgement['colour']>): Record<string, number> {
  const { labStd, chroma, hueDeg, deltaE00, withinProbability, reflectance = {}, flags = [] } = colour
  const fields: Record<string, number> = {}
  const put = (name: string, value: Estimate | undefined, digits: 2 | 4): void => {
    if (value === undefined) return
    fields[name] = round(value.estimate, digits)
    fields[`${name}_std`] = round(value.std, digits)
  }
  if (labStd !== undefined) {
    fields.l_std = round(labStd.l, 2)
    fields.a_std = round(labStd.a, 2)
    fields.b_std = round(labStd.b, 2)
  }
  put('chroma', chroma, 2)
  put('hue_deg', hueDeg, 2)
  put('delta_e00', deltaE00, 2)
  if (withinProbability !== undefined) fields.within_probability = round(withinProbability, 4)
  for (const channel of CHANNELS) put(`reflectance_${channel}`, reflectance[channel], 4)
  for (const { type, value, level } of flags) {
    fields[`${type}_flag`] = round(value.estimate, 4)
    fields[`${type}_flag_level`] = FLAG_LEVELS.indexOf(level)
  }
  return fields
}

/** Called for every part: plain loops, because a detour through lists of entries costs more than the rounding. */
function rounded(values: Readonly<Record<string, number>>, prefix = ''): Record<string, number> {
  const result: Record<string, number> = {}
  for (const name in values) {
    if (Object.hasOwn(values, name)) result[prefix + name] = round(values[name] ?? 0, 4)
  }
  return result
}

function fusionBlock(fusion: Fusion): NonNullable<InspectionMessage['fusion']> {
  return {
    // Rounded as the verdict's score is: it is the same number.
    final_score: round(fusion.score.estimate, 4),
    final_grade: fusion.grade,
    ...(fusion.surfaceScore === undefined ? {} : { vl53l8ch_score: round(fusion.surfaceScore, 4) }),
    ...(fusion.colourScore === undefined ? {} : { as7341_score: round(fusion.colourScore, 4) }),
    confidence: round(fusion.confidence, 4),
    defects: fusion.defects.map(defectBlock),
  }
}

function massBlock({ estimate, std }: Estimate): NonNullable<InspectionMessage['mass_g']> {
  return { estimate: round(estimate, 1), std: round(std, 1) }
}

function defectBlock({
  type,
  zone,
  severity,
  deviationMm,
  deviationStdMm,
  xMm,
  yMm,
  placeStdMm,
  radiusMm,
}: Defect): NonNullable<TofBlock['defects']>[number] {
  return {
    type,
    ...(zone === undefined ? {} : { zone: [zone[0], zone[1]] }),
    severity: round(severity, 4),
    ...(deviationMm === undefined ? {} : { deviation_mm: round(deviationMm, 2) }),
    ...(deviationStdMm === undefined ? {} : { deviation_std_mm: round(deviationStdMm, 2) }),
    ...(xMm === undefined || yMm === undefined ? {} : { x_mm: round(xMm, 1), y_mm: round(yMm, 1) }),
    ...(placeStdMm === undefined ? {} : { place_std_mm: round(placeStdMm, 1) }),
    ...(radiusMm === undefined ? {} : { radius_mm: round(radiusMm, 1) }),
  }
}

const SCALES = [1, 10, 100, 1e3, 1e4, 1e5] as const

/** To so many decimals. */
export function round(value: number, digits: 0 | 1 | 2 | 3 | 4 | 5): number {
  const scale = SCALES[digits]
  // Adding 0 turns -0 into 0: JSON has no negative zero.
  return Math.round(value * scale) / scale + 0
}
