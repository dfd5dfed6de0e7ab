import { systemClock } from '../drivers/clock.ts'
import { crosstalkIn } from './calibration/crosstalk-in.ts'
import { type Config, ConfigError } from './config.ts'
import { type Hardware, wire } from './hardware.ts'
import { HeadRack } from './head-rack.ts'
import { type Identity, identityOf } from './identity.ts'
import type { Log } from './log.ts'
import { accessProblem } from './mqtt/access.ts'
import { openStore } from './store/open.ts'
import type { Store } from './store/store.ts'

/** Room that is kept for a disk that others fill. */
const BALLAST_BYTES = 8 * 1024 * 1024

export interface FoundationOptions {
  readonly config: Config
  readonly log: Log
  /** Whether recorded parts come in place of the heads': these stay closed then. */
  readonly replayed: boolean
}

/** What everything else of a station stands on. */
export interface Foundation {
  readonly identity: Identity
  readonly hardware: Hardware
  readonly store: Store
  /** Its heads are being opened. */
  readonly rack: HeadRack
}

/**
 * Checks what can be checked, opens the store and begins to open the heads, lets `use` have them, and closes all. Heads
 * take a second to open, and little of the processor: this file imports only what it needs itself, so that the rest of
 * the station can be loaded in that second.
 * @throws ConfigError before anything is left behind; StoreError; what `use` throws
 */
export async function onFoundation(
  options: FoundationOptions,
  use: (foundation: Foundation) => Promise<void>,
): Promise<void> {
  const { config, log } = options
  const clock = systemClock
  const identity = identityOf(config)
  const refused = await accessProblem(config.mqtt)
  if (refused !== undefined) throw new ConfigError(`${refused.key}: ${refused.problem}`)
  let crosstalk: ReturnType<typeof crosstalkIn> | undefined
  // Before the store: what is wrong with the configuration shall leave nothing behind.
  const hardware = wire({
    ...{ config, clock, profile: config.recipe },
    crosstalk: (head) => crosstalk?.(head) ?? Promise.resolve(undefined),
  })
  try {
    const store = await openStore(storeOptions(config, identity, log))
    crosstalk = crosstalkIn(store.calibrations, clock)
    try {
      await withHeads({ ...options, hardware }, (rack) => use({ identity, hardware, store, rack }))
    } finally {
      await store.close()
    }
  } finally {
    await hardware.close()
  }
}

/** Nobody else has the heads: the store's directory is locked. */
async function withHeads(
  { hardware, replayed, log }: FoundationOptions & { readonly hardware: Hardware },
  use: (rack: HeadRack) => Promise<void>,
): Promise<void> {
  const rack = new HeadRack(hardware.heads, { clock: systemClock, log, random: Math.random })
  if (!replayed) rack.begin()
  try {
    await use(rack)
  } finally {
    // As a unit it was stopped in its turn already, unless the start ended before it came to that.
    await rack.stop().catch((err: unknown) => log.error({ unit: rack.name, err }, 'stop failed'))
  }
}

function storeOptions(config: Config, identity: Identity, log: Log): Parameters<typeof openStore>[0] {
  const { store, limits } = config
  return {
    dir: config.data_dir,
    deviceId: identity.deviceId,
    clock: systemClock,
    log,
    groupCommitMs: store.group_commit_ms,
    cursorCommitMs: store.cursor_commit_ms,
    ...(store.quota_mb === undefined ? {} : { maxBytes: store.quota_mb * 1_000_000 }),
    maxPending: 2 * limits.appending,
    ballastBytes: BALLAST_BYTES,
    migrationBackup: store.migration_backup,
    migrationBackupHours: store.migration_backup_hours,
  }
}
