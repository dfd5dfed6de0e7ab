import { chmod, lstat, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { codeOf, isThere, readPointer, removePointer, replacePointer, syncFolder } from './slots-pointer.ts'
import { platform, version as versionText } from './targets.ts'
import type { Step } from './update-steps.ts'

/** `release.json` of a release (`poincon.release/1`). */
export const releaseFacts = z.looseObject({
  schema: z.literal('poincon.release/1'),
  version: versionText,
  commit: z.string().max(64),
  platform,
  variant: z.literal('jetson').optional(),
  node: z.string().max(32),
  /** When it was made: no honest clock says less. */
  built: z.iso.datetime().optional(),
  /** Number of the store's newest migration. */
  store_schema: z.int().min(0),
})
export type ReleaseFacts = Readonly<z.infer<typeof releaseFacts>>

export type Pointer = 'current' | 'previous'
/** A link that a package may set to its own release, which then always stays. */
const FACTORY = 'factory'
const INCOMING = '.incoming-'
const OUTGOING = '.outgoing-'
const MAX_FACTS_BYTES = 64 * 1024

/**
 * The installed releases, `releases/<version>`: each complete or not there. `current` and `previous` are links beside
 * them. A release gets its name by one rename when all of it is on the disk, and loses it by one before it is deleted.
 */
export class Slots {
  readonly folder: string
  readonly #step: Step

  constructor(folder: string, step: Step) {
    this.folder = folder
    this.#step = step
  }

  path(version: string): string {
    return join(this.#releases, versionText.parse(version))
  }

  /** Where a release is unpacked before it counts. */
  incoming(version: string): string {
    return join(this.#releases, `${INCOMING}${versionText.parse(version)}`)
  }

  get #releases(): string {
    return join(this.folder, 'releases')
  }

  /** What a release says of itself. @returns undefined where it is not installed, or is none */
  async facts(version: string): Promise<ReleaseFacts | undefined> {
    const facts = await readFacts(this.path(version))
    return facts?.version === version ? facts : undefined
  }

  /** The version that a pointer leads to; undefined where it leads to no complete release. */
  async pointed(name: Pointer): Promise<string | undefined> {
    return await this.#pointed(name)
  }

  async #pointed(name: string): Promise<string | undefined> {
    const target = await readPointer(join(this.folder, name))
    const version = versionText.safeParse(/(?:^|\/)releases\/([^/]+)\/?$/.exec(target ?? '')?.[1])
    return version.success && (await this.facts(version.data)) !== undefined ? version.data : undefined
  }

  /** @throws Error when that release is not there, whole */
  async point(name: Pointer, version: string): Promise<void> {
    if ((await this.facts(version)) === undefined)
      throw new Error(`release ${version} is not installed in ${this.folder}: no pointer leads there`)
    if ((await this.#pointed(name)) === version) return
    await this.#step(`point ${name}`, () => replacePointer(this.folder, name, `releases/${version}`))
  }

  async unpoint(name: Pointer): Promise<void> {
    if (!(await isThere(join(this.folder, name)))) return
    await this.#step(`unpoint ${name}`, () => removePointer(this.folder, name))
  }

  /** Every complete release. */
  async versions(): Promise<readonly string[]> {
    const names = await namesIn(this.#releases)
    const facts = await Promise.all(
      names.map(async (name) => (versionText.safeParse(name).success ? await this.facts(name) : undefined)),
    )
    return facts.flatMap((one) => (one === undefined ? [] : [one.version]))
  }

  /** Makes an empty folder to unpack into, in place of what an attempt before left there. */
  async clearIncoming(version: string): Promise<string> {
    const path = this.incoming(version)
    await this.#step('clear incoming', async () => {
      await rm(path, { recursive: true, force: true })
      await mkdir(path, { recursive: true })
      await chmod(path, 0o755)
    })
    return path
  }

  /** What was unpacked, and is on the disk, becomes a release. @throws Error when it is not what it should be */
  async admit(version: string): Promise<void> {
    const from = this.incoming(version)
    const facts = await readFacts(from)
    if (facts === undefined) throw new Error(`${from}: no release: release.json is missing or wrong`)
    if (facts.version !== version)
      throw new Error(`${from}: release.json says version ${facts.version}: expected ${version}`)
    await this.#step('admit release', async () => {
      await rename(from, this.path(version))
      await syncFolder(this.#releases)
    })
  }

  /** Takes a release away: first its name, then its files. */
  async remove(version: string): Promise<void> {
    const away = join(this.#releases, `${OUTGOING}${version}`)
    await this.#step('take release away', async () => {
      await rm(away, { recursive: true, force: true })
      await rename(this.path(version), away)
      await syncFolder(this.#releases)
    })
    await this.#step('delete release', () => rm(away, { recursive: true, force: true }))
  }

  /** Takes a release away that nobody points to, where it is there and ours. */
  async discard(version: string): Promise<void> {
    const factory = await this.#pointed(FACTORY)
    if (version === factory || (await this.facts(version)) === undefined) return
    if (await this.#isOurs(version)) await this.remove(version)
  }

  /** Deletes what no update will come back to: halves, and what was on its way out. */
  async sweep(): Promise<void> {
    await this.#sweep(INCOMING)
    await this.#sweep(OUTGOING)
  }

  async #sweep(prefix: string): Promise<void> {
    for (const name of await namesIn(this.#releases)) {
      if (!name.startsWith(prefix)) continue
      await this.#step('sweep', () => rm(join(this.#releases, name), { recursive: true, force: true }))
    }
  }

  /**
   * Deletes what is on its way out already, and releases but those of the pointers, of the package, of `keep`, and the newest others up to `count`.
   * @returns what went
   */
  async prune(count: number, keep: readonly string[]): Promise<readonly string[]> {
    await this.#sweep(OUTGOING)
    const [current, previous, factory] = await Promise.all(
      ['current', 'previous', FACTORY].map((name) => this.#pointed(name)),
    )
    const held = new Set([current, previous, ...keep].filter((one) => one !== undefined))
    const others: string[] = []
    for (const version of await this.versions()) {
      if (held.has(version) || version === factory || !(await this.#isOurs(version))) continue
      others.push(version)
    }
    const gone = (await this.#byAge(others)).slice(Math.max(0, count - held.size))
    for (const version of gone) await this.remove(version)
    return gone
  }

  /** Newest first. */
  async #byAge(versions: readonly string[]): Promise<readonly string[]> {
    const aged = await Promise.all(
      versions.map(async (version) => ({ version, ms: (await lstat(this.path(version))).mtimeMs })),
    )
    return aged.sort((a, b) => b.ms - a.ms).map(({ version }) => version)
  }

  /** What a package brought belongs to root, and goes with the package. */
  async #isOurs(version: string): Promise<boolean> {
    return (await lstat(this.path(version))).uid === process.getuid?.()
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}

async function readFacts(folder: string): Promise<ReleaseFacts | undefined> {
  const file = join(folder, 'release.json')
  try {
    const { size } = await lstat(file)
    if (size > MAX_FACTS_BYTES) return undefined
    const facts = releaseFacts.safeParse(JSON.parse(await readFile(file, 'utf8')))
    return facts.success ? facts.data : undefined
  } catch (error) {
    if (error instanceof SyntaxError || ['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return undefined
    throw error
  }
}
