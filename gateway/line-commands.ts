import { z } from 'zod'
import type { Clock } from '../drivers/clock.ts'
import type { Acquisition } from './acquisition.ts'
import type { PartCounters } from './health/counters.ts'
import type { Log } from './log.ts'
import { dayLotId, lotId } from './lot.ts'
import type { LotBook } from './lot-book.ts'
import { CommandError, type CommandHandler } from './mqtt/commands.ts'
import type { Setup } from './setup.ts'
import type { TrayCalibration } from './tray-calibration.ts'

export interface LineCommandParts {
  readonly acquisition: Acquisition
  /** Brings a part under the heads, where a simulated belt does not move by itself. */
  readonly bring: () => void
  readonly setup: Setup
  readonly calibration: TrayCalibration
  readonly counters: PartCounters
  readonly lots: Pick<LotBook, 'begin' | 'close' | 'get'>
  readonly clock: Clock
  readonly log: Log
  /** Recipe, lot or calibration are others now. */
  readonly changed: () => void
}

const person = z.string().min(1).max(128).default('unnamed').describe('Who asks, for the log.')

const inspectPayload = z.strictObject({
  sample_id: z.string().min(1).max(128).optional().describe('Name of the part.'),
})
const recipePayload = z.strictObject({ id: z.string().min(1).max(64).describe('A recipe in the store.') })
const lotPayload = z.strictObject({
  lot_id: lotId.describe('Letters, digits, `.`, `_` and `-`.'),
  by: person,
})
const closePayload = z.strictObject({
  next: lotId.optional().describe('The lot that begins then; default: named by the day.'),
  by: person,
})
const calibrationPayload = z.strictObject({
  kind: z.literal('empty-tray').default('empty-tray').describe('What lies under the heads: nothing.'),
  by: person,
})
const resumePayload = z.strictObject({ by: person })
const levelPayload = z.strictObject({
  level: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace']).describe('Least severity written.'),
})

/** What each command takes. */
export const commandPayloads = {
  inspect: inspectPayload,
  'recipe/select': recipePayload,
  'lot/start': lotPayload,
  'lot/close': closePayload,
  'calibration/start': calibrationPayload,
  'line/resume': resumePayload,
  'log/level': levelPayload,
} as const

/** The commands of the line (CONTRACTS), by name: each parses its payload, acts, and is written to the log. */
export function lineCommands(
  parts: LineCommandParts,
): Readonly<Record<keyof typeof commandPayloads, CommandHandler>> {
  const { acquisition, bring, setup, calibration, lots, log, changed } = parts
  return {
    inspect: async (payload) => {
      const { sample_id: sampleId } = inspectPayload.parse(payload)
      bring()
      const entry = await acquisition.trigger('command', { sampleId })
      return JSON.parse(entry.payload)
    },
    'recipe/select': async (payload) => {
      const { id } = recipePayload.parse(payload)
      const { recipe, revision } = await setup.selectRecipe(id).catch((error: unknown) => refuse(error))
      log.info({ recipe: recipe.id, revision }, 'recipe selected')
      changed()
      return { id: recipe.id, revision }
    },
    'lot/start': (payload) => {
      const { lot_id: id, by } = lotPayload.parse(payload)
      return beginLot(parts, id, by)
    },
    'lot/close': async (payload) => {
      const { next, by } = closePayload.parse(payload)
      const closed = await lots.close(setup.lot.id, recipeNow(setup), by)
      log.info({ lot: closed.id, by }, 'lot closed')
      const begun = await beginLot(parts, next ?? (await freeLotId(parts)), by)
      return { ...begun, closed }
    },
    'calibration/start': async (payload) => {
      const { by } = calibrationPayload.parse(payload)
      const tray = await calibration.measure(by).catch((error: unknown) => refuse(error))
      log.info({ calibration: tray.id, by }, 'empty tray measured')
      changed()
      return { id: tray.id, at: tray.at, frames: tray.frames }
    },
    'line/resume': (payload) => {
      const { by } = resumePayload.parse(payload)
      acquisition.resumeLine()
      log.info({ by }, 'line resumed')
      changed()
      return Promise.resolve({ line_stopped: false })
    },
    'log/level': (payload) => {
      const { level } = levelPayload.parse(payload)
      log.level = level
      return Promise.resolve({ level })
    },
  }
}

async function beginLot(
  { setup, counters, lots, clock, log, changed }: LineCommandParts,
  id: string,
  by: string,
): Promise<{ readonly lot_id: string; readonly started_at: string }> {
  await lots.begin(id, recipeNow(setup), by)
  const lot = await setup.startLot(id, clock.wall())
  counters.beginLot()
  log.info({ lot: lot.id, by }, 'lot started')
  changed()
  return { lot_id: lot.id, started_at: lot.startedAt }
}

async function freeLotId({ lots, clock }: LineCommandParts): Promise<string> {
  for (const taken = new Set<string>(); ; ) {
    const id = dayLotId(clock.wall(), (one) => taken.has(one))
    if ((await lots.get(id)) === undefined) return id
    taken.add(id)
  }
}

function recipeNow({ recipe }: Setup): { readonly id: string; readonly revision: number } {
  return { id: recipe.recipe.id, revision: recipe.revision }
}

function refuse(error: unknown): never {
  throw new CommandError(error instanceof Error ? error.message : String(error), { cause: error })
}
