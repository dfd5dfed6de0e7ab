import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { parse } from 'yaml'
import type { EmptyTray } from '../calibration.ts'
import { commandConfig } from '../config-file.ts'
import { parseRecipe } from '../recipe.ts'
import { Archive } from '../rejudge/archive.ts'
import { CalibrationFinder } from '../rejudge/calibrations.ts'
import { changeOf, partLine } from '../rejudge/outcome.ts'
import { Progress } from '../rejudge/progress.ts'
import { RequestError, STRETCH_OPTIONS, stretchOf } from '../rejudge/range.ts'
import { type FindRecipe, recipesOf } from '../rejudge/recipes.ts'
import { recordedTrays } from '../rejudge/recordings.ts'
import { type Orders, type RecipeState, Rejudge } from '../rejudge/rejudge.ts'
import { type KeptPart, partsOfFiles, storedParts } from '../rejudge/sources.ts'
import { changeLine, Tally } from '../rejudge/tally.ts'
import { trayFromFile } from '../rejudge/tray-file.ts'

const USAGE = `poincon rejudge [--recipe ID [--revision N] | --recipe-file FILE] [--calibration ID | --calibration-file FILE]
               [--from T|SEQ] [--to T|SEQ] [--epoch ID] [--json] [--config FILE] [RECORDING…]

Judges again what was measured, with another recipe or calibration, and prints what that would have changed. Without
recordings: the station's log (T is a time, 2026-03-01T08:00:00Z; SEQ a sequence of the epoch, default the newest).
RECORDING is what 'run --replay' reads. FILE of a calibration may be a recording of the empty tray. What is not named
stays as each part was judged. Reads only; the station may run meanwhile.

Exit codes: 0 all were judged again · 1 some could not be, or nothing was found · 2 wrong usage
`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  recipe: { type: 'string' },
  revision: { type: 'string' },
  'recipe-file': { type: 'string' },
  calibration: { type: 'string' },
  'calibration-file': { type: 'string' },
  ...STRETCH_OPTIONS,
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

interface Asked {
  readonly recipe?: string | undefined
  readonly revision?: string | undefined
  readonly 'recipe-file'?: string | undefined
  readonly calibration?: string | undefined
  readonly 'calibration-file'?: string | undefined
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly epoch?: string | undefined
  readonly json: boolean
}

/** `poincon rejudge`: what another recipe or calibration would have made of the parts. */
export async function rejudgeCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS })
  if (values.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const { config } = commandConfig(values.config)
  try {
    expectSensible(values, positionals)
    // Recordings need no station; where there is one, its recipes and calibrations are to be had.
    const optional = positionals.length > 0 && !Archive.isIn(config.data_dir)
    const archive = optional ? undefined : await Archive.open(config.data_dir)
    try {
      return await rejudged(archive, values, positionals)
    } finally {
      await archive?.close()
    }
  } catch (error) {
    if (!(error instanceof RequestError)) throw error
    process.stderr.write(`${error.message}\n\n${USAGE}`)
    return 2
  }
}

function expectSensible(asked: Asked, files: readonly string[]): void {
  if (asked.recipe !== undefined && asked['recipe-file'] !== undefined)
    throw new RequestError('--recipe and --recipe-file: expected one of them')
  if (asked.calibration !== undefined && asked['calibration-file'] !== undefined)
    throw new RequestError('--calibration and --calibration-file: expected one of them')
  if (asked.revision !== undefined && (asked.recipe === undefined || !/^[1-9]\d{0,8}$/.test(asked.revision)))
    throw new RequestError(`--revision ${asked.revision}: expected a number from 1, and --recipe`)
  const bounds = [asked.from, asked.to, asked.epoch].some((bound) => bound !== undefined)
  if (files.length > 0 && bounds)
    throw new RequestError('--from, --to and --epoch belong to the log: recordings are judged whole')
}

