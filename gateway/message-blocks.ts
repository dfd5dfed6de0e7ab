import { CHANNELS, type Spectrum } from '../drivers/as7341/counts.ts'
import { NO_TARGET, type RangeFrame } from '../drivers/vl53l8ch/ranges.ts'
import { FLAG_LEVELS } from './analysis/colour-flags.ts'
import type { Defect, Echoes, Estimate, Fusion, HeadMeasurement, Judgement, Surface } from './inspection.ts'
import type { LensSight, SeenEngraving } from './lens-sight.ts'
import type { InspectionMessage } from './message.ts'
import type { CameraRecipe } from './recipe.ts'

/** The parts of the message that come from measurements and their analysis. */
export type AnalysisBlocks = Pick<InspectionMessage, 'vl53l8ch' | 'as7341' | 'fusion' | 'mass_g'>

type TofBlock = NonNullable<InspectionMessage['vl53l8ch']>
type SpectralBlock = NonNullable<InspectionMessage['as7341']>

// Members that may be absent are assigned, not spread: in Node 20 every member of a spread that does not stand first in its
// literal costs a microsecond or more, and a message has some forty of them.

/**
 * Measurements and analyses as the message carries them. What was not measured has no key. Numbers are rounded to
 * what they are worth, so that messages stay small: millimetres to 0.01, shares and scores to 0.0001.
 */
export function analysisBlocks(
  { heightsMm, surface, echoes, colour, fusion, massG }: Judgement,
  frame?: RangeFrame,
  spectrum?: Spectrum,
): AnalysisBlocks {
  const blocks: AnalysisBlocks = {}
  if (frame !== undefined) {
    blocks.vl53l8ch = Object.assign(
      matrices(frame, heightsMm),
      surfaceFields(surface, fusion),
      echoFields(echoes),
    )
  }
  if (spectrum !== undefined) {
    blocks.as7341 = Object.assign(exposureFields(spectrum), colourFields(colour, fusion))
  }
  if (fusion !== undefined) blocks.fusion = fusionBlock(fusion)
  if (massG !== undefined) blocks.mass_g = massBlock(massG)
  return blocks
}

type CameraBlock = NonNullable<InspectionMessage['camera']>

/** What the camera saw, beside what the recipe wanted to see. */
export function cameraBlock(sight: LensSight, recipe: CameraRecipe | undefined): CameraBlock {
  const block: CameraBlock = {
    engravings: sight.engravings.map(engravingBlock),
    evidence: `sha256:${sight.picture}`,
  }
  const symbol = surest(sight.engravings)
  if (symbol !== undefined) block.symbol = symbol
  const [likeliest] = sight.lensCandidates
  if (likeliest !== undefined) {
    block.lens_id = likeliest.lensId
    block.lens_candidates = sight.lensCandidates.map(candidateBlock)
  }
  const { symbols, texts, lens } = recipe ?? {}
  if (symbols !== undefined || texts !== undefined || lens !== undefined) {
    block.expected = {
      ...(symbols === undefined ? {} : { symbols }),
      ...(texts === undefined ? {} : { texts }),
      ...(lens === undefined ? {} : { lens }),
    }
  }
  if (sight.detail !== undefined) block.detail = sight.detail
  return block
}

function surest(engravings: readonly SeenEngraving[]): string | undefined {
  let best: { readonly symbol: string | undefined; readonly confidence: number } | undefined
  for (const one of engravings) {
    if (one.kind !== 'symbol' || one.outcome !== 'known' || one.confidence <= (best?.confidence ?? 0))
      continue
    best = { symbol: one.symbols[0], confidence: one.confidence }
  }
  return best?.symbol
}

function candidateBlock({
  lensId,
  supplier,
  name,
  index,
  score,
}: LensSight['lensCandidates'][number]): NonNullable<CameraBlock['lens_candidates']>[number] {
  return {
    lens_id: lensId,
    supplier,
    name,
    ...(index === undefined ? {} : { index }),
    score: round(score, 4),
  }
}

function engravingBlock(engraving: SeenEngraving): CameraBlock['engravings'][number] {
  const [left, top, width, height] = engraving.box
  const block: CameraBlock['engravings'][number] = {
    confidence: round(engraving.confidence, 4),
    box: [round(left, 1), round(top, 1), round(width, 1), round(height, 1)],
    rotation_deg: round(engraving.rotationDeg, 1),
  }
  if (engraving.kind === 'text') return { text: engraving.text, ...block }
  const [symbol, ...others] = engraving.symbols
  const [nearest] = engraving.candidates
  if (symbol !== undefined && others.length === 0) return { symbol, ...block }
  if (symbol !== undefined) return { one_of: engraving.symbols, ...block }
  return nearest === undefined ? block : { nearest: nearest.symbol, ...block }
}

