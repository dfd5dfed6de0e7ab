import { mkdir, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { readSecret } from '../gateway/secret-file.ts'
import { type DeviceFacts, type Offers, openClient } from './client.ts'
import { hawkbitOffers } from './hawkbit-source.ts'
import { installedIn } from './installed.ts'
import type { UpdateOptions } from './options.ts'
import { IntegrityError } from './tuf-errors.ts'
import { chooseProxy, type ProxyChoice, proxySettings } from './tuf-proxy.ts'
import { unpack } from './unpack.ts'
import type { UpdateTools } from './update-tools.ts'

// A stick with a release for each machine, and all else.
const BUNDLE_LIMITS = { bytes: 8e9, entries: 100_000 }

export interface SourceOptions {
  readonly update: UpdateOptions
  readonly deviceId: string
  readonly site: string
  readonly line?: string
  readonly station?: string
  /** What the proxy is called in the environment, where the configuration names none. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clockIsSet?: () => boolean | Promise<boolean>
}

/** Where the configuration says that updates come from. @returns undefined: nowhere */
export async function configuredOffers(
  tools: UpdateTools,
  options: SourceOptions,
): Promise<Offers | undefined> {
  const { url, directory, hawkbit } = options.update
  if (hawkbit !== undefined) {
    const proxy = await proxyChoice(options.update, options.env)
    const facts = (): Promise<DeviceFacts> => factsOf(tools, options)
    return hawkbitOffers(tools, { ...options, hawkbit, proxy, facts, builtAt: await builtAt(tools) })
  }
  if (url === undefined && directory === undefined) return undefined
  return await offersAt(url === undefined ? folderUrl(directory ?? '') : new URL(url), tools, options, false)
}

/**
 * A repository that somebody brings: a folder, or a `.tar` of one; the same signatures are asked for as of one far away.
 * @throws Error when it is not there
 */
export async function broughtOffers(
  path: string,
  tools: UpdateTools,
  options: SourceOptions,
): Promise<Offers> {
  if ((await stat(path)).isDirectory()) return await offersAt(folderUrl(path), tools, options, true)
  const folder = join(tools.dir, 'bundle')
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  try {
    await unpack(path, folder, { limits: BUNDLE_LIMITS, signal: AbortSignal.timeout(tools.pace.backupMs) })
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    if (!(error instanceof IntegrityError)) throw error
    throw new IntegrityError(
      error.code,
      `${error.message}: expected a repository, as a folder or a .tar of one`,
    )
  }
  return await offersAt(folderUrl(folder), tools, options, true)
}

async function offersAt(
  repository: URL,
  tools: UpdateTools,
  options: SourceOptions,
  everything: boolean,
): Promise<Offers> {
  const { update, env, clockIsSet } = options
  const { clock, dir } = tools
  const rate = update.rate_limit_kb_s
  return openClient({
    ...{ repository, rootFile: update.root_file, folder: dir, channel: update.channel, everything, clock },
    device: () => factsOf(tools, options),
    builtAt: await builtAt(tools),
    ...(clockIsSet === undefined ? {} : { clockIsSet }),
    network: { proxy: await proxyChoice(update, env) },
    disk: {
      reserveBytes: update.reserve_mb * 1e6,
      ...(rate === undefined ? {} : { bytesPerSecond: rate * 1000 }),
    },
  })
}

async function proxyChoice(update: UpdateOptions, env: SourceOptions['env']): Promise<ProxyChoice> {
  const { proxy } = update
  if (proxy === undefined) return chooseProxy(proxySettings(env))
  const credentials = await readSecret(update.proxy_credentials_file)
  const address = new URL(proxy)
  if (credentials !== undefined) {
    const [, name = '', password = ''] = /^([^:]*):?(.*)$/s.exec(credentials) ?? []
    address.username = encodeURIComponent(name)
    address.password = encodeURIComponent(password)
  }
  return chooseProxy({ https: address.href, http: address.href, ...noProxy(env) })
}

/** Hosts that are reached without, also where the configuration names the proxy. */
function noProxy(env: SourceOptions['env']): { no?: string } {
  const { no } = proxySettings(env)
  return no === undefined ? {} : { no }
}

/** What is installed, besides the release: what the update log says was put there last. */
async function factsOf(
  { slots, dir, step, platform, variant }: UpdateTools,
  { deviceId, site }: SourceOptions,
): Promise<DeviceFacts> {
  const release = await slots.pointed('current')
  if (release === undefined)
    throw new Error(`${slots.folder}/current leads to no release: install the package anew`)
  const installed = await installedIn({ dir, step })
  return { deviceId, site, platform, ...(variant === undefined ? {} : { variant }), release, installed }
}

/** What the release that runs says; a clock that says less is not set. */
async function builtAt({ slots }: UpdateTools): Promise<number> {
  const current = await slots.pointed('current')
  const facts = current === undefined ? undefined : await slots.facts(current)
  const built = Date.parse(facts?.built ?? '')
  return Number.isNaN(built) ? 0 : built
}

function folderUrl(path: string): URL {
  return pathToFileURL(`${resolve(path)}/`)
}
