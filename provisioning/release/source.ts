import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ReleaseError } from './error.ts'
import { textOf } from './run.ts'
import type { Tools } from './tools.ts'

/** What a release is made from. */
export interface Source {
  /** The repository's root. */
  readonly root: string
  /** Semantic version; `-dirty` at its end where the tree is not what the commit says. */
  readonly version: string
  readonly commit: string
  /** Of the commit, seconds since 1970: the time of every file in the release (`SOURCE_DATE_EPOCH`). */
  readonly seconds: number
  /** Whether every tracked file is as committed, and no other file lies between them. */
  readonly clean: boolean
  /** How many migrations the store of this release knows. */
  readonly storeSchema: number
}

const SEMVER = /^\d+\.\d+\.\d+(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/

/** A migration's file, as the store names them. */
const MIGRATION = /^\d{3}-.*\.ts$/

/**
 * Reads the repository.
 * @param as another version than that of package.json, for a trial or a pre-release
 * @throws ReleaseError where it is no repository, or `as` is no semantic version
 */
export async function sourceOf(root: string, tools: Tools, as?: string): Promise<Source> {
  const git = (...args: string[]): Promise<string> => textOf('git', ['-C', root, ...args], { env: tools.env })
  const [commit, time, changes] = [
    await git('rev-parse', 'HEAD'),
    await git('log', '-1', '--format=%ct'),
    await git('status', '--porcelain'),
  ]
  const clean = changes === ''
  const version = clean ? await versionOf(root, as) : dirty(await versionOf(root, as))
  const migrations = await readdir(join(root, 'gateway', 'store', 'migrations'))
  const storeSchema = migrations.filter((name) => MIGRATION.test(name)).length
  return { root, version, commit, seconds: Number(time), clean, storeSchema }
}

async function versionOf(root: string, as: string | undefined): Promise<string> {
  const text = await readFile(join(root, 'package.json'), 'utf8')
  const version = as ?? z.object({ version: z.string() }).parse(JSON.parse(text)).version
  if (!SEMVER.test(version))
    throw new ReleaseError(`version: ${version}; expected such as 1.2.3 or 1.2.3-rc.1`)
  return version
}

/** A version that no clean tree has, and that comes before the release of the same name. */
export function dirty(version: string): string {
  return version.includes('-') ? `${version}.dirty` : `${version}-dirty`
}

/** Debian's spelling: `~` sorts before the end, as `-` does in a semantic version. */
export function debianVersion(version: string): string {
  return version.replace('-', '~').replaceAll('-', '.')
}
