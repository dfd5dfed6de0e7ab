import { z } from 'zod'
import { anomalyBlock } from './anomaly-block.ts'
import { oldHeadBlock } from './esp32/block.ts'
import { ACTIONS, GRADES } from './inspection.ts'

const unit = z.number().min(0).max(1)
const matrix = z.array(z.array(z.number()))
/** A zone without a target has none of what a target has. */
const targetMatrix = z.array(z.array(z.number().nullable()))
const name = z.string().regex(/^[a-z0-9-]{1,64}$/)
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const grade = z.enum(GRADES)

const defect = z.object({
  type: z
    .string()
    .describe('`foreign_body`, `deformation`, `edge_damage`, `hematoma`, `bile`, `oxidation` …'),
  zone: z.tuple([z.int(), z.int()]).optional().describe('Row and column of the worst zone, from 0.'),
  severity: unit.describe('1 is critical: the part is rejected.'),
  deviation_mm: z
    .number()
    .optional()
    .describe('Deviation from the expected surface, mm; positive is towards the head.'),
  deviation_std_mm: z.number().min(0).optional().describe('Its standard uncertainty.'),
  x_mm: z.number().optional().describe('Middle, from the point below the head along the zones’ columns.'),
  y_mm: z.number().optional().describe('The same along the rows.'),
  place_std_mm: z.number().min(0).optional().describe('Standard uncertainty of the place.'),
  radius_mm: z.number().min(0).optional().describe('Radius at which the change has faded.'),
})

const tofBlock = z.object({
  distance_matrix: targetMatrix
    .optional()
    .describe('Range along the optical axis, mm; null where a zone has no target.'),
  reflectance_matrix: targetMatrix
    .optional()
    .describe('Reflectance as the chip estimates it, %; null where a zone has no target.'),
  amplitude_matrix: targetMatrix
    .optional()
    .describe('Signal, kcps per SPAD; null where a zone has no target.'),
  ambient_matrix: matrix.optional().describe('Ambient light, kcps per SPAD.'),
  status_matrix: matrix
    .optional()
    .describe('Target status of the chip: 5 valid, 6 and 9 half-trusted, 255 no target.'),
  height_matrix: z
    .array(z.array(z.number().nullable()))
    .optional()
    .describe('Height over the empty tray, mm; null where a zone gave no valid range.'),
  volume_mm3: z.number().min(0).optional().describe('Volume of the part over the tray, mm³.'),
  volume_std_mm3: z.number().min(0).optional().describe('Standard uncertainty of the volume, mm³.'),
  base_area_mm2: z.number().min(0).optional().describe('Area the part covers, mm².'),
  avg_height_mm: z.number().optional().describe('Volume over base area, mm.'),
  max_height_mm: z.number().optional().describe('Greatest height over the tray, mm.'),
  height_variation_mm: z
    .number()
    .optional()
    .describe('Relief: standard deviation of the surface about the smooth body, mm.'),
  surface_uniformity: unit.optional().describe('1 is a smooth surface.'),
  quality_score: unit.optional().describe('Score of this head alone.'),
  grade: grade.optional().describe('Grade of this head alone, where it gives one: advice.'),
  defects: z.array(defect).optional().describe('What this head found.'),
  scan: z
    .object({
      looks: z.int().describe('Looks that the part was seen in.'),
      misfit: z.number().describe('What the surface leaves unexplained, in standard deviations: 1 is noise.'),
      travel_scale: z.number().describe('True belt travel over the one that was told.'),
      travel_scale_std: z.number().describe('Its standard uncertainty.'),
    })
    .optional()
    .describe('Of a part that was scanned while it passed.'),
  bins_analysis: z
    .record(z.string(), z.number())
    .optional()
    .describe(
      'Of the histograms that see only the part, where the head takes them: their number (`aggregates`) and the mean `range_mm`, `width_mm`, `texture`, `tail`, `second_echo`, each with its `_std`.',
    ),
  reflectance_analysis: z
    .record(z.string(), z.number())
    .optional()
    .describe('Reflectance of the zones that see only the part, %: mean, std.'),
})

const spectralBlock = z.object({
  channels: z
    .record(z.string(), z.number().min(0))
    .describe('Raw counts: `F1_415nm` … `F8_680nm`, `Clear`, `NIR`.'),
  integration_time: z.number().positive().optional().describe('Of each half, ms.'),
  gain: z.number().positive().optional().describe('Analogue gain, 0.5 to 512.'),
  saturated: z.array(z.string()).describe('Channels that cannot be trusted; [] when all can.'),
  freshness_index: unit.optional().describe('1 is fresh.'),
  fat_quality_index: unit.optional().describe('1 is best.'),
  oxidation_index: unit.optional().describe('0 is none.'),
  color_uniformity: unit.optional().describe('1: no other colour is mixed in.'),
  quality_score: unit.optional().describe('Score of this head alone.'),
  grade: grade.optional().describe('Grade of this head alone, where it gives one: advice.'),
  defects: z.array(defect).optional().describe('What this head found.'),
  spectral_analysis: z
    .record(z.string(), z.number())
    .optional()
    .describe(
      'Ratios of channels over those of the reference product; standard uncertainties of the indices.',
    ),
  color_analysis: z
    .record(z.string(), z.number())
    .optional()
    .describe('CIE L*a*b* under D65, approximate; per channel, the part’s light over the tray’s.'),
})

