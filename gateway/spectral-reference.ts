import { z } from 'zod'
import { CHANNELS } from '../drivers/as7341/counts.ts'
import type { Light } from '../drivers/as7341/light.ts'
import type { SpectralReference } from './analysis/reflectance.ts'

const uncertain = z.strictObject({ value: z.number(), std: z.number().min(0) })

const light = z
  .strictObject({
    channels: z
      .partialRecord(z.enum(CHANNELS), uncertain)
      .describe('Basic counts: counts per ms at gain 1, gain error corrected.'),
    gains: z.array(z.number().positive()).min(1).max(11).describe('Nominal gains it was taken at, rising.'),
    lamp_ma: z.number().min(0).max(258).exactOptional().describe('Of the chip’s own lamp.'),
  })
  .describe('Light on the chip, whatever the exposure.')

/** A white reference as stores, files and messages carry it. */
export const spectralReference = z.strictObject({
  kind: z.literal('spectral-reference'),
  id: z.uuid(),
  at: z.iso.datetime(),
  by: z.string().max(128),
  heads: z.array(z.string()).max(16),
  stage: z
    .enum(['raw', 'mi-cuit', 'cooked', 'none'])
    .describe('A recipe of another stage refuses it: the colour of one says nothing of the other.'),
  white: light.describe('The tile under the lamp.'),
  dark: light.exactOptional().describe('The lamp off; absent: no light.'),
  tile: z
    .partialRecord(z.enum(CHANNELS), z.number().positive().max(1.2))
    .refine((tile) => Object.keys(tile).length > 0, 'expected the reflectance of one channel or more')
    .describe('Certified reflectance of the tile, 0 to 1.'),
  tile_std: z.number().min(0).max(0.5).describe('Relative standard uncertainty of the certificate.'),
  lamp_temperature_c: z.number().min(-40).max(125).exactOptional(),
  per_kelvin: z
    .number()
    .min(-0.02)
    .max(0.02)
    .exactOptional()
    .describe('Relative change of the light per kelvin; absent: 0.001.'),
})

/**
 * @param input as the store or a file gave it
 * @throws ZodError
 */
export function parseSpectralReference(input: unknown): SpectralReference {
  const parsed = spectralReference.parse(input)
  const { tile_std: tileStd, lamp_temperature_c: celsius, per_kelvin: perKelvin, ...rest } = parsed
  const { white, dark, ...origin } = rest
  return {
    ...origin,
    white: lightFrom(white),
    ...(dark === undefined ? {} : { dark: lightFrom(dark) }),
    tileStd,
    ...(celsius === undefined ? {} : { lampTemperatureC: celsius }),
    ...(perKelvin === undefined ? {} : { perKelvin }),
  }
}

type LightJson = z.infer<typeof light>

function lightFrom({ channels, gains, lamp_ma: lampMa }: LightJson): Light {
  return { channels, gains, ...(lampMa === undefined ? {} : { lampMa }) }
}
