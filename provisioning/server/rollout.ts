import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Metadata, Targets } from '@tufjs/models'
import { replaceFile } from '../../gateway/replace-file.ts'
import { NO_ROLLOUT, type Rollout, rolloutPath, rolloutSchema, type Stage } from '../targets.ts'
import { RepoError } from './repo-error.ts'
import { placeFile, publicPath, targetEntry } from './repo-files.ts'
import { mustBePublished, type RepoFolder, readStaged } from './repo-folder.ts'
import { readJson } from './repo-keys.ts'
import { ROLLOUT } from './repo-metadata.ts'
import { meant, stageRole } from './repo-targets.ts'

/** A stage may lose so much of its devices before it halts itself, where nobody says otherwise. */
export const USUAL_FAILURE_LIMIT = 0.05

export interface StageChange {
  readonly channel: string
  /** `kind/name/version`. */
  readonly key: string
  readonly percent?: number
  /** Empty: all sites again. */
  readonly sites?: readonly string[]
  readonly failureLimit?: number
  readonly state?: Stage['state']
  readonly wallMs: number
}

/** The rollouts of a channel: what waits to be published, else what devices see. */
async function readRollout(folder: RepoFolder, channel: string): Promise<Rollout> {
  const published = await mustBePublished(folder)
  const role = (await readStaged(folder)).roles.get(ROLLOUT) ?? published.roles.get(ROLLOUT)
  return contentOf(folder, channel, role)
}

function contentOf(
  folder: RepoFolder,
  channel: string,
  role: Metadata<Targets> | undefined,
): Promise<Rollout> {
  const path = rolloutPath(channel)
  const entry = role?.signed.targets[path]
  if (entry === undefined) return Promise.resolve(NO_ROLLOUT)
  const file = join(folder.targets, publicPath(path, entry.hashes.sha256 ?? ''))
  return readJson(file, rolloutSchema, 'a rollout that poincon repo rollout wrote')
}

/**
 * Begins, widens, halts or resumes a stage. A stage that is widened or resumed begins anew: what failed before is not
 * counted again.
 * @returns the stage as it will be; `publish` with the role `rollout` shows it to devices
 * @throws RepoError when the channel has no such release, or the stage is to go on while it is halted
 */
export async function changeStage(folder: RepoFolder, change: StageChange): Promise<Stage> {
  const published = await mustBePublished(folder)
  const channel = published.roles.get(change.channel)
  if (channel === undefined || change.channel === ROLLOUT) {
    throw new RepoError(`channel ${JSON.stringify(change.channel)}: nothing is published in it`)
  }
  meant(channel.signed, change.channel, change.key)
  const rollout = await readRollout(folder, change.channel)
  const stage = nextStage(rollout.releases[change.key], change)
  await writeRollout(
    folder,
    change.channel,
    { ...rollout, releases: { ...rollout.releases, [change.key]: stage } },
    change.wallMs,
  )
  return stage
}

function nextStage(before: Stage | undefined, change: StageChange): Stage {
  const { key, percent, sites, failureLimit, state } = change
  if (before === undefined && percent === undefined) {
    throw new RepoError(`${key}: not rolled out yet: expected --percent 1 to 100`)
  }
  if (before?.state === 'halted' && state === undefined && percent !== undefined) {
    throw new RepoError(`${key}: halted: look for the cause, then --resume (with --percent, to go on wider)`)
  }
  const listed = sites ?? before?.sites ?? []
  const next = {
    percent: percent ?? before?.percent ?? 0,
    ...(listed.length === 0 ? {} : { sites: [...new Set(listed)].sort() }),
    state: state ?? before?.state ?? 'running',
    failure_limit: failureLimit ?? before?.failure_limit ?? USUAL_FAILURE_LIMIT,
  }
  const halts =
    next.state === 'halted' ||
    (before !== undefined &&
      sites === undefined &&
      next.percent === before.percent &&
      before.state === 'running')
  const from = halts && before !== undefined ? before.from : new Date(change.wallMs).toISOString()
  const stage = rolloutSchema.safeParse({
    schema: 'poincon.rollout/1',
    releases: { [key]: { ...next, from } },
  })
  if (stage.success) return { ...next, from }
  const [issue] = stage.error.issues
  const field = String(issue?.path.at(-1))
  const value = JSON.stringify(Object.entries(next).find(([name]) => name === field)?.[1])
  throw new RepoError(`--${field.replaceAll('_', '-')} ${value}: ${issue?.message}`)
}

/** Takes targets that were withdrawn out of a channel's rollouts. @returns whether there were any */
export async function dropStages(
  folder: RepoFolder,
  {
    channel,
    keys,
    wallMs,
  }: { readonly channel: string; readonly keys: readonly string[]; readonly wallMs: number },
): Promise<boolean> {
  const rollout = await readRollout(folder, channel)
  const left = Object.entries(rollout.releases).filter(([key]) => !keys.includes(key))
  if (left.length === Object.keys(rollout.releases).length) return false
  await writeRollout(folder, channel, { ...rollout, releases: Object.fromEntries(left) }, wallMs)
  return true
}

async function writeRollout(
  folder: RepoFolder,
  channel: string,
  rollout: Rollout,
  wallMs: number,
): Promise<void> {
  const path = rolloutPath(channel)
  const scratch = await mkdtemp(join(tmpdir(), 'poincon-rollout-'))
  try {
    const file = join(scratch, randomUUID())
    await replaceFile(file, `${JSON.stringify(rollout, undefined, 1)}\n`)
    const content = await placeFile(folder, path, file)
    const published = await mustBePublished(folder)
    const role = (await readStaged(folder)).roles.get(ROLLOUT) ?? published.roles.get(ROLLOUT)
    const files = { ...role?.signed.targets, [path]: targetEntry(path, content) }
    await stageRole(folder, ROLLOUT, files, wallMs)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** The channels with their rollouts, as devices see them. */
export async function readRollouts(folder: RepoFolder): Promise<Map<string, Rollout>> {
  const { roles } = await mustBePublished(folder)
  const rollouts = new Map<string, Rollout>()
  for (const channel of roles.keys()) {
    if (channel !== ROLLOUT) rollouts.set(channel, await contentOf(folder, channel, roles.get(ROLLOUT)))
  }
  return rollouts
}
