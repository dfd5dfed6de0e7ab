import { z } from 'zod'
import { CHANNELS } from '../../drivers/as7341/counts.ts'
import { GOLDEN_DECISIONS } from '../golden-watch.ts'

/** What is measured under a reference: the colour of one process stage says nothing of another. */
export const STAGES = ['raw', 'mi-cuit', 'cooked', 'none'] as const

const zones = z
  .array(z.number().nullable())
  .refine(({ length }) => length === 16 || length === 64, 'expected 16 or 64 zones')
const percent = z.number().min(0).max(100)

/** What stood around when it was taken. */
const conditions = z.object({
  silicon_temperature_c: z.number().min(-55).max(150).exactOptional().describe('Of the ranging chip.'),
  temperature_c: z.number().min(-55).max(150).exactOptional().describe('Of the air.'),
  humidity_percent: percent.exactOptional(),
})
export type Conditions = z.infer<typeof conditions>

/** What every row has. */
const origin = {
  id: z.uuid().describe('UUIDv7.'),
  at: z.iso.datetime().describe('When it was taken.'),
  by: z.string().min(1).max(128).describe('Who vouches for what lay under the heads.'),
  heads: z.array(z.string()).min(1).describe('The station’s heads it was taken with.'),
  subject: z
    .string()
    .min(1)
    .describe('What it belongs to: the chip’s serial where it has one, else the head.'),
  valid_until: z.iso.datetime().exactOptional().describe('Absent: as long as the chip is the same.'),
  conditions: conditions.exactOptional(),
}

const tangents = z.array(z.number()).max(64)

export const emptyTrayRow = z
  .object({
    kind: z.literal('empty-tray'),
    ...origin,
    // Rows of before are kept by the store under their subject, and do not repeat it.
    subject: origin.subject.exactOptional(),
    // Recordings of others name neither a person nor heads.
    by: z.string().max(128),
    heads: z.array(z.string()),
    range_mm: zones.describe('Per zone, axial distance to the tray, mm; null: none.'),
    sigma_mm: zones.describe('Per zone, standard deviation of one frame, mm.'),
    frames: z.int().min(1),
    reflectance_percent: zones.exactOptional(),
    tangents: z.object({ x: tangents, y: tangents }).exactOptional(),
    basic_counts: z.record(z.string(), z.number()).exactOptional(),
  })
  .refine((row) => row.range_mm.length === row.sigma_mm.length, {
    error: 'expected as many as in range_mm',
    path: ['sigma_mm'],
  })

export const offsetRow = z.object({
  kind: z.literal('offset'),
  ...origin,
  distance_mm: z.number().positive().describe('From the head to the flat target, along the axis.'),
  offset_mm: zones.describe('Per zone, what it reads too much, mm; null: it saw no target.'),
  noise_mm: z.number().min(0).describe('Standard uncertainty of one zone’s offset, mm.'),
  tilt_deg: z
    .object({ x: z.number(), y: z.number() })
    .describe('Tilt of the target that was taken out, about each axis.'),
  frames: z.int().min(1),
})

/** 776 bytes of the chip, base64. */
const XTALK_TEXT = 1036

export const crosstalkRow = z.object({
  kind: z.literal('crosstalk'),
  ...origin,
  distance_mm: z.int().min(600).max(3000),
  reflectance_percent: z.int().min(1).max(99).describe('Of the target.'),
  samples: z.int().min(1).max(16),
  xtalk: z.base64().length(XTALK_TEXT).describe('What the chip is given at every start, base64.'),
  kcps_per_spad: z
    .object({ mean: z.number().min(0), most: z.number().min(0) })
    .describe('What the cover glass throws back, over the zones.'),
})

const channel = z.enum(CHANNELS)
const light = z.object({
  channels: z
    .partialRecord(channel, z.object({ value: z.number(), std: z.number().min(0) }))
    .describe('Basic counts: per ms at gain 1, gain error corrected.'),
  gains: z.array(z.number().positive()).min(1),
  lamp_ma: z.number().min(0).exactOptional(),
})
const spectral = { stage: z.enum(STAGES), light, spectra: z.int().min(1) }

