import { Metadata, MetadataKind, type Root, type TargetFile, type Targets } from '@tufjs/models'
import { z } from 'zod'
import { parseTargetPath } from './targets.ts'
import { IntegrityError } from './tuf-errors.ts'

/** The longest a statement may be: a channel's whole list, and every root since the first. */
export const STATEMENT_BYTES = 1024 * 1024
/** What the statement's file is called beside the file it vouches for. */
export const STATEMENT_SUFFIX = '.statement.json'

const json: z.ZodType<Record<string, z.core.util.JSONType>> = z.record(z.string(), z.json())

/**
 * What vouches for one target where no TUF repository is read: the publisher's own signed metadata, without the
 * online roles.
 */
export const statementSchema = z.strictObject({
  schema: z.literal('poincon.statement/1'),
  /** The target's path in the publisher's repository. */
  path: z.string().max(300),
  /** Every root since version 2, oldest first. */
  roots: z.array(json).max(1024),
  targets: json,
  channel: json,
})
export type Statement = z.infer<typeof statementSchema>

/** What a device has come to trust; older than this is refused. */
export const trustSchema = z.strictObject({
  root: json,
  /** Versions of the roles that were accepted last. */
  versions: z.record(z.string(), z.int().positive()),
})
export type Trust = z.infer<typeof trustSchema>

export interface Vouched {
  readonly channel: string
  readonly entry: TargetFile
  readonly trust: Trust
}

/**
 * Checks a statement as TUF's client does its metadata, with two things less: nobody says that there is nothing newer
 * (freeze), nor that files belong together (mix-and-match); whom the device polls decides that.
 * @throws IntegrityError
 */
export function vouch(text: string, trust: Trust, wallMs: number): Vouched {
  const statement = parseStatement(text)
  const root = newestRoot(statement, trust, wallMs)
  const now = new Date(wallMs)
  // TUF 5.6.3: signed by the keys, and as many of them, as the delegator says.
  const targets = read('targets', () => Metadata.fromJSON(MetadataKind.Targets, statement.targets))
  verify('targets', root, targets, now)
  const place = parseTargetPath(statement.path)
  const delegations = targets.signed.delegations
  const role =
    delegations === undefined ? undefined : [...delegations.rolesForTarget(statement.path)][0]?.role
  if (place === undefined || role !== place.channel) {
    throw new IntegrityError('not-delegated', `${statement.path}: delegated to ${role ?? 'nobody'}`)
  }
  const channel = read(role, () => Metadata.fromJSON(MetadataKind.Targets, statement.channel))
  verify(role, targets, channel, now)
  const entry = Object.hasOwn(channel.signed.targets, statement.path)
    ? channel.signed.targets[statement.path]
    : undefined
  if (entry === undefined)
    throw new IntegrityError('malformed', `${statement.path}: not in its own channel's list`)
  const versions = { ...trust.versions }
  for (const [name, { signed }] of [
    ['targets', targets],
    [role, channel],
  ] as const) {
    // TUF 5.6.4, 5.5.5: what was withdrawn stays withdrawn.
    if (signed.version < (versions[name] ?? 0)) {
      throw new IntegrityError(
        'rollback',
        `${name} version ${signed.version}: expected ${versions[name]} or newer`,
      )
    }
    versions[name] = signed.version
  }
  return { channel: role, entry, trust: { root: jsonOf(root), versions } }
}

function parseStatement(text: string): Statement {
  const checked = statementSchema.safeParse(jsonIn(text))
  if (checked.success) return checked.data
  const [issue] = checked.error.issues
  throw new IntegrityError('malformed', `statement: ${issue?.path.join('.')}: ${issue?.message}`)
}

/** What the parser says of it quotes it: that is not passed on to the server. */
function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new IntegrityError('malformed', 'statement: no JSON')
  }
}

/** TUF 5.3: each root signed by the one before it and by itself, none left out. */
function newestRoot({ roots }: Statement, trust: Trust, wallMs: number): Metadata<Root> {
  let root = read('root', () => Metadata.fromJSON(MetadataKind.Root, trust.root))
  for (const [place, content] of roots.entries()) {
    const next = read(`roots.${place}`, () => Metadata.fromJSON(MetadataKind.Root, content))
    const { version } = root.signed
    if (next.signed.version <= version) continue
    if (next.signed.version !== version + 1) {
      throw new IntegrityError('rollback', `root version ${next.signed.version}: expected ${version + 1}`)
    }
    signed('root', root, next)
    signed('root', next, next)
    root = next
  }
  if (root.signed.isExpired(new Date(wallMs))) throw expired('root', root.signed.expires)
  return root
}

function verify(
  role: string,
  delegator: Metadata<Root> | Metadata<Targets>,
  metadata: Metadata<Targets>,
  now: Date,
): void {
  signed(role, delegator, metadata)
  if (metadata.signed.isExpired(now)) throw expired(role, metadata.signed.expires)
}

function signed(
  role: string,
  delegator: Metadata<Root> | Metadata<Targets>,
  metadata: Metadata<Root> | Metadata<Targets>,
): void {
  try {
    delegator.verifyDelegate(role, metadata)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new IntegrityError('signatures', `${role}: ${why}`, { cause })
  }
}

function expired(role: string, at: string): IntegrityError {
  return new IntegrityError('expired', `${role}: expired ${at}`)
}

function read<T>(what: string, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new IntegrityError('malformed', `${what}: ${why}`, { cause })
  }
}

function jsonOf(root: Metadata<Root>): Trust['root'] {
  return trustSchema.shape.root.parse(JSON.parse(JSON.stringify(root.toJSON())))
}
