import { mkdir, readdir } from 'node:fs/promises'
import { type Key, Metadata } from '@tufjs/models'
import { z } from 'zod'
import { replaceFile } from '../../gateway/replace-file.ts'
import { isMissing, RepoError } from './repo-error.ts'
import { repoFolder, settingsSchema, stage } from './repo-folder.ts'
import {
  type Head,
  inDays,
  makeRoot,
  makeTopTargets,
  ROLLOUT,
  ROOT,
  type RoleKeys,
  SNAPSHOT,
  TARGETS,
  TIMESTAMP,
} from './repo-metadata.ts'
import { checkChannel, emptyChannel } from './repo-targets.ts'

export interface NewRepo {
  readonly dir: string
  readonly root: RoleKeys
  readonly targets: RoleKeys
  /** Signs snapshot, timestamp and rollouts: one key that may stay on a server. */
  readonly online: Key
  readonly channels: ReadonlyMap<string, RoleKeys>
  /** Days per role, where they are not the usual ones. */
  readonly expiryDays?: Readonly<Record<string, number>>
  readonly wallMs: number
}

/**
 * Makes a repository: its first root, targets and channels wait to be signed.
 * @throws RepoError when there is something in `dir` already, or a threshold cannot be met
 */
export async function initRepo(made: NewRepo): Promise<void> {
  if ((await namesIn(made.dir)).length > 0) {
    throw new RepoError(`${made.dir}: not empty: expected a new folder for a repository`)
  }
  for (const name of made.channels.keys()) checkChannel(name)
  const settings = settingsSchema.safeParse({ schema: 'poincon.repo/1', expiry_days: made.expiryDays ?? {} })
  if (!settings.success) throw new RepoError(z.prettifyError(settings.error))
  const { expiry_days: expiry } = settings.data
  const head = (days: number): Head => ({ version: 1, expires: inDays(days, made.wallMs) })
  const online: RoleKeys = { keys: [made.online], threshold: 1 }
  const root = makeRoot(head(expiry.root), {
    [ROOT]: made.root,
    [TARGETS]: made.targets,
    [SNAPSHOT]: online,
    [TIMESTAMP]: online,
  })
  const targets = makeTopTargets(head(expiry.targets), new Map([...made.channels, [ROLLOUT, online]]))
  const folder = repoFolder(made.dir)
  await mkdir(folder.targets, { recursive: true })
  await stage(folder, ROOT, new Metadata(root))
  await stage(folder, TARGETS, new Metadata(targets))
  for (const name of made.channels.keys()) {
    await stage(folder, name, new Metadata(emptyChannel(head(expiry.channel))))
  }
  await stage(folder, ROLLOUT, new Metadata(emptyChannel(head(expiry.rollout))))
  // Last: a folder with a repo.json is a whole repository.
  await replaceFile(folder.settingsFile, `${JSON.stringify(settings.data, undefined, 2)}\n`)
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}
