import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { create } from 'tar'
import { z } from 'zod'
import { updateReport } from '../../gateway/api/update.ts'
import { type InspectionMessage, inspectionMessage } from '../../gateway/message.ts'
import { MIGRATIONS } from '../../gateway/store/migrations/migrate.ts'
import { thisPlatform } from '../../provisioning/main.ts'
import { freePort } from '../fakes/server-process.ts'
import { command } from '../fakes/station-command.ts'
import { Subscriber } from '../fakes/subscriber.ts'
import { FakeSupervisor } from '../fakes/supervisor.ts'

const DIST = fileURLToPath(new URL('../../', import.meta.url))
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const BASE = 'poincon/site/line/station'
const PATIENCE_MS = 60_000
/** A part comes so long after the one before was judged, ms. */
const BETWEEN_PARTS_MS = 60
/** An answer that went with a restart is not waited for longer, ms. */
const ANSWER_MS = 500

/** What a release of the real tree does wrong when it runs as a station; its self-test finds none of it. */
export type StartFault = 'crashes' | 'hangs'

const FAULTS: Readonly<Record<StartFault, string>> = {
  crashes: "throw new Error('a release that cannot start')\n",
  hangs: 'await new Promise(() => setInterval(() => {}, 60_000))\n',
}

/**
 * Lays out this very tree as a release. Its packages stand beside the slots (Node looks for them in every folder above),
 * and its `bin/node` leads to the Node that runs the tests: else a release weighs 150 MB.
 */
export async function layOutReal(folder: string, version: string, fault?: StartFault): Promise<void> {
  await mkdir(join(folder, 'bin'), { recursive: true })
  const real = { recursive: true, filter: (path: string) => !path.endsWith('.map') }
  for (const name of ['gateway', 'drivers', 'provisioning', 'console'])
    await cp(join(DIST, name), join(folder, 'dist', name), real)
  for (const name of ['models', 'flows', 'docs'])
    await cp(join(ROOT, name), join(folder, name), { recursive: true, dereference: true })
  await writeFile(join(folder, 'bin/node'), `#!/bin/sh\nexec '${process.execPath}' "$@"\n`)
  await chmod(join(folder, 'bin/node'), 0o755)
  const manifest: unknown = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ ...z.looseObject({}).parse(manifest), version }),
  )
  const facts = {
    ...{ schema: 'poincon.release/1', version, commit: '0'.repeat(40), platform: thisPlatform() },
    ...{ node: process.versions.node, built: '2026-01-01T00:00:00Z', store_schema: MIGRATIONS.length },
  }
  await writeFile(join(folder, 'release.json'), JSON.stringify(facts))
  if (fault !== undefined) await writeFile(join(folder, 'dist/gateway/commands/run.js'), FAULTS[fault])
}

/** Packs this very tree as a release. @returns the archive */
export async function packReal(folder: string, version: string, fault?: StartFault): Promise<string> {
  const tree = join(folder, `tree-${version}`)
  await layOutReal(tree, version, fault)
  const file = join(folder, `poincon-${version}-${thisPlatform()}.tar.gz`)
  await create({ file, gzip: { level: 1 }, cwd: tree, portable: true }, (await readdir(tree)).sort())
  await rm(tree, { recursive: true })
  return file
}

/** A part, and when its answer came, ms. */
export interface Answered {
  readonly at: number
  readonly part: InspectionMessage
}

/** A station of real releases: slots, a supervisor, a configuration, and whoever puts parts on its belt. */
export class RealStation {
  readonly dir: string
  readonly supervisor: FakeSupervisor
  readonly #http: number
  readonly #mqtt: number
  /** Every part that was answered. */
  readonly parts: Answered[] = []
  #subscriber: Subscriber | undefined
  #feeding: Promise<void> | undefined
  #fed = true
  readonly #children = new Set<ChildProcess>()

  private constructor(dir: string, http: number, mqtt: number) {
    this.dir = dir
    this.#http = http
    this.#mqtt = mqtt
    const { slotsDir, configFile, restartFile } = this
    this.supervisor = new FakeSupervisor({
      ...{ slotsDir, configFile, restartFile, port: http, startMs: 20_000 },
      env: { UPDATER_RESTART_FILE: restartFile },
    })
  }

  /** Installed, and not started. @param rootFile the repository's root of trust */
  static async install(version: string, rootFile: string): Promise<RealStation> {
    const dir = await mkdtemp(join(tmpdir(), 'poincon-real-'))
    const station = new RealStation(dir, await freePort(), await freePort())
    for (const name of ['data', 'update', 'run']) await mkdir(join(dir, name))
    const { slotsDir } = station
    await layOutReal(join(slotsDir, 'releases', version), version)
    await symlink(join(ROOT, 'node_modules'), join(slotsDir, 'node_modules'))
    await symlink(`releases/${version}`, join(slotsDir, 'current'))
    await cp(rootFile, join(dir, 'update-root.json'))
    await station.configure({})
    return station
  }

  get slotsDir(): string {
    return join(this.dir, 'slots')
  }
  get updateDir(): string {
    return join(this.dir, 'update')
  }
  get dataDir(): string {
    return join(this.dir, 'data')
  }
  get configFile(): string {
    return join(this.dir, 'poincon.yaml')
  }
  get restartFile(): string {
    return join(this.dir, 'run', 'restart')
  }

