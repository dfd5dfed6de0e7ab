import { z } from 'zod'
import { GRADES } from '../inspection.ts'

const text = z.string().max(256)
const score = z.number().min(0).max(1)
const grade = z.enum(GRADES)

/** What the old device itself concluded, as far as it is understood. */
export const oldAdvice = z.object({
  vl53l8ch: z
    .object({
      volume_mm3: z.number().min(0).optional().describe('Its volume, mm³.'),
      surface_uniformity: score.optional().describe('Its uniformity.'),
      quality_score: score.optional().describe('Its score of the ranges.'),
      grade: grade.optional().describe('Its grade of the ranges.'),
      avg_distance_mm: z.number().min(0).optional().describe('Mean range, mm.'),
      std_distance_mm: z.number().min(0).optional().describe('Standard deviation of the ranges, mm.'),
    })
    .optional()
    .describe('Of the ranges.'),
  as7341: z
    .object({
      freshness_index: score.optional().describe('Its freshness.'),
      fat_quality_index: score.optional().describe('Its fat quality.'),
      oxidation_index: score.optional().describe('Its oxidation.'),
      quality_score: score.optional().describe('Its score of the spectrum.'),
      grade: grade.optional().describe('Its grade of the spectrum.'),
      ratio_red_nir: z.number().optional().describe('Red over near infrared.'),
      ratio_clear_nir: z.number().optional().describe('Clear over near infrared.'),
    })
    .optional()
    .describe('Of the spectrum.'),
  fusion: z
    .object({
      final_score: score.optional().describe('Its score.'),
      final_grade: grade.optional().describe('Its grade; a REJECT in any spelling is REJECT.'),
      is_compliant: z.boolean().optional().describe('Whether it calls the part compliant.'),
      confidence_level: score.optional().describe('How sure it says it is.'),
    })
    .optional()
    .describe('Of both.'),
})
export type OldAdvice = z.infer<typeof oldAdvice>

/** Which old device measured a part, and what it said of it. Nothing of it decides anything. */
export const oldHeadBlock = z.object({
  kind: z.literal('esp32').describe('The protocol that it came by.'),
  device_id: z.string().max(64).describe('As the device calls itself; its heads are `<device_id>/<kind>`.'),
  address: z.string().max(64).describe('Where it came from: IP address.'),
  mac_address: text.optional().describe('As the device told it.'),
  firmware_version: text.optional().describe('As the device told it.'),
  timestamp: text.optional().describe('When it was measured by the device’s clock, which nobody checks.'),
  measured_sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .describe('Of what was measured: a repetition has the same.'),
  location: text.optional().describe('Where the device says it is.'),
  site_code: text.optional().describe('Site, in the old system’s code.'),
  lot_abattage: text.optional().describe('Slaughter lot, as the device told it.'),
  eleveur: text.optional().describe('Farmer, as the device told it.'),
  provenance: text.optional().describe('Origin, as the device told it.'),
  advice: oldAdvice.describe('What the device concluded itself: advice, never a grade.'),
})
export type OldHeadBlock = z.infer<typeof oldHeadBlock>
