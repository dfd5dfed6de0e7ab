import { Metadata, type TargetFile, Targets } from '@tufjs/models'
import {
  channel as channelName,
  parseTargetPath,
  pathContradicts,
  type TargetFacts,
  targetPath,
  targetSchema,
} from '../targets.ts'
import { messageOf, RepoError } from './repo-error.ts'
import { contentOf, linkFile, placeFile, targetEntry } from './repo-files.ts'
import { type RepoFolder, readPublished, readSettings, readStaged, stage } from './repo-folder.ts'
import { type Head, inDays, SPEC_VERSION } from './repo-metadata.ts'

/** A channel in which nothing is published yet. */
export function emptyChannel({ version, expires }: Head): Targets {
  return new Targets({ version, expires, specVersion: SPEC_VERSION, targets: {} })
}

/** @throws RepoError when no device would ever look for such a channel */
export function checkChannel(name: string): void {
  const checked = channelName.safeParse(name)
  if (!checked.success) {
    throw new RepoError(`channel ${JSON.stringify(name)}: ${checked.error.issues[0]?.message}`)
  }
}

/** A channel's targets as they will be: what waits there already, else what is published. */
export async function channelNow(folder: RepoFolder, name: string): Promise<Targets> {
  const staged = (await readStaged(folder)).roles.get(name)
  const found = staged ?? (await readPublished(folder))?.roles.get(name)
  if (found !== undefined) return found.signed
  throw new RepoError(`channel ${JSON.stringify(name)}: there is none: poincon repo status lists them`)
}

/** Puts a role's next version to where it waits for signatures; signatures of what waited before are void. */
export async function stageRole(
  folder: RepoFolder,
  name: string,
  files: Readonly<Record<string, TargetFile>>,
  wallMs: number,
): Promise<Metadata<Targets>> {
  const { expiry_days: expiry } = await readSettings(folder)
  const version = ((await readPublished(folder))?.roles.get(name)?.signed.version ?? 0) + 1
  const days = name === 'rollout' ? expiry.rollout : expiry.channel
  const next = new Metadata(
    new Targets({
      ...{ version, expires: inDays(days, wallMs), specVersion: SPEC_VERSION },
      targets: { ...files },
    }),
  )
  await stage(folder, name, next)
  return next
}

export interface NewTarget {
  readonly file: string
  readonly channel: string
  readonly facts: TargetFacts
  /** Without the leading dot. */
  readonly extension: string
  readonly wallMs: number
}

/**
 * Copies a file into the repository and stages the channel that lists it.
 * @returns the target's path
 * @throws RepoError when this version is in the channel already with other bytes
 */
export async function addTarget(folder: RepoFolder, added: NewTarget): Promise<string> {
  checkChannel(added.channel)
  const { targets } = await channelNow(folder, added.channel)
  const path = targetPath(added.channel, added.facts, added.extension)
  const wrong = pathContradicts(path, added.facts)
  if (wrong !== undefined || parseTargetPath(path) === undefined)
    throw new RepoError(`${added.file}: ${wrong}`)
  const before = Object.hasOwn(targets, path) ? targets[path] : undefined
  const found = before === undefined ? undefined : await contentOf(added.file)
  if (before !== undefined && found !== undefined && before.hashes.sha256 !== found.sha256) {
    throw new RepoError(
      `${path}: published with other bytes (sha256 ${before.hashes.sha256}, this file ${found.sha256}): expected a new version`,
    )
  }
  const content = await placeFile(folder, path, added.file)
  await stageRole(
    folder,
    added.channel,
    { ...targets, [path]: targetEntry(path, content, added.facts) },
    added.wallMs,
  )
  return path
}

/** A target that is listed, and what it says of itself. */
export interface Listed {
  readonly path: string
  readonly entry: TargetFile
  readonly facts: TargetFacts
}

/** @throws RepoError when an entry's facts are not `poincon.target/1` */
export function listed(targets: Targets): Listed[] {
  return Object.entries(targets.targets).map(([path, entry]) => {
    const facts = targetSchema.safeParse(entry.custom)
    if (!facts.success) throw new RepoError(`${path}: custom: ${facts.error.issues[0]?.message}`)
    return { path, entry, facts: facts.data }
  })
}