const place = {
  box: z
    .tuple([z.number(), z.number(), z.number(), z.number()])
    .describe('Left, top, width and height before it is turned about its middle, pixels of the picture.'),
  rotation_deg: z.number().describe('By how much the box is turned, clockwise on the picture.'),
}

const cameraBlock = z.object({
  symbol: z.string().optional().describe('The maker’s mark that is known with the most certainty.'),
  lens_id: z.int().optional().describe('The likeliest lens of the catalogue.'),
  engravings: z
    .array(
      z.object({
        symbol: z.string().optional().describe('The maker’s mark, where it is known.'),
        one_of: z.array(z.string()).optional().describe('Marks that it may be: they look too much alike.'),
        text: z.string().optional().describe('What is written, where it is letters or digits.'),
        nearest: z
          .string()
          .optional()
          .describe('Of a mark that is unknown: the one that it is least unlike.'),
        confidence: unit.describe('That this is right; 0: unknown.'),
        ...place,
      }),
    )
    .describe('What is engraved; [] where no lens was seen.'),
  lens_candidates: z
    .array(
      z.object({
        lens_id: z.int().describe('Of the catalogue.'),
        supplier: z.string().describe('Who makes it.'),
        name: z.string().describe('As the catalogue has it.'),
        index: z.number().optional().describe('Refractive index.'),
        score: unit.describe('How much of what was read speaks for it.'),
      }),
    )
    .optional()
    .describe('Lenses that it may be, likeliest first; absent: the catalogue knows none.'),
  expected: z
    .object({
      symbols: z.array(z.string()).optional().describe('Any of these marks.'),
      texts: z.array(z.string()).optional().describe('All of these texts.'),
      lens: z
        .object({
          supplier: z.string().describe('Who makes it.'),
          name: z.string().describe('As the catalogue has it.'),
          index: z.number().optional().describe('Refractive index.'),
        })
        .optional()
        .describe('This lens.'),
    })
    .optional()
    .describe('What the recipe wants to see, where it says.'),
  detail: z.string().optional().describe('Where no lens was seen: what was, for a person.'),
  evidence: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/)
    .describe('The picture: `GET /api/v1/evidence/<hash>`, as long as it is kept.'),
})

const rangingHeadBlock = tofBlock.extend({ kind: z.literal('vl53l8ch') })
const spectralHeadBlock = spectralBlock.extend({ kind: z.literal('as7341') })

const shown = {
  schema: z.literal('poincon.preview/1').describe('Name and version of this form.'),
  head: z.string().describe('Which head.'),
  timestamp: z.iso.datetime({ precision: 3 }).describe('When it was shown.'),
}

/** What a head sees now, for whoever aims it: `poincon.preview/1`. */
export const previewMessage = z.discriminatedUnion('kind', [
  rangingHeadBlock.extend(shown),
  spectralHeadBlock.extend(shown),
])
export type PreviewMessage = z.infer<typeof previewMessage>

const latency = z
  .number()
  .min(0)
  .describe('From the trigger to the command to the gate, ms, monotonic clock.')

const gradedVerdict = z.object({
  kind: z.literal('graded').describe('A grade could be given.'),
  grade: grade.describe('The grade that decides.'),
  score: unit.describe('1 less all points lost.'),
  action: z.enum(ACTIONS).describe('What was done with the part.'),
  reasons: z.array(z.string()).describe('The codes of `findings`.'),
  findings: z
    .array(
      z.object({
        code: z.string().describe('The measure or limit: `freshness`, `volume_low`, `foreign_body` …'),
        value: z.number().optional().describe('What was measured, in the unit of its limit.'),
        limit: z.number().optional().describe('What it should have kept.'),
        contribution: z.number().optional().describe('Score points it took, 0 to 1.'),
      }),
    )
    .describe('What cost points.'),
  latency_ms: latency,
})

const ungradedVerdict = z.object({
  kind: z.literal('ungraded').describe('No grade could be given.'),
  action: z.enum(['reject', 'hold']).describe('What was done with the part: never accepted.'),
  reasons: z.array(z.string()).min(1).describe('Why: `<reason>` or `<reason>:<head id>`.'),
  latency_ms: latency,
})

