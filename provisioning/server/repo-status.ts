import { type Waiting, waitingFor } from './repo-choose.ts'
import { type RepoFolder, readPublished, readSettings, readStaged } from './repo-folder.ts'
import { ROLLOUT, ROOT, SNAPSHOT, TARGETS, TIMESTAMP } from './repo-metadata.ts'
import { listed } from './repo-targets.ts'
import { readRollouts } from './rollout.ts'
import { readOutcomes } from './rollout-memory.ts'
import { tally } from './rollout-tally.ts'

const DAY_MS = 86_400_000

export interface RoleStatus {
  readonly role: string
  readonly version: number
  readonly expires: string
  /** Days until then, one decimal; below 0: past. */
  readonly days_left: number
  /** `expired`: devices refuse the repository. `soon`: less than a tenth of its life, and at least a day, is left. */
  readonly state: 'good' | 'soon' | 'expired'
}

export interface TargetStatus {
  readonly path: string
  readonly key: string
  readonly length: number
  readonly sha256: string
  readonly notes?: string
}

export interface RolloutStatus {
  readonly channel: string
  readonly key: string
  readonly percent: number
  readonly sites?: readonly string[]
  readonly state: 'running' | 'halted'
  readonly failure_limit: number
  readonly from: string
  readonly tried: number
  readonly failed: number
  readonly failed_stations: readonly string[]
}

export interface RepoStatus {
  readonly published: boolean
  readonly roles: readonly RoleStatus[]
  readonly targets: readonly TargetStatus[]
  readonly rollouts: readonly RolloutStatus[]
  readonly staged: readonly { readonly role: string; readonly version: number }[]
  readonly waiting: readonly Waiting[]
}

/** What devices see, what waits, and what runs out. @param wallMs now */
export async function repoStatus(folder: RepoFolder, wallMs: number): Promise<RepoStatus> {
  const settings = await readSettings(folder)
  const [published, staged] = [await readPublished(folder), await readStaged(folder)]
  const waits = [
    ...(staged.root === undefined ? [] : [{ role: ROOT, version: staged.root.signed.version }]),
    ...(staged.targets === undefined ? [] : [{ role: TARGETS, version: staged.targets.signed.version }]),
    ...[...staged.roles].map(([role, { signed }]) => ({ role, version: signed.version })),
  ]
  const waiting = waitingFor(published, staged)
  if (published === undefined) {
    return { published: false, roles: [], targets: [], rollouts: [], staged: waits, waiting }
  }
  const life = settings.expiry_days
  const roles = [
    statusOf(ROOT, published.root.signed, life.root, wallMs),
    statusOf(TARGETS, published.targets.signed, life.targets, wallMs),
    ...[...published.roles].map(([role, { signed }]) =>
      statusOf(role, signed, role === ROLLOUT ? life.rollout : life.channel, wallMs),
    ),
    statusOf(SNAPSHOT, published.snapshot.signed, life.snapshot, wallMs),
    statusOf(TIMESTAMP, published.timestamp.signed, life.timestamp, wallMs),
  ]
  const targets = [...published.roles].flatMap(([role, { signed }]) =>
    role === ROLLOUT ? [] : listed(signed).map(targetStatus),
  )
  return {
    ...{ published: true, roles, targets, waiting, staged: waits },
    rollouts: await rolloutStatus(folder),
  }
}

function statusOf(
  role: string,
  { version, expires }: { readonly version: number; readonly expires: string },
  lifeDays: number,
  wallMs: number,
): RoleStatus {
  const left = (Date.parse(expires) - wallMs) / DAY_MS
  const state = left <= 0 ? 'expired' : left < Math.max(1, lifeDays / 10) ? 'soon' : 'good'
  return { role, version, expires, days_left: Math.round(left * 10) / 10, state }
}

function targetStatus({ path, entry, facts }: ReturnType<typeof listed>[number]): TargetStatus {
  const { kind, name, version, notes } = facts
  return {
    ...{ path, key: `${kind}/${name}/${version}`, length: entry.length, sha256: entry.hashes.sha256 ?? '' },
    ...(notes === undefined ? {} : { notes }),
  }
}

async function rolloutStatus(folder: RepoFolder): Promise<RolloutStatus[]> {
  const outcomes = await readOutcomes(folder)
  return [...(await readRollouts(folder))].flatMap(([channel, { releases }]) =>
    Object.entries(releases).map(([key, stage]) => {
      const { tried, failed, stations } = tally(stage, outcomes[channel]?.[key] ?? {}, 1)
      return { channel, key, ...stage, tried, failed, failed_stations: stations }
    }),
  )
}
