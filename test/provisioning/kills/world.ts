import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { create } from 'tar'
import type { Offer, Offers } from '../../../provisioning/client.ts'
import { Contents } from '../../../provisioning/content.ts'
import { type TargetKind, targetKind } from '../../../provisioning/targets.ts'
import { plainStep } from '../../../provisioning/update-steps.ts'
import type { ReleaseFaults } from '../../fakes/release-gateway.ts'
import { freePort } from '../../fakes/server-process.ts'
import { FakeSupervisor } from '../../fakes/supervisor.ts'

const GATEWAY = new URL('../../fakes/release-gateway.js', import.meta.url).href
const RECOVER = new URL('../../../provisioning/recover.js', import.meta.url).href

/** A small release, as the tests of the updater have them. */
export interface FakeRelease {
  readonly version: string
  readonly storeSchema: number
  readonly faults?: ReleaseFaults
}

export interface WorldOptions {
  readonly installed: FakeRelease
  /** The release before the installed one, where there is one. */
  readonly before?: FakeRelease
  readonly offered: readonly FakeRelease[]
  /** How long a start may take before the supervisor ends it, ms. */
  readonly startMs?: number
}

const PLATFORM = process.arch === 'arm64' ? 'linux-arm64' : 'linux-x64'

/** Writes the tree of a release. */
async function layOut(folder: string, { version, storeSchema, faults = {} }: FakeRelease): Promise<void> {
  for (const name of ['bin', 'dist/gateway', 'dist/provisioning', 'models'])
    await mkdir(join(folder, name), { recursive: true })
  const facts = {
    ...{ schema: 'poincon.release/1', version, commit: '0'.repeat(40), platform: PLATFORM },
    ...{ node: process.versions.node, store_schema: storeSchema },
  }
  await writeFile(join(folder, 'bin/node'), `#!/bin/sh\nexec '${process.execPath}' "$@"\n`)
  await chmod(join(folder, 'bin/node'), 0o755)
  await writeFile(join(folder, 'release.json'), JSON.stringify(facts))
  await writeFile(join(folder, 'faults.json'), JSON.stringify(faults))
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module', version }))
  await writeFile(
    join(folder, 'dist/gateway/cli.js'),
    `import { releaseMain } from '${GATEWAY}'\nawait releaseMain(new URL('../../', import.meta.url))\n`,
  )
  await writeFile(join(folder, 'dist/provisioning/recover.js'), `await import('${RECOVER}')\n`)
  await symlink('../release.json', join(folder, 'models/release.json'))
}

/** A packed release, as a repository would offer it. */
export async function pack(folder: string, release: FakeRelease): Promise<string> {
  const tree = join(folder, `tree-${release.version}`)
  await layOut(tree, release)
  const file = join(folder, `poincon-${release.version}-${PLATFORM}.tar.gz`)
  await create({ file, gzip: true, cwd: tree, portable: true }, (await readdir(tree)).sort())
  await rm(tree, { recursive: true })
  return file
}

/** Offers whatever lies in a folder: verification is the business of other tests. */
export class FolderOffers implements Offers {
  readonly #folder: string
  readonly #into: string

  constructor(folder: string, into: string) {
    this.#folder = folder
    this.#into = into
  }

