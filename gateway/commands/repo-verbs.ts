import { basename, extname } from 'node:path'
import type { Key } from '@tufjs/models'
import { RepoError } from '../../provisioning/server/repo-error.ts'
import { initRepo } from '../../provisioning/server/repo-init.ts'
import { createKey, keyTypes, publicFileOf, readPublicKey } from '../../provisioning/server/repo-keys.ts'
import { withLock } from '../../provisioning/server/repo-lock.ts'
import type { RoleKeys } from '../../provisioning/server/repo-metadata.ts'
import { releaseFacts } from '../../provisioning/server/repo-release.ts'
import { changeRoles, renew } from '../../provisioning/server/repo-roles.ts'
import { writeStatements } from '../../provisioning/server/repo-statement.ts'
import { addTarget, checkedFacts, factsOfName, promote } from '../../provisioning/server/repo-targets.ts'
import { answer, folderOf, number, passphrase, type RepoCall, required } from './repo-call.ts'
import { publishVerb, refreshVerb, signVerb, statusVerb } from './repo-publish-verbs.ts'
import { revokeVerb, rolloutVerb, watchVerb } from './repo-rollout-verbs.ts'

type Verb = (call: RepoCall) => Promise<number>

/** Verbs that change the folder wait for each other. */
function locked(verb: Verb): Verb {
  return (call) => withLock(call.values.dir, () => verb(call))
}

export const repoVerbs: Readonly<Record<string, Verb>> = {
  key: keyVerb,
  init: initVerb,
  add: locked(addVerb),
  promote: locked(promoteVerb),
  revoke: locked(revokeVerb),
  role: locked(roleVerb),
  renew: locked(renewVerb),
  sign: signVerb,
  publish: locked(publishVerb),
  refresh: locked(refreshVerb),
  rollout: locked(rolloutVerb),
  statement: statementVerb,
  watch: watchVerb,
  status: statusVerb,
}

async function keyVerb(call: RepoCall): Promise<number> {
  const [what, file] = call.args
  const path = required(file, 'FILE', 'where the key is, or will be')
  if (what === 'show') {
    const key = await readPublicKey(path)
    answer(call, { keyid: key.keyID, ...key.toJSON() }, `${key.keyID}  ${key.keyType}\n`)
    return 0
  }
  const { type, 'scrypt-n': n } = call.values
  const known = keyTypes.find((one) => one === type)
  if (what !== 'new') throw new RepoError(`key ${what}: expected key new or key show`)
  if (known === undefined) throw new RepoError(`--type ${type}: expected ${keyTypes.join(' or ')}`)
  const key = await createKey({
    ...{ file: path, type: known, passphrase: await passphrase(call, { file: path, place: 0, twice: true }) },
    ...(n === undefined ? {} : { scryptN: number(n, '--scrypt-n') }),
  })
  const pub = publicFileOf(path)
  answer(
    call,
    { file: path, public: pub, keyid: key.keyID },
    `${key.keyID}\n  ${path}: keep it, with its passphrase elsewhere\n  ${pub}: give it to who keeps the repository\n`,
  )
  return 0
}

function publicKeys(files: readonly string[]): Promise<Key[]> {
  return Promise.all(files.map((file) => readPublicKey(file)))
}

async function roleOf(
  files: readonly string[],
  threshold: string | undefined,
  option: string,
): Promise<RoleKeys> {
  return { keys: await publicKeys(files), threshold: threshold === undefined ? 1 : number(threshold, option) }
}

/** `NAME` takes the keys of the targets; `NAME=2:A.pub,B.pub,C.pub` its own. */
async function channelOf(text: string, targets: RoleKeys): Promise<[string, RoleKeys]> {
  const [, name = '', threshold, files] = /^([^=]+)(?:=(?:(\d+):)?(.+))?$/.exec(text) ?? []
  if (files === undefined) return [name, targets]
  return [name, await roleOf(files.split(','), threshold, `--channel ${text}`)]
}

async function initVerb(call: RepoCall): Promise<number> {
  const { values, terminal } = call
  const root = await roleOf(
    required(values.root, '--root', 'a .pub file'),
    values['root-threshold'],
    '--root-threshold',
  )
  const targets = await roleOf(
    required(values.targets, '--targets', 'a .pub file'),
    values['targets-threshold'],
    '--targets-threshold',
  )
  const online = await readPublicKey(required(values.online, '--online', 'a .pub file'))
  const channels = new Map<string, RoleKeys>()
  for (const text of values.channel ?? ['stable', 'beta']) channels.set(...(await channelOf(text, targets)))
  const expiryDays = Object.fromEntries((values.expires ?? []).map(days))
  await initRepo({ dir: values.dir, root, targets, online, channels, expiryDays, wallMs: terminal.wallMs() })
  const roles = ['root', 'targets', ...channels.keys()]
  return waiting(call, { dir: values.dir }, roles, `${values.dir}: a repository\n`)
}