async function rejudged(
  archive: Archive | undefined,
  asked: Asked,
  files: readonly string[],
): Promise<number> {
  const calibrations = new CalibrationFinder(archive, await recordedTrays(files))
  const recipe = recipesOf(archive)
  const orders = await ordersOf(asked, recipe, calibrations)
  const left = new Map<string, number>()
  const leave = (reason: string): void => {
    left.set(reason, (left.get(reason) ?? 0) + 1)
  }
  const parts = files.length > 0 ? partsOfFiles(files) : logParts(archive, asked, leave)
  const tally = await judgeAll(parts, new Rejudge(orders, { calibrations, recipe }), asked.json, leave)
  for (const [reason, count] of left) process.stderr.write(`${count} not judged: ${reason}\n`)
  if (tally.parts === 0) {
    process.stderr.write(`${archive?.file ?? files.join(', ')}: no part was judged\n`)
    return 1
  }
  const summary = { ...tally.summary(), not_judged: Object.fromEntries(left) }
  process.stdout.write(asked.json ? `${JSON.stringify(summary)}\n` : `\n${tally.toString()}\n`)
  return left.size === 0 ? 0 : 1
}

function logParts(
  archive: Archive | undefined,
  asked: Asked,
  leave: (reason: string) => void,
): AsyncGenerator<KeptPart> {
  if (archive === undefined) throw new Error('expected a log or recordings')
  return storedParts(archive, stretchOf(asked), leave)
}

/** One part after the other, each printed when it is judged: what is kept does not grow. */
async function judgeAll(
  parts: AsyncGenerator<KeptPart>,
  rejudge: Rejudge,
  json: boolean,
  leave: (reason: string) => void,
): Promise<Tally> {
  const tally = new Tally()
  const say = (line: string): void => {
    process.stderr.write(`${line}\n`)
  }
  const progress = new Progress({ what: 'parts', now: () => performance.now(), say })
  for await (const kept of parts) {
    const part = await rejudge.part(kept)
    progress.one()
    if ('reason' in part) {
      leave(part.reason)
      continue
    }
    tally.add(part)
    if (json) process.stdout.write(`${JSON.stringify(partLine(part))}\n`)
    else if (part.before !== undefined && changeOf(part.before, part.after).changed)
      process.stdout.write(`${changeLine(part)}\n`)
  }
  say(`${progress.done} parts, ${progress.perSecond} a second`)
  return tally
}

async function ordersOf(asked: Asked, find: FindRecipe, calibrations: CalibrationFinder): Promise<Orders> {
  const recipe = await askedRecipe(asked, find)
  const tray = await askedTray(asked, calibrations)
  return { ...(recipe === undefined ? {} : { recipe }), ...(tray === undefined ? {} : { tray }) }
}

async function askedRecipe(asked: Asked, find: FindRecipe): Promise<RecipeState | undefined> {
  const file = asked['recipe-file']
  if (file !== undefined) {
    try {
      const recipe = parseRecipe(parse(await readFile(file, 'utf8')))
      return { recipe, revision: recipe.revision }
    } catch (error) {
      throw new RequestError(`${file}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      })
    }
  }
  const { recipe: id, revision } = asked
  if (id === undefined) return undefined
  const found = await find(id, revision === undefined ? undefined : Number(revision))
  if (found !== undefined) return found
  const which = revision === undefined ? id : `${id} revision ${revision}`
  throw new RequestError(`--recipe ${which}: there is no such recipe in the store`)
}

async function askedTray(asked: Asked, calibrations: CalibrationFinder): Promise<EmptyTray | undefined> {
  const file = asked['calibration-file']
  if (file !== undefined) return await trayFromFile(file)
  const id = asked.calibration
  if (id === undefined) return undefined
  const base = await calibrations.base([id])
  if ('gone' in base) throw new RequestError(`--calibration ${id}: there is no such calibration`)
  if (base.tray === undefined) throw new RequestError(`--calibration ${id}: expected one of the empty tray`)
  return base.tray
}
