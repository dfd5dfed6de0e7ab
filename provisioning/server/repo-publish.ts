import { join } from 'node:path'
import type { Metadata, Snapshot, Timestamp } from '@tufjs/models'
import { replaceFile } from '../../gateway/replace-file.ts'
import { METADATA_FOLDER } from '../targets.ts'
import { type Chosen, choose, type Waiting, waitingFor } from './repo-choose.ts'
import { RepoError } from './repo-error.ts'
import {
  type Published,
  type RepoFolder,
  readPublished,
  readSettings,
  readStaged,
  type Staged,
  text,
  unstage,
} from './repo-folder.ts'
import type { Signer } from './repo-keys.ts'
import { type AnyMetadata, ROOT, SNAPSHOT, signedBytes, TARGETS, TIMESTAMP } from './repo-metadata.ts'
import { nextSnapshot, nextTimestamp, renewRollouts, signedOnline, signOnline } from './repo-online.ts'
import { prune } from './repo-prune.ts'

export interface Publication {
  /** The online keys: of snapshot, timestamp and rollouts. */
  readonly signers: readonly Signer[]
  readonly wallMs: number
  /** Only these of what is staged; absent: all that is signed. */
  readonly roles?: readonly string[]
}

export interface PublishedChange {
  /** What was written, below the public folder, in the order it was written: the order to copy it in. */
  readonly files: readonly string[]
  /** Versions that devices see now. */
  readonly versions: Readonly<Record<string, number>>
  readonly expires: Readonly<Record<string, string>>
  /** What is staged and waits for signatures. */
  readonly waiting: readonly Waiting[]
  /** Addresses that are gone from the public folder. */
  readonly removed: readonly string[]
}

/**
 * Shows devices what is staged and signed, and renews what the online keys sign. Written in an order in which a
 * device that comes at any moment sees the old whole or the new: roles, snapshot, timestamp; a new root last, with a
 * timestamp before it that the old root's key signed too, where that key is still there.
 * @throws RepoError when nothing is signed, something is past its date, or the online keys are not those of the root
 */
export async function publish(folder: RepoFolder, how: Publication): Promise<PublishedChange> {
  const settings = await readSettings(folder)
  const published = await readPublished(folder)
  await renewRollouts(folder, published, settings, how)
  const all = await signedOnline(folder, published, how.signers)
  const staged = only(all, how.roles)
  const chosen = choose(published, staged)
  checkDates(published, chosen, how.wallMs)
  const snapshot = nextSnapshot(published, chosen, settings, how)
  // The timestamp holds the hash of the signed snapshot.
  signOnline(SNAPSHOT, snapshot, { published, root: chosen.root, signers: how.signers })
  const timestamp = nextTimestamp(published, snapshot, settings, how)
  signOnline(TIMESTAMP, timestamp, { published, root: chosen.root, signers: how.signers })
  const files = await write(folder, published, { ...chosen, snapshot, timestamp })
  await clearStaged(folder, chosen, staged)
  const removed = await prune(folder, { published, chosen, snapshot, settings, wallMs: how.wallMs })
  const every = [
    [ROOT, chosen.root],
    [TARGETS, chosen.targets],
    ...chosen.roles,
    [SNAPSHOT, snapshot],
    [TIMESTAMP, timestamp],
  ] as const
  return {
    ...{ files, removed },
    versions: Object.fromEntries(every.map(([role, { signed }]) => [role, signed.version])),
    expires: Object.fromEntries(every.map(([role, { signed }]) => [role, signed.expires])),
    waiting: waitingFor({ ...chosen, snapshot, timestamp }, await readStaged(folder)),
  }
}

function only(staged: Staged, roles: readonly string[] | undefined): Staged {
  if (roles === undefined) return staged
  return {
    root: roles.includes(ROOT) ? staged.root : undefined,
    targets: roles.includes(TARGETS) ? staged.targets : undefined,
    roles: new Map([...staged.roles].filter(([role]) => roles.includes(role))),
  }
}

/** What is published already may be past its date: the other channels go on. */
function checkDates(
  published: Published | undefined,
  { root, targets, roles }: Chosen,
  wallMs: number,
): void {
  const shown = [published?.root, published?.targets, ...(published?.roles.values() ?? [])]
  for (const [role, metadata] of [[ROOT, root], [TARGETS, targets], ...roles] as const) {
    const { signed } = metadata
    if (!shown.some((one) => one === metadata) && signed.isExpired(new Date(wallMs))) {
      throw new RepoError(
        `${role} version ${signed.version}: expires ${signed.expires}, which is past: poincon repo renew ${role}, then sign it`,
      )
    }
  }
}

interface Whole extends Chosen {
  readonly snapshot: Metadata<Snapshot>
  readonly timestamp: Metadata<Timestamp>
}

/** @returns the files in the order they were written */
async function write(folder: RepoFolder, published: Published | undefined, whole: Whole): Promise<string[]> {
  const { root, targets, roles, snapshot, timestamp } = whole
  const before =
    published === undefined ? [] : [published.root, published.targets, ...published.roles.values()]
  const files: [string, AnyMetadata][] = [...roles, [TARGETS, targets] as const].map(([role, metadata]) => [
    `${metadata.signed.version}.${role}.json`,
    metadata,
  ])
  files.push([`${snapshot.signed.version}.snapshot.json`, snapshot])
  files.push(['timestamp.json', timestamp])
  files.push([`${root.signed.version}.root.json`, root])
  const written: string[] = []
  for (const [name, metadata] of files) {
    if (before.some((known) => known === metadata)) continue
    await replaceFile(join(folder.metadata, name), text(metadata))
    written.push(`${METADATA_FOLDER}/${name}`)
  }
  return written
}

/** What was shown waits no longer; what was staged while this ran stays. */
async function clearStaged(folder: RepoFolder, chosen: Chosen, staged: Staged): Promise<void> {
  const now = await readStaged(folder)
  const same = (a: AnyMetadata | undefined, b: AnyMetadata | undefined): boolean =>
    a !== undefined && b !== undefined && signedBytes(a) === signedBytes(b)
  if (staged.root === chosen.root && same(now.root, chosen.root)) await unstage(folder, ROOT)
  if (staged.targets === chosen.targets && same(now.targets, chosen.targets)) await unstage(folder, TARGETS)
  for (const [role, metadata] of chosen.roles) {
    if (staged.roles.get(role) === metadata && same(now.roles.get(role), metadata))
      await unstage(folder, role)
  }
}
