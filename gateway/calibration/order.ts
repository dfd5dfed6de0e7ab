import { readFile } from 'node:fs/promises'
import type { parseArgs } from 'node:util'
import { type GoldenTolerances, goldenTolerances } from '../golden-options.ts'
import type { Order } from './guided.ts'
import { STAGES, type Stage } from './rows.ts'
import { evenTile, parseTile } from './tile.ts'

/** What `poincon calibrate` takes. */
export const ORDER_OPTIONS = {
  config: { type: 'string', short: 'c' },
  json: { type: 'boolean', default: false },
  yes: { type: 'boolean', short: 'y', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  by: { type: 'string' },
  head: { type: 'string' },
  'valid-days': { type: 'string' },
  distance: { type: 'string' },
  reflectance: { type: 'string' },
  samples: { type: 'string' },
  stage: { type: 'string' },
  tile: { type: 'string' },
  part: { type: 'string' },
  placements: { type: 'string' },
  looks: { type: 'string' },
  tolerance: { type: 'string', multiple: true },
} as const

type Values = ReturnType<typeof parseArgs<{ readonly options: typeof ORDER_OPTIONS }>>['values']

/** The command line is wrong: what it says is for who wrote it. */
export class UsageError extends Error {}

/**
 * What is to be taken.
 * @param verb the words behind `calibrate`
 * @throws UsageError naming option, value and expectation; Error for a file that is no tile
 */
export async function orderOf(verb: string, values: Values): Promise<Order> {
  const validDays = optional(values, 'valid-days', { least: 1 / 24, most: 3660 })
  const taking = {
    by: values.by ?? process.env.USER ?? 'unnamed',
    ...(validDays === undefined ? {} : { validDays }),
    ...(values.head === undefined ? {} : { head: values.head }),
  }
  switch (verb) {
    case 'tray':
      return { kind: verb, ...taking }
    case 'offset':
      return { kind: verb, ...taking, distanceMm: needed(values, 'distance', { least: 20, most: 4000 }) }
    case 'crosstalk': {
      const reflectance = optional(values, 'reflectance', { least: 0.01, most: 0.99 }) ?? 0.03
      return {
        kind: verb,
        ...taking,
        distanceMm: needed(values, 'distance', { least: 600, most: 3000, whole: true }),
        reflectancePercent: Math.round(100 * reflectance),
        samples: optional(values, 'samples', { least: 1, most: 16, whole: true }) ?? 4,
      }
    }
    case 'dark':
      return { kind: verb, ...taking, stage: stageOf(values) }
    case 'white':
      return { kind: verb, ...taking, stage: stageOf(values), tile: await tileOf(values) }
    case 'golden define':
      return { kind: verb, ...taking, ...goldenTaking(values, 3) }
    case 'golden check': {
      const tolerances = tolerancesOf(values)
      const golden = goldenTaking(values, 1)
      return { kind: verb, ...taking, ...golden, ...(tolerances === undefined ? {} : { tolerances }) }
    }
    default:
      throw new UsageError('no such calibration')
  }
}

function goldenTaking(
  values: Values,
  placements: number,
): { readonly part: string; readonly placements: number; readonly looks: number } {
  const part = values.part ?? ''
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(part))
    throw new UsageError(`--part ${part}: expected 1 to 64 of letters, digits, ., _ and -`)
  return {
    part,
    placements: optional(values, 'placements', { least: 1, most: 50, whole: true }) ?? placements,
    looks: optional(values, 'looks', { least: 2, most: 100, whole: true }) ?? 10,
  }
}

function stageOf({ stage }: Values): Stage {
  const found = STAGES.find((known) => known === stage)
  if (found !== undefined) return found
  throw new UsageError(`--stage ${stage ?? 'missing'}: expected one of ${STAGES.join(', ')}`)
}

async function tileOf(values: Values): Promise<ReturnType<typeof evenTile>> {
  const { tile: file } = values
  const reflectance = optional(values, 'reflectance', { least: 0.01, most: 1.2 })
  if ((file === undefined) === (reflectance === undefined))
    throw new UsageError('expected either --tile FILE or --reflectance R')
  if (file === undefined) return evenTile(reflectance ?? 1, 0.01)
  return parseTile(await readFile(file, 'utf8'), file)
}

function tolerancesOf({ tolerance }: Values): GoldenTolerances | undefined {
  if (tolerance === undefined) return undefined
  const pairs = tolerance.map((text) => {
    const [name = '', value = ''] = text.split('=')
    return [name, value === '' ? Number.NaN : Number(value)] as const
  })
  const result = goldenTolerances.safeParse(Object.fromEntries(pairs))
  if (result.success) return result.data
  throw new UsageError(
    result.error.issues.map(({ path, message }) => `--tolerance ${path.join('.')}: ${message}`).join('; '),
  )
}

interface Limits {
  readonly least: number
  readonly most: number
  readonly whole?: boolean
}

type Numeric = 'valid-days' | 'distance' | 'reflectance' | 'samples' | 'placements' | 'looks'

function optional(values: Values, name: Numeric, { least, most, whole = false }: Limits): number | undefined {
  const text = values[name]
  if (text === undefined) return undefined
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (value >= least && value <= most && (!whole || Number.isInteger(value))) return value
  throw new UsageError(
    `--${name} ${text}: expected ${whole ? 'a whole number' : 'a number'} from ${Number(least.toPrecision(3))} to ${most}`,
  )
}

function needed(values: Values, name: Numeric, limits: Limits): number {
  const value = optional(values, name, limits)
  if (value === undefined)
    throw new UsageError(`--${name}: missing: expected ${limits.least} to ${limits.most}`)
  return value
}
