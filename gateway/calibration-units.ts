import type { ReferenceKind } from './references.ts'
import { REFERENCE_KINDS } from './references.ts'
import type { Setup } from './setup.ts'
import type { Unit, UnitStatus } from './station.ts'

/**
 * The calibrations beside the empty tray as health and alerts see them: `calibration white` and so on. One that ran out,
 * or that the recipe needs and nobody took, is degraded; failed where the recipe holds parts for it.
 */
export function calibrationUnits(
  setup: Pick<Setup, 'standings'>,
): readonly Required<Pick<Unit, 'name' | 'status'>>[] {
  return REFERENCE_KINDS.map((kind) => ({
    name: `calibration ${kind}`,
    status: () => statusOf(setup.standings[kind], kind),
  }))
}

function statusOf(
  { state, detail, obstacle, row }: Setup['standings'][ReferenceKind],
  kind: ReferenceKind,
): UnitStatus {
  if (state === 'ok') {
    if (row === undefined) return { state: 'ok' }
    const { id, at, by, valid_until: until } = row
    return { state: 'ok', facts: { id, at, by, ...(until === undefined ? {} : { valid_until: until }) } }
  }
  return { state: obstacle === undefined ? 'degraded' : 'failed', detail: detail ?? `${kind}: ${state}` }
}
