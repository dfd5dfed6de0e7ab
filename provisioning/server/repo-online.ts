import { createHash } from 'node:crypto'
import { Metadata, MetaFile, type Root, Snapshot, type Targets, Timestamp } from '@tufjs/models'
import type { Chosen } from './repo-choose.ts'
import { RepoError } from './repo-error.ts'
import {
  type Published,
  type RepoFolder,
  readStaged,
  type Settings,
  type Staged,
  stage,
  text,
} from './repo-folder.ts'
import type { Signer } from './repo-keys.ts'
import { hasSigned, inDays, ROLLOUT, roleKeys, SPEC_VERSION } from './repo-metadata.ts'
import { stageRole } from './repo-targets.ts'

/** Who signs without a person, and when. */
export interface OnlineSigning {
  readonly signers: readonly Signer[]
  readonly wallMs: number
}

/** Half of its life is over: renewed before anybody waits for it. */
function halfGone(expires: string, lifeDays: number, wallMs: number): boolean {
  return Date.parse(expires) - wallMs < (lifeDays * 86_400_000) / 2
}

/** Stages the rollout role again when it has less than half of its life before it. */
export async function renewRollouts(
  folder: RepoFolder,
  published: Published | undefined,
  { expiry_days: expiry }: Settings,
  { signers, wallMs }: OnlineSigning,
): Promise<void> {
  const now = published?.roles.get(ROLLOUT)
  if (now === undefined || published === undefined) return
  const mine = roleKeys(published.targets.signed, ROLLOUT)?.keys.some(({ keyID }) =>
    signers.some(({ key }) => key.keyID === keyID),
  )
  const waits = (await readStaged(folder)).roles.has(ROLLOUT)
  if (mine !== true || waits || !halfGone(now.signed.expires, expiry.rollout, wallMs)) return
  await stageRole(folder, ROLLOUT, now.signed.targets, wallMs)
}

/** Signs what is staged for the rollout role with the online keys. */
export async function signedOnline(
  folder: RepoFolder,
  published: Published | undefined,
  signers: readonly Signer[],
): Promise<Staged> {
  const staged = await readStaged(folder)
  const rollout = staged.roles.get(ROLLOUT)
  if (rollout === undefined) return staged
  const delegators = [staged.targets, published?.targets]
  for (const { key, sign: make } of signers) {
    const listed = delegators.some((delegator) =>
      delegator === undefined
        ? false
        : roleKeys(delegator.signed, ROLLOUT)?.keys.some(({ keyID }) => keyID === key.keyID),
    )
    if (listed && !hasSigned(key, rollout)) rollout.sign(make)
  }
  await stage(folder, ROLLOUT, rollout)
  return staged
}

function metaFile(metadata: Metadata<Targets> | Metadata<Snapshot>): MetaFile {
  const bytes = Buffer.from(text(metadata))
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return new MetaFile({ version: metadata.signed.version, length: bytes.length, hashes: { sha256 } })
}

/** The next snapshot, not yet signed. What did not change keeps its hash: its file is not written again. */
export function nextSnapshot(
  published: Published | undefined,
  { targets, roles }: Chosen,
  { expiry_days: { snapshot: life } }: Settings,
  { wallMs }: OnlineSigning,
): Metadata<Snapshot> {
  const every = [['targets', targets] as const, ...roles]
  const meta = Object.fromEntries(
    every.map(([role, metadata]) => {
      const kept = metadata === published?.targets || metadata === published?.roles.get(role)
      const known = kept ? published?.snapshot.signed.meta[`${role}.json`] : undefined
      return [`${role}.json`, known ?? metaFile(metadata)]
    }),
  )
  return new Metadata(
    new Snapshot({
      version: (published?.snapshot.signed.version ?? 0) + 1,
      expires: inDays(life, wallMs),
      ...{ specVersion: SPEC_VERSION, meta },
    }),
  )
}

/** The next timestamp, not yet signed. */
export function nextTimestamp(
  published: Published | undefined,
  snapshot: Metadata<Snapshot>,
  { expiry_days: { timestamp: life } }: Settings,
  { wallMs }: OnlineSigning,
): Metadata<Timestamp> {
  return new Metadata(
    new Timestamp({
      version: (published?.timestamp.signed.version ?? 0) + 1,
      expires: inDays(life, wallMs),
      ...{ specVersion: SPEC_VERSION, snapshotMeta: metaFile(snapshot) },
    }),
  )
}

/**
 * Signs snapshot or timestamp. While the root's keys change it carries signatures of the old keys and of the new, so
 * that it is good under both roots.
 * @throws RepoError when the root that devices will have is not satisfied
 */
export function signOnline(
  role: string,
  metadata: Metadata<Snapshot> | Metadata<Timestamp>,
  to: {
    readonly published: Published | undefined
    readonly root: Metadata<Root>
    readonly signers: readonly Signer[]
  },
): void {
  const wanted = roleKeys(to.root.signed, role)
  const listed = [
    ...(wanted?.keys ?? []),
    ...(roleKeys(to.published?.root.signed ?? to.root.signed, role)?.keys ?? []),
  ]
  for (const { key, sign } of to.signers) {
    if (listed.some(({ keyID }) => keyID === key.keyID)) metadata.sign(sign)
  }
  const by = wanted?.keys.filter((key) => hasSigned(key, metadata)) ?? []
  if (wanted === undefined || by.length < wanted.threshold) {
    const ids = wanted?.keys.map(({ keyID }) => keyID.slice(0, 12)).join(', ')
    throw new RepoError(
      `${role}: signed by ${by.length} of ${wanted?.threshold ?? 1} online keys: expected --online-key with the key ${ids}`,
    )
  }
}