  async check(): Promise<Offer[]> {
    const names = (await readdir(this.#folder)).filter((name) => !name.startsWith('tree-'))
    for (const name of await readdir(this.#into).catch(() => []))
      if (!names.includes(name)) await rm(join(this.#into, name))
    const offers = await Promise.all(
      names.map(async (name) => (name.startsWith('poincon-') ? this.#release(name) : this.#content(name))),
    )
    return offers.flatMap((offer) => (offer === undefined ? [] : [offer]))
  }

  async #release(name: string): Promise<Offer> {
    const version = /^poincon-(.+)-linux-/.exec(name)?.[1] ?? ''
    return {
      ...{ path: `stable/release/${name}`, channel: 'stable', ...(await this.#bytes(name)) },
      facts: { schema: 'poincon.target/1', kind: 'release', name: 'poincon', version, platform: PLATFORM },
    }
  }

  /** `<kind>_<name>-<version>.<extension>`, as long as another version is in force. */
  async #content(file: string): Promise<Offer | undefined> {
    const [, said, name = '', version = '', extension = ''] =
      /^([a-z-]+)_([a-z0-9]+)-(\d+\.\d+\.\d+)\.(.+)$/.exec(file) ?? []
    const kind = targetKind.parse(said)
    const from = await new Contents({ dir: dirname(this.#into), step: plainStep }).current({ kind, name })
    if (from === version) return undefined
    return {
      ...{ path: `stable/${kind}/${name}-${version}.${extension}`, channel: 'stable' },
      ...(await this.#bytes(file)),
      facts: { schema: 'poincon.target/1', kind, name, version },
      ...(from === undefined ? {} : { from }),
    }
  }

  async #bytes(name: string): Promise<Pick<Offer, 'length' | 'hash'>> {
    const bytes = await readFile(join(this.#folder, name))
    return { length: bytes.length, hash: createHash('sha256').update(bytes).digest('hex') }
  }

  async fetch(offer: Offer): Promise<{ path: string }> {
    const [, kind, base = ''] = offer.path.split('/')
    const name = kind === 'release' ? base : `${kind}_${base}`
    await mkdir(this.#into, { recursive: true })
    const path = join(this.#into, name)
    await copyFile(join(this.#folder, name), path)
    return { path }
  }
}

/** A device with a gateway, its supervisor and a repository, in a folder of its own. */
export class World {
  readonly dir: string
  readonly port: number
  readonly supervisor: FakeSupervisor

  private constructor(dir: string, port: number, startMs: number) {
    this.dir = dir
    this.port = port
    this.supervisor = new FakeSupervisor({
      ...{
        slotsDir: this.slotsDir,
        configFile: this.configFile,
        restartFile: this.restartFile,
        port,
        startMs,
      },
      env: { UPDATER_RESTART_FILE: this.restartFile },
    })
  }

  static async make({ installed, before, offered, startMs = 10_000 }: WorldOptions): Promise<World> {
    const dir = await mkdtemp(join(tmpdir(), 'poincon-update-'))
    const world = new World(dir, await freePort(), startMs)
    for (const name of ['releases', 'update', 'data', 'repository', 'run'])
      await mkdir(join(dir, name), { recursive: true })
    await mkdir(world.slotsDir, { recursive: true })
    for (const release of before === undefined ? [installed] : [before, installed])
      await layOut(join(world.slotsDir, 'releases', release.version), release)
    await symlink(`releases/${installed.version}`, join(world.slotsDir, 'current'))
    if (before !== undefined) await symlink(`releases/${before.version}`, join(world.slotsDir, 'previous'))
    for (const release of offered) await pack(world.repository, release)
    // JSON is YAML: the recovery of a release reads it as it reads `poincon.yaml`.
    await writeFile(
      world.configFile,
      JSON.stringify({
        data_dir: join(dir, 'data'),
        http: { host: '127.0.0.1', port: world.port },
        update: { dir: world.updateDir, slots_dir: world.slotsDir, ready_s: 10, trial_s: 0, reserve_mb: 0 },
      }),
    )
    return world
  }

  get slotsDir(): string {
    return join(this.dir, 'slots')
  }
  get updateDir(): string {
    return join(this.dir, 'update')
  }
  get repository(): string {
    return join(this.dir, 'repository')
  }
  get configFile(): string {
    return join(this.dir, 'config.json')
  }
  get restartFile(): string {
    return join(this.dir, 'run', 'restart')
  }
  get busyFile(): string {
    return join(this.dir, 'busy')
  }

  /** Puts a file into the repository: `<kind>_<name>-<version>.<extension>`. */
  async offer(name: string, body: string): Promise<void> {
    await writeFile(join(this.repository, name), body)
  }

  /** Content that was put in force before; it changes nothing. */
  async inForce(kind: TargetKind, name: string, version: string): Promise<void> {
    const contents = new Contents({ dir: this.updateDir, step: plainStep })
    const folder = await contents.clearIncoming({ kind, name }, version)
    await writeFile(join(folder, 'configuration.yaml'), '{}')
    await contents.admit({ kind, name }, version, '')
    await contents.put({ kind, name }, version)
  }

  offers(): FolderOffers {
    return new FolderOffers(this.repository, join(this.updateDir, 'downloads'))
  }

  async ask(path: string, method = 'GET'): Promise<unknown> {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, { method })
    return await response.json()
  }

  /** Waits until a release is ready. @returns its version @throws after 20 s, with what the supervisor saw */
  async ready(version?: string): Promise<string> {
    for (const over = Date.now() + 20_000; Date.now() < over; ) {
      const health = await this.ask('/healthz').catch(() => undefined)
      const found =
        typeof health === 'object' && health !== null && 'version' in health
          ? String(health.version)
          : undefined
      if (found !== undefined && (version === undefined || version === found)) return found
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    throw new Error(`no release ${version ?? ''} is ready:\n${this.supervisor.said.slice(-20).join('\n')}`)
  }

  async close(): Promise<void> {
    await this.supervisor.cut()
    if (existsSync(this.dir)) await rm(this.dir, { recursive: true, force: true, maxRetries: 3 })
  }
}
