import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { Contents } from '../../../provisioning/content.ts'
import { Updater } from '../../../provisioning/update.ts'
import { UpdateLog } from '../../../provisioning/update-record.ts'
import type { ReleaseFaults } from '../../fakes/release-gateway.ts'
import { toolsOf } from './tools.ts'
import type { Cut, Job } from './updater.ts'
import { World } from './world.ts'

const UPDATER = fileURLToPath(new URL('./updater.js', import.meta.url))
const PARTS = 3
// A device that is left alone comes to rest within so many passes of its timer.
const PASSES = 6

/** What is updated to, and how it must end. */
export interface Scenario {
  readonly name: string
  readonly storeSchema: number
  readonly faults: ReleaseFaults
  /** A configuration is updated instead of the release. */
  readonly configuration?: true
  readonly ends: 'committed' | 'rolled_back'
}

export const SCENARIOS: readonly Scenario[] = [
  { name: 'a good release', storeSchema: 1, faults: {}, ends: 'committed' },
  { name: 'a good release that moves the store', storeSchema: 2, faults: {}, ends: 'committed' },
  {
    name: 'a bad release that moves the store',
    storeSchema: 2,
    faults: { head: 'absent' },
    ends: 'rolled_back',
  },
  { name: 'a good configuration', configuration: true, storeSchema: 1, faults: {}, ends: 'committed' },
  {
    name: 'a bad configuration',
    configuration: true,
    storeSchema: 1,
    faults: { start: 'crash' },
    ends: 'rolled_back',
  },
]
/** Of the configuration, before and after: another than any release has. */
const [OLD_FLEET, NEW_FLEET] = ['2.0.0', '2.1.0']

/** One row of the matrix. */
export interface Case {
  readonly scenario: Scenario
  readonly cut: Cut
  /** What is cut at. */
  readonly step: string
}

export interface Outcome extends Case {
  /** What was wrong; empty: nothing. */
  readonly problems: readonly string[]
  readonly passes: number
  readonly ended: string
}

const answer = z.object({ phase: z.string(), failure: z.string().optional() })

async function deviceFor({ storeSchema, faults, configuration }: Scenario): Promise<World> {
  const world = await World.make({
    installed: { version: '1.0.0', storeSchema: 1 },
    before: { version: '0.9.0', storeSchema: 1 },
    offered: configuration === true ? [] : [{ version: '1.1.0', storeSchema, faults }],
  })
  if (configuration === true) {
    await world.inForce('configuration', 'fleet', OLD_FLEET)
    await world.offer(`configuration_fleet-${NEW_FLEET}.yaml`, JSON.stringify({ faults }))
  }
  world.supervisor.boot()
  await world.ready('1.0.0')
  for (let part = 0; part < PARTS; part += 1) await world.ask('/trigger', 'POST')
  return world
}

function jobOf(world: World, cut?: Cut): Job {
  const { slotsDir, updateDir, configFile, restartFile, repository, port, dir } = world
  return {
    ...{ slotsDir, updateDir, configFile, restartFile, repository, port },
    ...{ pidFile: join(dir, 'gateway.pid'), trace: join(dir, 'trace') },
    ...(cut === undefined ? {} : { cut }),
  }
}

