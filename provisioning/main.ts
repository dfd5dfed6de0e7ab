import { existsSync, readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { systemClock } from '../drivers/clock.ts'
import { Link } from './link.ts'
import { type UpdateOptions, updateOptions } from './options.ts'
import { releaseFacts, Slots } from './slots.ts'
import { PathSupervisor } from './supervisor.ts'
import type { Platform } from './targets.ts'
import { plainStep } from './update-steps.ts'
import type { UpdateTools } from './update-tools.ts'

/** What the updater needs to know of a station. */
export interface UpdateSettings {
  readonly update: UpdateOptions
  readonly http: { readonly host: string; readonly port: number }
  readonly configFile: string | undefined
  /** `flows.port`. */
  readonly flowsPort?: number
  /** Where its store is; undefined: as the configuration says. */
  readonly dataDir?: string
}

// The line is locked while a start is waited for.
const POLL_MS = 250
// Short enough for the gap between two batches, long enough for a machine that has parts to judge.
const WAIT_POLL_MS = 1500
const REASONS_MS = 10_000
const LEASE_S = 120
/** Where a station's store is when nobody says otherwise, and what the gateway leaves there for us. */
const DATA_DIR = '/var/lib/poincon'
const TOKEN_FILE = 'update-token'
const BACKUP_MS = 3_600_000

const FLOWS_PORT = 1880

/** The updater's tools, on the machine as it is. */
export function updateTools({ update, http, configFile, dataDir, flowsPort }: UpdateSettings): UpdateTools {
  const variant = variantIn(update.slots_dir)
  return {
    policy: {
      ...{ windows: update.windows, consent: update.consent, idleS: update.idle_s, keep: update.keep },
      configurationConsent: update.configuration_consent,
      ...{ verdicts: update.verdicts, reserveMb: update.reserve_mb, memoryMb: update.memory_mb },
    },
    pace: {
      ...{ pollMs: POLL_MS, waitPollMs: WAIT_POLL_MS, reasonsMs: REASONS_MS },
      ...{ leaseS: LEASE_S, backupMs: BACKUP_MS },
      waitMs: update.check_every_min * 60_000,
      selfTestMs: update.self_test_s * 1000,
      readyMs: update.ready_s * 1000,
      trialMs: update.trial_s * 1000,
    },
    slots: new Slots(update.slots_dir, plainStep),
    link: new Link(`http://${loopback(http.host)}:${http.port}`, join(dataDir ?? DATA_DIR, TOKEN_FILE)),
    supervisor: new PathSupervisor(process.env.UPDATER_RESTART_FILE),
    clock: systemClock,
    step: plainStep,
    dir: update.dir,
    configFile,
    ...(dataDir === undefined ? {} : { dataDir }),
    platform: thisPlatform(),
    flowsPort: flowsPort ?? FLOWS_PORT,
    rauc: 'rauc',
    ...(variant === undefined ? {} : { variant }),
    say: (text) => process.stderr.write(`${text}\n`),
    freeBytes: async (folder) => {
      const { bavail, bsize } = await statfs(folder)
      return bavail * bsize
    },
  }
}

/** @throws Error on a machine that no release is built for */
export function thisPlatform(): Platform {
  if (process.platform === 'linux' && (process.arch === 'x64' || process.arch === 'arm64'))
    return `linux-${process.arch}`
  throw new Error(
    `releases are built for linux-x64 and linux-arm64, this is ${process.platform}-${process.arch}`,
  )
}

/** A machine is what the release that runs on it was built for; undefined also where none does. */
function variantIn(slotsDir: string): 'jetson' | undefined {
  try {
    return releaseFacts.parse(JSON.parse(readFileSync(join(slotsDir, 'current/release.json'), 'utf8')))
      .variant
  } catch {
    return undefined
  }
}

/**
 * Whether somebody has set the clock since boot. Only systemd-timesyncd says so in a file; with another one, or none, the
 * clock is believed.
 */
export function clockIsSet(timesync = '/run/systemd/timesync'): boolean {
  return !existsSync(timesync) || existsSync(join(timesync, 'synchronized'))
}

/** An address that all interfaces listen on is reached through this machine's own. */
function loopback(host: string): string {
  if (host === '0.0.0.0' || host === '') return '127.0.0.1'
  return host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host
}

const httpBlock = z.looseObject({
  host: z.string().catch('127.0.0.1'),
  port: z.int().min(0).max(65535).catch(8080),
})
const configuration = z.looseObject({ update: z.unknown(), http: z.unknown() })

/**
 * What is needed of a configuration that may be wrong, or not there: going back to a release that works must not fail on
 * it. What cannot be read is as it is by default.
 */
export function tolerantSettings(
  file: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): UpdateSettings {
  const configFile = file ?? ['/etc/poincon/poincon.yaml'].find((path) => existsSync(path))
  const said = configuration.safeParse(yamlOf(configFile)).data
  const http = httpBlock.parse(typeof said?.http === 'object' && said.http !== null ? said.http : {})
  const whole = updateOptions.safeParse(said?.update ?? {})
  const update = whole.success ? whole.data : updateOptions.parse(placesOf(said?.update))
  const { POINCON_UPDATE_DIR: dir, POINCON_UPDATE_SLOTS_DIR: slots, POINCON_HTTP_PORT: port } = env
  return {
    update: {
      ...update,
      ...(dir === undefined ? {} : { dir }),
      ...(slots === undefined ? {} : { slots_dir: slots }),
    },
    http: { ...http, ...(port === undefined ? {} : { port: Number(port) }) },
    configFile,
  }
}

const places = z.looseObject({
  dir: z.string().min(1).optional().catch(undefined),
  slots_dir: z.string().min(1).optional().catch(undefined),
})

/** Where things are, of a block that is wrong elsewhere. */
function placesOf(block: unknown): { dir?: string; slots_dir?: string } {
  const { dir, slots_dir } = places.safeParse(block).data ?? {}
  return { ...(dir === undefined ? {} : { dir }), ...(slots_dir === undefined ? {} : { slots_dir }) }
}

function yamlOf(file: string | undefined): unknown {
  try {
    return file === undefined ? undefined : parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}
