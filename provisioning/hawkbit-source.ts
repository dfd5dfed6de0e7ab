import { join } from 'node:path'
import { readSecret } from '../gateway/secret-file.ts'
import type { DeviceFacts } from './client.ts'
import { HawkbitOffers } from './hawkbit.ts'
import type { HawkbitToken } from './hawkbit-server.ts'
import { Journal } from './journal.ts'
import type { HawkbitSource, UpdateOptions } from './options.ts'
import { RepositoryAway } from './tuf-errors.ts'
import type { ProxyChoice } from './tuf-proxy.ts'
import { JOURNAL_FILE } from './update.ts'
import { isBeforeSwitch, isOver, updateRecord } from './update-machine.ts'
import type { UpdateTools } from './update-tools.ts'

export interface HawkbitStation {
  readonly update: UpdateOptions
  readonly hawkbit: HawkbitSource
  readonly deviceId: string
  readonly site: string
  readonly line?: string
  readonly station?: string
  readonly proxy: ProxyChoice
  readonly facts: () => Promise<DeviceFacts>
  readonly builtAt: number
  readonly clockIsSet?: () => boolean | Promise<boolean>
}

/** The hawkBit server that `update.hawkbit` names. */
export function hawkbitOffers(tools: UpdateTools, station: HawkbitStation): HawkbitOffers {
  const { clock, dir } = tools
  const { update, hawkbit, deviceId, proxy, facts, builtAt, clockIsSet } = station
  const rate = update.rate_limit_kb_s
  return new HawkbitOffers({
    ...{ clock, proxy, folder: dir, downloads: join(dir, 'downloads'), device: facts },
    ...{ url: new URL(hawkbit.url), tenant: hawkbit.tenant, controllerId: hawkbit.controller_id ?? deviceId },
    ...{ rootFile: update.root_file, channel: update.channel, reserveBytes: update.reserve_mb * 1e6 },
    ...{ builtAt, ...(clockIsSet !== undefined && { clockIsSet }) },
    token: () => tokenIn(hawkbit),
    attributes: () => attributesOf(station),
    mayCancel: () => mayCancel(tools),
    ...(rate !== undefined && { bytesPerSecond: rate * 1000 }),
  })
}

/** @throws RepositoryAway that names the file, never what is in it */
async function tokenIn({ token_file: file, token_kind }: HawkbitSource): Promise<HawkbitToken> {
  let value: string | undefined
  try {
    value = await readSecret(file)
  } catch (cause) {
    throw new RepositoryAway('unreachable', `update.hawkbit.token_file: ${file} cannot be read`, { cause })
  }
  if (value === undefined || !/^[\x20-\x7e]+$/.test(value)) {
    throw new RepositoryAway(
      'unreachable',
      `update.hawkbit.token_file: ${file}: expected one line with the token`,
    )
  }
  return { kind: token_kind === 'gateway' ? 'GatewayToken' : 'TargetToken', value }
}

/** What a fleet is sorted by: the server asks for it after it has got to know a device, and after each update. */
async function attributesOf({ facts, line, station }: HawkbitStation): Promise<Record<string, string>> {
  const { deviceId, site, platform, variant, release, installed } = await facts()
  const said = { device_id: deviceId, site, line, station, platform, variant, version: release, ...installed }
  return Object.fromEntries(
    Object.entries(said).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  )
}

/** As long as nothing is locked or switched for the update in hand. */
async function mayCancel({ dir, step }: UpdateTools): Promise<boolean> {
  const { last } = await Journal.open({ file: join(dir, JOURNAL_FILE), schema: updateRecord, step })
  return last === undefined || isOver(last.phase) || (isBeforeSwitch(last.phase) && last.phase !== 'held')
}
