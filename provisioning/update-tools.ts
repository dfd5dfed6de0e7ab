import type { Clock } from '../drivers/clock.ts'
import type { Link } from './link.ts'
import type { UpdateWindow } from './options.ts'
import type { Slots } from './slots.ts'
import type { Supervisor } from './supervisor.ts'
import type { Platform } from './targets.ts'
import type { Step } from './update-steps.ts'

/** How long things may take, and how often they are looked at. */
export interface Pace {
  /** Between two looks at a gateway that starts or is on trial, ms. */
  readonly pollMs: number
  /** Between two looks at a line that is not idle yet, ms. */
  readonly waitPollMs: number
  /** What a line is waited for is written down anew so often at most, ms: it changes with every part. */
  readonly reasonsMs: number
  /** How long one pass waits for an idle line before it lets the next one go on, ms. */
  readonly waitMs: number
  /** Lease of the line's lock, s; renewed meanwhile. */
  readonly leaseS: number
  readonly selfTestMs: number
  /** From the request to restart to readiness, ms. */
  readonly readyMs: number
  /** How long it is watched then, ms. */
  readonly trialMs: number
  /** How long a copy of the store may take, ms. */
  readonly backupMs: number
}

/** What the operator decides (`update` of the configuration). */
export interface Policy {
  readonly windows: readonly UpdateWindow[]
  readonly consent: 'auto' | 'operator'
  /** The same for a configuration that comes from afar. */
  readonly configurationConsent: 'auto' | 'operator'
  readonly idleS: number
  readonly verdicts: 'refuse' | 'tell'
  readonly reserveMb: number
  readonly memoryMb: number
  readonly keep: number
}

/** Everything an update works with. */
export interface UpdateTools {
  readonly policy: Policy
  readonly pace: Pace
  readonly slots: Slots
  readonly link: Link
  readonly supervisor: Supervisor
  readonly clock: Clock
  readonly step: Step
  /** The updater's own folder. */
  readonly dir: string
  /** Given to the releases it runs; undefined: they find their own. */
  readonly configFile: string | undefined
  /** Their store, where this process was told another place than they find in it; undefined: they find their own. */
  readonly dataDir?: string
  readonly platform: Platform
  readonly variant?: 'jetson'
  /** One line for the journal of the machine. */
  readonly say: (text: string) => void
  /** Share of what goes on now, 0 to 1, for whoever looks. */
  readonly progress?: (share: number) => void
  /** Where Node-RED listens, on 127.0.0.1. */
  readonly flowsPort: number
  /** The program that installs images of the system; found on PATH where it has no folder. */
  readonly rauc: string
  readonly freeBytes: (folder: string) => Promise<number>
}

/** RFC 3339, now. */
export function stamp(clock: Clock): string {
  return new Date(clock.wall()).toISOString()
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