/**
 * The targets of a channel that a person means: a path, or `kind/name/version` for every platform of it.
 * @throws RepoError when there is none
 */
export function meant(targets: Targets, channel: string, named: string): Listed[] {
  const wanted = named.startsWith(`${channel}/`) ? named.slice(channel.length + 1) : named
  const found = listed(targets).filter(({ path, facts }) => {
    const { kind, name, version } = facts
    return path === `${channel}/${wanted}` || `${kind}/${name}/${version}` === wanted
  })
  if (found.length > 0) return found
  throw new RepoError(
    `${named}: not in channel ${channel}: expected a target's path or its kind/name/version, as poincon repo status lists them`,
  )
}

export interface Promotion {
  readonly named: string
  readonly from: string
  readonly to: string
  readonly wallMs: number
}

/**
 * Lists targets of one channel in another: the same bytes, hashed again on the way, with the same facts. Only what is
 * published can be promoted: its channel's keys vouch for it.
 * @returns the new paths
 */
export async function promote(folder: RepoFolder, { named, from, to, wallMs }: Promotion): Promise<string[]> {
  for (const name of [from, to]) checkChannel(name)
  if (from === to) throw new RepoError(`--to ${to}: expected another channel than --from`)
  const source = (await readPublished(folder))?.roles.get(from)
  if (source === undefined) throw new RepoError(`--from ${from}: nothing is published in this channel`)
  const { targets } = await channelNow(folder, to)
  const made: Record<string, TargetFile> = {}
  for (const { path, entry, facts } of meant(source.signed, from, named)) {
    const place = `${to}/${path.slice(from.length + 1)}`
    const before = Object.hasOwn(targets, place) ? targets[place] : undefined
    if (before !== undefined && before.hashes.sha256 !== entry.hashes.sha256) {
      throw new RepoError(`${place}: published with other bytes: expected a new version`)
    }
    await linkFile(folder, entry, place)
    const { length, hashes } = entry
    made[place] = targetEntry(place, { length, sha256: hashes.sha256 ?? '' }, facts)
  }
  await stageRole(folder, to, { ...targets, ...made }, wallMs)
  return Object.keys(made)
}

/**
 * Takes targets out of a channel. Devices that hold them keep them; nobody else gets them once it is published.
 * @returns the paths
 */
export async function revokeTarget(
  folder: RepoFolder,
  { named, channel, wallMs }: { readonly named: string; readonly channel: string; readonly wallMs: number },
): Promise<Listed[]> {
  checkChannel(channel)
  const now = await channelNow(folder, channel)
  const gone = meant(now, channel, named)
  const left = Object.entries(now.targets).filter(([path]) => !gone.some((target) => target.path === path))
  await stageRole(folder, channel, Object.fromEntries(left), wallMs)
  return gone
}

/** What a file's name says: `<name>-<version>[-<platform>].<extension>`. */
export function factsOfName(base: string): { name?: string; version?: string; extension: string } {
  const extension = /\.((?:tar\.[a-z0-9]{1,10})|[a-z0-9]{1,10})$/.exec(base)?.[1]
  if (extension === undefined) {
    throw new RepoError(`${base}: no extension: expected a file as foiegras-1.2.0.json`)
  }
  const stem = base.slice(0, -extension.length - 1)
  const parts = /^([a-z0-9][a-z0-9_-]*?)-(\d+\.\d+\.\d+(?:-[0-9A-Za-z.]+)?)(?:-linux-\w+)?(?:-jetson)?$/.exec(
    stem,
  )
  const [, name, version] = parts ?? []
  return {
    ...(name === undefined ? {} : { name }),
    ...(version === undefined ? {} : { version }),
    extension,
  }
}

/** @throws RepoError naming the field, its value, and what was expected */
export function checkedFacts(given: Readonly<Record<string, unknown>>): TargetFacts {
  const checked = targetSchema.safeParse(given)
  if (checked.success) return checked.data
  const [issue] = checked.error.issues
  const field = issue?.path.join('.') ?? ''
  const value = field in given ? JSON.stringify(given[field]) : 'missing'
  throw new RepoError(
    `--${field.replaceAll('_', '-')} ${value}: ${issue?.message ?? messageOf(checked.error)}`,
  )
}
