import { existsSync, statSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import type { Offer, Offers } from '../../provisioning/client.ts'
import { installedIn } from '../../provisioning/installed.ts'
import { clockIsSet, updateTools } from '../../provisioning/main.ts'
import { updateOptions } from '../../provisioning/options.ts'
import { Updater } from '../../provisioning/update.ts'
import { checkedNow, isDue } from '../../provisioning/update-due.ts'
import { LockedError } from '../../provisioning/update-lock.ts'
import { isOver, type UpdateRecord } from '../../provisioning/update-machine.ts'
import { LOG_FILE, type UpdateLine, UpdateLog } from '../../provisioning/update-record.ts'
import { broughtOffers, configuredOffers, type SourceOptions } from '../../provisioning/update-source.ts'
import { readStatus } from '../../provisioning/update-status.ts'
import type { UpdateTools } from '../../provisioning/update-tools.ts'
import { CONSENT_FILE } from '../../provisioning/update-wait.ts'
import { ConfigError } from '../config.ts'
import { commandConfig, ownConfig } from '../config-file.ts'
import { identityOf } from '../identity.ts'
import { replaceFile } from '../replace-file.ts'

const USAGE = `poincon update run [--now]              carries on what was begun, and takes what is new; for the timer
poincon update check [--json]           what the repository has for this device
poincon update status [--json]          where the update stands
poincon update install PATH [--by NAME] the same from a folder or a .tar that somebody brings, e.g. a USB stick
poincon update consent VERSION [--by NAME]
                                        agrees to the switch, where update.consent is operator
poincon update rollback [--by NAME]     back to the release before this one
poincon update history [--json]         the update log, oldest first; says where it was changed

--config FILE names the configuration. run waits for an idle line as long as from one check to the next.

Exit codes: 0 done, or nothing to do · 1 failed or rolled back · 2 wrong usage
            3 an updater is at work already · 5 it waits: for the line, for consent, for the repository
`
const EXIT_LOCKED = 3
const EXIT_WAITING = 5

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  by: { type: 'string' },
  json: { type: 'boolean', default: false },
  now: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** One call of a verb. */
interface Call {
  readonly tools: UpdateTools
  readonly source: SourceOptions
  readonly argument: string
  readonly by: string
  readonly json: boolean
  readonly now: boolean
  readonly signal: AbortSignal
}

interface Verb {
  readonly arguments: number
  readonly run: (call: Call) => Promise<number>
}

const VERBS: Readonly<Record<string, Verb>> = {
  run: { arguments: 0, run },
  check: { arguments: 0, run: check },
  status: { arguments: 0, run: status },
  install: { arguments: 1, run: install },
  consent: { arguments: 1, run: consent },
  rollback: { arguments: 0, run: rollback },
  history: { arguments: 0, run: history },
}

/** `poincon update …`. @returns the exit code */
export async function updateCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS })
  const [name = '', ...rest] = positionals
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined
  if (values.help || verb === undefined || rest.length !== verb.arguments) {
    process[values.help ? 'stdout' : 'stderr'].write(USAGE)
    return values.help ? 0 : 2
  }
  const { json, now, by = process.env.SUDO_USER ?? userInfo().username } = values
  const end = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => end.abort())
  try {
    return await verb.run({
      ...settings(values.config),
      argument: rest[0] ?? '',
      by,
      json,
      now,
      signal: end.signal,
    })
  } catch (error) {
    // What was begun goes on with the next pass.
    if (end.signal.aborted) return EXIT_WAITING
    if (!(error instanceof LockedError)) throw error
    process.stderr.write(`poincon: ${error.message}\n`)
    return EXIT_LOCKED
  }
}

const updateBlock = z.looseObject({ update: updateOptions.prefault({}) })

