import { createHash } from 'node:crypto'
import { z } from 'zod'
import { SEMVER } from './tuf-versions.ts'

export { compareVersions } from './tuf-versions.ts'

/** Where a repository keeps its two trees, below its base address or folder. */
export const METADATA_FOLDER = 'metadata'
export const TARGETS_FOLDER = 'targets'

export const targetKinds = [
  'release',
  'recipe',
  'model',
  'flow',
  'firmware',
  'configuration',
  'os-image',
] as const
export const targetKind = z.enum(targetKinds)
export type TargetKind = z.infer<typeof targetKind>

export const platforms = ['linux-x64', 'linux-arm64'] as const
export const platform = z.enum(platforms)
export type Platform = z.infer<typeof platform>

/** Semantic Versioning 2.0.0 without build metadata: what it ignores may not tell two files apart. */
export const version = z.string().max(64).regex(SEMVER, 'expected a version as 1.4.0 or 1.4.0-rc.1')

/** A channel is a delegated role of that name: who holds its key writes below `<channel>/`, and nowhere else. */
export const channel = z
  .string()
  .regex(/^(?:stable|beta|customer-[a-z0-9-]{1,55})$/, 'expected stable, beta or customer-NAME')

export const targetName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'expected lower-case letters, digits, - and _, at most 64')

/** What a target is: the `custom` field of its entry in the signed metadata. */
export const targetSchema = z.strictObject({
  schema: z.literal('poincon.target/1'),
  kind: targetKind,
  /** `poincon` for a release; a recipe's, model's or flow's own name else. */
  name: targetName,
  version,
  /** Absent: for every machine. */
  platform: platform.exactOptional(),
  /** A build for one family of boards; such a device takes only builds with its variant. */
  variant: z.literal('jetson').exactOptional(),
  /** Number of the store's newest migration in this release. */
  store_schema: z.int().nonnegative().exactOptional(),
  /** The oldest release a device must run already before this is offered to it. */
  min_version: version.exactOptional(),
  /** For the operator who is asked for consent; plain text. */
  notes: z.string().max(4000).exactOptional(),
})
export type TargetFacts = z.infer<typeof targetSchema>

const stage = z.strictObject({
  /** Share of the fleet that is offered this, 0 to 100. */
  percent: z.int().min(0).max(100),
  /** Only these sites; absent: all. */
  sites: z.array(z.string().min(1).max(64)).max(10_000).exactOptional(),
  state: z.enum(['running', 'halted']),
  /** Share of the devices of this stage that may fail before it halts itself, 0 to 1. */
  failure_limit: z.number().min(0).max(1),
  /** When this stage began, by the publisher's clock: failures are counted from here. A device does not judge by it. */
  from: z.iso.datetime(),
})
export type Stage = z.infer<typeof stage>

/** Key of a rollout's table: `<kind>/<name>/<version>`. */
const rolloutKeyPattern = z
  .string()
  .regex(/^[a-z-]+\/[a-z0-9_-]+\/[0-9A-Za-z.-]+$/)
  .max(200)

/** The target `rollout/<channel>.json`: who is offered what, as of now. */
export const rolloutSchema = z.strictObject({
  schema: z.literal('poincon.rollout/1'),
  releases: z.record(rolloutKeyPattern, stage),
})
export type Rollout = z.infer<typeof rolloutSchema>

export const NO_ROLLOUT: Rollout = { schema: 'poincon.rollout/1', releases: {} }

/** @returns `<kind>/<name>/<version>` */
export function rolloutKey({ kind, name, version }: Pick<TargetFacts, 'kind' | 'name' | 'version'>): string {
  return `${kind}/${name}/${version}`
}

/** @returns `rollout/<channel>.json` */
export function rolloutPath(channel: string): string {
  return `rollout/${channel}.json`
}

/**
 * The one path a target of these facts has: `<channel>/<kind>/<name>-<version>[-<platform>[-<variant>]].<extension>`.
 * @param extension without the leading dot, e.g. `tar.gz`
 */
export function targetPath(channel: string, facts: TargetFacts, extension: string): string {
  const made = [facts.name, facts.version, facts.platform, facts.variant].filter((part) => part !== undefined)
  return `${channel}/${facts.kind}/${made.join('-')}.${extension}`
}

export interface TargetPath {
  readonly channel: string
  readonly kind: TargetKind
  /** The file's name: `<name>-<version>….<extension>`. */
  readonly file: string
}

/** @returns undefined for a path that is not `<channel>/<kind>/<file>` with a plain file name */
export function parseTargetPath(path: string): TargetPath | undefined {
  const [first, second, file, ...rest] = path.split('/')
  const parsed = { channel: channel.safeParse(first), kind: targetKind.safeParse(second) }
  if (!parsed.channel.success || !parsed.kind.success || file === undefined || rest.length > 0)
    return undefined
  // A name that is a file's name on every disk and the same in a URL: no escape, no folder, no hidden file.
  if (!/^[a-z0-9][A-Za-z0-9._-]{0,199}$/.test(file)) return undefined
  return { channel: parsed.channel.data, kind: parsed.kind.data, file }
}

/**
 * Whether what a path says and what its signed facts say is the same thing.
 * @returns what differs, else undefined
 */
export function pathContradicts(path: string, facts: TargetFacts): string | undefined {
  const parsed = parseTargetPath(path)
  if (parsed === undefined) return `path ${path} is not <channel>/<kind>/<file>`
  const stem = targetPath(parsed.channel, facts, '')
  if (!path.startsWith(stem) || !/^[a-z0-9]{1,10}(?:\.[a-z0-9]{1,10})?$/.test(path.slice(stem.length))) {
    return `path ${path} does not say what its facts say: ${stem}<extension>`
  }
  return undefined
}

/**
 * The device's place in a rollout, 0 to 99: the SHA-256 of `<device_id><key>`, a 256-bit number, modulo 100.
 * Another key gives the device another place: no device is always the first to try.
 */
export function rolloutPlace(deviceId: string, key: string): number {
  const digest = createHash('sha256').update(`${deviceId}${key}`, 'utf8').digest('hex')
  return Number(BigInt(`0x${digest}`) % 100n)
}

/**
 * Whether a device is offered what `key` names. What no rollout names is offered to nobody: published is not yet
 * rolled out.
 * @param key `rolloutKey` of the target
 * @param site the device's site, undefined where none is configured: then only rollouts for all sites reach it
 */
export function takesPart(
  deviceId: string,
  key: string,
  site: string | undefined,
  rollout: Rollout,
): boolean {
  const stage = Object.hasOwn(rollout.releases, key) ? rollout.releases[key] : undefined
  if (stage === undefined || stage.state === 'halted') return false
  if (stage.sites !== undefined && (site === undefined || !stage.sites.includes(site))) return false
  return rolloutPlace(deviceId, key) < stage.percent
}
