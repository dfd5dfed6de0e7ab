import { lstat, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { replaceFile } from '../gateway/replace-file.ts'
import { codeOf, isThere, readPointer, removePointer, replacePointer, syncFolder } from './slots-pointer.ts'
import type { Named } from './subject.ts'
import { targetKind, targetName, version as versionText } from './targets.ts'
import type { Step } from './update-steps.ts'

/** What a folder of content says of itself (`poincon.content/1`), beside its files. */
export const CONTENT_FILE = 'content.json'
const contentFacts = z.looseObject({
  schema: z.literal('poincon.content/1'),
  kind: targetKind,
  name: targetName,
  version: versionText,
  /** Of the signed file, hex. */
  hash: z.string(),
})

/** One thing in force. */
export interface InForce extends Named {
  readonly version: string
}

const INCOMING = '.incoming-'
const LINK = 'current'
const MAX_FACTS_BYTES = 64 * 1024

/**
 * What a device is given besides releases, below `content/<kind>/<name>/`: each version in a folder that is complete or not
 * there, and the link `current` to the one in force. The gateway reads it (gateway/content.ts).
 */
export class Contents {
  readonly folder: string
  readonly #step: Step

  /** @param dir the updater's folder */
  constructor({ dir, step }: { readonly dir: string; readonly step: Step }) {
    this.folder = join(dir, 'content')
    this.#step = step
  }

  /** Where a version lies. */
  path(of: Named, version: string): string {
    return join(this.#place(of), versionText.parse(version))
  }

  #place({ kind, name }: Named): string {
    return join(this.folder, targetKind.parse(kind), targetName.parse(name))
  }

  /** The version in force; undefined where none is, or what the link leads to is not whole. */
  async current(of: Named): Promise<string | undefined> {
    const version = versionText.safeParse(await readPointer(join(this.#place(of), LINK)))
    if (!version.success) return undefined
    return (await this.#facts(of, version.data)) === undefined ? undefined : version.data
  }

  /** @param hash of the signed file: the same version of another channel may be another file */
  async has(of: Named, version: string, hash: string): Promise<boolean> {
    return (await this.#facts(of, version))?.hash === hash
  }

  /** Makes an empty folder to unpack into. */
  async clearIncoming(of: Named, version: string): Promise<string> {
    const path = this.#incoming(of, version)
    await this.#step('clear incoming', async () => {
      await rm(path, { recursive: true, force: true })
      await mkdir(path, { recursive: true, mode: 0o750 })
    })
    return path
  }

  #incoming(of: Named, version: string): string {
    return join(this.#place(of), `${INCOMING}${versionText.parse(version)}`)
  }

  /** What was brought there, and is on the disk, gets its name. */
  async admit(of: Named, version: string, hash: string): Promise<void> {
    const from = this.#incoming(of, version)
    const { kind, name } = of
    const facts = { schema: 'poincon.content/1', kind, name, version, hash }
    await this.#step('describe content', () =>
      replaceFile(join(from, CONTENT_FILE), `${JSON.stringify(facts)}\n`, 0o640),
    )
    await this.#step('admit content', async () => {
      await rm(this.path(of, version), { recursive: true, force: true })
      await rename(from, this.path(of, version))
      await syncFolder(this.#place(of))
    })
  }

  /** Leads `current` to a version that is there. @throws Error when it is not */
  async put(of: Named, version: string): Promise<void> {
    if ((await this.#facts(of, version)) === undefined)
      throw new Error(`${of.kind} ${of.name} ${version} is not whole in ${this.#place(of)}`)
    if ((await this.current(of)) === version) return
    await this.#step('point content', () => replacePointer(this.#place(of), LINK, version))
  }

  /** Nothing of it is in force any more. */
  async clear(of: Named): Promise<void> {
    if (!(await isThere(join(this.#place(of), LINK)))) return
    await this.#step('unpoint content', () => removePointer(this.#place(of), LINK))
  }

  /** Deletes halves, and versions but those in force and in `keep`. */
  async prune(of: Named, keep: readonly string[]): Promise<void> {
    const current = await this.current(of)
    for (const name of await namesIn(this.#place(of))) {
      if (name === LINK || name === current || keep.includes(name)) continue
      // First its name, then its files.
      await this.#step('delete content', async () => {
        const away = join(this.#place(of), `${INCOMING}gone`)
        await rm(away, { recursive: true, force: true })
        await rename(join(this.#place(of), name), away)
        await rm(away, { recursive: true, force: true })
      })
    }
  }

  /** Everything in force. */
  async inForce(): Promise<readonly InForce[]> {
    const found: InForce[] = []
    for (const kind of await namesIn(this.folder)) {
      for (const name of await namesIn(join(this.folder, kind))) {
        const of = { kind: targetKind.safeParse(kind).data, name: targetName.safeParse(name).data }
        if (of.kind === undefined || of.name === undefined) continue
        const version = await this.current({ kind: of.kind, name: of.name })
        if (version !== undefined) found.push({ kind: of.kind, name: of.name, version })
      }
    }
    return found
  }

  async #facts(of: Named, version: string): Promise<z.infer<typeof contentFacts> | undefined> {
    const file = join(this.path(of, version), CONTENT_FILE)
    try {
      if ((await lstat(file)).size > MAX_FACTS_BYTES) return undefined
      const facts = contentFacts.safeParse(JSON.parse(await readFile(file, 'utf8'))).data
      return facts?.version === version && facts.name === of.name && facts.kind === of.kind
        ? facts
        : undefined
    } catch (error) {
      if (error instanceof SyntaxError || ['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? ''))
        return undefined
      throw error
    }
  }
}

/** As update log, configuration and page name it: `configuration/fleet`. */
export function contentKey({ kind, name }: Named): string {
  return `${kind}/${name}`
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort()
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return []
    throw error
  }
}
