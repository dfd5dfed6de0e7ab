import { readFile } from 'node:fs/promises'
import type { IClientOptions } from 'mqtt'
import { systemClock } from '../../drivers/clock.ts'
import { RepoError } from '../../provisioning/server/repo-error.ts'
import { mustBePublished } from '../../provisioning/server/repo-folder.ts'
import { readPublicKey } from '../../provisioning/server/repo-keys.ts'
import { publish } from '../../provisioning/server/repo-publish.ts'
import { revokeKey } from '../../provisioning/server/repo-roles.ts'
import { repoStatus } from '../../provisioning/server/repo-status.ts'
import { revokeTarget } from '../../provisioning/server/repo-targets.ts'
import { changeStage, dropStages, type StageChange } from '../../provisioning/server/rollout.ts'
import { RolloutWatch, type WatchEvent } from '../../provisioning/server/rollout-watch.ts'
import { answer, folderOf, number, type RepoCall, required, signers } from './repo-call.ts'

/** One release may fail in one place for reasons of that place. */
const USUAL_MINIMUM = 2
const ROLLOUT_ONLY = ['rollout']

function channelOf({ values }: RepoCall): string {
  return required(values.channel?.[0], '--channel', 'stable, beta or customer-NAME')
}

/** `rollout`: changes a stage and publishes it, or says how it goes. */
export async function rolloutVerb(call: RepoCall): Promise<number> {
  const { values, args, terminal } = call
  const change = stageChange(call)
  if (change === undefined) {
    const { rollouts } = await repoStatus(folderOf(call), terminal.wallMs())
    const shown = rollouts.filter(({ key }) => args[0] === undefined || key === args[0])
    answer(
      call,
      { rollouts: shown },
      shown
        .map(
          ({ channel, key, percent, state, tried, failed, failure_limit }) =>
            `${channel} ${key}: ${state} ${percent} %, ${tried} tried, ${failed} failed, halts above ${failure_limit * 100} %\n`,
        )
        .join(''),
    )
    return 0
  }
  const keys = await signers(call, 'online-key')
  const stage = await changeStage(folderOf(call), change)
  await publish(folderOf(call), { signers: keys, wallMs: terminal.wallMs(), roles: ROLLOUT_ONLY })
  const where = stage.sites === undefined ? 'all sites' : stage.sites.join(', ')
  answer(
    call,
    { channel: change.channel, key: change.key, ...stage },
    `${change.channel} ${change.key}: ${stage.state}, ${stage.percent} % of ${where}, halts above ${stage.failure_limit * 100} % failures\n`,
  )
  if (values.halt) terminal.warn('who has it already keeps it; nobody else gets it\n')
  return 0
}

function stageChange({ values, args, terminal }: RepoCall): StageChange | undefined {
  const { percent, site, halt, resume, 'all-sites': everywhere, 'failure-limit': limit } = values
  if (halt && resume) throw new RepoError('--halt and --resume: expected one of them')
  if (everywhere && site !== undefined) throw new RepoError('--site and --all-sites: expected one of them')
  const asked = [percent, site, limit].some((value) => value !== undefined) || halt || resume || everywhere
  if (!asked) return undefined
  return {
    channel: required(values.channel?.[0], '--channel', 'stable, beta or customer-NAME'),
    key: required(args[0], 'WHAT', 'kind/name/version, as poincon repo status lists it'),
    ...(percent === undefined ? {} : { percent: number(percent, '--percent') }),
    ...(everywhere ? { sites: [] } : site === undefined ? {} : { sites: site }),
    ...(limit === undefined ? {} : { failureLimit: number(limit, '--failure-limit') }),
    ...(halt ? { state: 'halted' as const } : resume ? { state: 'running' as const } : {}),
    wallMs: terminal.wallMs(),
  }
}