export const darkRow = z.object({
  kind: z.literal('dark'),
  ...origin,
  ...spectral,
  share: z.number().describe('Of the light with the lamp on, the brightest channel; what leaks in.'),
})

export const whiteRow = z.object({
  kind: z.literal('white'),
  ...origin,
  ...spectral,
  tile: z.partialRecord(channel, z.number().positive().max(1.2)).describe('Certified reflectance, 0…1.'),
  tile_std: z.number().min(0).max(1).describe('Relative standard uncertainty of the certificate.'),
  tile_name: z.string().max(128).exactOptional(),
})

/** What a golden part is compared by. */
export const GOLDEN_VALUES = [
  'volume_mm3',
  'mass_g',
  'height_mm',
  'max_height_mm',
  'length_mm',
  'width_mm',
  'uniformity',
  'l',
  'a',
  'b',
  'freshness',
  'fat_quality',
  'oxidation',
  'score',
] as const

const statistics = z.object({
  mean: z.number(),
  look_std: z.number().min(0).describe('Of one look beside the next, the part untouched.'),
  place_std: z.number().min(0).exactOptional().describe('Of one placement beside the next; absent: one.'),
})

const goldenPart = {
  part: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'expected 1 to 64 of letters, digits, ., _ and -'),
  recipe: z.string().describe('What it was measured by.'),
  stage: z.enum(STAGES),
  looks: z.int().min(2).describe('In each placement.'),
}

export const goldenRow = z.object({
  kind: z.literal('golden'),
  ...origin,
  ...goldenPart,
  placements: z.int().min(1),
  values: z.partialRecord(z.enum(GOLDEN_VALUES), statistics),
})

export const goldenFinding = z.object({
  name: z.string().describe('The tolerance.'),
  decision: z.enum([...GOLDEN_DECISIONS, 'not-measured']),
  tolerance: z.number().positive(),
  reference: z.number().exactOptional(),
  measured: z.number().exactOptional(),
  deviation: z.number().exactOptional().describe('Measured less reference, in the tolerance’s unit.'),
  u: z.number().min(0).exactOptional().describe('Standard uncertainty of the deviation.'),
  z: z.number().exactOptional().describe('Deviation over u; absent where u is 0.'),
  probability: z.number().min(0).max(1).exactOptional().describe('That the true value is in tolerance.'),
})

export const goldenCheckRow = z.object({
  kind: z.literal('golden-check'),
  ...origin,
  ...goldenPart,
  reference: z.uuid().describe('The `golden` row it was compared with.'),
  decision: z.enum(GOLDEN_DECISIONS),
  findings: z.array(goldenFinding).min(1),
})

/** A calibration as the store, an export and the wire have it. */
export const calibrationRow = z.discriminatedUnion('kind', [
  emptyTrayRow,
  offsetRow,
  crosstalkRow,
  darkRow,
  whiteRow,
  goldenRow,
  goldenCheckRow,
])

export type CalibrationRow = z.infer<typeof calibrationRow>
export type CalibrationKind = CalibrationRow['kind']
export const CALIBRATION_KINDS = [
  'empty-tray',
  'offset',
  'crosstalk',
  'dark',
  'white',
  'golden',
  'golden-check',
] as const satisfies readonly CalibrationKind[]
export type OffsetRow = z.infer<typeof offsetRow>
export type CrosstalkRow = z.infer<typeof crosstalkRow>
export type DarkRow = z.infer<typeof darkRow>
export type WhiteRow = z.infer<typeof whiteRow>
export type GoldenRow = z.infer<typeof goldenRow>
export type GoldenCheckRow = z.infer<typeof goldenCheckRow>
export type GoldenFinding = z.infer<typeof goldenFinding>
export type GoldenValue = (typeof GOLDEN_VALUES)[number]
export type Stage = (typeof STAGES)[number]

/** What every kind has. */
export type Origin = Pick<OffsetRow, 'id' | 'at' | 'by' | 'heads' | 'subject' | 'valid_until' | 'conditions'>
