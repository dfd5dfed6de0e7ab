import { v7 } from 'uuid'
import { z } from 'zod'
import type { Clock } from '../drivers/clock.ts'
import type { Acquisition } from './acquisition.ts'
import type { Alerts } from './alerts/alerts.ts'
import { acknowledgePayload } from './alerts/message.ts'
import { consentOrder, type Updates } from './api/update.ts'
import { calibrationStartPayload, type RunningStation, startCalibration } from './calibration/start.ts'
import type { FirstPart } from './first-part.ts'
import type { GoldenKeeper } from './golden-keeper.ts'
import type { PartCounters } from './health/counters.ts'
import type { Log } from './log.ts'
import { dayLotId, lotId } from './lot.ts'
import type { LotBook } from './lot-book.ts'
import { inspectionMessage } from './message.ts'
import { CommandError, type CommandHandler, type StreamingCommand } from './mqtt/commands.ts'
import { replayCommand, replayPayload, type StoredInspections } from './mqtt/replay.ts'
import type { OutboxEntry } from './outbox.ts'
import { type Override, type OverrideRequest, overrideOf, overrideRequest } from './override.ts'
import type { QualityWatch } from './quality.ts'
import type { Quarantine } from './quarantine.ts'
import { quarantineCommands, quarantinePayloads } from './quarantine-commands.ts'
import type { Setup } from './setup.ts'
import type { Documents } from './store/registry/documents.ts'

export interface LineCommandParts {
  readonly acquisition: Acquisition
  /** An inspection of the log, by its id. */
  readonly stored: (id: string) => Promise<OutboxEntry | undefined>
  /** The log, to send it again. */
  readonly history: StoredInspections
  /** As the station publishes. */
  readonly inspection: 'full' | 'lean'
  readonly overrides: Pick<Documents, 'save'>
  /** Brings a part under the heads, where a simulated belt does not move by itself. */
  readonly bring: () => void
  readonly setup: Setup
  readonly golden: Pick<GoldenKeeper, 'kept'>
  readonly firstPart: Pick<FirstPart, 'changed' | 'resumed'>
  /** What a calibration is given of the running station. */
  readonly desk: () => RunningStation
  readonly counters: PartCounters
  readonly lots: Pick<LotBook, 'begin' | 'close' | 'get' | 'overridden'>
  readonly quality: Pick<QualityWatch, 'resumed' | 'lotBegun' | 'relearn'>
  readonly alerts: Pick<Alerts, 'acknowledge'>
  readonly quarantine: Pick<Quarantine, 'list' | 'send' | 'drop'>
  readonly updates: Pick<Updates, 'agree'>
  readonly clock: Clock
  readonly log: Log
  /** Recipe, lot or calibration are others now. */
  readonly changed: () => void
}

const person = z.string().min(1).max(128).default('unnamed').describe('Who asks, for the log.')

