import { systemClock } from '../drivers/clock.ts'
import type { Config } from './config.ts'
import { decideWithinMs, type WiredGate } from './gate-plan.ts'
import { wire } from './hardware.ts'
import { lookAtStation } from './station-look.ts'
import { StoreError } from './store/error.ts'

/**
 * Why a correct configuration cannot run at this station: its wiring, or what the recipe in force asks of its heads.
 * @param unread is told where the store cannot be read, which says nothing of the configuration
 * @throws ConfigError for wiring that cannot be
 */
export async function configRefusal(
  config: Config,
  unread: (why: string) => void,
): Promise<string | undefined> {
  const { gate } = wire({ config, clock: systemClock, profile: config.recipe })
  return await refusedRecipe(config, config.dry_run ? undefined : gate, unread)
}

async function refusedRecipe(
  config: Config,
  gate: WiredGate | undefined,
  unread: (why: string) => void,
): Promise<string | undefined> {
  const withinMs = gate === undefined ? undefined : decideWithinMs(gate)
  try {
    return (await lookAtStation(config, { atMs: systemClock.wall(), decideWithinMs: withinMs }))?.refused
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    unread(error.message)
    return undefined
  }
}
