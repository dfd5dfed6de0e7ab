import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { extract } from 'tar'
import { z } from 'zod'
import { elfOf, headerOf } from './elf.ts'
import { ReleaseError } from './error.ts'
import { namesOf, type Platform } from './platforms.ts'
import { outputOf } from './run.ts'

/** How to start a program of the release here: as it is, or by an emulator. */
interface Start {
  readonly program: string
  readonly before: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly emulated: boolean
}

/** How many of each were loaded. */
interface Loaded {
  readonly packages: number
  readonly commands: number
}

const RELEASE = z.looseObject({ version: z.string(), platform: z.enum(['linux-x64', 'linux-arm64']) })
const READY = z.looseObject({ msg: z.literal('ready'), url: z.string() })
const PAGE = z.looseObject({
  inspections: z.array(z.looseObject({ sequence: z.number(), verdict: z.looseObject({ kind: z.string() }) })),
})

/** Under emulation a start takes minutes on a busy machine. */
const PATIENCE_MS = 8 * 60_000

/** Modules that are left out under emulation: the arm64 onnxruntime dies of signal 11 in qemu-user 7.2. */
const NOT_EMULATED = new Set(['onnxruntime-node'])

/**
 * Unpacks an archive and runs it as a device would: with the Node inside, and no other program to be found.
 * @returns 0; a failure is an error
 */
export async function smoke(archive: string, folder: string, say: (line: string) => void): Promise<number> {
  await rm(folder, { recursive: true, force: true })
  const slot = join(folder, 'slot')
  await mkdir(slot, { recursive: true })
  await extract({ file: archive, cwd: slot })
  const { version, platform } = RELEASE.parse(JSON.parse(await readFile(join(slot, 'release.json'), 'utf8')))
  const start = await startOf(slot, platform)
  say(`${version} for ${platform}${start.emulated ? ', emulated' : ''}`)
  const { packages, commands } = await loadEverything(slot, start)
  say(`loaded ${packages} packages and ${commands} modules of commands`)
  await poincon(['check'], slot, folder, start)
  say('check: the built-in configuration is right')
  await firstVerdict(slot, folder, start, say)
  return 0
}

async function startOf(slot: string, platform: Platform): Promise<Start> {
  const node = join(slot, 'bin', 'node')
  const machine = elfOf(await headerOf(node))?.machine
  if (machine !== namesOf(platform).machine) throw new ReleaseError(`bin/node is of machine ${machine}`)
  const nothing = { PATH: '/nonexistent' }
  if (process.arch === namesOf(platform).arch) {
    return { program: node, before: [], env: nothing, emulated: false }
  }
  const emulator = '/usr/bin/qemu-aarch64-static'
  if (!existsSync(emulator))
    throw new ReleaseError(`${emulator} is not there: this machine cannot run ${platform}`)
  const env = { ...nothing, QEMU_LD_PREFIX: `/usr/${namesOf(platform).triplet}` }
  return { program: emulator, before: [node], env, emulated: true }
}

/** A verb; some load onnxruntime, and are left out under emulation as well. */
const COMMAND = /^gateway\/commands\/[^/]+\.js$/

/** Of a package, as a compiled module names it: `from 'x'`, `import('x/y')`. */
const IMPORTED = /(?:from |import\(|import )'((?!node:)[a-z@][^']*)'/g

/**
 * Loads, in one process, every package that a module of ours imports, and every verb: what was pruned wrongly is missed
 * here. @returns what it loaded
 */
async function loadEverything(slot: string, start: Start): Promise<Loaded> {
  // Others ask for the first when they are loaded; the second is a program, started by its path; the third is required.
  const names = new Set(['reflect-metadata', 'node-red', 'unix-dgram'])
  const modules = await readdir(join(slot, 'dist'), { recursive: true })
  for (const file of modules.filter((path) => path.endsWith('.js') && !/(^|\/)console\//.test(path))) {
    const text = await readFile(join(slot, 'dist', file), 'utf8')
    for (const [, name = ''] of text.matchAll(IMPORTED)) names.add(name)
  }
  // libgpiod is a matter of the device.
  const packages = [...names].filter(
    (name) => name !== 'node-libgpiod' && !(start.emulated && NOT_EMULATED.has(name)),
  )
  const commands = start.emulated ? [] : modules.filter((path) => COMMAND.test(path))
  const loaded = [...packages, ...commands.map((path) => `./dist/${path}`)]
  const script = `${loaded.map((name) => `await import(${JSON.stringify(name)})`).join('\n')}\nprocess.exit(0)`
  await outputOf(start.program, [...start.before, '--input-type=module', '--eval', script], {
    cwd: slot,
    env: { ...start.env, HOME: slot },
    timeoutMs: PATIENCE_MS,
  })
  return { packages: packages.length, commands: commands.length }
}

function poincon(args: readonly string[], slot: string, cwd: string, start: Start): Promise<Uint8Array> {
  const cli = join(slot, 'dist', 'gateway', 'cli.js')
  return outputOf(start.program, [...start.before, cli, ...args], {
    cwd,
    env: start.env,
    timeoutMs: PATIENCE_MS,
  })
}

/** Runs a station of simulated heads, on free ports, until one part is judged and stored. */
async function firstVerdict(
  slot: string,
  folder: string,
  start: Start,
  say: (line: string) => void,
): Promise<void> {
  const began = performance.now()
  const seconds = (): string => ((performance.now() - began) / 1000).toFixed(1)
  const env = {
    ...start.env,
    POINCON_DATA_DIR: join(folder, 'data'),
    POINCON_HTTP_PORT: '0',
    POINCON_MQTT_PORT: '0',
    POINCON_FLOWS_ENABLED: String(!start.emulated),
    POINCON_FLOWS_PORT: '0',
  }
  const cli = join(slot, 'dist', 'gateway', 'cli.js')
  const args = [...start.before, '--max-semi-space-size=4', cli, 'run']
  const child = spawn(start.program, args, { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] })
  const limit = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
  const ended = new Promise<never>((_resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code, signal) => reject(new ReleaseError(`run: ended with ${code ?? signal}`)))
  })
  try {
    const url = await Promise.race([ready(child.stderr), ended])
    say(`ready after ${seconds()} s`)
    const { sequence, verdict } = await Promise.race([stored(url), ended])
    say(`inspection ${sequence} is stored after ${seconds()} s: ${verdict.kind}`)
  } finally {
    clearTimeout(limit)
    const gone = ended.catch(() => {})
    child.kill('SIGTERM')
    await gone
  }
}

async function ready(log: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: log })) {
    const parsed = READY.safeParse(jsonIn(line))
    if (!parsed.success) continue
    // Its later lines are read and dropped: a full pipe would stop it.
    log.resume()
    return parsed.data.url
  }
  throw new ReleaseError('run: ended without saying ready')
}

function jsonIn(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

async function stored(url: string): Promise<z.infer<typeof PAGE>['inspections'][number]> {
  for (;;) {
    const answer = await fetch(new URL('/api/v1/inspections?limit=1', url))
    const [newest] = PAGE.parse(await answer.json()).inspections
    if (newest !== undefined) return newest
    await delay(200)
  }
}