  /** Writes `poincon.yaml` (JSON is YAML). @param update keys of that block */
  async configure(update: Readonly<Record<string, unknown>>): Promise<void> {
    const config = {
      ...{ data_dir: this.dataDir, http: { port: this.#http }, mqtt: { port: this.#mqtt } },
      ...{ flows: { enabled: false }, trigger: { kind: 'command' } },
      // A spectral head alone is open at once.
      buses: { spectral: { kind: 'simulated', hz: 1_000_000 } },
      heads: { spectral: { kind: 'as7341', bus: 'spectral' } },
      update: {
        ...{ dir: this.updateDir, slots_dir: this.slotsDir, root_file: join(this.dir, 'update-root.json') },
        ...{ idle_s: 0, ready_s: 30, reserve_mb: 0, ...update },
      },
    }
    await writeFile(this.configFile, JSON.stringify(config))
  }

  /** Power on; resolves when the station inspects. */
  async boot(): Promise<void> {
    this.supervisor.boot()
    await this.#until(async () => (await fetch(this.#url('/readyz'))).ok, 'ready')
    const url = `mqtt://127.0.0.1:${this.#mqtt}`
    this.#subscriber = await Subscriber.open(url, `${BASE}/cmd/inspect/reply/#`, 4)
  }

  /** `poincon update …` of the release that is switched on. */
  update(...args: readonly string[]): ChildProcess & { readonly said: Promise<string> } {
    return this.#run('update', ...args)
  }

  #run(...args: readonly string[]): ChildProcess & { readonly said: Promise<string> } {
    const cli = join(this.slotsDir, 'current/dist/gateway/cli.js')
    const env = { PATH: process.env.PATH ?? '', UPDATER_RESTART_FILE: this.restartFile }
    const all = [cli, ...args, '--config', this.configFile]
    const child = spawn(join(this.slotsDir, 'current/bin/node'), all, { env, cwd: this.dir })
    this.#children.add(child)
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text
      })
    const ended = once(child, 'close').then(() => {
      this.#children.delete(child)
      return said
    })
    return Object.assign(child, { said: ended })
  }

  /** The same, to its end. */
  async updated(...args: readonly string[]): Promise<{ code: number | null; said: string }> {
    const child = this.update(...args)
    const said = await child.said
    return { code: child.exitCode, said }
  }

  /** What another command of the release says. */
  said(...args: readonly string[]): Promise<string> {
    return this.#run(...args).said
  }

  /** What the station answers. */
  async asked(path: string): Promise<unknown> {
    return await (await fetch(this.#url(path))).json()
  }

  async report(): Promise<z.infer<typeof updateReport>> {
    return updateReport.parse(await (await fetch(this.#url('/api/v1/update'))).json())
  }

  /** Waits until the page would say so. */
  state(state: string): Promise<void> {
    return this.#until(async () => (await this.report()).status?.state === state, state)
  }

  /** Waits until the update waits for the line. @returns what for */
  async waiting(): Promise<readonly string[]> {
    let reasons: readonly string[] = []
    await this.#until(async () => {
      const { status } = await this.report()
      reasons = (status?.state === 'waiting' ? status.waiting_for : undefined) ?? []
      return reasons.length > 0
    }, 'waiting')
    return reasons
  }

  async version(): Promise<string> {
    const body: unknown = await (await fetch(this.#url('/healthz'))).json()
    return z.looseObject({ version: z.string() }).parse(body).version
  }

  /** Puts one part after the other on the belt, until `stop`. */
  feed(): void {
    this.#fed = false
    this.#feeding = this.#feedOn()
  }

  async stop(): Promise<void> {
    this.#fed = true
    await this.#feeding
  }

  /** Waits until nothing is on the belt. */
  idle(): Promise<void> {
    return this.#until(async () => (await this.report()).line.idle, 'idle')
  }

  /** Waits until the line is an update's. @returns when, ms */
  async locked(): Promise<number> {
    await this.#until(async () => (await this.report()).lock !== null, 'locked')
    return performance.now()
  }

  /** From a moment to the first part that was looked at then, s. */
  inspectedAfterS(from: number): number {
    const first = this.parts.find((one) => one.at > from && isInspected(one))
    return first === undefined ? Number.NaN : (first.at - from) / 1000
  }

  /** Waits for parts that are graded as ever, from now on. */
  async inspects(count = 3): Promise<void> {
    const seen = this.parts.length
    await this.#until(async () => this.parts.slice(seen).filter(isInspected).length >= count, 'inspecting')
  }

  async #feedOn(): Promise<void> {
    const subscriber = this.#subscriber
    while (!this.#fed && subscriber !== undefined) {
      const answer = await Promise.race([
        command(subscriber, BASE, 'inspect', {}).catch(() => undefined),
        delay(ANSWER_MS, undefined),
      ])
      const part = inspectionMessage.safeParse(answer?.result)
      if (part.success) this.parts.push({ at: performance.now(), part: part.data })
      await delay(BETWEEN_PARTS_MS)
    }
  }

  async #until(holds: () => Promise<boolean>, what: string): Promise<void> {
    for (const over = Date.now() + PATIENCE_MS; Date.now() < over; await delay(20))
      if (await holds().catch(() => false)) return
    throw new Error(`not ${what}:\n${this.supervisor.said.slice(-10).join('\n')}`)
  }

  #url(path: string): string {
    return `http://127.0.0.1:${this.#http}${path}`
  }

  async close(): Promise<void> {
    this.#fed = true
    for (const child of this.#children) child.kill('SIGKILL')
    await this.#subscriber?.close()
    await this.supervisor.cut()
    await rm(this.dir, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** Whether a part was looked at: the line was not an update's. */
export function isInspected({ part }: Answered): boolean {
  return !part.verdict.reasons.includes('updating')
}
