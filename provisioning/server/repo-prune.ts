import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Metadata, Snapshot, Targets } from '@tufjs/models'
import { METADATA_FOLDER, TARGETS_FOLDER } from '../targets.ts'
import type { Chosen } from './repo-choose.ts'
import { publicPath } from './repo-files.ts'
import { type Published, type RepoFolder, readStaged, type Settings } from './repo-folder.ts'
import { ROLLOUT, SNAPSHOT, TARGETS } from './repo-metadata.ts'

/** A device that reads an older snapshot at this moment still finds its rollout for so long. */
const ROLLOUT_STAYS_MS = 86_400_000

interface Pruning {
  readonly published: Published | undefined
  readonly chosen: Chosen
  readonly snapshot: Metadata<Snapshot>
  readonly settings: Settings
  readonly wallMs: number
}

/**
 * Removes what devices can no longer ask for: targets that were withdrawn, rollouts that were replaced, and all but
 * the last versions of metadata. Roots stay for ever: a device that was away for years walks through each.
 * @returns what was removed, below the public folder
 */
export async function prune(folder: RepoFolder, how: Pruning): Promise<string[]> {
  const removed = [...(await withdrawn(folder, how)), ...(await replacedRollouts(folder, how))]
  for (const path of removed) await rm(join(folder.targets, path), { force: true })
  const metadata = await oldVersions(folder, how)
  for (const name of metadata) await rm(join(folder.metadata, name), { force: true })
  return [
    ...removed.map((path) => `${TARGETS_FOLDER}/${path}`),
    ...metadata.map((name) => `${METADATA_FOLDER}/${name}`),
  ]
}

function addresses(roles: Iterable<Metadata<Targets>>): Set<string> {
  const files = [...roles].flatMap(({ signed }) => Object.values(signed.targets))
  return new Set(files.map(({ path, hashes }) => publicPath(path, hashes.sha256 ?? '')))
}

async function withdrawn(folder: RepoFolder, { published, chosen }: Pruning): Promise<string[]> {
  if (published === undefined) return []
  const channels = [...published.roles].filter(([role]) => role !== ROLLOUT)
  const kept = addresses([...chosen.roles.values(), ...(await readStaged(folder)).roles.values()])
  return [...addresses(channels.map(([, metadata]) => metadata))].filter((path) => !kept.has(path))
}

async function replacedRollouts(folder: RepoFolder, { chosen, wallMs }: Pruning): Promise<string[]> {
  const kept = addresses([...chosen.roles.values(), ...(await readStaged(folder)).roles.values()])
  const gone: string[] = []
  for (const name of await names(join(folder.targets, ROLLOUT))) {
    const path = `${ROLLOUT}/${name}`
    if (kept.has(path)) continue
    const { mtimeMs } = await stat(join(folder.targets, path))
    if (wallMs - mtimeMs > ROLLOUT_STAYS_MS) gone.push(path)
  }
  return gone
}

async function oldVersions(folder: RepoFolder, { chosen, snapshot, settings }: Pruning): Promise<string[]> {
  const newest = new Map([...chosen.roles].map(([role, { signed }]) => [role, signed.version]))
  newest.set(TARGETS, chosen.targets.signed.version)
  newest.set(SNAPSHOT, snapshot.signed.version)
  return (await names(folder.metadata)).filter((name) => {
    const [, version, role] = /^(\d+)\.([a-z0-9-]+)\.json$/.exec(name) ?? []
    const now = role === undefined ? undefined : newest.get(role)
    return now !== undefined && Number(version) <= now - settings.keep_versions
  })
}

async function names(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch {
    return []
  }
}
