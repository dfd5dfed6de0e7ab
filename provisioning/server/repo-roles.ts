import { type Key, Metadata, type Targets } from '@tufjs/models'
import { RepoError } from './repo-error.ts'
import {
  type Published,
  type RepoFolder,
  readPublished,
  readSettings,
  readStaged,
  type Settings,
  type Staged,
  stage,
} from './repo-folder.ts'
import {
  type Delegations,
  delegationsOf,
  inDays,
  makeRoot,
  makeTopTargets,
  ROLLOUT,
  ROOT,
  type RoleKeys,
  roleKeys,
  SNAPSHOT,
  signatures,
  TARGETS,
  TIMESTAMP,
  type TopRole,
  topRoles,
} from './repo-metadata.ts'
import { channelNow, checkChannel, emptyChannel, stageRole } from './repo-targets.ts'

/** Who signs for what. */
interface Trust {
  readonly top: Readonly<Record<TopRole, RoleKeys>>
  readonly delegations: Delegations
}

interface Now {
  readonly published: Published | undefined
  readonly staged: Staged
  readonly settings: Settings
  readonly trust: Trust
}

async function now(folder: RepoFolder): Promise<Now> {
  const settings = await readSettings(folder)
  const [published, staged] = [await readPublished(folder), await readStaged(folder)]
  const root = staged.root ?? published?.root
  const targets = staged.targets ?? published?.targets
  if (root === undefined || targets === undefined)
    throw new RepoError(`${folder.dir}: no root and no targets`)
  const of = (name: TopRole): RoleKeys => roleKeys(root.signed, name) ?? { keys: [], threshold: 1 }
  const top = {
    [ROOT]: of(ROOT),
    [TARGETS]: of(TARGETS),
    [SNAPSHOT]: of(SNAPSHOT),
    [TIMESTAMP]: of(TIMESTAMP),
  }
  return { published, staged, settings, trust: { top, delegations: delegationsOf(targets.signed) } }
}

/** How the keys of one role change. */
export interface RoleChange {
  /** A top role, a channel, or `rollout`; a channel that is not there yet is made. */
  readonly role: string
  readonly add?: readonly Key[]
  /** Key ids, or their first eight digits or more. */
  readonly remove?: readonly string[]
  readonly threshold?: number
}

/** @returns the roles that were staged, and wait for signatures */
export async function changeRoles(
  folder: RepoFolder,
  changes: readonly RoleChange[],
  wallMs: number,
): Promise<string[]> {
  const before = await now(folder)
  const top = { ...before.trust.top }
  const delegations = new Map(before.trust.delegations)
  for (const change of changes) {
    const name = topRoles.find((role) => role === change.role)
    if (name !== undefined) top[name] = changed(top[name], change)
    else {
      if (change.role !== ROLLOUT) checkChannel(change.role)
      delegations.set(
        change.role,
        changed(delegations.get(change.role) ?? { keys: [], threshold: 1 }, change),
      )
    }
  }
  return stageTrust(folder, before, { top, delegations }, wallMs)
}

function changed({ keys, threshold }: RoleKeys, change: RoleChange): RoleKeys {
  const gone = (change.remove ?? []).map((id) => keyOf(keys, id, change.role).keyID)
  const kept = keys.filter(({ keyID }) => !gone.includes(keyID))
  const added = (change.add ?? []).filter(({ keyID }) => !kept.some((key) => key.keyID === keyID))
  const after = { keys: [...kept, ...added], threshold: change.threshold ?? threshold }
  if (after.keys.length < after.threshold) {
    throw new RepoError(
      `role ${change.role}: ${after.keys.length} keys would be left, and its threshold is ${after.threshold}: add a key, or lower the threshold`,
    )
  }
  return after
}

function keyOf(keys: readonly Key[], id: string, role: string): Key {
  const found = keys.filter(({ keyID }) => id.length >= 8 && keyID.startsWith(id.toLowerCase()))
  const [key] = found
  if (key !== undefined && found.length === 1) return key
  const ids = keys.map(({ keyID }) => keyID.slice(0, 12)).join(', ')
  throw new RepoError(`key ${id}: ${found.length} keys of role ${role} begin so: expected one of ${ids}`)
}

