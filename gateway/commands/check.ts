import { parseArgs } from 'node:util'
import { stringify } from 'yaml'
import { ConfigError } from '../config.ts'
import { commandConfig, ownConfig, withoutSecrets } from '../config-file.ts'
import { configRefusal } from '../config-refusal.ts'
import { accessProblem } from '../mqtt/access.ts'

const USAGE = `poincon check [--config FILE] [--own]

  Prints the configuration as the gateway would run it, defaults included and secrets left out.

  --own  the device's own alone, without what came as updates; files of secrets are not opened

Exit codes: 0 correct · 2 wrong usage · 78 wrong, with what was expected
`

/**
 * `poincon check`: prints the configuration as the gateway would run it, secrets left out; exit 78 with what is wrong
 * otherwise, the recipe in force included.
 */
export async function checkCommand(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      config: { type: 'string', short: 'c' },
      own: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const { config, file, delivered } = (values.own ? ownConfig : commandConfig)(values.config)
  const refused = await configRefusal(config, (why) =>
    process.stderr.write(`the recipe was not checked: ${why}\n`),
  )
  if (refused !== undefined) throw new ConfigError(refused)
  const access = values.own ? undefined : await accessProblem(config.mqtt)
  if (access !== undefined) throw new ConfigError(`${access.key}: ${access.problem}`)
  const under = delivered.map((one) => `# over ${one.name} ${one.version}, ${one.file}\n`).join('')
  process.stdout.write(`# ${file}: correct\n${under}${stringify(withoutSecrets(config))}`)
  return 0
}
