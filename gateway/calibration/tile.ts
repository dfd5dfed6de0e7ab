import { extname } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { CHANNELS } from '../../drivers/as7341/counts.ts'
import type { Tile } from './spectral.ts'

const reflectance = z.number().positive().max(1.2)

const tileFile = z.strictObject({
  name: z.string().max(128).optional().describe('Of the tile, as its certificate has it.'),
  reflectance: z
    .partialRecord(z.enum(CHANNELS), reflectance)
    .refine((channels) => Object.keys(channels).length > 0, 'expected at least one channel')
    .describe('Certified, 0…1, per channel.'),
  std: z.number().min(0).max(1).default(0.01).describe('Relative standard uncertainty of the certificate.'),
})

/** A tile of one reflectance. @param std relative standard uncertainty */
export function evenTile(value: number, std: number): Tile {
  return { reflectance: Object.fromEntries(CHANNELS.map((channel) => [channel, value])), std }
}

/**
 * A tile's certificate.
 * @param text YAML or JSON: name, reflectance per channel, std; or CSV: `channel,reflectance` a line
 * @param file for its extension and the error
 * @throws Error naming file, field, value and expectation
 */
export function parseTile(text: string, file: string): Tile {
  const input = extname(file) === '.csv' ? { reflectance: csv(text, file) } : parsed(text, file)
  const result = tileFile.safeParse(input, { reportInput: true })
  if (result.success) {
    const { name, reflectance: channels, std } = result.data
    return { reflectance: channels, std, ...(name === undefined ? {} : { name }) }
  }
  const problems = result.error.issues.map(
    ({ path, input: value, message }) =>
      `${path.join('.')}: ${JSON.stringify(value) ?? 'missing'}: ${message}`,
  )
  throw new Error(`${file}: ${problems.join('; ')}`)
}

function parsed(text: string, file: string): unknown {
  try {
    return parse(text)
  } catch (error) {
    throw new Error(`${file}: neither YAML nor JSON: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    })
  }
}

function csv(text: string, file: string): Record<string, number> {
  const rows = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#') && !/^channel\s*,/i.test(line))
  return Object.fromEntries(
    rows.map((line) => {
      const [channel = '', value = ''] = line.split(',').map((cell) => cell.trim())
      if (value === '' || !Number.isFinite(Number(value)))
        throw new Error(`${file}: ${JSON.stringify(line)}: expected channel,reflectance`)
      return [channel, Number(value)]
    }),
  )
}