function settings(named: string | undefined): Pick<Call, 'tools' | 'source'> {
  const { config, file } = stationConfig(named)
  const { update } = updateBlock.parse(config)
  const configFile = file === 'built-in defaults' ? undefined : file
  const { deviceId, site, line, station } = identityOf(config)
  return {
    tools: updateTools({
      ...{ update, http: config.http, configFile, dataDir: resolve(config.data_dir) },
      flowsPort: config.flows.port,
    }),
    source: { update, deviceId, site, line, station, env: process.env, clockIsSet },
  }
}

/** A configuration that came, and that this release cannot read, must not keep away the one that mends it. */
function stationConfig(named: string | undefined): ReturnType<typeof commandConfig> {
  try {
    return commandConfig(named)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    try {
      const own = ownConfig(named)
      process.stderr.write(`poincon: left aside: ${error.message}\n`)
      return own
    } catch {
      throw error
    }
  }
}

async function withUpdater(
  call: Call,
  offers: Offers | undefined,
  work: (updater: Updater) => Promise<UpdateRecord | undefined>,
): Promise<number> {
  const updater = await Updater.open(call.tools, offers)
  try {
    return outcomeOf(await work(updater), call)
  } finally {
    await updater.close()
  }
}

function outcomeOf(update: UpdateRecord | undefined, { json }: Call): number {
  if (json) process.stdout.write(`${JSON.stringify(update ?? null)}\n`)
  else process.stdout.write(update === undefined ? 'nothing to do\n' : `${sentence(update)}\n`)
  if (update === undefined || update.phase === 'committed') return 0
  return isOver(update.phase) ? 1 : EXIT_WAITING
}

function sentence({ kind, name, from, to, phase, failure, waiting_for }: UpdateRecord): string {
  const what = kind === 'release' ? kind : `${kind} ${name}`
  const why = failure === undefined ? '' : `: ${failure}`
  const waiting = waiting_for === undefined ? '' : ` for ${waiting_for.join('; ')}`
  return `${what} ${from} → ${to}: ${phase.replace('_', ' ')}${waiting}${why}`
}

async function run(call: Call): Promise<number> {
  const { tools, source, now, signal } = call
  const { update } = source
  const offers = update.enabled || now ? await configuredOffers(tools, source) : undefined
  return await withUpdater(call, offers, async (updater) => {
    await updater.reconsider(signal)
    const carried = await updater.resume(signal)
    if (carried !== undefined) return carried
    if (!now && !(update.enabled && (await isDue(tools.dir, tools.clock.wall())))) return undefined
    const every = { everyMin: update.check_every_min, jitterMin: update.jitter_min }
    await checkedNow(tools.dir, every, tools.clock.wall(), Math.random)
    try {
      return await updater.run({ by: now ? call.by : 'schedule' }, signal)
    } finally {
      const said = offers?.steering?.pollMs
      const next = { everyMin: (said ?? 0) / 60_000, jitterMin: 0 }
      if (said !== undefined) await checkedNow(tools.dir, next, tools.clock.wall(), Math.random)
    }
  })
}

async function check({ tools, source, json, signal }: Call): Promise<number> {
  const offers = await configuredOffers(tools, source)
  if (offers === undefined)
    throw new Error(
      'update.url: expected an address, or update.directory a folder, or update.hawkbit a server',
    )
  const found = await checked(offers, tools, signal)
  for (const { facts, length, from } of found) {
    const { kind, name, version, notes = '' } = facts
    process.stdout.write(
      json
        ? `${JSON.stringify({ ...facts, length, from })}\n`
        : `${kind} ${name} ${from ?? '–'} → ${version}  ${(length / 1e6).toFixed(1)} MB  ${notes}\n`,
    )
  }
  if (found.length === 0 && !json) process.stdout.write('nothing new\n')
  return 0
}

/** A server that is told what becomes of its offers is asked by one process at a time. @throws LockedError */
async function checked(offers: Offers, tools: UpdateTools, signal: AbortSignal): Promise<Offer[]> {
  if (offers.steering === undefined) return await offers.check(signal)
  const updater = await Updater.open(tools, offers)
  try {
    return await offers.check(signal)
  } finally {
    await updater.close()
  }
}