/** What a head that is not judged said, under `heads.<id>`. */
export function headBlock(measurement: HeadMeasurement): NonNullable<InspectionMessage['heads']>[string] {
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
  const block: TofBlock = {
    distance_matrix: ofTarget(frame.rangeMm, 2),
    reflectance_matrix: ofTarget(frame.reflectancePercent, 1),
    amplitude_matrix: ofTarget(frame.signalKcpsPerSpad, 1),
    ambient_matrix: matrix((zone) => round(frame.ambientKcpsPerSpad[zone] ?? 0, 2)),
    status_matrix: matrix((zone) => status[zone * targetsPerZone] ?? NO_TARGET),
  }
  if (heightsMm !== undefined) {
    block.height_matrix = matrix((zone) => {
      const height = heightsMm[zone] ?? null
      return height === null ? null : round(height, 1)
    })
  }
  return block
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
  const block: TofBlock = {
    volume_mm3: round(surface.volumeMm3.estimate, 0),
    volume_std_mm3: round(surface.volumeMm3.std, 0),
    base_area_mm2: round(surface.baseAreaMm2.estimate, 0),
    avg_height_mm: round(surface.avgHeightMm, 2),
    max_height_mm: round(surface.maxHeightMm, 2),
    height_variation_mm: round(surface.heightVariationMm, 2),
    surface_uniformity: round(surface.uniformity.estimate, 4),
    defects: surface.defects.map(defectBlock),
  }
  if (fusion?.surfaceScore !== undefined) block.quality_score = round(fusion.surfaceScore, 4)
  const scan = scanBlock(surface)
  if (scan !== undefined) block.scan = scan
  if (reflectancePercent !== undefined) {
    const { mean, std } = reflectancePercent
    block.reflectance_analysis = { mean: round(mean, 2), std: round(std, 2) }
  }
  return block
}

function echoFields(echoes: Echoes | undefined): Pick<TofBlock, 'bins_analysis'> {
  if (echoes === undefined) return {}
  const { aggregates, rangeMm, widthMm, texture, tail, secondShare } = echoes
  const fields: Record<string, number> = { aggregates }
  const put = (name: string, value: Estimate | undefined, digits: 1 | 4): void => {
    if (value === undefined) return
    fields[name] = round(value.estimate, digits)
    fields[`${name}_std`] = round(value.std, digits)
  }
  put('range_mm', rangeMm, 1)
  put('width_mm', widthMm, 1)
  put('texture', texture, 4)
  put('tail', tail, 4)
  put('second_echo', secondShare, 4)
  return { bins_analysis: fields }
}

function scanBlock({ looks, misfit, travelScale }: Surface): TofBlock['scan'] {
  if (looks === undefined || misfit === undefined || travelScale === undefined) return undefined
  const { estimate, std } = travelScale
  return {
    looks,
    misfit: round(misfit, 2),
    travel_scale: round(estimate, 4),
    travel_scale_std: round(std, 4),
  }
}

function exposureFields({ counts, integrationMs, gain, saturated }: Spectrum): SpectralBlock {
  const channels: Record<string, number> = {}
  for (const channel of CHANNELS) {
    const count = counts[channel]
    if (count !== undefined) channels[channel] = round(count, 1)
  }
  const block: SpectralBlock = { channels, saturated: [...saturated] }
  if (integrationMs !== undefined) block.integration_time = round(integrationMs, 5)
  if (gain !== undefined) block.gain = gain
  return block
}

function colourFields(colour: Judgement['colour'], fusion: Fusion | undefined): Partial<SpectralBlock> {
  if (colour === undefined) return {}
  const { freshness, fatQuality, oxidation, ratios } = colour
  const block: Partial<SpectralBlock> = {
    freshness_index: round(freshness.estimate, 4),
    fat_quality_index: round(fatQuality.estimate, 4),
    oxidation_index: round(oxidation.estimate, 4),
    color_uniformity: round(colour.uniformity, 4),
    defects: colour.defects.map(defectBlock),
    spectral_analysis: Object.assign(rounded(ratios), {
      freshness_std: round(freshness.std, 4),
      fat_quality_std: round(fatQuality.std, 4),
      oxidation_std: round(oxidation.std, 4),
    }),
    color_analysis: colourAnalysis(colour),
  }
  if (fusion?.colourScore !== undefined) block.quality_score = round(fusion.colourScore, 4)
  return block
}

type Colour = NonNullable<Judgement['colour']>