/**
 * Takes a key out of every role it is in, or puts another in its place.
 * @returns the roles that were staged
 * @throws RepoError when no role has it, or a role would be left without enough keys
 */
export async function revokeKey(
  folder: RepoFolder,
  { id, replacement, wallMs }: { readonly id: string; readonly replacement?: Key; readonly wallMs: number },
): Promise<string[]> {
  const { top, delegations } = (await now(folder)).trust
  const all = [...Object.entries(top), ...delegations]
  const keys = new Map(all.flatMap(([, role]) => role.keys.map((key) => [key.keyID, key] as const)))
  const { keyID } = keyOf([...keys.values()], id, 'any')
  const changes = all
    .filter(([, role]) => role.keys.some((key) => key.keyID === keyID))
    .map(([role]) => ({ role, remove: [keyID], add: replacement === undefined ? [] : [replacement] }))
  return changeRoles(folder, changes, wallMs)
}

/** Stages roles again as they are, with a new date of expiry. */
export async function renew(folder: RepoFolder, roles: readonly string[], wallMs: number): Promise<string[]> {
  const before = await now(folder)
  for (const role of roles) {
    if (role === ROOT || role === TARGETS || before.trust.delegations.has(role)) continue
    const known = [ROOT, TARGETS, ...before.trust.delegations.keys()].join(', ')
    throw new RepoError(
      `role ${JSON.stringify(role)}: expected ${known} (refresh renews snapshot and timestamp)`,
    )
  }
  return stageTrust(folder, before, before.trust, wallMs, roles)
}

async function stageTrust(
  folder: RepoFolder,
  before: Now,
  next: Trust,
  wallMs: number,
  renewed: readonly string[] = [],
): Promise<string[]> {
  const { published, settings, trust } = before
  const expiry = settings.expiry_days
  const names: string[] = []
  let root = before.staged.root ?? published?.root
  let targets = before.staged.targets ?? published?.targets
  if (renewed.includes(ROOT) || plain(trust.top) !== plain(next.top)) {
    const version = (published?.root.signed.version ?? 0) + 1
    root = new Metadata(makeRoot({ version, expires: inDays(expiry.root, wallMs) }, next.top))
    await stage(folder, ROOT, root)
    names.push(ROOT)
  }
  const other = plain(trust.delegations) !== plain(next.delegations)
  const unsigned = root !== undefined && targets !== undefined && !signatures(root, TARGETS, targets).enough
  if (renewed.includes(TARGETS) || other || (unsigned && names.includes(ROOT))) {
    const version = (published?.targets.signed.version ?? 0) + 1
    targets = new Metadata(
      makeTopTargets({ version, expires: inDays(expiry.targets, wallMs) }, next.delegations),
    )
    await stage(folder, TARGETS, targets)
    names.push(TARGETS)
  }
  for (const role of next.delegations.keys()) {
    if (targets === undefined || !(renewed.includes(role) || orphaned(before, role, targets))) continue
    const files = trust.delegations.has(role)
      ? (await channelNow(folder, role)).targets
      : emptyChannel({ version: 1, expires: inDays(expiry.channel, wallMs) }).targets
    await stageRole(folder, role, files, wallMs)
    names.push(role)
  }
  return names
}

/** Nothing newer waits, and what is published is not signed by those who may sign it from now on. */
function orphaned({ published, staged }: Now, role: string, targets: Metadata<Targets>): boolean {
  if (staged.roles.has(role)) return false
  const metadata = published?.roles.get(role)
  return metadata === undefined || !signatures(targets, role, metadata).enough
}

function plain(roles: Readonly<Record<string, RoleKeys>> | Delegations): string {
  const entries: [string, RoleKeys][] = roles instanceof Map ? [...roles] : Object.entries(roles)
  return JSON.stringify(
    entries.map(([name, { keys, threshold }]) => [name, threshold, keys.map(({ keyID }) => keyID).sort()]),
  )
}
