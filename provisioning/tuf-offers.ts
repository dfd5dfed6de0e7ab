import type { TargetFile } from '@tufjs/models'
import type { DeviceFacts, Offer } from './client.ts'
import {
  parseTargetPath,
  pathContradicts,
  type Rollout,
  rolloutKey,
  type TargetFacts,
  takesPart,
  targetSchema,
} from './targets.ts'
import { IntegrityError } from './tuf-errors.ts'
import { compareVersions } from './tuf-versions.ts'

/** What is not even looked at, and why: for the log of who publishes it. */
export interface Ignored {
  readonly path: string
  readonly why: string
}

export interface Candidate extends Offer {
  readonly target: TargetFile
}

export interface Choice {
  readonly channel: string
  readonly rollout: Rollout
  readonly device: DeviceFacts
  /** Also what the rollout has not reached yet; what is halted stays halted. For a stick that somebody brings. */
  readonly everything: boolean
}

/**
 * The hash that a target is known by.
 * @throws IntegrityError `weak-hash`: an MD5 or SHA-1, or none, lets others make a file that fits
 */
export function strongHash(target: TargetFile): { readonly algorithm: string; readonly hex: string } {
  for (const algorithm of ['sha256', 'sha512']) {
    const hex = target.hashes[algorithm]
    const digits = algorithm === 'sha256' ? 64 : 128
    if (hex !== undefined && hex.length === digits && /^[0-9a-f]+$/.test(hex)) return { algorithm, hex }
  }
  throw new IntegrityError(
    'weak-hash',
    `${target.path}: expected a SHA-256 or SHA-512, found ${Object.keys(target.hashes)}`,
  )
}

/** The version it would replace; undefined: the device has none of this. */
export function installedVersion(facts: TargetFacts, device: DeviceFacts): string | undefined {
  if (facts.kind === 'release') return device.release
  const key = `${facts.kind}/${facts.name}`
  return Object.hasOwn(device.installed, key) ? device.installed[key] : undefined
}

/** @returns why the signed entry is not what it should be, else its facts */
function factsOf(target: TargetFile, channel: string): TargetFacts | string {
  if (parseTargetPath(target.path)?.channel !== channel) return `not below ${channel}/`
  const parsed = targetSchema.safeParse(target.custom)
  if (!parsed.success)
    return `custom: ${parsed.error.issues[0]?.path.join('.')} ${parsed.error.issues[0]?.message}`
  if (target.length < 1 || !Number.isSafeInteger(target.length)) return `length ${target.length}`
  try {
    strongHash(target)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  return pathContradicts(target.path, parsed.data) ?? parsed.data
}

/** For this board, past the version it needs first, newer than what is there, and its turn. */
function suits(facts: TargetFacts, { rollout, device, everything }: Choice): boolean {
  if (facts.platform !== undefined && facts.platform !== device.platform) return false
  if (facts.variant !== device.variant && (facts.variant !== undefined || facts.kind === 'release'))
    return false
  if (facts.min_version !== undefined && compareVersions(device.release, facts.min_version) < 0) return false
  const installed = installedVersion(facts, device)
  if (installed !== undefined && compareVersions(facts.version, installed) <= 0) return false
  const key = rolloutKey(facts)
  const stage = Object.hasOwn(rollout.releases, key) ? rollout.releases[key] : undefined
  if (everything) return stage?.state !== 'halted'
  return takesPart(device.deviceId, key, device.site, rollout)
}

/**
 * What of a channel suits this device, newest first within each `<kind>/<name>`.
 * @param listed what the channel's role lists; nothing of it is believed further than it is its own
 */
export function candidates(
  listed: readonly TargetFile[],
  choice: Choice,
): { readonly found: Map<string, Candidate[]>; readonly ignored: Ignored[] } {
  const found = new Map<string, Candidate[]>()
  const ignored: Ignored[] = []
  for (const target of listed) {
    const facts = factsOf(target, choice.channel)
    if (typeof facts === 'string') {
      ignored.push({ path: target.path, why: facts })
      continue
    }
    if (!suits(facts, choice)) continue
    const key = `${facts.kind}/${facts.name}`
    const from = installedVersion(facts, choice.device)
    const offer = { path: target.path, channel: choice.channel, facts, length: target.length, target }
    const list = found.get(key) ?? []
    found.set(key, [...list, { ...offer, hash: strongHash(target).hex, ...(from !== undefined && { from }) }])
  }
  for (const list of found.values()) list.sort((a, b) => compareVersions(b.facts.version, a.facts.version))
  return { found, ignored }
}