async function status({ tools, json }: Call): Promise<number> {
  const found = await readStatus(tools.dir)
  const [current, previous] = [await tools.slots.pointed('current'), await tools.slots.pointed('previous')]
  const installed = await installedIn(tools)
  if (json) {
    process.stdout.write(`${JSON.stringify({ status: found ?? null, current, previous, installed })}\n`)
    return 0
  }
  const {
    state = 'no update yet',
    kind = 'release',
    name = '',
    changes = [],
    from = '',
    to = '',
    since = '',
    waiting_for = [],
    failure = '',
  } = found ?? {}
  process.stdout.write(`current ${current ?? 'none'}, previous ${previous ?? 'none'}\n`)
  for (const [key, version] of Object.entries(installed)) process.stdout.write(`  ${key} ${version}\n`)
  const what = kind === 'release' ? '' : ` ${kind} ${name}`
  process.stdout.write(`${state}${what} ${from}${to === '' ? '' : ` → ${to}`} ${since}\n`)
  for (const one of waiting_for) process.stdout.write(`  waits for ${one}\n`)
  for (const { key, before = '–', after = '–', kept } of changes)
    process.stdout.write(
      `  ${key}: ${kept ? `stays ${before}, as the device says` : `${before} → ${after}`}\n`,
    )
  if (failure !== '') process.stdout.write(`  ${failure}\n`)
  return 0
}

/** What root leaves in the updater's folder the updater and the station cannot use. @throws Error with what to type */
function expectOwner(dir: string): void {
  const owner = existsSync(dir) ? statSync(dir).uid : undefined
  if (owner !== undefined && owner !== process.getuid?.()) {
    throw new Error(
      `${dir} belongs to another user: run it as that one (sudo -u poincon-update -g poincon poincon update …)`,
    )
  }
}

async function install(call: Call): Promise<number> {
  expectOwner(call.tools.dir)
  const { tools, source, argument, by, signal } = call
  const offers = await broughtOffers(argument, tools, source)
  return await withUpdater(call, offers, async (updater) => {
    await updater.giveUp(`${by} installs from ${argument}`, signal)
    return await updater.run({ by, again: true }, signal)
  })
}

async function consent({ tools, argument, by }: Call): Promise<number> {
  expectOwner(tools.dir)
  const said = await readStatus(tools.dir)
  const { kind = 'release', name, state } = said?.to === argument ? said : {}
  if (kind !== 'release' && state !== 'waiting')
    throw new Error(
      `${kind} ${argument}: ${state}: expected one that waits: nobody knows yet what it changes`,
    )
  const note = {
    version: argument,
    kind,
    ...(kind === 'release' ? {} : { name }),
    by,
    at: new Date(tools.clock.wall()).toISOString(),
  }
  await replaceFile(join(tools.dir, CONSENT_FILE), `${JSON.stringify(note)}\n`, 0o640)
  process.stdout.write(`${by} agrees to ${kind} ${argument}\n`)
  return 0
}

async function rollback(call: Call): Promise<number> {
  expectOwner(call.tools.dir)
  return await withUpdater(call, undefined, async (updater) => {
    await updater.giveUp(`${call.by} goes back`, call.signal)
    return await updater.back({ by: call.by }, call.signal)
  })
}

async function history({ tools, json }: Call): Promise<number> {
  const log = new UpdateLog(join(tools.dir, LOG_FILE), tools.step)
  for (const line of await log.lines())
    process.stdout.write(json ? `${JSON.stringify(line)}\n` : historyText(line))
  return 0
}

function historyText({ ended, by, kind, name, from, to, outcome, failure, hash }: UpdateLine): string {
  const why = failure === undefined ? '' : `: ${failure}`
  return `${ended}  ${kind}${kind === 'release' ? '' : ` ${name}`} ${from} → ${to}  ${outcome}  by ${by}  ${hash.slice(0, 12)}${why}\n`
}
