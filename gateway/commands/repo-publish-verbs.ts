import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { told } from '../../provisioning/server/repo-choose.ts'
import { type RepoFolder, readStaged } from '../../provisioning/server/repo-folder.ts'
import { withLock } from '../../provisioning/server/repo-lock.ts'
import { type PublishedChange, publish } from '../../provisioning/server/repo-publish.ts'
import { collect, type Signing, signFile, signStaged } from '../../provisioning/server/repo-sign.ts'
import { type RepoStatus, repoStatus } from '../../provisioning/server/repo-status.ts'
import { answer, folderOf, type RepoCall, signers } from './repo-call.ts'

/** Done, but more people must sign before devices see it. */
const EXIT_WAITS = 4
/** Something is past its date, or will be before long. */
const EXIT_EXPIRES = 3

/** `sign`: a stick's files where some are named, else what is staged in the folder. */
export async function signVerb(call: RepoCall): Promise<number> {
  const keys = await signers(call, 'key')
  const signed: Signing[] = []
  for (const signer of keys) {
    if (call.args.length === 0) {
      signed.push(...(await withLock(call.values.dir, () => signStaged(folderOf(call), signer))))
    } else for (const file of call.args) signed.push(await signFile(file, signer))
  }
  answer(call, { signed }, signed.map(signedText).join(''))
  return 0
}

function signedText({ file, version, expires, signatures, content }: Signing): string {
  const lines = content.map((line) => `    ${line}\n`).join('')
  return `${file}: version ${version}, good until ${expires}, ${signatures} ${signatures === 1 ? 'signature' : 'signatures'}\n${lines}`
}

/** `publish`. */
export async function publishVerb(call: RepoCall): Promise<number> {
  const folder = folderOf(call)
  const keys = await signers(call, 'online-key')
  if (call.values.from !== undefined) await collectAll(folder, call.values.from)
  const change = await publish(folder, { signers: keys, wallMs: call.terminal.wallMs() })
  answer(call, change, changeText(change))
  return change.waiting.length > 0 ? EXIT_WAITS : 0
}

/** Takes over every staged role that the stick has a file of. */
async function collectAll(folder: RepoFolder, stick: string): Promise<void> {
  const { root, targets, roles } = await readStaged(folder)
  const names = [
    ...(root === undefined ? [] : ['root']),
    ...(targets === undefined ? [] : ['targets']),
    ...roles.keys(),
  ]
  for (const name of names) {
    const file = join(stick, `${name}.json`)
    const there = await access(file).then(
      () => true,
      () => false,
    )
    if (there) await collect(folder, file)
  }
}

/** What was published, in words. */
export function changeText({ files, removed, versions, expires, waiting }: PublishedChange): string {
  const roles = Object.entries(versions).map(
    ([role, version]) => `  ${role.padEnd(20)} version ${version}, good until ${expires[role]}\n`,
  )
  const gone = removed.length === 0 ? '' : `removed: ${removed.length} files\n`
  const waits = waiting.length === 0 ? '' : `still waiting: ${told(waiting)}\n`
  return `published, ${files.length} files:\n${roles.join('')}${gone}${waits}`
}

/** `refresh`: nothing that is staged is shown by it. */
export async function refreshVerb(call: RepoCall): Promise<number> {
  const keys = await signers(call, 'online-key')
  const wallMs = call.terminal.wallMs()
  const change = await publish(folderOf(call), { signers: keys, wallMs, roles: ['rollout'] })
  answer(call, change, changeText(change))
  return 0
}

/** `status`. */
export async function statusVerb(call: RepoCall): Promise<number> {
  const status = await repoStatus(folderOf(call), call.terminal.wallMs())
  answer(call, status, statusText(status))
  return status.roles.some(({ state }) => state !== 'good') ? EXIT_EXPIRES : 0
}

function statusText({ published, roles, targets, rollouts, staged, waiting }: RepoStatus): string {
  const lines = published ? [] : ['nothing is published yet']
  for (const { role, version, expires, days_left, state } of roles) {
    const until = state === 'expired' ? `EXPIRED ${expires}` : `good until ${expires} (${days_left} days)`
    lines.push(
      `${role.padEnd(20)} version ${String(version).padEnd(5)} ${until}${state === 'soon' ? '  SOON' : ''}`,
    )
  }
  for (const { path, length, sha256 } of targets) {
    lines.push(`${path}  ${(length / 1e6).toFixed(1)} MB  ${sha256.slice(0, 12)}`)
  }
  for (const { channel, key, percent, sites, state, tried, failed, failed_stations } of rollouts) {
    const where = sites === undefined ? '' : ` at ${sites.join(', ')}`
    const which = failed_stations.length === 0 ? '' : `: ${failed_stations.join(', ')}`
    lines.push(`${channel} ${key}: ${state} ${percent} %${where}, ${tried} tried, ${failed} failed${which}`)
  }
  if (staged.length > 0)
    lines.push(`staged: ${staged.map(({ role, version }) => `${role} ${version}`).join(', ')}`)
  if (waiting.length > 0) lines.push(`waiting: ${told(waiting)}`)
  return `${lines.join('\n')}\n`
}