/** `revoke target` and `revoke key`. A target's rollout ends at once where an online key is at hand. */
export async function revokeVerb(call: RepoCall): Promise<number> {
  const [what, id] = call.args
  const wallMs = call.terminal.wallMs()
  if (what === 'key') return revokeKeyVerb(call, required(id, 'ID', "a key's id, or its first digits"))
  if (what !== 'target') throw new RepoError(`revoke ${what ?? ''}: expected revoke target or revoke key`)
  const named = required(id, 'WHAT', "a target's path or kind/name/version")
  const [folder, channel] = [folderOf(call), channelOf(call)]
  const online = call.values['online-key'] === undefined ? undefined : await signers(call, 'online-key')
  const gone = await revokeTarget(folder, { named, channel, wallMs })
  if (online !== undefined) {
    await mustBePublished(folder)
    const keys = gone.map(({ facts: { kind, name, version } }) => `${kind}/${name}/${version}`)
    const dropped = await dropStages(folder, { channel, keys, wallMs })
    if (dropped) await publish(folder, { signers: online, wallMs, roles: ROLLOUT_ONLY })
  }
  const paths = gone.map(({ path }) => path)
  const now =
    online === undefined
      ? 'its rollout goes on until that is published: give --online-key to end it now'
      : 'no device is offered it any more'
  answer(
    call,
    { revoked: paths, staged: [channel], rollout_ended: online !== undefined },
    `${paths.join('\n')}\n${now}\nstaged: ${channel}: poincon repo sign, then poincon repo publish\n`,
  )
  return 0
}

async function revokeKeyVerb(call: RepoCall, id: string): Promise<number> {
  const by = call.values['replace-by']
  const staged = await revokeKey(folderOf(call), {
    ...{ id, wallMs: call.terminal.wallMs() },
    ...(by === undefined ? {} : { replacement: await readPublicKey(by) }),
  })
  answer(
    call,
    { key: id, staged },
    `staged: ${staged.join(', ')}: signed by the keys that were trusted before and by those that will be, then poincon repo publish\n`,
  )
  return 0
}

/** `watch`, until a signal ends it. */
export async function watchVerb(call: RepoCall): Promise<number> {
  const { values, terminal } = call
  const broker = required(values.broker, '--broker', 'an address as mqtts://broker.example:8883')
  if (!/^(?:mqtts?|wss?):\/\//.test(broker)) {
    throw new RepoError(
      `--broker ${broker}: expected an address that begins with mqtt://, mqtts://, ws:// or wss://`,
    )
  }
  const minimum = values.minimum === undefined ? USUAL_MINIMUM : number(values.minimum, '--minimum')
  if (!Number.isInteger(minimum) || minimum < 1)
    throw new RepoError(`--minimum ${minimum}: expected 1 or more`)
  const folder = folderOf(call)
  await mustBePublished(folder)
  const watch = new RolloutWatch({
    ...{ folder, minimum, clock: systemClock, random: Math.random },
    signers: await signers(call, 'online-key'),
    tell: (event) => terminal.say(values.json ? `${JSON.stringify(event)}\n` : `${eventText(event)}\n`),
  })
  await watch.start(broker, await mqttOptions(call))
  await new Promise<void>((resolve) => {
    if (terminal.signal.aborted) resolve()
    else terminal.signal.addEventListener('abort', () => resolve(), { once: true })
  })
  await watch.close()
  return 0
}

async function mqttOptions({ values }: RepoCall): Promise<IClientOptions> {
  const { username, 'password-file': password, ca, cert, 'cert-key': key } = values
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: (await readFile(password, 'utf8')).replace(/\r?\n$/, '') }),
    ...(ca === undefined ? {} : { ca: await readFile(ca) }),
    ...(cert === undefined ? {} : { cert: await readFile(cert) }),
    ...(key === undefined ? {} : { key: await readFile(key) }),
  }
}

function eventText(event: WatchEvent): string {
  switch (event.event) {
    case 'outcome': {
      const why = event.failure === undefined ? '' : `: ${event.failure}`
      return `${event.channel} ${event.key}: ${event.station} ${event.state}${why} (${event.failed} of ${event.tried} failed)`
    }
    case 'halted':
      return `HALTED ${event.channel} ${event.key}: ${event.failed} of ${event.tried} failed, limit ${event.failure_limit * 100} %: ${event.stations.join(', ')}`
    case 'error':
      return `error: ${event.message}`
    default:
      return event.event
  }
}