/** One pass of the updater as a process, which may die. @returns where the update is; undefined: it died or failed */
async function passOfItsOwn(world: World, cut?: Cut): Promise<string | undefined> {
  const child = spawn(process.execPath, [UPDATER, JSON.stringify(jobOf(world, cut))], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stderr.resume()
  await once(child, 'close')
  return child.exitCode === 0 ? answer.parse(JSON.parse(out)).phase : undefined
}

/** The next pass, by an updater that lives. @returns where the update is */
async function pass(world: World): Promise<string> {
  const updater = await Updater.open(toolsOf(world), world.offers())
  try {
    return (await updater.run({ by: 'schedule' }, AbortSignal.timeout(60_000)))?.phase ?? 'nothing'
  } finally {
    await updater.close()
  }
}

/** Every step that an update of this kind takes, by letting one through. */
export async function stepsOf(scenario: Scenario): Promise<readonly string[]> {
  const world = await deviceFor(scenario)
  try {
    const phase = await passOfItsOwn(world)
    if (phase !== scenario.ends)
      throw new Error(`${scenario.name}: ended ${phase}: expected ${scenario.ends}`)
    return (await readFile(join(world.dir, 'trace'), 'utf8')).trim().split('\n')
  } finally {
    await world.close()
  }
}

/** Every case of a scenario: each step, killed before and after it, alone and with the gateway, and with a full disk. */
export function casesOf(scenario: Scenario, steps: readonly string[]): readonly Case[] {
  const restartedAt = steps.indexOf('ask for restart')
  return steps.flatMap((step, index) => {
    const at = index + 1
    const cuts: Cut[] = [
      { at, when: 'before', what: 'updater' },
      { at, when: 'after', what: 'updater' },
      { at, when: 'after', what: 'power' },
      { at, when: 'before', what: 'full' },
    ]
    // On trial: what is not asked for by the updater.
    if (index >= restartedAt) cuts.push({ at, when: 'after', what: 'gateway' })
    return cuts.map((cut) => ({ scenario, cut, step }))
  })
}

/** Runs one case on a device of its own. */
export async function runCase(one: Case): Promise<Outcome> {
  const world = await deviceFor(one.scenario)
  try {
    await passOfItsOwn(world, one.cut)
    if (one.cut.what === 'power') {
      await world.supervisor.cut()
      world.supervisor.boot()
    }
    const problems = await bootable(world, 'at once')
    let [passes, ended] = [0, '']
    // The gateway may be killed on trial: then the release goes back, and is not tried again.
    while (passes < PASSES && ended !== 'nothing') {
      // The first one comes as early as it can; the timer of a device gives the gateway time to start.
      if (passes > 0) await world.ready()
      passes += 1
      ended = await pass(world)
    }
    problems.push(...(await atRest(world, one)))
    return { ...one, problems, passes, ended: await outcomeOf(world) }
  } finally {
    await world.close()
  }
}

/** Exactly one release is what starts next, and it is whole. */
async function bootable(world: World, when: string): Promise<string[]> {
  const { slots } = toolsOf(world)
  const current = await slots.pointed('current')
  const names = await readdir(join(world.slotsDir, 'releases'))
  const halves = names.filter((name) => !name.startsWith('.'))
  const whole = await slots.versions()
  return [
    ...(current === undefined ? [`${when}: current leads to no whole release`] : []),
    ...(halves.length === whole.length ? [] : [`${when}: ${halves.join(', ')}: not all of them are whole`]),
  ]
}

async function atRest(world: World, { scenario, cut }: Case): Promise<string[]> {
  const problems = await bootable(world, 'at rest')
  const { slots } = toolsOf(world)
  const [from, to] = scenario.configuration === true ? [OLD_FLEET, NEW_FLEET] : ['1.0.0', '1.1.0']
  const current = (await currentOf(world, scenario)) ?? ''
  const expected = scenario.ends === 'committed' ? [to] : [from]
  // Killed on trial, a good one counts as a bad one.
  if (cut.what === 'gateway' && scenario.ends === 'committed') expected.push(from)
  if (!expected.includes(current)) problems.push(`current is ${current}: expected ${expected.join(' or ')}`)
  const version = await runningOf(world, scenario).catch(() => 'none')
  if (version !== current) problems.push(`${version} runs: expected ${current}`)
  const parts = z.object({ parts: z.int() }).safeParse(await world.ask('/parts')).data?.parts
  if (parts !== PARTS) problems.push(`${parts} parts are stored: expected ${PARTS}`)
  const verdict = z.object({ verdict: z.string() }).safeParse(await world.ask('/trigger', 'POST'))
    .data?.verdict
  if (verdict !== 'A') problems.push(`the line is not free: ${verdict}`)
  const left = (await readdir(join(world.slotsDir, 'releases'))).filter((name) => name.startsWith('.'))
  if (left.length > 0) problems.push(`${left.join(', ')} is left`)
  if ((await slots.versions()).length > 3) problems.push('more than three releases are left')
  const halves = await readdir(join(world.updateDir, 'content'), { recursive: true }).catch(() => [])
  if (halves.some((name) => name.includes('.incoming-'))) problems.push(`${halves.join(', ')} is left`)
  const notes = (await readdir(world.updateDir)).filter((name) => /^(trial|store-return)\.json/.test(name))
  if (notes.length > 0) problems.push(`${notes.join(', ')} is left`)
  const outcome = await outcomeOf(world)
  const right = current === to ? 'committed' : 'rolled_back'
  if (outcome !== right && !(outcome === 'failed' && current === from))
    problems.push(`the update log says ${outcome}`)
  return problems
}

/** What starts next. */
async function currentOf(world: World, { configuration }: Scenario): Promise<string | undefined> {
  const tools = toolsOf(world)
  if (configuration !== true) return await tools.slots.pointed('current')
  return await new Contents(tools).current({ kind: 'configuration', name: 'fleet' })
}

/** What answers. */
async function runningOf(world: World, { configuration }: Scenario): Promise<string | undefined> {
  const version = await world.ready()
  if (configuration !== true) return version
  return (await toolsOf(world).link.running())?.content.get('configuration/fleet')
}

/** What the update log says last. @throws when one of its lines does not fit the one before it */
async function outcomeOf(world: World): Promise<string> {
  const log = new UpdateLog(join(world.updateDir, 'updates.ndjson'), (_name, effect) => effect())
  return (await log.lines()).at(-1)?.outcome ?? 'nothing'
}
