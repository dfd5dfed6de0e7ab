import type { TargetFile } from '@tufjs/models'
import type { DeviceFacts } from './client.ts'
import type { Fetcher } from './fetcher.ts'
import type { Artifact, Deployment } from './hawkbit-messages.ts'
import type { ActionItem } from './hawkbit-state.ts'
import { STATEMENT_BYTES, STATEMENT_SUFFIX, type Trust, vouch } from './hawkbit-statement.ts'
import { NO_ROLLOUT, pathContradicts, type TargetFacts, targetSchema } from './targets.ts'
import { IntegrityError, RepositoryAway } from './tuf-errors.ts'
import { type Candidate, candidates, installedVersion } from './tuf-offers.ts'

/** A file of an action, what vouches for it, and where it is. */
export interface Delivered {
  readonly channel: string
  readonly facts: TargetFacts
  readonly target: TargetFile
  readonly url: URL
}

/** One that is for this device. */
export interface Found extends Candidate {
  readonly url: URL
}

interface Reading {
  readonly http: Fetcher
  readonly trust: Trust
  readonly wallMs: number
  readonly signal: AbortSignal
}

/**
 * The files of an action. Each comes with a statement of the publisher; hawkBit's own hash and size are held against
 * it, never believed instead.
 * @throws IntegrityError for a file without one, or that is another; RepositoryAway
 */
export async function delivered(
  { chunks }: Deployment,
  { http, trust: trusted, wallMs, signal }: Reading,
): Promise<{ readonly files: readonly Delivered[]; readonly trust: Trust }> {
  // Within its own module: files of two modules may have the same name.
  const pairs = chunks.flatMap(({ artifacts }) =>
    artifacts
      .filter(({ filename }) => !filename.endsWith(STATEMENT_SUFFIX))
      .map((file) => {
        const name = `${file.filename}${STATEMENT_SUFFIX}`
        return { file, name, statement: artifacts.find(({ filename }) => filename === name) }
      }),
  )
  const files: Delivered[] = []
  let trust = trusted
  for (const { file, name, statement } of pairs) {
    if (statement === undefined) {
      throw new IntegrityError('signatures', `${file.filename}: expected ${name} beside it`)
    }
    const text = await http.bytes(addressOf(statement), STATEMENT_BYTES, signal)
    const { channel, entry: target, trust: next } = vouch(text.toString('utf8'), trust, wallMs)
    trust = next
    sameFile(file, target)
    files.push({ channel, target, facts: factsOf(target), url: addressOf(file) })
  }
  return { files, trust }
}

function addressOf({ filename, _links }: Artifact): URL {
  const href = (_links.download ?? _links['download-http'])?.href
  if (href === undefined) throw new RepositoryAway('answer', `${filename}: no address to download it from`)
  return new URL(href)
}

function sameFile({ filename, size, hashes }: Artifact, target: TargetFile): void {
  const { sha256 } = hashes ?? {}
  const other = sha256 !== undefined && sha256.toLowerCase() !== target.hashes.sha256
  if (size === target.length && !other) return
  throw new IntegrityError(
    'mismatch',
    `${filename}: ${size} bytes${sha256 === undefined ? '' : ` of sha256 ${sha256}`}: its statement vouches for ${target.length} of ${target.hashes.sha256}`,
  )
}

function factsOf(target: TargetFile): TargetFacts {
  const facts = targetSchema.safeParse(target.custom)
  const why = facts.success ? pathContradicts(target.path, facts.data) : facts.error.issues[0]?.message
  if (!facts.success || why !== undefined) throw new IntegrityError('malformed', `${target.path}: ${why}`)
  return facts.data
}

/** Of each name the newest that is for this device and newer than what it has. */
export function suiting(files: readonly Delivered[], channel: string, device: DeviceFacts): Found[] {
  const targets = files.filter((file) => file.channel === channel).map(({ target }) => target)
  const choice = { channel, device, rollout: NO_ROLLOUT, everything: true }
  return [...candidates(targets, choice).found.values()].flatMap(([newest]) => {
    const url = files.find(({ target }) => target === newest?.target)?.url
    return newest === undefined || url === undefined ? [] : [{ ...newest, url }]
  })
}

/** What an action is about on this device; done where it has that version already. */
export function itemsOf(
  files: readonly Delivered[],
  found: readonly Found[],
  device: DeviceFacts,
): ActionItem[] {
  return files.flatMap(({ target: { path }, facts }) => {
    const done = installedVersion(facts, device) === facts.version
    const { kind, name, version } = facts
    return done || found.some((one) => one.path === path) ? [{ path, kind, name, version, done }] : []
  })
}

/** Why nothing of an action is for this device. */
export function notForThis(files: readonly Delivered[], channel: string, device: DeviceFacts): string {
  const named = files.map((file) => `${file.target.path} (channel ${file.channel})`).join(', ')
  const board = [device.platform, device.variant].filter((word) => word !== undefined).join(' ')
  return `nothing for channel ${channel}, ${board}, release ${device.release} or older than what is there: ${named === '' ? 'no files' : named}`
}
