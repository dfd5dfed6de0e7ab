import type { Metadata, Root, Targets } from '@tufjs/models'
import { RepoError } from './repo-error.ts'
import type { Published, Staged } from './repo-folder.ts'
import { delegationsOf, ROLLOUT, ROOT, type Signatures, signatures, TARGETS } from './repo-metadata.ts'

/** What devices will see: of each role what is staged where that is signed, else what is published. */
export interface Chosen {
  readonly root: Metadata<Root>
  readonly targets: Metadata<Targets>
  readonly roles: ReadonlyMap<string, Metadata<Targets>>
}

/** A role that waits, and for whose signatures. */
export interface Waiting {
  readonly role: string
  readonly version: number
  readonly by: readonly string[]
  readonly missing: readonly string[]
  readonly threshold: number
  /** Said of a root or targets during a change of keys: old keys and new keys must both sign. */
  readonly against: 'published' | 'next'
}

/**
 * How far each staged role is signed. A new root needs the old root's keys and its own (TUF §5.3.4, §5.3.5); targets
 * that come with it are read under both, because devices take one file at a time.
 */
export function waitingFor(published: Published | undefined, staged: Staged): Waiting[] {
  const waits: Waiting[] = []
  const ask = (
    role: string,
    metadata: Metadata<Root> | Metadata<Targets>,
    delegators: readonly (readonly [Waiting['against'], Metadata<Root> | Metadata<Targets> | undefined])[],
  ): void => {
    for (const [against, delegator] of delegators) {
      if (delegator === undefined) continue
      const { by, missing, threshold, enough } = signatures(delegator, role, metadata)
      if (!enough) waits.push({ role, version: metadata.signed.version, by, missing, threshold, against })
    }
  }
  const both = [
    ['published', published?.root],
    ['next', staged.root],
  ] as const
  if (staged.root !== undefined) ask(ROOT, staged.root, both)
  if (staged.targets !== undefined) ask(TARGETS, staged.targets, both)
  for (const [role, metadata] of staged.roles) {
    const delegator = staged.targets ?? published?.targets
    ask(role, metadata, [[staged.targets === undefined ? 'published' : 'next', delegator]])
  }
  return waits
}

function holds(
  delegators: readonly (Metadata<Root> | undefined)[],
  role: string,
  of: Metadata<Root> | Metadata<Targets>,
): boolean {
  return delegators.every((delegator) => delegator === undefined || enough(signatures(delegator, role, of)))
}

function enough({ enough: is }: Signatures): boolean {
  return is
}

/**
 * The newest whole that is signed throughout: nothing that waits for a signature is shown, and nothing that needs it.
 * @throws RepoError when there is none, naming what is missing
 */
export function choose(published: Published | undefined, staged: Staged): Chosen {
  const old = published?.root
  for (const root of [staged.root, old]) {
    if (root === undefined || (root !== old && !holds([old, root], ROOT, root))) continue
    for (const targets of [staged.targets, published?.targets]) {
      if (
        targets === undefined ||
        !holds(targets === staged.targets ? [old, root] : [root], TARGETS, targets)
      )
        continue
      const roles = chooseRoles(targets, published, staged)
      if (roles !== undefined) return { root, targets, roles }
    }
  }
  throw new RepoError(`nothing can be published yet: ${told(waitingFor(published, staged))}`)
}

function chooseRoles(
  targets: Metadata<Targets>,
  published: Published | undefined,
  staged: Staged,
): Map<string, Metadata<Targets>> | undefined {
  const roles = new Map<string, Metadata<Targets>>()
  for (const role of delegationsOf(targets.signed).keys()) {
    const signed = [staged.roles.get(role), published?.roles.get(role)].find(
      (metadata) => metadata !== undefined && enough(signatures(targets, role, metadata)),
    )
    if (signed === undefined) return undefined
    roles.set(role, signed)
  }
  return roles
}

/** One sentence: who has yet to sign what. */
export function told(waits: readonly Waiting[]): string {
  return waits
    .map(({ role, version, by, missing, threshold, against }) => {
      const whose = against === 'next' ? '' : ' of the keys that are published'
      const of = missing.map((id) => id.slice(0, 12)).join(', ')
      const hint = role === ROLLOUT ? ' (the online key signs it)' : ''
      return `${role} version ${version} has ${by.length} of ${threshold} signatures${whose}${hint}; not yet by ${of}`
    })
    .join('; ')
}