// Names that are put together: made once, because to join them for every part costs more than all the rounding.
const RELATIVE: Readonly<Record<string, string>> = Object.fromEntries(
  CHANNELS.map((channel) => [channel, `relative_${channel}`]),
)
const REFLECTANCES = CHANNELS.map((channel) => {
  const name = `reflectance_${channel}`
  return { channel, name, std: `${name}_std` }
})

/** One object that is filled, not several that are copied into each other: it has some fifty members. */
function colourAnalysis(colour: Colour): Record<string, number> {
  const { lab, relative } = colour
  const fields: Record<string, number> =
    lab === undefined ? {} : { l: round(lab.l, 2), a: round(lab.a, 2), b: round(lab.b, 2) }
  for (const channel of Object.keys(relative)) {
    fields[RELATIVE[channel] ?? `relative_${channel}`] = round(relative[channel] ?? 0, 4)
  }
  putDetail(fields, colour)
  return fields
}

/** What a calibrated reflectance adds. */
function putDetail(fields: Record<string, number>, colour: Colour): void {
  const { labStd, chroma, hueDeg, deltaE00, withinProbability, reflectance = {}, flags = [] } = colour
  if (labStd !== undefined) {
    fields.l_std = round(labStd.l, 2)
    fields.a_std = round(labStd.a, 2)
    fields.b_std = round(labStd.b, 2)
  }
  if (chroma !== undefined) {
    fields.chroma = round(chroma.estimate, 2)
    fields.chroma_std = round(chroma.std, 2)
  }
  if (hueDeg !== undefined) {
    fields.hue_deg = round(hueDeg.estimate, 2)
    fields.hue_deg_std = round(hueDeg.std, 2)
  }
  if (deltaE00 !== undefined) {
    fields.delta_e00 = round(deltaE00.estimate, 2)
    fields.delta_e00_std = round(deltaE00.std, 2)
  }
  if (withinProbability !== undefined) fields.within_probability = round(withinProbability, 4)
  for (const { channel, name, std } of REFLECTANCES) {
    const value = reflectance[channel]
    if (value === undefined) continue
    fields[name] = round(value.estimate, 4)
    fields[std] = round(value.std, 4)
  }
  for (const { type, value, level } of flags) {
    fields[`${type}_flag`] = round(value.estimate, 4)
    fields[`${type}_flag_level`] = FLAG_LEVELS.indexOf(level)
  }
}

/** Called for every part: a plain loop, because a detour through lists of entries costs more than the rounding. */
function rounded(values: Readonly<Record<string, number>>): Record<string, number> {
  const result: Record<string, number> = {}
  for (const name of Object.keys(values)) result[name] = round(values[name] ?? 0, 4)
  return result
}

function fusionBlock(fusion: Fusion): NonNullable<InspectionMessage['fusion']> {
  const block: NonNullable<InspectionMessage['fusion']> = {
    // Rounded as the verdict's score is: it is the same number.
    final_score: round(fusion.score.estimate, 4),
    final_grade: fusion.grade,
    confidence: round(fusion.confidence, 4),
    defects: fusion.defects.map(defectBlock),
  }
  if (fusion.surfaceScore !== undefined) block.vl53l8ch_score = round(fusion.surfaceScore, 4)
  if (fusion.colourScore !== undefined) block.as7341_score = round(fusion.colourScore, 4)
  return block
}

function massBlock({ estimate, std }: Estimate): NonNullable<InspectionMessage['mass_g']> {
  return { estimate: round(estimate, 1), std: round(std, 1) }
}

type DefectBlock = NonNullable<TofBlock['defects']>[number]

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
}: Defect): DefectBlock {
  const block: DefectBlock = { type, severity: round(severity, 4) }
  if (zone !== undefined) block.zone = [zone[0], zone[1]]
  if (deviationMm !== undefined) block.deviation_mm = round(deviationMm, 2)
  if (deviationStdMm !== undefined) block.deviation_std_mm = round(deviationStdMm, 2)
  if (xMm !== undefined && yMm !== undefined) {
    block.x_mm = round(xMm, 1)
    block.y_mm = round(yMm, 1)
  }
  if (placeStdMm !== undefined) block.place_std_mm = round(placeStdMm, 1)
  if (radiusMm !== undefined) block.radius_mm = round(radiusMm, 1)
  return block
}

const SCALES = [1, 10, 100, 1e3, 1e4, 1e5] as const

/** To so many decimals. */
export function round(value: number, digits: 0 | 1 | 2 | 3 | 4 | 5): number {
  const scale = SCALES[digits]
  // Adding 0 turns -0 into 0: JSON has no negative zero.
  return Math.round(value * scale) / scale + 0
}
