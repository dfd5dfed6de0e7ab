import { parseArgs } from 'node:util'
import { stringify } from 'yaml'
import { systemClock } from '../../drivers/clock.ts'
import { loadConfig, withoutSecrets } from '../config-file.ts'
import { wire } from '../hardware.ts'

/** `poincon check`: prints the configuration as the gateway would run it, secrets left out; exit 78 with what is wrong otherwise. */
export function checkCommand(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { config: { type: 'string', short: 'c' } } })
  const { config, file } = loadConfig({
    ...(values.config === undefined ? {} : { file: values.config }),
    env: process.env,
    cwd: process.cwd(),
  })
  wire({ config, clock: systemClock, profile: config.recipe })
  process.stdout.write(`# ${file}: correct\n${stringify(withoutSecrets(config))}`)
  return Promise.resolve(0)
}
