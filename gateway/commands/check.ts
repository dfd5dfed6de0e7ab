import { parseArgs } from 'node:util'
import { stringify } from 'yaml'
import { systemClock } from '../../drivers/clock.ts'
import { type Config, ConfigError } from '../config.ts'
import { commandConfig, withoutSecrets } from '../config-file.ts'
import { decideWithinMs, type WiredGate } from '../gate-plan.ts'
import { wire } from '../hardware.ts'
import { accessProblem } from '../mqtt/access.ts'
import { lookAtStation } from '../station-look.ts'
import { StoreError } from '../store/error.ts'

/**
 * `poincon check`: prints the configuration as the gateway would run it, secrets left out; exit 78 with what is wrong
 * otherwise, the recipe in force included.
 */
export async function checkCommand(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { config: { type: 'string', short: 'c' } } })
  const { config, file } = commandConfig(values.config)
  const { gate } = wire({ config, clock: systemClock, profile: config.recipe })
  const refused = await refusedRecipe(config, config.dry_run ? undefined : gate)
  if (refused !== undefined) throw new ConfigError(refused)
  const access = await accessProblem(config.mqtt)
  if (access !== undefined) throw new ConfigError(`${access.key}: ${access.problem}`)
  process.stdout.write(`# ${file}: correct\n${stringify(withoutSecrets(config))}`)
  return 0
}

/** A store that cannot be read says nothing of the configuration. */
async function refusedRecipe(config: Config, gate: WiredGate | undefined): Promise<string | undefined> {
  const withinMs = gate === undefined ? undefined : decideWithinMs(gate)
  try {
    return (await lookAtStation(config, { atMs: systemClock.wall(), decideWithinMs: withinMs }))?.refused
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    process.stderr.write(`the recipe was not checked: ${error.message}\n`)
    return undefined
  }
}
