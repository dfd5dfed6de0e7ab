import type { PanelShow } from '../drivers/panel/options.ts'
import type { Pattern } from '../drivers/panel/patterns.ts'
import type { Phase } from './health/health.ts'

/** How the station is, as far as a person at the line must see it from afar. */
export interface StationMood {
  readonly phase: Phase
  readonly dryRun: boolean
  /** No part can be inspected, or none stored. */
  readonly failed: boolean
  /** It works on without a head or a sink. */
  readonly degraded: boolean
  readonly lineStopped: boolean
  /** A part was held and waits for somebody. */
  readonly partHeld: boolean
  /** An alert that nobody acknowledged. */
  readonly alert: boolean
}

/**
 * What the stack light says.
 * - red: fast while the line stands or a part is held; on when no part can be inspected or stored
 * - amber: fast for an alert; slow while starting or draining; on when something is missing
 * - green: on when all is well; slow in a dry run, with whatever is missing, because nothing else shows that the gate
 *   does not move
 * - buzzer: fast with red fast, until it is silenced
 */
export function panelShow(mood: StationMood, silenced = false): PanelShow {
  const calling = mood.lineStopped || mood.partHeld
  return {
    red: calling ? 'fast' : mood.failed ? 'on' : 'off',
    amber: mood.alert ? 'fast' : mood.phase !== 'running' ? 'slow' : mood.degraded ? 'on' : 'off',
    green: green(mood),
    buzzer: calling && !silenced ? 'fast' : 'off',
  }
}

function green({ phase, dryRun, failed, degraded, lineStopped, partHeld }: StationMood): Pattern {
  if (phase !== 'running' || failed || lineStopped || partHeld) return 'off'
  if (dryRun) return 'slow'
  return degraded ? 'off' : 'on'
}