/** The message of one inspection on every wire: `poincon.inspection/1` (CONTRACTS). */
export const inspectionMessage = z.object({
  schema: z.literal('poincon.inspection/1').describe('Name and version of this form.'),
  type: z.literal('sensor_data').describe('As in SQAL.'),
  id: z.uuid().describe('UUIDv7 of the inspection: the key to drop repeats by.'),
  epoch: z.uuid().describe('UUIDv7 of the log it stands in.'),
  sequence: z.int().min(1).describe('Its place in the epoch: from 1, without a gap.'),
  timestamp: z.iso.datetime({ precision: 3 }).describe('When the trigger came. Order comes from `sequence`.'),
  clock: z.enum(['synchronised', 'holdover']).describe('`holdover`: the clock was not set since boot.'),
  device_id: name.describe('The gateway.'),
  site: name.describe('First level of the topic.'),
  line: name.describe('Second level of the topic.'),
  station: name.describe('Third level of the topic.'),
  sample_id: z.string().max(128).describe('The part, as the line names it; else lot and time of day.'),
  lot_id: z.string().max(128).describe('The lot that was running.'),
  reinspection_of: z
    .uuid()
    .optional()
    .describe('The inspection that this one repeats, of a part that was held.'),
  dry_run: z.literal(true).optional().describe('The gate did not move.'),
  recipe: z
    .object({
      id: z.string().max(64).describe('Its name.'),
      revision: z.int().min(1).describe('Which state of it; a revision never changes.'),
    })
    .describe('The recipe that judged it.'),
  old_head: oldHeadBlock
    .optional()
    .describe('Of a part that a head of the old system measured: which one, and what it said itself.'),
  vl53l8ch: tofBlock.optional().describe('Ranging, by the first head of this kind.'),
  as7341: spectralBlock.optional().describe('Spectrum, by the first head of this kind.'),
  camera: cameraBlock.optional().describe('Engravings, where the recipe is judged by the camera.'),
  heads: z
    .record(z.string(), z.discriminatedUnion('kind', [rangingHeadBlock, spectralHeadBlock]))
    .optional()
    .describe('Further heads by id.'),
  fusion: z
    .object({
      final_score: unit.describe('The same as `verdict.score`.'),
      final_grade: grade.describe('The same as `verdict.grade`.'),
      vl53l8ch_score: unit.optional().describe('Shape and surface alone.'),
      as7341_score: unit.optional().describe('Spectrum alone.'),
      confidence: unit.optional().describe('Probability that the true grade is this one.'),
      defects: z.array(defect).describe('Of all heads.'),
    })
    .optional()
    .describe('All evidence together; present when there is a grade.'),
  anomaly: anomalyBlock
    .optional()
    .describe('How unlike the good parts of this station it is: advice, never a grade.'),
  mass_g: z
    .object({
      estimate: z.number().min(0).describe('Volume times the density of the recipe, g.'),
      std: z.number().min(0).describe('Its standard uncertainty, g.'),
    })
    .optional()
    .describe('Mass.'),
  verdict: z
    .discriminatedUnion('kind', [gradedVerdict, ungradedVerdict])
    .describe('The one decision about the part.'),
  provenance: z
    .object({
      software: z.string().describe('Version of the gateway.'),
      architecture: z.string().optional().describe('Processor and engine that judged it.'),
      recipe_sha256: sha256.describe('Of the recipe’s canonical JSON.'),
      calibration: z.array(z.string()).describe('Ids of the calibrations it was judged with.'),
      models: z.record(z.string(), z.string()).describe('Name → `sha256:…` of the models that were asked.'),
      raw_sha256: sha256.describe('Of the raw record in the station’s store.'),
      previous: sha256.describe('`hash` of the inspection before it in the epoch; 64 zeros in the first.'),
      hash: sha256.describe('SHA-256 of the canonical JSON (RFC 8785) of this message without `hash`.'),
    })
    .describe('What the verdict was derived from, and its place in the chain.'),
  meta: z
    .object({
      firmware_version: z.string().describe('The same as `provenance.software`; SQAL’s name.'),
      temperature_c: z.number().optional().describe('Ambient temperature, °C.'),
      humidity_percent: z.number().optional().describe('Relative humidity, %.'),
      config_profile: z.string().describe('The same as `recipe.id`; SQAL’s name.'),
    })
    .describe('SQAL’s block of circumstances.'),
})
export type InspectionMessage = z.infer<typeof inspectionMessage>

/** A message before the store has given it its place: no epoch, sequence, previous or hash yet. */
export type InspectionDraft = Omit<InspectionMessage, 'epoch' | 'sequence' | 'provenance'> & {
  readonly provenance: Omit<InspectionMessage['provenance'], 'raw_sha256' | 'previous' | 'hash'>
}
