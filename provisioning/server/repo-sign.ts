import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { type Key, type Metadata, type Root, Signature, type Targets } from '@tufjs/models'
import { replaceFile } from '../../gateway/replace-file.ts'
import { messageOf, RepoError } from './repo-error.ts'
import {
  type Published,
  type RepoFolder,
  readPublished,
  readStaged,
  type Staged,
  stage,
  text,
} from './repo-folder.ts'
import type { Signer } from './repo-keys.ts'
import { hasSigned, parseRoot, parseTargets, ROOT, roleKeys, signedBytes, TARGETS } from './repo-metadata.ts'

/** What a person is about to vouch for, in words. */
export interface Signing {
  readonly file: string
  readonly type: string
  readonly version: number
  readonly expires: string
  /** A root's or targets' roles with their thresholds; a channel's targets. */
  readonly content: readonly string[]
  /** Signatures it carries now. */
  readonly signatures: number
}

/** Every key that may sign a staged role, by what is published and by what is staged. */
export function authorised(role: string, published: Published | undefined, staged: Staged): Key[] {
  const delegators: (Root | Targets | undefined)[] =
    role === ROOT || role === TARGETS
      ? [published?.root.signed, staged.root?.signed]
      : [published?.targets.signed, staged.targets?.signed]
  const keys = delegators.flatMap((delegator) =>
    delegator === undefined ? [] : (roleKeys(delegator, role)?.keys ?? []),
  )
  return [...new Map(keys.map((key) => [key.keyID, key])).values()]
}

function all({ root, targets, roles }: Staged): [string, Metadata<Root> | Metadata<Targets>][] {
  return [
    ...(root === undefined ? [] : [[ROOT, root] as [string, Metadata<Root>]]),
    ...(targets === undefined ? [] : [[TARGETS, targets] as [string, Metadata<Targets>]]),
    ...roles,
  ]
}

/**
 * Adds a key's signature to everything staged that this key may sign and has not.
 * @param roles only these; absent: all
 * @throws RepoError when there is nothing for this key
 */
export async function signStaged(
  folder: RepoFolder,
  { key, sign }: Signer,
  roles?: readonly string[],
): Promise<Signing[]> {
  const [published, staged] = [await readPublished(folder), await readStaged(folder)]
  const signed: Signing[] = []
  for (const [role, metadata] of all(staged)) {
    if (roles !== undefined && !roles.includes(role)) continue
    const mine = authorised(role, published, staged).some(({ keyID }) => keyID === key.keyID)
    if (!mine || hasSigned(key, metadata)) continue
    metadata.sign(sign)
    await stage(folder, role, metadata)
    signed.push(described(`${role}.json`, metadata))
  }
  if (signed.length > 0) return signed
  throw new RepoError(
    `key ${key.keyID.slice(0, 12)}: nothing staged for it to sign: poincon repo status shows what waits, and for which key`,
  )
}

/**
 * Adds a key's signature to a metadata file on a stick; no repository is needed.
 * @throws RepoError when the file is no root and no targets
 */
export async function signFile(file: string, { sign }: Signer): Promise<Signing> {
  const metadata = await readMetadata(file)
  metadata.sign(sign)
  await replaceFile(file, text(metadata))
  return described(file, metadata)
}

/** Reads root, targets or a channel from any place. @throws RepoError */
export async function readMetadata(file: string): Promise<Metadata<Root> | Metadata<Targets>> {
  let content: string
  try {
    content = await readFile(file, 'utf8')
  } catch (error) {
    throw new RepoError(`${file}: ${messageOf(error)}`)
  }
  return /"_type":\s*"root"/.test(content) ? parseRoot(content, file) : parseTargets(content, file)
}

/**
 * Takes signatures over from a file that was signed elsewhere.
 * @throws RepoError when it is not what is staged, or a signature is not of a key of the role
 */
export async function collect(folder: RepoFolder, file: string): Promise<Signing> {
  const role = basename(file).replace(/\.json$/, '')
  const [published, staged] = [await readPublished(folder), await readStaged(folder)]
  const waiting = all(staged).find(([name]) => name === role)?.[1]
  if (waiting === undefined)
    throw new RepoError(`${file}: no ${role} is staged: expected the name of what waits`)
  const brought = await readMetadata(file)
  if (signedBytes(brought) !== signedBytes(waiting)) {
    throw new RepoError(
      `${file}: not the ${role} that is staged (version ${brought.signed.version} of ${brought.signed.expires}, staged ${waiting.signed.version} of ${waiting.signed.expires}): copy it to the stick again`,
    )
  }
  const keys = authorised(role, published, staged)
  for (const { keyID, sig } of Object.values(brought.signatures)) {
    const key = keys.find((one) => one.keyID === keyID)
    if (key === undefined || !hasSigned(key, brought)) {
      throw new RepoError(`${file}: signature of ${keyID.slice(0, 12)}: not of a key of ${role}, or wrong`)
    }
    waiting.signatures[keyID] = new Signature({ keyID, sig })
  }
  await stage(folder, role, waiting)
  return described(file, waiting)
}

export function described(file: string, { signed, signatures }: Metadata<Root> | Metadata<Targets>): Signing {
  return {
    ...{ file, type: signed.type, version: signed.version, expires: signed.expires },
    signatures: Object.keys(signatures).length,
    content: 'roles' in signed ? rolesOf(signed) : contentOf(signed),
  }
}

function rolesOf(root: Root): string[] {
  return Object.entries(root.roles).map(([name, { keyIDs, threshold }]) => role(name, threshold, keyIDs))
}

function contentOf({ delegations, targets }: Targets): string[] {
  const roles = Object.values(delegations?.roles ?? {})
  return [
    ...roles.map(({ name, threshold, keyIDs }) => role(name, threshold, keyIDs)),
    ...Object.values(targets).map(
      ({ path, length, hashes }) => `${path}  ${length} bytes  sha256 ${hashes.sha256}`,
    ),
  ]
}

function role(name: string, threshold: number, ids: readonly string[]): string {
  return `${name}: ${threshold} of ${ids.map((id) => id.slice(0, 12)).join(', ')}`
}
