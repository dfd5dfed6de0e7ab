import { canonicalize } from '@tufjs/canonical-json'
import { type Key, Metadata, MetadataKind, Root, type Snapshot, Targets, type Timestamp } from '@tufjs/models'
import { messageOf, RepoError } from './repo-error.ts'

/** The version of TUF's specification that this metadata follows. */
export const SPEC_VERSION = '1.0.31'
export const ROOT = 'root'
export const TARGETS = 'targets'
export const SNAPSHOT = 'snapshot'
export const TIMESTAMP = 'timestamp'
/** The delegated role that says who is offered what; its key is online. */
export const ROLLOUT = 'rollout'
export const topRoles = [ROOT, TARGETS, SNAPSHOT, TIMESTAMP] as const
export type TopRole = (typeof topRoles)[number]

/** Who signs for a role, and how many of them it takes. */
export interface RoleKeys {
  readonly keys: readonly Key[]
  readonly threshold: number
}

export type Delegations = ReadonlyMap<string, RoleKeys>

type Trusted = Metadata<Root> | Metadata<Targets>

export type AnyMetadata = Metadata<Root | Targets | Snapshot | Timestamp>

/** @throws RepoError naming the threshold, and what was expected */
export function checkRole(name: string, { keys, threshold }: RoleKeys): void {
  const ids = new Set(keys.map((key) => key.keyID))
  if (ids.size !== keys.length) throw new RepoError(`role ${name}: a key is listed twice`)
  if (!Number.isInteger(threshold) || threshold < 1 || threshold > keys.length) {
    throw new RepoError(
      `role ${name}: threshold ${threshold}: expected a whole number from 1 to ${keys.length}, the number of its keys`,
    )
  }
}

function keyMap(roles: Iterable<RoleKeys>) {
  const keys = [...roles].flatMap((role) => role.keys)
  return Object.fromEntries(keys.map((key) => [key.keyID, key.toJSON()]))
}

function roleJson({ keys, threshold }: RoleKeys) {
  return { keyids: keys.map((key) => key.keyID), threshold }
}

export interface Head {
  readonly version: number
  /** RFC 3339, UTC, whole seconds. */
  readonly expires: string
}

export function makeRoot({ version, expires }: Head, roles: Readonly<Record<TopRole, RoleKeys>>): Root {
  for (const [name, role] of Object.entries(roles)) checkRole(name, role)
  return Root.fromJSON({
    ...{ _type: ROOT, spec_version: SPEC_VERSION, version, expires, consistent_snapshot: true },
    keys: keyMap(Object.values(roles)),
    roles: Object.fromEntries(Object.entries(roles).map(([name, role]) => [name, roleJson(role)])),
  })
}

/** The top of the targets: no files of its own, a role for each channel and one for the rollouts. */
export function makeTopTargets({ version, expires }: Head, delegations: Delegations): Targets {
  for (const [name, role] of delegations) checkRole(name, role)
  return Targets.fromJSON({
    ...{ _type: TARGETS, spec_version: SPEC_VERSION, version, expires, targets: {} },
    delegations: {
      keys: keyMap(delegations.values()),
      roles: [...delegations].map(([name, role]) => ({
        name,
        ...roleJson(role),
        paths: [name === ROLLOUT ? `${ROLLOUT}/*` : `${name}/*/*`],
        // Nobody else may speak for these paths.
        terminating: true,
      })),
    },
  })
}

/** Who signs for a role, as its delegator says; undefined when it knows no such role. */
export function roleKeys(delegator: Root | Targets, name: string): RoleKeys | undefined {
  const [roles, keys] =
    delegator instanceof Root
      ? [delegator.roles, delegator.keys]
      : [delegator.delegations?.roles ?? {}, delegator.delegations?.keys ?? {}]
  const role = Object.hasOwn(roles, name) ? roles[name] : undefined
  if (role === undefined) return undefined
  return {
    keys: role.keyIDs.flatMap((id) => keys[id] ?? []),
    threshold: role.threshold,
  }
}

/** The roles that the top of the targets delegates to, in its order. */
export function delegationsOf(targets: Targets): Map<string, RoleKeys> {
  const names = Object.keys(targets.delegations?.roles ?? {})
  return new Map(
    names.flatMap((name) => {
      const role = roleKeys(targets, name)
      return role === undefined ? [] : [[name, role]]
    }),
  )
}

export interface Signatures {
  /** Ids of the role's keys that signed this. */
  readonly by: readonly string[]
  /** Ids of the role's keys that did not. */
  readonly missing: readonly string[]
  readonly threshold: number
  readonly enough: boolean
}

const NOBODY: Signatures = { by: [], missing: [], threshold: 1, enough: false }

/** How far a metadata file is signed, by what its delegator says of the role. */
export function signatures(
  delegator: Trusted,
  role: string,
  metadata: Metadata<Root> | Metadata<Targets>,
): Signatures {
  const wanted = roleKeys(delegator.signed, role)
  if (wanted === undefined) return NOBODY
  const by = wanted.keys.filter((key) => hasSigned(key, metadata)).map((key) => key.keyID)
  const missing = wanted.keys.map((key) => key.keyID).filter((id) => !by.includes(id))
  return { by, missing, threshold: wanted.threshold, enough: by.length >= wanted.threshold }
}

export function hasSigned(key: Key, metadata: AnyMetadata): boolean {
  try {
    key.verifySignature(metadata)
    return true
  } catch {
    return false
  }
}

/** What a signature is made over. */
export function signedBytes(metadata: AnyMetadata): string {
  return canonicalize(metadata.signed.toJSON())
}

/** @throws RepoError naming the file */
export function parseRoot(text: string, file: string): Metadata<Root> {
  return parsed(file, () => Metadata.fromJSON(MetadataKind.Root, JSON.parse(text)))
}

/** @throws RepoError naming the file */
export function parseTargets(text: string, file: string): Metadata<Targets> {
  return parsed(file, () => Metadata.fromJSON(MetadataKind.Targets, JSON.parse(text)))
}

export function parsed<T>(file: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw new RepoError(`${file}: ${messageOf(error)}: expected TUF metadata`)
  }
}

/** @returns RFC 3339 in UTC with whole seconds, as TUF wants it */
export function inDays(days: number, wallMs: number): string {
  return `${new Date(wallMs + days * 86_400_000).toISOString().slice(0, 19)}Z`
}