function days(text: string): [string, number] {
  const [, role, value] = /^([a-z]+)=(.+)$/.exec(text) ?? []
  if (role === undefined || value === undefined) throw new RepoError(`--expires ${text}: expected ROLE=DAYS`)
  return [role, number(value, `--expires ${role}`)]
}

function waiting(call: RepoCall, said: object, roles: readonly string[], text: string): number {
  const next = `staged: ${roles.join(', ')}: poincon repo sign --key KEY by each holder, then poincon repo publish\n`
  answer(call, { ...said, staged: roles }, text + next)
  return 0
}

async function addVerb(call: RepoCall): Promise<number> {
  const { values, args, terminal } = call
  const file = required(args[0], 'FILE', 'what is to be published')
  const channel = required(values.channel?.[0], '--channel', 'stable, beta or customer-NAME')
  const release =
    values.kind === undefined || values.kind === 'release' ? await releaseFacts(file) : undefined
  if (values.kind === undefined && release === undefined) {
    throw new RepoError(
      `--kind: missing: ${file} is no release (${extname(file)}, no release.json): expected recipe, model, …`,
    )
  }
  const said = factsOfName(basename(file))
  const facts = checkedFacts({
    schema: 'poincon.target/1',
    ...{
      kind: values.kind ?? 'release',
      name: values.name ?? (release === undefined ? said.name : 'poincon'),
    },
    ...{ version: values.version ?? release?.version ?? said.version },
    ...given('platform', values.platform ?? release?.platform),
    ...given('variant', release?.variant),
    ...given(
      'store_schema',
      values['store-schema'] === undefined
        ? release?.store_schema
        : number(values['store-schema'], '--store-schema'),
    ),
    ...given('min_version', values['min-version']),
    ...given('notes', values.notes),
  })
  if (release !== undefined && facts.version !== release.version) {
    throw new RepoError(`--version ${facts.version}: ${file} says that it is ${release.version}`)
  }
  const { extension } = said
  const path = await addTarget(folderOf(call), { file, channel, facts, extension, wallMs: terminal.wallMs() })
  return waiting(call, { path, target: facts }, [channel], `${path}\n`)
}

function given<T>(name: string, value: T | undefined): Record<string, T> {
  return value === undefined ? {} : { [name]: value }
}

async function promoteVerb(call: RepoCall): Promise<number> {
  const { values, args, terminal } = call
  const named = required(args[0], 'WHAT', "a target's path or kind/name/version")
  const from = required(values.from, '--from', 'the channel it is in')
  const to = required(values.to, '--to', 'the channel it goes to')
  const paths = await promote(folderOf(call), { named, from, to, wallMs: terminal.wallMs() })
  return waiting(call, { paths }, [to], `${paths.join('\n')}\n`)
}

async function roleVerb(call: RepoCall): Promise<number> {
  const { values, args, terminal } = call
  const name = required(args[0], 'NAME', 'root, targets, snapshot, timestamp, rollout or a channel')
  const change = {
    ...{ role: name, add: await publicKeys(values.add ?? []), remove: values.remove ?? [] },
    ...(values.threshold === undefined ? {} : { threshold: number(values.threshold, '--threshold') }),
  }
  const staged = await changeRoles(folderOf(call), [change], terminal.wallMs())
  if (staged.length === 0)
    throw new RepoError(`role ${name}: it is so already: expected --add, --remove or --threshold`)
  return waiting(call, {}, staged, '')
}

async function renewVerb(call: RepoCall): Promise<number> {
  const roles = required(
    call.args[0] === undefined ? undefined : call.args,
    'ROLE',
    'root, targets or a channel',
  )
  return waiting(call, {}, await renew(folderOf(call), roles, call.terminal.wallMs()), '')
}

async function statementVerb(call: RepoCall): Promise<number> {
  const { values, args } = call
  const files = await writeStatements(folderOf(call), {
    named: required(args[0], 'WHAT', "a target's path or kind/name/version"),
    channel: required(values.channel?.[0], '--channel', 'stable, beta or customer-NAME'),
    out: values.out,
  })
  answer(call, { files }, `${files.join('\n')}\n`)
  return 0
}
