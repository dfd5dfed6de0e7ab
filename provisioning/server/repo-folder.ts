import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Metadata, MetadataKind, type Root, type Snapshot, type Targets, type Timestamp } from '@tufjs/models'
import { z } from 'zod'
import { replaceFile } from '../../gateway/replace-file.ts'
import { METADATA_FOLDER, TARGETS_FOLDER } from '../targets.ts'
import { isMissing, RepoError } from './repo-error.ts'
import { readJson } from './repo-keys.ts'
import { type AnyMetadata, parsed, parseRoot, parseTargets, ROOT, TARGETS } from './repo-metadata.ts'

const days = z.number().positive().max(3650)

/** How long what is signed is good, days; what is signed by hand lasts longer. */
export const expirySchema = z.strictObject({
  root: days.default(365),
  targets: days.default(365),
  channel: days.default(180),
  rollout: days.default(30),
  snapshot: days.default(30),
  timestamp: days.default(7),
})
export type Expiry = z.infer<typeof expirySchema>

export const settingsSchema = z.strictObject({
  schema: z.literal('poincon.repo/1'),
  expiry_days: expirySchema,
  /** So many old versions of snapshot, targets and channels stay for clients that are in the middle of a refresh. */
  keep_versions: z.int().min(2).max(10_000).default(20),
})
export type Settings = z.infer<typeof settingsSchema>

/** The places of a publisher's folder. Only `public` is ever copied to a web server. */
export interface RepoFolder {
  readonly dir: string
  readonly staged: string
  readonly metadata: string
  readonly targets: string
  readonly settingsFile: string
}

export function repoFolder(dir: string): RepoFolder {
  return {
    dir,
    staged: join(dir, 'staged'),
    metadata: join(dir, 'public', METADATA_FOLDER),
    targets: join(dir, 'public', TARGETS_FOLDER),
    settingsFile: join(dir, 'repo.json'),
  }
}

/** @throws RepoError when there is no repository */
export function readSettings({ settingsFile }: RepoFolder): Promise<Settings> {
  return readJson(
    settingsFile,
    settingsSchema,
    'the repo.json of a repository (`poincon repo init` makes one)',
  )
}

/** What devices see. */
export interface Published {
  readonly root: Metadata<Root>
  readonly targets: Metadata<Targets>
  /** Channels and the rollout role. */
  readonly roles: ReadonlyMap<string, Metadata<Targets>>
  readonly snapshot: Metadata<Snapshot>
  readonly timestamp: Metadata<Timestamp>
}

/** What waits for signatures, or to be published. */
export interface Staged {
  readonly root: Metadata<Root> | undefined
  readonly targets: Metadata<Targets> | undefined
  readonly roles: ReadonlyMap<string, Metadata<Targets>>
}

async function textOrNone(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort()
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

/** @returns undefined before the first `publish` */
export async function readPublished({ metadata }: RepoFolder): Promise<Published | undefined> {
  const roots = (await namesIn(metadata)).flatMap((name) => {
    const version = /^([1-9]\d*)\.root\.json$/.exec(name)?.[1]
    return version === undefined ? [] : [Number(version)]
  })
  if (roots.length === 0) return undefined
  const read = async <T>(name: string, parse: (text: string, file: string) => T): Promise<T> => {
    const file = join(metadata, name)
    return parse(await readFile(file, 'utf8'), file)
  }
  const timestamp = await read('timestamp.json', (text, file) =>
    parsed(file, () => Metadata.fromJSON(MetadataKind.Timestamp, JSON.parse(text))),
  )
  const snapshot = await read(`${timestamp.signed.snapshotMeta.version}.snapshot.json`, (text, file) =>
    parsed(file, () => Metadata.fromJSON(MetadataKind.Snapshot, JSON.parse(text))),
  )
  const listed = new Map<string, Metadata<Targets>>()
  for (const [name, { version }] of Object.entries(snapshot.signed.meta)) {
    listed.set(name.replace(/\.json$/, ''), await read(`${version}.${name}`, parseTargets))
  }
  const targets = listed.get(TARGETS)
  if (targets === undefined) throw new RepoError(`${metadata}: the snapshot lists no targets.json`)
  listed.delete(TARGETS)
  const root = await read(`${Math.max(...roots)}.root.json`, parseRoot)
  return { root, targets, roles: listed, snapshot, timestamp }
}

/** @throws RepoError when nothing was published yet */
export async function mustBePublished(folder: RepoFolder): Promise<Published> {
  const published = await readPublished(folder)
  if (published === undefined) {
    throw new RepoError(
      `${folder.dir}: nothing is published yet: sign what is staged, then poincon repo publish`,
    )
  }
  return published
}

export async function readStaged({ staged }: RepoFolder): Promise<Staged> {
  const roles = new Map<string, Metadata<Targets>>()
  let root: Metadata<Root> | undefined
  for (const name of await namesIn(staged)) {
    const role = /^([a-z0-9-]+)\.json$/.exec(name)?.[1]
    const text = role === undefined ? undefined : await textOrNone(join(staged, name))
    if (role === undefined || text === undefined) continue
    if (role === ROOT) root = parseRoot(text, join(staged, name))
    else roles.set(role, parseTargets(text, join(staged, name)))
  }
  const targets = roles.get(TARGETS)
  roles.delete(TARGETS)
  return { root, targets, roles }
}

/** Where a role's metadata waits. */
export function stagedFile({ staged }: RepoFolder, role: string): string {
  return join(staged, `${role}.json`)
}

/** Puts a role's metadata to where it waits, in place of what waited there. */
export async function stage(
  folder: RepoFolder,
  role: string,
  metadata: Metadata<Root> | Metadata<Targets>,
): Promise<void> {
  await replaceFile(stagedFile(folder, role), text(metadata))
}

export async function unstage(folder: RepoFolder, role: string): Promise<void> {
  await rm(stagedFile(folder, role), { force: true })
}

/** A metadata file's content. */
export function text(metadata: AnyMetadata): string {
  return `${JSON.stringify(metadata.toJSON(), undefined, 1)}\n`
}