const inspectPayload = z.strictObject({
  sample_id: z.string().min(1).max(128).optional().describe('Name of the part.'),
  reinspects: z.uuid().optional().describe('Id of the inspection that this one repeats, of a held part.'),
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
const resumePayload = z.strictObject({ by: person })
const relearnPayload = z.strictObject({
  chart: z.string().min(1).max(64).optional().describe('Which control chart; absent: all.'),
  by: person,
})
const levelPayload = z.strictObject({
  level: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace']).describe('Least severity written.'),
})

/** What each command takes. */
export const commandPayloads = {
  inspect: inspectPayload,
  'recipe/select': recipePayload,
  'lot/start': lotPayload,
  'lot/close': closePayload,
  'calibration/start': calibrationStartPayload,
  'line/resume': resumePayload,
  'verdict/override': overrideRequest,
  'alert/acknowledge': acknowledgePayload,
  'chart/relearn': relearnPayload,
  replay: replayPayload,
  'log/level': levelPayload,
  'update/consent': consentOrder,
  ...quarantinePayloads,
} as const

/** The commands of the line (CONTRACTS), by name: each parses its payload, acts, and is written to the log. */
export function lineCommands(parts: LineCommandParts): Readonly<
  Record<Exclude<keyof typeof commandPayloads, 'replay'>, CommandHandler>
> & {
  readonly replay: StreamingCommand
} {
  const { acquisition, bring, setup, golden, firstPart, lots, quality, alerts, log, changed } = parts
  return {
    inspect: async (payload) => {
      const { sample_id: sampleId, reinspects } = inspectPayload.parse(payload)
      if (reinspects !== undefined && (await parts.stored(reinspects)) === undefined) {
        throw new CommandError(`reinspects: ${reinspects}: there is no such inspection in the log`)
      }
      bring()
      const entry = await acquisition.trigger('command', { sampleId, reinspects })
      return JSON.parse(entry.payload)
    },
    'recipe/select': async (payload) => {
      const { id } = recipePayload.parse(payload)
      const { recipe, revision } = await setup.selectRecipe(id).catch((error: unknown) => refuse(error))
      quality.resumed()
      await firstPart.changed(recipe.firstPart)
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
      const order = calibrationStartPayload.parse(payload)
      const started = await startCalibration(order, parts.desk()).catch((error: unknown) => refuse(error))
      await setup.useReferences()
      await golden.kept()
      log.info({ calibration: started.id, kind: started.kind, by: order.by }, 'calibrated')
      changed()
      return started
    },
    'line/resume': async (payload) => {
      const { by } = resumePayload.parse(payload)
      await firstPart.resumed(by)
      quality.resumed()
      acquisition.resumeLine()
      log.info({ by }, 'line resumed')
      changed()
      return { line_stopped: false }
    },
    'verdict/override': (payload) => overrideVerdict(parts, overrideRequest.parse(payload)),
    'alert/acknowledge': (payload) => {
      const { id, by } = acknowledgePayload.parse(payload)
      try {
        const { rule, subject, state } = alerts.acknowledge(id, by)
        return Promise.resolve({ id, rule, subject, state })
      } catch (error) {
        return refuse(error)
      }
    },
    'chart/relearn': (payload) => {
      const { chart, by } = relearnPayload.parse(payload)
      return Promise.resolve(relearn(quality.relearn(chart), { chart, by, log }))
    },
    replay: replayCommand({ stored: parts.history, inspection: parts.inspection, log }),
    ...quarantineCommands(parts.quarantine, log),
    'update/consent': async (payload) => {
      const { version, by } = consentOrder.parse(payload)
      const agreed = await parts.updates.agree(version, by)
      if ('refused' in agreed) throw new CommandError(agreed.refused)
      return agreed
    },
    'log/level': (payload) => {
      const { level } = levelPayload.parse(payload)
      log.level = level
      return Promise.resolve({ level })
    },
  }
}

/** @throws CommandError where no chart learns anew */
function relearn(
  done: ReturnType<QualityWatch['relearn']>,
  { chart, by, log }: { readonly chart: string | undefined; readonly by: string; readonly log: Log },
): object {
  if (done === undefined) throw new CommandError('no part has come yet: there are no limits to forget')
  const { charts, key } = done
  if (charts.length === 0) {
    throw new CommandError(
      `chart: ${JSON.stringify(chart) ?? 'all'}: expected one that learns its limits, of recipe ${key.recipe} and lot ${key.lot}`,
    )
  }
  log.info({ charts, ...key, by }, 'limits are learnt anew')
  return { charts, ...key }
}

/** What two persons decided stands beside the inspection, which stays as it is. */
async function overrideVerdict(
  { stored, overrides, lots, clock, log }: LineCommandParts,
  request: OverrideRequest,
): Promise<Override> {
  const entry = await stored(request.inspection_id)
  if (entry === undefined) {
    throw new CommandError(`inspection_id: ${request.inspection_id}: there is no such inspection in the log`)
  }
  const message = inspectionMessage.pick({ verdict: true, lot_id: true }).parse(JSON.parse(entry.payload))
  const { verdict, lot_id: lot } = message
  const at = new Date(clock.wall()).toISOString()
  try {
    const override = overrideOf(request, { ...entry, verdict }, { id: v7(), at })
    await overrides.save('override', { id: override.id, at, open: false, value: override })
    await lots.overridden(lot)
    log.info({ override: override.id, inspection: entry.id, by: request.by }, 'verdict overridden')
    return override
  } catch (error) {
    return refuse(error)
  }
}

async function beginLot(
  { setup, counters, lots, quality, clock, log, changed }: LineCommandParts,
  id: string,
  by: string,
): Promise<{ readonly lot_id: string; readonly started_at: string }> {
  await lots.begin(id, recipeNow(setup), by)
  const lot = await setup.startLot(id, clock.wall())
  counters.beginLot()
  quality.lotBegun(lot.id)
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
